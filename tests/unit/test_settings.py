import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docprogress.errors import DocProgressError, SettingsError
from docprogress.settings import MIB, RUN_SETTINGS, Settings, load, redacted

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DOCPROGRESS_{name.upper()}", raising=False)


def test_nothing_has_to_be_set():
    settings = load()

    assert settings.local
    assert settings.home.is_absolute()
    assert settings.max_attempts == 3


def test_a_variable_of_the_environment_is_a_setting(monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_REDIS_URL", "redis://example")
    monkeypatch.setenv("DOCPROGRESS_MAX_BYTES", "1024")

    settings = load()

    assert (settings.redis_url, settings.max_bytes) == ("redis://example", 1024)
    assert not settings.local


def test_an_argument_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_WORKERS", "2")

    assert load(workers=5).workers == 5


def test_an_argument_of_none_leaves_the_environment_alone(monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_WORKERS", "2")

    assert load(workers=None).workers == 2


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_REDIS_URL", "")

    assert load().local


def test_the_home_folder_is_found_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "somebody"))

    assert load(home="here").home == tmp_path / "here"
    assert load(home="~/there").home == tmp_path / "somebody" / "there"


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="frozen"):
        load().workers = 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", 0),
        ("workers", "many"),
        ("workers", 2.5),
        ("max_bytes", 0),
        ("max_pages", -1),
        ("step_seconds", 0),
        ("step_seconds", float("nan")),
        ("step_seconds", "soon"),
        ("worker_memory", MIB),
        ("max_attempts", 0),
        ("pdf_engine", "acrobat"),
        ("chunk_characters", 10),
        ("chunk_overlap", 5000),
        ("lease_seconds", 0),
        ("redis_url", "http://example"),
        ("redis_url", "localhost:6379"),
        ("redis_url", "redis://[example"),
        ("home", 7),
        ("colour", "blue"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name, value):
    with pytest.raises(SettingsError, match=name):
        load(**{name: value})


def test_every_setting_that_cannot_be_used_is_named():
    with pytest.raises(SettingsError) as error:
        load(workers=0, pdf_engine="acrobat")

    assert "workers" in str(error.value)
    assert "pdf_engine" in str(error.value)


def test_a_variable_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_MAX_PAGES", "all")

    with pytest.raises(SettingsError, match="max_pages"):
        load()


@pytest.mark.parametrize(
    "name",
    [
        "redis_url",
        "workers",
        "pdf_engine",
        "max_bytes",
        "step_seconds",
        "home",
        "no_such_setting",
    ],
)
def test_an_error_never_contains_the_value_of_a_setting(name):
    with pytest.raises(SettingsError) as error:
        load(**{name: {SECRET: SECRET}})

    assert SECRET not in str(error.value)
    # A traceback shows the causes too.
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    "name",
    [
        "redis_url",
        "broker_url",
        "database_url",
        "storage_url",
        "embedding_url",
        "embedding_api_key",
    ],
)
def test_settings_that_may_contain_passwords_are_never_shown(name):
    settings = load(**{name: f"redis://user:{SECRET}@example"})

    assert SECRET not in f"{settings!r} {settings}"


def test_every_url_and_key_is_kept_from_being_shown():
    shown = [name for name, field in Settings.model_fields.items() if field.repr]

    assert [name for name in shown if name.endswith(("_url", "_key"))] == []


def test_the_settings_of_a_run_are_settings():
    assert set(RUN_SETTINGS) <= set(Settings.model_fields)


def test_the_settings_of_a_run_hold_no_secret():
    assert all(Settings.model_fields[name].repr for name in RUN_SETTINGS)


def test_every_setting_is_described():
    lines = [line.strip() for line in inspect.getsource(Settings).splitlines()]
    undocumented = []
    for name in Settings.model_fields:
        at = next(n for n, line in enumerate(lines) if line.startswith(f"{name}:"))
        # A comment may speak of several settings that follow each other.
        while lines[at - 1] and not lines[at - 1].startswith("#:"):
            at -= 1
        if not lines[at - 1]:
            undocumented.append(name)

    assert undocumented == []


def test_the_home_folder_is_the_default_place_of_services_and_files(tmp_path):
    settings = load(home=tmp_path)

    assert settings.database == f"sqlite:///{tmp_path}/docprogress.db"
    assert settings.storage == (tmp_path / "files").as_uri()


def test_configured_places_are_not_in_the_home_folder():
    settings = load(database_url="postgresql+psycopg://db", storage_url="s3://bucket")

    assert settings.database == "postgresql+psycopg://db"
    assert settings.storage == "s3://bucket"


def test_there_is_a_process_for_each_core_by_default():
    assert load().processes >= 1
    assert load(workers=7).processes == 7


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://user:hunter2@example:6379/0", "redis://user:***@example:6379/0"),
        ("redis://:hunter2@example", "redis://:***@example"),
        ("redis://user:hun@ter/2@example", "redis://user:***@example"),
        ("redis://example:6379", "redis://example:6379"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("unix:///run/v.sock?password=hunter2&db=1", "unix:///run/v.sock?password=***&db=1"),
        ("postgresql://db?sslpassword=hunter2", "postgresql://db?sslpassword=***"),
        ("s3://b?AWS_SECRET_ACCESS_KEY=hunter2", "s3://b?AWS_SECRET_ACCESS_KEY=***"),
        ("https://x/f.pdf?a=1&X-Token=hunter2", "https://x/f.pdf?a=1&X-Token=***"),
        ("no URL at all", "no URL at all"),
        ("", ""),
    ],
)  # fmt: skip
def test_passwords_are_shown_as_asterisks(text, shown):
    assert redacted(text) == shown


def test_every_password_of_a_text_is_hidden():
    text = f"tried redis://a:{SECRET}@one, then redis://b:{SECRET}@two"

    assert SECRET not in redacted(text)
    assert redacted(text).startswith("tried redis://a:***@one")


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1))
def test_no_password_of_a_url_is_ever_shown(password):
    shown = redacted(f"cannot reach redis://user:_{password}_@example:6379")

    assert shown == "cannot reach redis://user:***@example:6379"


def test_a_refused_setting_is_also_a_value_error():
    assert issubclass(SettingsError, ValueError)
    assert issubclass(SettingsError, DocProgressError)
