"""Pages of other origins can change nothing, however their user is authenticated."""

import os
import secrets
import subprocess
import sys

import httpx
import pytest
from support.lab import private_jupyter
from support.patience import patient
from support.services import eventually, free_port
from support.settings import service_options
from support.web import served

from docprogress.server.origins import Origin, is_cross_origin, parse_origin
from docprogress.settings import load

FORM = {"files": {"file": ("a.txt", b"text")}}


@pytest.fixture(scope="module")
def settings(shared_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    return load(
        **service_options(folder, shared_server.url),
    )


@pytest.fixture(scope="module")
def jupyter(settings, tmp_path_factory):
    """A Jupyter server with jupyter-server-proxy, and whoever is logged in there."""
    pytest.importorskip("jupyter_server_proxy")
    folder = tmp_path_factory.mktemp("jupyter")
    token, port = secrets.token_urlsafe(16), free_port()
    environment = {
        **os.environ,
        **private_jupyter(folder),
        "DOCPROGRESS_REDIS_URL": settings.redis_url,
        "DOCPROGRESS_HOME": str(settings.home),
        "DOCPROGRESS_DATABASE_URL": settings.database_url,
        "DOCPROGRESS_STORAGE_URL": settings.storage_url,
    }
    log_file = folder / "jupyter.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter", "server", "--no-browser"),
                *("--allow-root", f"--ServerApp.port={port}"),
                *("--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"),
                f"--ServerApp.root_dir={folder}",
                "--ServerApp.jpserver_extensions={'jupyter_server_proxy': True}",
            ],
            env=environment,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=patient(30)) as client:

            def opened():
                assert process.poll() is None, log_file.read_text()
                try:
                    answer = client.get("/docprogress/health", params={"token": token})
                except httpx.TransportError:
                    return False
                assert answer.status_code != 404, log_file.read_text()
                return answer.status_code == 200

            eventually(opened, seconds=90)
            # From here on a cookie says who asks, as in a browser.
            assert client.cookies
            yield client
    finally:
        process.terminate()
        process.wait(patient(30))


def rows(client, path="/docprogress"):
    return client.get(f"{path}/documents").json()["documents"]


def test_jupyter_s_proxy_hands_on_what_its_own_page_sends(jupyter):
    own = {"Origin": str(jupyter.base_url)}

    answer = jupyter.post("/docprogress/documents/upload", headers=own, **FORM)

    assert answer.status_code == 201
    assert answer.json()["stream"].startswith("/docprogress/progress/")
    path = f"/docprogress/documents/{answer.json()['id']}/cancel"
    assert jupyter.post(path, headers=own).json() == {"documents": 1}


@pytest.mark.parametrize(
    "named",
    [
        "https://evil.example.org",
        "null",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example.org",
        "http://evil@127.0.0.1:{port}",
    ],
)
def test_jupyter_s_proxy_changes_nothing_for_another_page(jupyter, named):
    port = jupyter.base_url.port
    foreign = {"Origin": named.format(port=port)}
    own = {"Origin": str(jupyter.base_url)}
    taken = jupyter.post("/docprogress/documents/upload", headers=own, **FORM).json()
    before = len(rows(jupyter))

    for path, body in (
        ("/documents/upload", FORM),
        (f"/documents/{taken['id']}/cancel", {}),
        (f"/documents/{taken['id']}/retry", {}),
        ("/tickets", {"json": {"documents": ["a"]}}),
    ):
        answer = jupyter.post(f"/docprogress{path}", headers=foreign, **body)
        assert answer.status_code == 403, path
        assert "origin" in answer.json()["detail"]

    assert len(rows(jupyter)) == before
    document = jupyter.get(f"/docprogress/documents/{taken['id']}").json()
    assert document["status"] != "cancelled"


def test_jupyter_behind_a_proxy_with_tls_is_reached_by_its_public_name(jupyter):
    forwarded = {"Host": "hub.example.org", "X-Forwarded-Proto": "https,http"}
    path = "/docprogress/documents/upload"

    def status(**headers):
        return jupyter.post(path, headers=forwarded | headers, **FORM).status_code

    # Jupyter answers no other host's name, unless it is configured to.
    del forwarded["Host"]
    port = jupyter.base_url.port
    assert status(Origin=f"https://127.0.0.1:{port}") == 201
    assert status(Origin=f"http://127.0.0.1:{port}") == 403
    forwarded["X-Forwarded-Host"] = "hub.example.org"
    assert status(Origin="https://hub.example.org") == 201
    assert status(Origin="https://hub.example.org:8443") == 403


@pytest.mark.parametrize("options", [{}, {"token": None}], ids=["token", "open"])
def test_origin_is_compared_for_every_kind_of_authentication(settings, options):
    with served(settings, **options) as web:
        path = "/documents/upload"
        for named in ("https://evil.example.org", f"http://127.0.0.1:{web.port + 1}"):
            answer = web.client.post(path, headers={"Origin": named}, **FORM)
            assert answer.status_code == 403
        cross = {"Sec-Fetch-Site": "cross-site"}
        assert web.client.post(path, headers=cross, **FORM).status_code == 403
        assert web.client.post(path, **FORM).status_code == 201
        own = {"Origin": web.url, "Sec-Fetch-Site": "same-origin"}
        assert web.client.post(path, headers=own, **FORM).status_code == 201


def test_pages_that_are_allowed_may_change_something(settings):
    with served(settings, cors_origins=("https://app.example.org",)) as web:
        headers = {"Origin": "https://app.example.org", "Sec-Fetch-Site": "cross-site"}
        answer = web.client.post("/documents/upload", headers=headers, **FORM)
        assert answer.status_code == 201
        headers["Origin"] = "https://app.example.org:8443"
        answer = web.client.post("/documents/upload", headers=headers, **FORM)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://a", Origin("http", "a", 80)),
        ("https://a", Origin("https", "a", 443)),
        ("https://A:443", Origin("https", "a", 443)),
        ("http://[::1]:8000", Origin("http", "::1", 8000)),
        ("null", None),
        ("", None),
        ("http://", None),
        ("http://a/", None),
        ("http://b@a", None),
        ("http://a:b", None),
        ("http://a:99999", None),
        ("ftp://a", None),
        ("http://[a", None),
    ],
)
def test_origin_is_scheme_host_and_port(text, meant):
    assert parse_origin(text) == meant


def scope(*, client=("127.0.0.1", 1), scheme="http", method="POST", **headers):
    named = [
        (name.replace("_", "-").encode(), value.encode())
        for name, value in headers.items()
    ]
    return {
        "type": "http",
        "method": method,
        "client": client,
        "scheme": scheme,
        "headers": named,
    }


def test_browser_s_own_verdict_on_the_origin_is_trusted():
    asked = {"host": "a", "sec_fetch_site": "same-origin"}

    assert not is_cross_origin(scope(origin="https://a", **asked))
    assert not is_cross_origin(scope(origin="https://b:8443", **asked))
    assert not is_cross_origin(scope(origin="null", **asked))
    assert is_cross_origin(scope(origin="https://a", host="a"))
    for site in ("same-site", "cross-site", "none", "anything"):
        assert is_cross_origin(scope(origin="http://b", host="a", sec_fetch_site=site))
    for site in ("same-site", "cross-site"):
        assert is_cross_origin(scope(origin="http://a", host="a", sec_fetch_site=site))


def test_repeated_origin_headers_are_refused():
    vouched = scope(origin="https://b", host="a", sec_fetch_site="same-origin")

    twice = vouched["headers"] + [(b"origin", b"https://c")]
    assert is_cross_origin(vouched | {"headers": twice})
    twice = vouched["headers"] + [(b"sec-fetch-site", b"cross-site")]
    assert is_cross_origin(vouched | {"headers": twice})


def test_forwarded_headers_are_believed_over_a_unix_socket_alone():
    forwarded = {"x_forwarded_host": "b", "host": "a", "origin": "http://b"}

    assert is_cross_origin(scope(**forwarded))
    assert not is_cross_origin(scope(client=None, **forwarded))


def test_link_that_is_followed_changes_nothing():
    assert not is_cross_origin(
        scope(method="GET", host="a", sec_fetch_site="cross-site")
    )
