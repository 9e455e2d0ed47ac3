"""The web page and the JavaScript client in a browser, with a real server."""

import csv
import json
import re
import secrets
import shutil
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from fastapi import FastAPI
from playwright.sync_api import expect
from support.lab import SCREENSHOTS
from support.patience import patient
from support.react import HERE, REACT, as_module, packages
from support.runs import with_text
from support.services import eventually
from support.settings import service_options
from support.tabs import (
    follow,
    look,
    network_only,
    open_page,
    opened,
    publish,
    shown_progress,
    wait_for,
)
from support.web import TOKEN, running, served

import docprogress
from docprogress.bus.bus import Bus
from docprogress.events import Status, now
from docprogress.server import ServerOptions, create_app
from docprogress.settings import load
from docprogress.store import NewDocument, Store

__all__ = ["packages"]

FRONTEND = Path(docprogress.__file__).parent / "frontend"


#: Has a page find in the answer to an upload what a slow server says of a document
#: that a quick worker had at once.
ANSWERED_LATE = """
() => {
  const text = Object.getOwnPropertyDescriptor(XMLHttpRequest.prototype, "responseText");
  Object.defineProperty(XMLHttpRequest.prototype, "responseText", {
    get() {
      const answer = {...JSON.parse(text.get.call(this)), status: "completed"};
      window.answered = answer.status;
      return JSON.stringify(answer);
    },
  });
}
"""


#: Has a page keep all notices that it shows.
NOTICES = """
() => {
  window.notices = [];
  const notice = document.querySelector(".dp-notice");
  const note = () => notices.push(notice.textContent);
  new MutationObserver(note).observe(notice, {childList: true, characterData: true});
}
"""


@pytest.fixture
def settings(redis_url, tmp_path):
    return load(
        **service_options(tmp_path, redis_url),
        max_bytes=300_000,
    )


@pytest.fixture
def web(settings):
    with served(settings) as web:
        yield web


@pytest.fixture
def tab(browser):
    """A browser's tab; what it complains of has to be expected."""
    with opened(browser) as tab:
        yield tab


@contextmanager
def at(settings, port, **options):
    """A server at a port that it had before."""
    options.setdefault("token", TOKEN)
    app = create_app(settings, ServerOptions(**options))
    with running(app, port=port) as web:
        yield web


def keep_picture(tab, name):
    SCREENSHOTS.mkdir(exist_ok=True)
    tab.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def test_page_may_load_nothing_and_ask_but_its_own_server(web):
    for path in ("/", "/frontend/page.js"):
        web.client.headers.pop("Authorization", None)
        answer = web.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"

        again = web.client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""

        assert web.client.head(path).status_code == 200

    policy = web.client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    "path",
    ["frontend/", "frontend/nothing.js", "frontend/%2e%2e/settings.py", "settings.py"],
)
def test_no_other_file_is_served(web, path):
    answer = web.client.get(f"/{path}")

    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not Found"}


def test_page_takes_its_token_from_the_address_and_leaves_none_there(tab, web):
    open_page(tab, web, "?case=c")
    tab.locator("#empty").wait_for()

    assert tab.url == f"{web.url}/?case=c"
    tab.reload()
    tab.locator("#empty").wait_for()
    assert tab.complaints == []


@pytest.mark.parametrize("quoted", [True, False], ids=["printed", "by-hand"])
def test_page_takes_a_token_of_any_characters(tab, settings, quoted):
    token = "q+A/7 =&#%zz" if quoted else "q+A/7=="
    with served(settings, token=token) as web:
        fragment = quote(token, safe="") if quoted else token
        tab.goto(f"{web.url}/#token={fragment}")
        tab.locator("#empty").wait_for()
        assert tab.url == f"{web.url}/"
    assert tab.complaints == []


def test_page_asks_for_a_token_that_it_was_not_given(tab, web):
    tab.goto(f"{web.url}/#token=wrong")
    tab.get_by_text("This is not the server's token").wait_for()
    tab.get_by_text("docprogress serve").wait_for()
    field = tab.get_by_role("textbox", name="Token")
    expect(field).to_have_accessible_description(re.compile("not the server's token"))

    field.fill(TOKEN)
    tab.get_by_role("button", name="Continue").click()

    tab.locator("#empty").wait_for()
    assert network_only(tab.complaints)


def test_ten_documents_that_are_dropped_are_seen_to_their_end(
    tab, pipeline, samples, tmp_path
):
    failing = samples.parent / "samples-that-fail" / "encrypted.pdf"
    files = [*with_text(samples)[:8], failing]
    unreadable = tmp_path / "nothing.bin"
    unreadable.write_bytes(b"\x00\x01\x02\x03" * 100)
    case_id = secrets.token_hex(4)
    with served(pipeline.settings) as web:
        open_page(tab, web, f"?case={case_id}")
        tab.locator("#files").set_input_files([*files, unreadable])

        tab.get_by_text("2 of 10 documents failed").wait_for(timeout=patient(60) * 1000)

        states = tab.locator(".dp-row").evaluate_all(
            "rows => rows.map(row => row.dataset.state)"
        )
        assert sorted(states) == ["completed"] * 8 + ["failed"] * 2
        assert tab.title() == "2 of 10 documents failed · Document progress"
        assert tab.locator(".dp-row", has_text="encrypted.pdf").is_visible()
        keep_picture(tab, "page")

        tab.locator(".dp-row", has_text="encrypted.pdf").click()
        advice = tab.locator(".dp-panel").get_by_text("“Retry” asks for it").first
        advice.wait_for()
        assert "run.retry" not in tab.locator("main").inner_text()
        tab.evaluate(NOTICES)
        retry = tab.locator(".dp-panel").get_by_role("button", name="Retry")
        dialog = tab.get_by_role("dialog", name="encrypted.pdf is encrypted.")
        retry.click()
        keep_picture(tab, "page-password")
        dialog.press("Escape")
        dialog.wait_for(state="hidden")
        retry.click()
        dialog.get_by_label("Password").fill("wrong")
        dialog.get_by_label("Password").press("Enter")
        # It is shown only until the document has failed again.
        wait_for(tab, "notices.includes('1 document is retried')")
        tab.locator(".dp-panel tbody tr[data-state=queued]").first.wait_for()
        tab.get_by_text("2 of 10 documents failed").wait_for()

        tab.reload()
        tab.get_by_text("2 of 10 documents failed").wait_for()
        case = tab.get_by_role("searchbox", name="Case")
        case.fill(f"{case_id}-of-nobody")
        case.press("Enter")
        tab.locator("#empty").wait_for()
    assert network_only(tab.complaints)


def test_files_that_are_refused_stay_listed_and_are_counted(
    tab, pipeline, samples, tmp_path
):
    video = tmp_path / "video.pdf"
    video.write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 100)
    empty = samples.parent / "samples-that-fail" / "empty.pdf"
    with served(pipeline.settings) as web:
        open_page(tab, web, f"?case={secrets.token_hex(4)}")
        tab.locator("#files").set_input_files(
            [samples / "integration-guide.md", empty, video]
        )
        tab.get_by_text("2 of 3 documents failed").wait_for()
        assert not tab.locator(".dp-part.dp-processing").is_visible()

        tab.reload()

        tab.get_by_text("2 of 3 documents failed").wait_for()
        tab.locator(".dp-row", has_text="empty.pdf").get_by_text("is empty").wait_for()
        refused = tab.locator(".dp-row", has_text="video.pdf")
        assert "a video" in refused.inner_text()

        # Chosen once more, it takes the place of what was refused.
        shutil.copy(samples / "welcome-letter.pdf", video)
        tab.locator("#files").set_input_files(video)
        tab.get_by_text("1 of 3 documents failed").wait_for()
        tab.reload()
        tab.get_by_text("1 of 3 documents failed").wait_for()
    assert network_only(tab.complaints)


def test_retry_of_several_documents_counts_each_and_its_notice_goes_with_their_end(
    tab, pipeline, samples
):
    failing = samples.parent / "samples-that-fail"
    files = [
        failing / "encrypted.pdf",
        failing / "empty.pdf",
        failing / "truncated.pdf",
    ]
    with served(pipeline.settings) as web:
        open_page(tab, web, f"?case={secrets.token_hex(4)}")
        tab.evaluate(NOTICES)
        tab.locator("#files").set_input_files(files)
        tab.get_by_text("3 of 3 documents failed").wait_for()

        tab.get_by_role("button", name="Retry 3 failed").click()
        dialog = tab.get_by_role("dialog", name="encrypted.pdf is encrypted.")
        dialog.get_by_role("button", name="Retry").click()

        wait_for(tab, "notices.includes('3 documents are retried')")
        rows = "[...document.querySelectorAll('.dp-row')]"
        again = f"{rows}.every(row => /attempt\\s*2.*/s.test(row.innerText))"
        wait_for(tab, again)
        tab.get_by_text("3 of 3 documents failed").wait_for()
        # Long before the time is over that other notices are shown.
        tab.locator(".dp-notice").wait_for(state="hidden", timeout=patient(4) * 1000)
    assert network_only(tab.complaints)


def test_headline_says_that_files_are_being_sent(tab, web, tmp_path):
    files = [tmp_path / f"{number}.md" for number in range(5)]
    for file in files:
        file.write_text("# Text")
    held, free = [], []
    tab.route(
        "**/documents/upload",
        lambda route: route.continue_() if free else held.append(route),
    )
    open_page(tab, web)
    tab.locator("#files").set_input_files(files)
    left = tab.locator(".dp-headline .dp-outlook")
    left.get_by_text("sending files: 0 of 5 sent").wait_for()
    eventually(lambda: len(held) == 3)

    held.pop().continue_()
    left.get_by_text("sending files: 1 of 5 sent").wait_for()
    free.append(True)
    for each in held:
        each.continue_()

    sending = left.get_by_text("sending")
    sending.wait_for(state="detached")
    assert left.inner_text()
    assert tab.complaints == []


def test_document_that_ended_before_its_upload_was_answered_shows_its_end(
    tab, pipeline, samples
):
    with served(pipeline.settings) as web:
        open_page(tab, web, f"?case={secrets.token_hex(4)}")
        tab.evaluate(ANSWERED_LATE)
        tab.locator("#files").set_input_files(samples / "integration-guide.md")

        wait_for(tab, r"/1 page, \d+ chunks/.test(document.body.innerText)")
        assert tab.evaluate("() => answered") == "completed"
    assert network_only(tab.complaints)


@pytest.mark.parametrize(
    "scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)]
)
def test_the_page_has_no_accessibility_violation(browser, packages, web, scheme):
    web.client.post("/documents/upload", files={"file": ("a.md", b"# A")})
    web.client.post("/documents/upload", files={"file": ("b.md", b"# B")})
    # What the test adds to the page is not of the page's policy.
    with browser.new_context(color_scheme=scheme, bypass_csp=True) as context:
        tab = context.new_page()
        open_page(tab, web)
        tab.locator(".dp-row").first.wait_for()
        keep_picture(tab, f"page-{scheme}")
        tab.add_script_tag(path=packages / "axe-core" / "axe.min.js")
        found = tab.evaluate("() => axe.run()")

    assert [each["id"] for each in found["violations"]] == []


def add_run(store, run_id, *documents, case_id=None):
    """Documents that only the store knows."""
    store.runs.add(
        run_id=run_id,
        case_id=case_id,
        expected=len(documents),
        steps=[{"name": "extraction", "path": "x:y"}],
        settings={},
        fingerprint="",
    )
    store.submissions.add(
        [
            NewDocument(
                id=document_id,
                run_id=run_id,
                number=number,
                name=f"{document_id}.pdf",
                case_id=case_id,
                step="extraction",
            )
            for number, document_id in enumerate(documents, 1)
        ]
    )
    store.submissions.mark_ready([(document_id, 1, "0") for document_id in documents])


def shown_names(tab):
    names = tab.locator(".dp-row .dp-name").all_inner_texts()
    return [name.removesuffix(".pdf") for name in names]


def test_page_shows_what_happened_before_it_was_opened(tab, web, bus, settings):
    with Store(settings.database) as store:
        add_run(store, "older", "a", "b", case_id="mine")
        add_run(store, "newer", "c", "d", case_id="other")
    publish(bus, "a", 40, attempt=1, message="Extracting page 4 of 10")
    publish(bus, "a", 100, attempt=1)
    with Store(settings.database) as store:
        store.attempts.claim("a", 1, worker="a-worker")
        store.attempts.finish("a", 1, Status.COMPLETED, message="Completed")

    open_page(tab, web)
    tab.locator(".dp-row").nth(3).wait_for()
    assert shown_names(tab) == ["c", "d", "a", "b"]

    tab.locator(".dp-row", has_text="a.pdf").click()
    tab.locator(".dp-panel").get_by_text("Extracting page 4 of 10").wait_for()

    tab.locator("#case").fill("mine")
    tab.locator("#case").press("Enter")
    tab.locator(".dp-row", has_text="c.pdf").wait_for(state="detached")
    tab.locator(".dp-row", has_text="b.pdf").wait_for()
    assert shown_names(tab) == ["a", "b"]
    assert tab.complaints == []


def test_page_follows_hundreds_of_documents_without_asking(tab, web, bus, settings):
    ids = [f"d{number}" for number in range(600)]
    with Store(settings.database) as store:
        add_run(store, "run", *ids)
        for document_id in ids[500:]:
            store.attempts.claim(document_id, 1, worker="a-worker")
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    open_page(tab, web)
    eventually(lambda: web.metric("docprogress_stream_clients") == 2)
    tab.route("**/documents?*", lambda route: route.abort())
    asked.clear()
    for document_id in ids:
        publish(bus, document_id, 100, attempt=1, run_id="run")
    tab.get_by_text("600 completed").first.wait_for()

    assert not [url for url in asked if "/status" in url or "/stream" in url]
    assert network_only(tab.complaints)


def test_page_shows_what_others_add_and_says_when_the_server_is_gone(tab, settings):
    with served(settings) as web:
        port = web.port
        open_page(tab, web)
        form = {"file": ("<b>note.md", b"# A note")}
        answer = web.client.post("/documents/upload", files=form)
        document_id = answer.json()["id"]
        look(tab)
        tab.locator(".dp-name", has_text="note").first.wait_for()
    look(tab)
    problem = tab.locator(".dp-problem", has_text="disconnected, last update")
    problem.get_by_text("the server cannot be reached; trying again").wait_for()

    with at(settings, port):
        with Bus(settings.redis_url) as bus:
            publish(bus, document_id, 100, attempt=1)
        look(tab)
        tab.locator(".dp-percent", has_text="completed").wait_for()

        assert tab.locator("#problem").is_hidden()
    assert network_only(tab.complaints)


def test_browser_follows_another_program_to_the_end(tab, web, redis_url):
    open_page(tab, web)
    follow(tab, "test-doc")
    wait_for(tab, "connections.includes('streaming')")

    with redis.Redis.from_url(redis_url) as client:
        channel = "document:test-doc:progress"
        eventually(lambda: client.pubsub_numsub(channel)[0][1] == 1)
        for progress in (10, 25, 50, 75, 100):
            event = {
                "document_id": "test-doc",
                "status": "completed" if progress == 100 else "processing",
                "step": "extraction",
                "progress": progress,
                "message": f"{progress} %",
                "timestamp": now().isoformat(),
            }
            client.publish(channel, json.dumps(event))
    wait_for(tab, "connections.at(-1) === 'ended'")

    assert shown_progress(tab) == [10, 25, 50, 75, 100]
    assert tab.complaints == []


def test_browser_comes_back_to_a_server_that_was_restarted(tab, settings, bus):
    with ExitStack() as first:
        web = first.enter_context(served(settings))
        open_page(tab, web)
        publish(bus, "a", 10)
        follow(tab, "a", "b")
        wait_for(tab, "events.length === 1 && connections.at(-1) === 'streaming'")
    publish(bus, "a", 100)
    with at(settings, web.port):
        publish(bus, "b", 50)
        wait_for(tab, "events.length === 3")
        publish(bus, "b", 100)
        wait_for(tab, "connections.at(-1) === 'ended'")

    assert tab.evaluate("() => errors") == []
    assert network_only(tab.complaints)


@contextmanager
def offline(tab, seconds=20):
    """A browser that has no network for so long, by its own protocol."""
    session = tab.context.new_cdp_session(tab)
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}

    def emulate(*, offline):
        given = {"offline": offline, **conditions}
        session.send("Network.emulateNetworkConditions", given)

    session.send("Network.enable")
    emulate(offline=True)
    until = time.monotonic() + seconds
    yield
    tab.wait_for_timeout(1000 * (until - time.monotonic()))
    emulate(offline=False)
    session.detach()


def test_browser_that_was_offline_receives_what_it_missed(browser, tab, web, bus):
    with opened(browser) as page:
        form = {"file": ("note.md", b"# A note")}
        uploaded = web.client.post("/documents/upload", files=form).json()["id"]
        open_page(page, web)
        page.locator(".docprogress", has_text="note.md").wait_for()
        open_page(tab, web)
        publish(bus, "a", 10)
        follow(tab, "a")
        wait_for(tab, "events.length === 1 && connections.at(-1) === 'streaming'")

        with offline(page), offline(tab, seconds=19):
            wait_for(tab, "connections.at(-1) === 'lost'")
            page.locator(".dp-problem", has_text="disconnected").wait_for()
            publish(bus, "a", 60)
            publish(bus, uploaded, 60, attempt=1)
        wait_for(
            tab, "events.at(-1).progress === 60 && connections.at(-1) === 'streaming'"
        )
        page.locator(".docprogress", has_text="Extracting: 60 %").wait_for()
        page.locator(".dp-problem", has_text="disconnected").wait_for(state="hidden")
        publish(bus, "a", 100)
        publish(bus, uploaded, 100, attempt=1)
        wait_for(tab, "connections.at(-1) === 'ended'")
        page.locator(".dp-percent", has_text="completed").wait_for()

        assert len(tab.evaluate("() => errors")) == 1
        assert network_only(tab.complaints + page.complaints)


def test_page_works_where_another_application_mounts_it(tab, settings):
    mounted = create_app(settings, ServerOptions(token=TOKEN))
    app = FastAPI(lifespan=mounted.router.lifespan_context)
    app.mount("/progress-of-documents", mounted)
    with running(app, dismiss=mounted.dismiss) as web:
        tab.goto(f"{web.url}/progress-of-documents/#token={TOKEN}")
        tab.locator("#files").set_input_files(
            [{"name": "a.md", "mimeType": "text/markdown", "buffer": b"# A"}]
        )
        tab.locator(".docprogress", has_text="waiting for a worker").wait_for()

        with Store(settings.database) as store:
            eventually(lambda: [run.expected for run in store.runs.find()] == [1])
    assert tab.complaints == []


@contextmanager
def react_app(tab, packages, web):
    """A React application beside the server, on its origin."""
    imports = {name: f"/npm/{name}.js" for name in REACT}
    imports["docprogress/react"] = "/frontend/use-document-progress.js"
    files = {f"/npm/{name}.js": as_module(packages, name) for name in REACT}
    files["/app.js"] = (HERE / "react-app.js").read_text("utf-8")
    files["/app.html"] = (
        "<!doctype html><link rel=icon href=/frontend/icon.svg>"
        f"<script type=importmap>{json.dumps({'imports': imports})}</script>"
        "<div id=root></div><script type=module src=/app.js></script>"
    )

    def answer(route):
        path = route.request.url.removeprefix(web.url).partition("?")[0]
        kind = "text/html" if path.endswith("html") else "text/javascript"
        route.fulfill(body=files[path], content_type=kind)

    for path in files:
        tab.route(f"{web.url}{path}", answer)
    tab.goto(f"{web.url}/app.html#{TOKEN}")
    tab.get_by_label("Choose documents").wait_for()
    yield
    tab.evaluate("() => unmount()")


def test_react_shows_an_upload_to_its_end(tab, packages, web, bus):
    with react_app(tab, packages, web):
        tab.get_by_label("Choose documents").set_input_files(
            [
                {"name": "a.md", "mimeType": "text/markdown", "buffer": b"# A"},
                {"name": "b.md", "mimeType": "text/markdown", "buffer": b"#" * 400_000},
            ]
        )
        tab.get_by_role("alert").filter(has_text="b.md: ").wait_for()
        tracker = tab.locator(".docprogress-tracker[data-connection=streaming]")
        tracker.wait_for()
        (row,) = web.client.get("/documents?case_id=case-123").json()["documents"]
        publish(bus, row["id"], 40, attempt=1, name="a.md")
        tracker.get_by_text("Extracting: 40 %").wait_for()
        bar = tab.get_by_role("progressbar", name="a.md")
        assert bar.evaluate("bar => bar.value") == 40
        publish(bus, row["id"], 100, attempt=1, name="a.md")
        tab.locator(".docprogress-tracker[data-status=completed]").wait_for()
    assert network_only(tab.complaints)


def test_react_shows_the_document_that_is_named_and_no_other(tab, packages, web, bus):
    publish(bus, "a", 10)
    publish(bus, "b", 20)
    with react_app(tab, packages, web):
        shown = tab.locator("output")
        assert shown.inner_text() == "undefined: undefined undefined undefined"
        tab.evaluate("() => setNamed('a')")
        shown.filter(has_text="a: 10 processing").wait_for()
        tab.evaluate("() => setNamed('b')")
        shown.filter(has_text="b: 20 processing").wait_for()
        tab.evaluate("() => setNamed(null)")
        shown.filter(has_text="undefined: undefined").wait_for()
        eventually(lambda: web.metric("docprogress_stream_clients") == 0)

        tab.evaluate("() => setNamed('a')")
        eventually(lambda: web.metric("docprogress_stream_clients") == 1)
    eventually(lambda: web.metric("docprogress_stream_clients") == 0)
    assert tab.complaints == []


@pytest.mark.slow
def test_react_shows_a_document_that_is_tried_again(tab, packages, web, bus):
    failed = {"status": Status.FAILED, "error": "a: no", "attempt": 1}
    publish(bus, "a", 40, **failed)
    with react_app(tab, packages, web):
        trackers = tab.locator(".docprogress-tracker")

        def shows(count, status, text, connection):
            found = tab.locator(
                f".docprogress-tracker[data-status={status}]"
                f"[data-connection={connection}]"
            ).filter(has_text=text)
            expect(found).to_have_count(count)
            expect(trackers).to_have_count(count)

        tab.evaluate("() => setShown(['a'])")
        shows(1, "failed", "a: no", "ended")
        publish(bus, "a", 50, attempt=2)
        shows(1, "processing", " 50 % ", "streaming")
        publish(bus, "a", 60, **failed | {"attempt": 2, "error": "a: no again"})
        shows(1, "failed", "a: no again", "ended")
        # Another component, while the one before is there.
        publish(bus, "a", 70, attempt=3)
        tab.evaluate("() => setShown(['a', 'a'])")
        shows(2, "processing", " 70 % ", "streaming")
        publish(bus, "a", 100, attempt=3)
        shows(2, "completed", " 100 % ", "ended")
        eventually(lambda: web.metric("docprogress_stream_clients") == 0)
        # A completed document may be retried too; later clients receive that.
        publish(bus, "a", 20, attempt=4)
        tab.evaluate("() => setShown(['a', 'a', 'a'])")
        shows(3, "processing", " 20 % ", "streaming")
    assert network_only(tab.complaints)


@pytest.mark.slow
def test_page_shows_older_documents_on_request(tab, web, settings):
    count = 1_200
    with Store(settings.database) as store:
        store.runs.add(
            run_id="run",
            case_id=None,
            expected=count,
            steps=[],
            settings={},
            fingerprint="",
        )
        store.submissions.add(
            [
                NewDocument(
                    id=f"d{n}", run_id="run", number=n, name=f"{n}.md", step="x"
                )
                for n in range(1, count + 1)
            ]
        )
    open_page(tab, web)
    grid = tab.locator(".docprogress [role=grid]")
    button = tab.get_by_role("button", name="Show more")
    for shown in (500, 1_000, 1_200):
        tab.locator(".docprogress", has_text=f"{shown} queued").wait_for()
        assert button.is_visible() == (shown < count)
        if shown < count:
            button.click()
    assert grid.count() == 1
    look(tab)
    expect(button).to_be_hidden()
    assert tab.complaints == []


@pytest.mark.slow
def test_page_finds_and_sorts_documents_that_it_has_not_listed(tab, web, settings):
    count = 1_100
    with Store(settings.database) as store:
        add_run(store, "run", *(f"d{number}" for number in range(count)))
        store.attempts.claim("d900", 1, worker="a-worker")
        error = f"nothing here {'x' * 400} but deep below"
        store.attempts.finish("d900", 1, Status.FAILED, message="Failed", error=error)
    open_page(tab, web)
    tab.get_by_text("500 queued").first.wait_for()

    tab.get_by_role("searchbox", name="Search").fill("deep BELOW")
    expect(tab.locator(".dp-row .dp-name")).to_have_text(["d900.pdf"])
    tab.get_by_role("button", name="CSV", exact=True).click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download CSV").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert [row["error"] for row in csv.DictReader(text.splitlines())] == [error]

    tab.get_by_role("searchbox", name="Search").fill("")
    for _ in range(2):
        tab.get_by_role("columnheader", name="Document").click()
    tab.locator(".dp-row", has_text=f"d{count - 1}.pdf").wait_for()
    expect(tab.get_by_role("button", name="Show more")).to_be_hidden()
    assert shown_names(tab)[0] == f"d{count - 1}"
    assert tab.complaints == []


def test_selected_documents_are_cancelled_on_the_page(tab, web, bus, settings):
    with Store(settings.database) as store:
        add_run(store, "run", "a", "b", "c")
    open_page(tab, web)
    for name in ("a", "c"):
        tab.get_by_role("checkbox", name=f"Select {name}.pdf").click()

    tab.get_by_role("button", name="Cancel 2").click()
    tab.get_by_text("2 documents are cancelled", exact=True).wait_for()

    expect(tab.locator("[data-state=cancelled] .dp-name")).to_have_text(
        ["a.pdf", "c.pdf"]
    )
    expect(tab.locator(".dp-row[aria-selected=true]")).to_have_count(2)
    assert tab.complaints == []


@pytest.mark.slow
def test_react_shows_ten_uploads_through_every_fault_of_the_line(
    tab, packages, settings, bus
):
    """All documents of a page share one connection: a browser opens six."""

    def shows(progress, connection):
        for name in names:
            tab.locator(f".docprogress-tracker[data-connection={connection}]").filter(
                has_text=name
            ).filter(has_text=f" {progress} % ").wait_for()

    def publish_all(progress):
        for document_id, name in documents.items():
            publish(bus, document_id, progress, attempt=1, name=name)

    names = [f"{letter}.md" for letter in "abcdefghij"]
    with ExitStack() as first:
        web = first.enter_context(served(settings))
        app = first.enter_context(ExitStack())
        app.enter_context(react_app(tab, packages, web))
        tab.get_by_label("Choose documents").set_input_files(
            [
                {"name": name, "mimeType": "text/markdown", "buffer": name.encode()}
                for name in names
            ]
        )
        shows(0, "streaming")
        rows = web.client.get("/documents").json()["documents"]
        documents = {row["id"]: row["filename"] for row in rows}
        assert sorted(documents.values()) == names
        # The one of the first documents is closed once there is one of all.
        eventually(lambda: web.metric("docprogress_stream_clients") == 1)

        with offline(tab):
            publish_all(20)
        shows(20, "streaming")

        # The stream's address is refused, and the one there is breaks off.
        blocked = "**/stream?*"
        tab.route(blocked, lambda route: route.fulfill(status=502, body="no"))
        app.pop_all()
    with ExitStack() as second:
        web = second.enter_context(at(settings, web.port))
        publish_all(40)
        shows(40, "polling")
        tab.unroute(blocked)
        shows(40, "streaming")
        publish_all(100)
        shows(100, "ended")
        eventually(lambda: web.metric("docprogress_stream_clients") == 0)
        tab.evaluate("() => unmount()")
    assert network_only(tab.complaints)


def test_package_for_npm_is_whole_and_of_this_version(packages):
    npm = shutil.which("npm")
    packed = subprocess.run(
        [npm, "pack", "--dry-run", "--json", "--offline"],
        cwd=FRONTEND,
        check=True,
        capture_output=True,
        timeout=patient(60),
    )

    (package,) = json.loads(packed.stdout)
    assert package["name"] == "docprogress"
    assert package["version"] == docprogress.__version__
    described = json.loads((FRONTEND / "package.json").read_text("utf-8"))
    offered = {f"./{each['path']}" for each in package["files"]}
    wanted = {path for each in described["exports"].values() for path in each.values()}
    assert wanted <= offered
    assert not any("page" in name for name in offered - {"./package.json"})
