"""Whole runs: submit, process, follow events, read results."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.patience import patient
from support.queues import level_queue_names
from support.services import eventually

from docprogress import Pipeline, Status
from docprogress.errors import (
    BusError,
    RunNotFound,
    StepError,
    SubmitError,
)

TEXT = "Either party may terminate this agreement for convenience. " * 30


def texts(count, word="contract"):
    return [(f"{word}-{n}.txt", f"{word} {n}. {TEXT}".encode()) for n in range(count)]


def test_samples_go_through_every_step(shared_home, samples):
    with Pipeline(home=shared_home, ocr="never") as pipeline:
        run = pipeline.submit(samples).wait(timeout=patient(120))

    frame = run.to_frame()
    assert set(frame["status"]) == {"completed"}
    assert (frame["progress"] == 100).all()
    assert (frame["pages"] > 0).all()
    assert frame["extraction_seconds"].notna().all()
    scanned = frame[frame["chunks"] == 0]
    assert len(scanned) == 1, "the image without text, and nothing else"
    assert "no text layer, and OCR is off" in scanned["message"].iloc[0]


def test_a_failed_document_has_a_reason_and_affects_no_other(pipeline, samples):
    failing = samples.with_name("samples-that-fail")
    run = pipeline.submit([failing]).wait(timeout=patient(60))

    errors = dict(zip(run.to_frame()["name"], run.to_frame()["error"], strict=True))
    assert len(errors) == 3
    for name, error in errors.items():
        assert error.startswith(f"{name}: "), error
    text = " ".join(errors.values())
    assert "encrypted" in text
    assert "damaged" in text
    assert "empty" in text


@pytest.fixture
def sent(redis_url, tmp_path):
    """What is in the queue after some documents were submitted: ids, by message."""

    def messages(documents, **options):
        folder = tmp_path / "home"
        where = {
            "redis_url": redis_url,
            "database_url": f"sqlite:///{folder}/store.db",
            "storage_url": str(folder / "files"),
        }
        with Pipeline(home=folder, workers=2, **where, **options) as pipeline:
            run = pipeline.submit(documents)
            raw = []
            for name in level_queue_names("docprogress"):
                raw = pipeline.bus.redis.lrange(name, 0, -1) + raw
                pipeline.bus.redis.delete(name)
        bodies = [json.loads(b64decode(json.loads(each)["body"])) for each in raw]
        ids = [[document_id for document_id, _ in body[0]] for body in bodies[::-1]]
        found = sorted(document_id for message in ids for document_id in message)
        assert found == [row.id for row in run.documents()]
        return ids

    return messages


def test_quick_documents_travel_together_and_alone_towards_the_end(sent):
    sizes = [len(ids) for ids in sent(texts(200))]

    assert len(sizes) < 60
    assert max(sizes) == 8
    assert sizes[-7:] == [1] * 7
    assert sizes[0] <= 4, "of the first few, both workers get something"


def test_large_documents_travel_alone(sent):
    large = [(f"{n}.txt", b"word " * 150_000) for n in range(20)]

    assert [len(ids) for ids in sent(large)] == [1] * 20


def test_documents_whose_steps_may_take_long_travel_alone(sent, tmp_path, monkeypatch):
    (tmp_path / "one_by_one.py").write_text("def same(pages):\n    yield from pages\n")
    monkeypatch.chdir(tmp_path)

    assert len(sent(texts(50), steps=["one_by_one:same"])) == 50
    assert len(sent(texts(50), embedder="openai:some-model")) == 50


def test_a_run_can_be_searched(pipeline):
    run = pipeline.submit(
        [
            ("law.txt", TEXT.encode()),
            ("pump.txt", b"Replace the filter of the pump every six months. " * 20),
            ("cake.txt", b"Whisk four eggs with the sugar until pale. " * 20),
        ]
    ).wait(timeout=patient(60))

    found = run.search("how do I replace the filter", limit=2)

    assert found[0].document == "pump.txt"
    assert found[0].run_id == run.id
    assert "filter" in {found[0].text[start:end] for start, end in found[0].marks}
    assert found.to_frame()["document"].iloc[0] == "pump.txt"
    assert [hit.text for hit in pipeline.search("replace filter", run=run)]


def test_nothing_that_matches_nothing_is_started(pipeline, tmp_path):
    before = len(pipeline.runs())

    with pytest.raises(SubmitError, match=r"no-such\.pdf"):
        pipeline.submit([tmp_path / "no-such.pdf"])

    assert len(pipeline.runs()) == before


def test_events_arrive_in_order_until_the_end(pipeline):
    run = pipeline.submit(texts(5))

    async def listen():
        async with asyncio.timeout(patient(60)), run.watch() as events:
            delivered = [event async for event in events]
        return delivered, events.progress

    delivered, progress = asyncio.run(listen())

    assert progress.finished
    for document in run.documents():
        own = [event for event in delivered if event.document_id == document.id]
        shown = [event.progress for event in own]
        assert shown == sorted(shown)
        assert own[-1].status is Status.COMPLETED
        assert own[-1].progress == 100


def test_the_steps_of_a_document_are_reported_in_order(pipeline):
    run = pipeline.submit(texts(1)).wait(timeout=patient(60))

    steps = list(dict.fromkeys(run.events()["step"]))

    assert steps == ["extraction", "chunking", "embedding"]
    assert run.events()["status"].iloc[0] == "queued"
    assert run.events()["status"].iloc[-1] == "completed"


def test_a_run_that_has_ended_is_delivered_at_once(pipeline):
    run = pipeline.submit(texts(2)).wait(timeout=patient(60))

    again = pipeline.attach(run.id)
    again.wait(timeout=patient(10))

    assert again.progress().finished
    assert "2 completed" in repr(again)


def test_a_run_is_watched_to_its_end_even_if_redis_was_emptied(pipeline):
    run = pipeline.submit(texts(2)).wait(timeout=patient(60))
    pipeline.bus.forget([row.id for row in run.documents()], run_id=run.id)

    again = pipeline.attach(run.id)

    assert [row.status for row in again.as_completed(timeout=patient(10))] == [
        Status.COMPLETED,
        Status.COMPLETED,
    ]


def test_waiting_works_where_a_loop_runs(pipeline):
    async def cell():
        run = pipeline.submit(texts(2))
        run.wait(timeout=patient(60))
        assert (await pipeline.submit(texts(1))).progress().finished
        return [event async for event in run]

    assert all(event.final for event in asyncio.run(cell()))


def test_a_wait_timeout_states_how_much_is_unfinished(pipeline, tmp_path):
    run = pipeline.submit(texts(3))
    run_id = run.id
    pipeline.attach(run_id).wait(timeout=patient(60))
    stuck = pipeline.store.runs.add(
        run_id=f"{run_id}-stuck",
        case_id=None,
        expected=1,
        steps=[step.to_dict() for step in pipeline.steps],
        settings={},
        fingerprint="",
    )

    with pytest.raises(TimeoutError, match="unfinished"):
        pipeline.attach(stuck.id).wait(timeout=0.2)


def test_no_thread_is_left_after_waiting(pipeline):
    run = pipeline.submit(texts(1)).wait(timeout=patient(60))
    before = threading.active_count()

    for _ in range(5):
        run.wait(timeout=patient(10))

    assert threading.active_count() == before


def test_the_same_content_is_skipped_only_on_request(pipeline):
    content = texts(2, word=f"unique-{os.urandom(4).hex()}")
    pipeline.submit(content).wait(timeout=patient(60))

    again = pipeline.submit(content).wait(timeout=patient(60))
    skipped = pipeline.submit(content, skip_existing=True).wait(timeout=patient(60))

    assert all(row.message.startswith("Completed") for row in again.documents())
    for row, first in zip(skipped.documents(), again.documents(), strict=True):
        assert row.status is Status.COMPLETED
        assert "already processed" in row.message
        assert row.chunks == first.chunks
    assert len(skipped.search("terminate")) > 0


def test_a_name_can_hold_anything(pipeline):
    names = [
        "../../etc/passwd.txt",
        "<script>alert(1)</script>.txt",
        "two\nlines\x1b[31m.txt",
        "emoji-🚀-ünïcödé.txt",
        "x" * 300 + ".txt",
        os.fsdecode(b"not-utf-8-\xff\xfe.txt"),
        "\u202etxt.exe.txt",
    ]
    run = pipeline.submit([(name, TEXT.encode()) for name in names]).wait(
        timeout=patient(60)
    )

    frame = run.to_frame()
    assert set(frame["status"]) == {"completed"}
    for name in frame["name"]:
        assert len(name) <= 255
        assert not re.search(r"[\x00-\x1f/]", name)


def test_a_step_of_ones_own_takes_its_place(
    pipeline, shared_home, tmp_path, monkeypatch
):
    (tmp_path / "my_steps.py").write_text(
        "from dataclasses import replace\n"
        "def shout(pages):\n"
        "    for page in pages:\n"
        "        yield replace(page, text=page.text.upper())\n"
    )
    monkeypatch.chdir(tmp_path)
    with Pipeline(home=shared_home, steps=["my_steps:shout"]) as own:
        run = own.submit(texts(2)).wait(timeout=patient(60))

    assert set(run.to_frame()["status"]) == {"completed"}
    assert "shout_seconds" in run.to_frame()
    found = own.store.open().results.pages(run.documents()[0].id)[0].text
    assert "TERMINATE" in found
    own.close()


def test_a_step_that_raises_fails_its_document_with_the_cause(
    pipeline, shared_home, tmp_path, monkeypatch
):
    (tmp_path / "bad_steps.py").write_text(
        "def bad(pages):\n"
        "    for page in pages:\n"
        "        raise ValueError('the moon is full')\n"
        "        yield page\n"
    )
    monkeypatch.chdir(tmp_path)
    with Pipeline(home=shared_home, steps=["bad_steps:bad"]) as own:
        run = own.submit(texts(1)).wait(timeout=patient(60))
        row = run.documents()[0]

    assert row.status is Status.FAILED
    assert row.error == "contract-0.txt: ValueError: the moon is full"
    assert row.attempt == 1
    assert row.progress < 100


def test_what_may_pass_is_tried_again(pipeline, shared_home, tmp_path, monkeypatch):
    (tmp_path / "flaky_steps.py").write_text(
        "from pathlib import Path\n"
        "from docprogress import TransientError\n"
        f"mark = Path({str(tmp_path)!r}) / 'tried'\n"
        "def flaky(pages):\n"
        "    if not mark.exists():\n"
        "        mark.touch()\n"
        "        raise TransientError('the disk was full')\n"
        "    yield from pages\n"
    )
    monkeypatch.chdir(tmp_path)
    with Pipeline(home=shared_home, steps=["flaky_steps:flaky"]) as own:
        run = own.submit(texts(1)).wait(timeout=patient(60))
        row = run.documents()[0]
        events = run.events()

    assert row.status is Status.COMPLETED
    assert row.attempt == 2
    assert any("the disk was full" in message for message in events["message"])


def test_a_step_that_is_not_there_is_an_error_before_anything_starts(shared_home):
    with pytest.raises(StepError, match="no_such_module"):
        Pipeline(home=shared_home, steps=["no_such_module:step"], start=False)


SLOW = """
import time
from dataclasses import replace

def slow(pages):
    for page in pages:
        for number in range(1, 601):
            time.sleep(0.05)
            yield replace(page, number=number)

def silent(pages):
    time.sleep(60)
    yield from pages

def stubborn(pages):
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            time.sleep(60)
        except Exception:
            pass
    yield from pages
"""


def test_cancelling_ends_queued_and_running_documents(home, tmp_path, monkeypatch):
    """Also in a step that yields nothing for a minute, or catches the exception."""
    (tmp_path / "slow_steps.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    for step in ("slow", "silent", "stubborn"):
        with Pipeline(
            home=home, workers=2, lease_seconds=3, steps=[f"slow_steps:{step}"]
        ) as own:
            run = own.submit(texts(6))
            eventually(lambda run=run: run.documents(status=Status.PROCESSING))

            assert run.cancel() == 6, step
            run.wait(timeout=patient(30))

            ends = {(row.status, row.error) for row in run.documents()}
            assert ends == {(Status.CANCELLED, None)}, step
        with Pipeline(home=home) as other:
            after = other.submit(texts(4, "after")).wait(timeout=patient(30))
            assert {row.status for row in after.documents()} == {Status.COMPLETED}, step


def test_a_failed_document_can_be_tried_again(
    pipeline, shared_home, tmp_path, monkeypatch
):
    (tmp_path / "mended_steps.py").write_text(
        "def mended(pages):\n    raise ValueError('not yet')\n"
    )
    monkeypatch.chdir(tmp_path)
    with Pipeline(home=shared_home, steps=["mended_steps:mended"]) as own:
        run = own.submit(texts(1)).wait(timeout=patient(60))
        assert run.documents()[0].status is Status.FAILED
        (tmp_path / "mended_steps.py").write_text(
            "def mended(pages):\n    yield from pages\n"
        )

        assert run.retry() == 1
        run.wait(timeout=patient(60))

        row = run.documents()[0]
        assert (row.status, row.attempt, row.error) == (Status.COMPLETED, 2, None)
        assert run.retry() == 0


def test_a_large_run_is_cancelled_and_tried_again_part_by_part(
    redis_url, tmp_path, monkeypatch
):
    monkeypatch.setattr("docprogress.client.batches.CHANGED_TOGETHER", 2)
    with Pipeline(
        home=tmp_path,
        redis_url=redis_url,
        database_url=f"sqlite:///{tmp_path / 'store.db'}",
        storage_url=(tmp_path / "files").as_uri(),
    ) as own:
        run, other = own.submit(texts(5)), own.submit(texts(1))

        assert run.cancel() == 5
        assert run.cancel() == 0
        assert own.bus.counts(run.id)[Status.CANCELLED] == 5
        assert run.retry() == 5
        assert run.retry() == 0
        assert {row.attempt for row in run.documents()} == {2}
        assert own.bus.counts(run.id)[Status.QUEUED] == 5
        assert other.documents()[0].attempt == 1


def test_runs_are_found_by_the_beginning_of_their_id(pipeline):
    run = pipeline.submit(texts(1)).wait(timeout=patient(60))

    assert pipeline.attach(run.id[:-1]).id == run.id
    assert pipeline.attach("latest").id == run.id
    with pytest.raises(RunNotFound):
        pipeline.attach("no such run")


def test_a_redis_that_is_not_there_is_an_error_before_anything_starts(tmp_path):
    url = "redis://user:secret-word@127.0.0.1:1/0"
    with Pipeline(home=tmp_path / "h", redis_url=url) as own:
        with pytest.raises(BusError) as caught:
            own.submit(texts(1))
        assert own.runs() == []
        assert "secret-word" not in repr(own)
    assert "secret-word" not in str(caught.value)


def test_another_process_attaches_to_a_run(pipeline, shared_home):
    run = pipeline.submit(texts(2)).wait(timeout=patient(60))
    code = (
        "from docprogress import Pipeline\n"
        f"run = Pipeline(home={str(shared_home)!r}).attach({run.id!r})\n"
        f"print(run.wait({patient(10)}).progress().summary())\n"
    )

    completed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )

    assert "2 completed" in completed.stdout, completed.stderr


@pytest.fixture
def web():
    """A server that answers 404, a page, and a text; the beginning of its URLs."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/missing.pdf":
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            page = self.path == "/login.pdf"
            self.wfile.write(b"<html>Log in</html>" if page else TEXT.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_documents_are_fetched_by_their_urls_and_no_password_is_shown(
    pipeline, shared_home, web
):
    paths = ["missing.pdf", "login.pdf", "notes.txt"]
    urls = [f"http://user:secret-word@{web}/{path}" for path in paths]

    run = pipeline.submit(urls).wait(timeout=patient(60))

    missing, login, notes = run.documents()
    assert "404" in missing.error
    assert "HTML page instead of a PDF" in login.error
    assert notes.status is Status.COMPLETED
    shown = [repr(row) for row in run.documents()]
    shown += [str(run.to_frame().to_dict()), str(run.events().to_dict()), repr(run)]
    shown += [path.read_text("utf-8") for path in (shared_home / "logs").iterdir()]
    assert "secret-word" not in " ".join(shown)
