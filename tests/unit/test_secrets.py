"""Secrets are redacted wherever they may appear."""

import pickle
import traceback

import pytest

from docprogress.bus.bus import Bus
from docprogress.cli.argv import without_passwords
from docprogress.cli.diagnosis import findings
from docprogress.errors import BusError, SettingsError
from docprogress.server.options import configured
from docprogress.settings import load, redacted

#: What must not be shown, and a text that has it.
SECRET = [
    ("hunter2x", "redis://:hunter2x@h/0"),
    ("hunter2x", "redis://user:hunter2x@h:6379/0 cannot be reached"),
    ("it's", "redis://u:it's@h/0"),
    ('say"so', 'postgresql://u:say"so@h/db'),
    ("a@b", "amqp://u:a@b@h/vhost"),
    ("a/b#c?d", "redis://u:a/b#c?d@h/0"),
    ("pass word", "postgresql://u:pass word@h/db is wrong"),
    ("s%40crét", "rediss://u:s%40crét@h?ssl_ca_certs=/x"),
    ("first1", "sentinel://u:first1@a:1/0;sentinel://u:second2@b:2/0"),
    ("second2", "sentinel://u:first1@a:1/0;sentinel://u:second2@b:2/0"),
    ("onlytoken123", "https://onlytoken123@example.org/a.pdf"),
    ("onlyuser", "redis://onlyuser@h/0"),
    ("abc123", "https://h/a?X-Amz-Signature=abc123&X-Amz-Date=1"),
    ("AKIAXX/2026", "https://h/a?X-Amz-Credential=AKIAXX/2026&x=1"),
    ("tok/en==", "https://h/a?x=1&X-Amz-Security-Token=tok/en=="),
    ("abc123", "https://h/a?AWSAccessKeyId=x&Signature=abc123&Expires=1"),
    ("abc%2F123", "https://h/c/b?sv=2024&se=2026-01-01&sp=r&sig=abc%2F123"),
    ("abc123", "https://h/a?X-Goog-Signature=abc123"),
    ("goog@p.iam", "https://h/a?X-Goog-Credential=goog@p.iam/2026"),
    ("k3y", "https://h/a?key=k3y"),
    ("k3y", "https://h/a?api-key=k3y&v=1"),
    ("sec'ret", "redis+sentinel://h/x?sentinel_password=sec'ret&db=1"),
    ("abc123", "GET /a?access_token=abc123 HTTP/1.1"),
    ("abc123def456", "Authorization: Bearer abc123def456"),
    ("dXNlcjpwYXNz", "authorization: Basic dXNlcjpwYXNz"),
    ("dXNlcjpwYXNz", "{'Authorization': 'Basic dXNlcjpwYXNz'}"),
    ("abc123def456", "sent 'Bearer abc123def456' to h"),
    ("Credential=x", "Authorization: AWS4-HMAC-SHA256 Credential=x, Signature=abc123"),
    ("abc123", "Cookie: session=abc123; other=1"),
    ("abc123", "x-api-key: abc123"),
    ("abc123", '{"embedding_api_key": "abc123", "a": 1}'),
    ("it's long", '{"password": "it\'s long", "a": 1}'),
    ('a\\"b', '{"secret": "a\\"b", "a": 1}'),
    ("it''s", "host=h password='it''s' dbname=d"),
    ("hunter2x", "host=h user=u password=hunter2x dbname=d"),
    ("abc+/=", "DefaultEndpointsProtocol=https;AccountName=n;AccountKey=abc+/==;E=x"),
    ("sv=1", "BlobEndpoint=https://h;SharedAccessSignature=sv=1&sig=abc"),
    ("abc123", "aws_secret_access_key=abc123"),
    ("abc123", "OPENAI_API_KEY=abc123"),
    ("abc123", "DOCPROGRESS_SERVER_TOKEN=abc123"),
    ("hunter2", "password: hunter2"),
    ("abc123", "token: abc123"),
    ("abc123", "the token: abc123, of 2026"),
    ("abc.123", "X-Auth-Token:abc.123"),
    ("abcdefghijklmnopqrst", "access_token: abcdefghijklmnopqrst"),
    ("abc123", "embedding_api_key: abc123"),
    ("abc123", "Incorrect API key: abc123"),
    ("abc+/==", "account key: abc+/=="),
    ("abc-123", "client_secret: abc-123"),
    ("12345678", "PRIVATE-TOKEN: 12345678"),
    ("abc123", "Settings(storage_options={'key': 'x', 'secret': 'abc123'})"),
    ("sk-abcdefghijklmnopqrst", "Incorrect API key: sk-abcdefghijklmnopqrst."),
    ("AKIAIOSFODNN7EXAMPLE", "the key AKIAIOSFODNN7EXAMPLE does not exist"),
    ("ghp_abcdefghijklmnopqrstuvwx", "remote ghp_abcdefghijklmnopqrstuvwx refused"),
    ("eyJhbGci.eyJzdWIi.sig", "token eyJhbGci.eyJzdWIi.sig has expired"),
]

#: What nobody has to hide.
PLAIN = [
    "redis://h:6379/0",
    "redis://[::1]:6379/0",
    "unix:///tmp/a%23b/redis.sock?db=1",
    "rediss://h?ssl_ca_certs=/etc/ssl/ca.pem",
    "https://example.org/a.pdf?page=3&lang=en",
    "https://example.org/@somebody/a",
    "file:///home/somebody/a@b.pdf",
    "contract.pdf: the PDF is encrypted and needs a password",
    "the username or password is wrong; set them in the URL",
    "set embedding_api_key (DOCPROGRESS_EMBEDDING_API_KEY)",
    "unexpected token '}' in line 3",
    "unexpected token: }",
    "token: one that is made up",
    "max_token: 512",
    "a token: `Authorization`, or a ticket",
    "redis://my-secret:6379/0",
    "mail to somebody@example.org",
    "sqlite:////home/somebody/docprogress.db",
    "the URL: ?sentinel_username=…&sentinel_password=…",
    "Extracting page 12 of 200",
    "amqp://USER:***@HOST",
]


@pytest.mark.parametrize(("secret", "text"), SECRET)
def test_values_that_look_like_secrets_are_redacted(secret, text):
    shown = redacted(text)

    assert secret not in shown
    assert "***" in shown
    assert redacted(shown) == shown


@pytest.mark.parametrize("text", PLAIN)
def test_values_that_are_no_secrets_are_shown(text):
    assert redacted(text) == text


def test_the_target_of_a_url_is_shown_without_its_password():
    shown = redacted("redis://user:hunter2@h.example:6379/0?db=1&password=x&a=1")

    assert shown == "redis://user:***@h.example:6379/0?db=1&password=***&a=1"


def test_a_long_text_is_looked_through_in_no_time():
    for piece in (
        "password=",
        "://a:",
        "key",
        "@",
        "x" * 50,
        "token: ",
        "token:",
        "token:a",
        '"secret": "',
    ):
        redacted(piece * 20_000)


HIDDEN = "hunter2-secret"


def hiding():
    return load(
        redis_url=f"redis://:{HIDDEN}@h/0",
        broker_url=f"amqp://u:{HIDDEN}@h/v",
        database_url=f"postgresql://u:{HIDDEN}@h/d",
        storage_url=f"s3://{HIDDEN}@bucket",
        storage_options={"key": "k", "secret": HIDDEN},
        embedding_url=f"https://u:{HIDDEN}@h/v1",
        embedding_api_key=HIDDEN,
    )


@pytest.mark.parametrize(
    "made",
    [
        hiding,
        lambda: hiding().model_copy(),
        lambda: load().model_copy(update={"redis_url": f"redis://:{HIDDEN}@h"}),
        lambda: load().model_copy(update={"storage_options": {"secret": HIDDEN}}),
        lambda: configured(token=HIDDEN),
        lambda: configured().model_copy(update={"token": HIDDEN}),
    ],
)
def test_no_representation_of_settings_shows_a_secret(made):
    settings = made()
    shown = (
        repr(settings),
        str(settings),
        f"{settings}",
        repr(settings.model_dump()),
        settings.model_dump_json(),
        repr(vars(settings)),
        repr(dict(settings)),
        repr([settings]),
    )

    for text in shown:
        assert HIDDEN not in text


def test_a_traceback_that_shows_variables_shows_no_setting():
    def use(settings):
        raise ValueError("this went wrong")

    try:
        use(hiding())
    except ValueError as error:
        shown = "".join(
            traceback.TracebackException.from_exception(
                error, capture_locals=True
            ).format()
        )

    assert "settings = " in shown
    assert HIDDEN not in shown


def test_a_secret_is_read_as_any_other_setting():
    settings = hiding()

    assert settings.redis_url == f"redis://:{HIDDEN}@h/0"
    assert settings.storage_options == {"key": "k", "secret": HIDDEN}
    assert settings.database == f"postgresql://u:{HIDDEN}@h/d"
    assert settings == hiding()
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert configured(token=HIDDEN).token == HIDDEN


def test_options_in_the_environment_are_json(monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_STORAGE_OPTIONS", '{"secret": "x"}')
    assert load().storage_options == {"secret": "x"}

    monkeypatch.setenv("DOCPROGRESS_STORAGE_OPTIONS", '{"secret": "' + HIDDEN)
    with pytest.raises(SettingsError, match="storage_options") as raised:
        load()
    assert HIDDEN not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "url", [text for _, text in SECRET if text.startswith(("redis", "postgresql"))]
)
def test_a_url_with_a_secret_is_not_among_a_process_arguments(url):
    rest, moved = without_passwords(["run", "--redis-url", url, "a.pdf"])

    assert rest == ["run", "a.pdf"]
    assert moved == {"DOCPROGRESS_REDIS_URL": url}


def test_doctor_and_logs_show_no_secret(caplog, home):
    settings = load(
        redis_url=f"redis://:{HIDDEN}@127.0.0.1:1/0",
        database_url=f"postgresql://u:{HIDDEN}@127.0.0.1:1/d",
        home=home,
    )
    with caplog.at_level("DEBUG"):
        messages = [redacted(one.message) for one in findings(settings)]
        with pytest.raises(BusError) as raised, Bus(settings.redis_url) as bus:
            bus.redis  # noqa: B018
            bus.publish_all([])
            bus.check()

    shown = [*messages, caplog.text, "".join(traceback.format_exception(raised.value))]
    for text in shown:
        assert HIDDEN not in text
