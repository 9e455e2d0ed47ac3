"""Every example in the documentation of the HTTP API works as described."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest
from fastapi import FastAPI
from support.patience import patient
from support.react import REACT, as_module, packages
from support.services import eventually
from support.settings import service_options
from support.tabs import opened, publish
from support.web import running, served

from docprogress.settings import load
from docprogress.store import Store

__all__ = ["packages"]

PAGE = Path(__file__).parents[2] / "notebooks" / "docs" / "http.md"
EXAMPLES = re.findall(
    r"^```(\w+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
)


def examples(kind):
    return [text for name, text in EXAMPLES if name == kind]


@pytest.fixture
def settings(redis_url, tmp_path):
    return load(
        **service_options(tmp_path, redis_url),
    )


@pytest.fixture
def environment(settings):
    """The environment variables for these settings."""
    return {
        "DOCPROGRESS_HOME": str(settings.home),
        "DOCPROGRESS_REDIS_URL": settings.redis_url,
        "DOCPROGRESS_DATABASE_URL": settings.database_url,
        "DOCPROGRESS_STORAGE_URL": settings.storage_url,
    }


def test_every_example_is_of_a_kind_that_is_tried_here():
    kinds = [kind for kind, _ in EXAMPLES]

    assert kinds == ["bash", "bash", "js", "jsx", "python", "python"]


def test_shell_examples_serve_upload_and_stream(environment, tmp_path, samples, bus):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (install, serve), (upload, stream) = (
        re.findall(r"(?:.*\\\n)*.+", text) for text in examples("bash")
    )
    extra = re.fullmatch(r"pip install 'docprogress\[(\w+)\]'", install)
    assert extra[1] in metadata("docprogress").get_all("Provides-Extra")
    shutil.copy(samples / "services-agreement.pdf", tmp_path / "test.pdf")
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | environment
    environment["PATH"] = f"{scripts}{os.pathsep}{environment['PATH']}"

    def run(command, **variables):
        return subprocess.run(
            ["bash", "-ec", command],
            cwd=tmp_path,
            env=environment | variables,
            capture_output=True,
            timeout=patient(120),
            check=True,
        ).stdout

    # Another port, as the usual one may be somebody's.
    command = serve.replace("docprogress serve", "exec docprogress serve --port 0")
    server = subprocess.Popen(
        ["bash", "-ec", command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        place = re.search(r"127\.0\.0\.1:\d+", server.stdout.readline())[0]
        kept = Path(server.stdout.readline().removeprefix("The token is in ").strip())
        token = kept.read_text().strip()
        upload, stream = (
            each.replace("localhost:8000", place) for each in (upload, stream)
        )
        document = json.loads(run(upload, TOKEN=token))
        assert document["filename"] == "test.pdf"
        assert document["case_id"] == "case-123"

        publish(bus, document["id"], 100, attempt=1)
        printed = run(stream.replace("/ID/", f"/{document['id']}/"), TOKEN=token)
        assert b'"status":"completed"' in printed
    finally:
        server.terminate()
        server.wait(patient(30))
        server.stdout.close()


@pytest.mark.parametrize("number", range(len(examples("python"))))
def test_python_examples_mount_a_server_that_asks_for_a_token(
    number, environment, settings, monkeypatch
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = {"application": FastAPI()}
    exec(compile(examples("python")[number], str(PAGE), "exec"), found)

    with running(found["application"], token=None, dismiss=lambda: None) as web:
        form = {"files": {"file": ("a.txt", b"text")}}
        upload = "/progress/documents/upload"
        assert web.client.post(upload, **form).status_code == 401
        token = (settings.home / "server-token").read_text().strip()
        web.client.headers["Authorization"] = f"Bearer {token}"
        answer = web.client.post(upload, **form)
        assert answer.status_code == 201
        document = web.client.get(answer.json()["status_url"]).json()
        assert document["status"] == "queued"
    with Store(settings.database) as store:
        assert [run.expected for run in store.runs.find()] == [1]


def shown_by(tab, web, modules, script):
    """Run a script as a module of a page on the server's origin."""
    files = {f"/npm/{name}.js": text for name, text in modules.items()}
    files["/example.js"] = script
    imports = {name: f"/npm/{name}.js" for name in modules} | {
        "docprogress": "/frontend/document-progress.js",
        "docprogress/react": "/frontend/use-document-progress.js",
    }
    files["/example.html"] = (
        "<!doctype html><link rel=icon href=/frontend/icon.svg>"
        f"<script type=importmap>{json.dumps({'imports': imports})}</script>"
        "<div id=root></div><script type=module src=/example.js></script>"
    )

    def answer(route):
        path = route.request.url.removeprefix(web.url)
        kind = "text/html" if path.endswith("html") else "text/javascript"
        route.fulfill(body=files[path], content_type=kind)

    for path in files:
        tab.route(f"{web.url}{path}", answer)
    tab.goto(f"{web.url}/example.html")


def test_javascript_example_follows_a_document(browser, settings, bus):
    (example,) = examples("js")
    publish(bus, "document-id", 40)
    with served(settings, token=None) as web, opened(browser) as tab:
        printed = []
        tab.on("console", lambda message: printed.append(message.text))
        shown_by(tab, web, {}, example)
        eventually(lambda: tab.wait_for_timeout(50) or "40" in printed)
        publish(bus, "document-id", 100)
        eventually(lambda: tab.wait_for_timeout(50) or "100" in printed)
        assert tab.complaints == []


def test_react_example_shows_a_document(browser, packages, settings, bus):
    (example,) = examples("jsx")
    imported, _, used = example.partition("\n\n")
    script = f"""
import {{ createElement }} from "react";
import {{ createRoot }} from "react-dom/client";
{imported}
function Example({{ documentId }}) {{
  {used}
  const printed = `${{progress?.progress}} ${{error?.message}}`;
  return createElement("div", null, createElement("output", null, printed),
    createElement(ProgressTracker, {{ documentId }}), createElement(DocumentUploader));
}}
const root = createRoot(document.querySelector("#root"));
root.render(createElement(Example, {{ documentId: "a" }}));
"""
    publish(bus, "a", 40)
    modules = {name: as_module(packages, name) for name in REACT}
    with served(settings, token=None) as web, opened(browser) as tab:
        shown_by(tab, web, modules, script)
        tab.locator("output", has_text="40 undefined").wait_for()
        tab.locator(".docprogress-tracker", has_text="40 %").wait_for()
        tab.get_by_label("Choose documents").wait_for()
        assert tab.complaints == []
