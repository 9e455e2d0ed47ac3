"""The documents of a folder are what is in it."""

import json
import os
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import fsspec
import pytest
from reportlab.pdfgen import canvas
from support.patience import patient
from support.s3 import KEY, S3, SECRET, moto
from support.scans import drawn, need_ocr, scanned_pdf
from support.services import eventually

from docprogress import Pipeline, Run, Status
from docprogress.errors import (
    ResultsUnavailable,
    SubmitError,
    SyncBusy,
    SyncRefused,
    Unreadable,
)
from docprogress.events import now
from docprogress.store.source_rows import Lock, source_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five files, one of them in a folder."""
    made = tmp_path / "contracts"
    (made / "old").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "c.txt", "d.txt", "old/e.txt"):
        (made / name).write_text(f"The first version of {name}.")
    return made


def synchronized(pipeline: Pipeline, folder: Path | str, **options) -> Run:
    run = pipeline.sync(folder, **options)
    return run.wait(timeout=patient(60))


def contents(pipeline: Pipeline, case: str) -> dict[str, str]:
    """What searches and exports see of a case: the text of each document."""
    found = {}
    for row in pipeline.store.documents.find(case_id=case, current=True):
        assert row.name not in found
        pages = pipeline.store.results.pages(row.id)
        found[row.name] = " ".join(page.text for page in pages)
    return found


def expected(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*.txt")
    }


def stored(pipeline: Pipeline, case: str) -> set[str]:
    """The documents of a case that have a file in the storage."""
    found = set()
    for row in pipeline.store.documents.find(case_id=case):
        with suppress(Unreadable), pipeline.files.local(row.id):
            found.add(row.id)
    return found


def test_only_what_has_changed_is_processed(pipeline, folder):
    first = synchronized(pipeline, folder, case_id="changes")
    assert str(first.changes) == "5 added"
    assert contents(pipeline, "changes") == expected(folder)

    (folder / "a.txt").write_text("The second version.")
    (folder / "b.txt").unlink()
    (folder / "new.txt").write_text("Something new.")
    (folder / "c.txt").touch()
    planned = pipeline.sync(folder, case_id="changes", dry_run=True)
    second = synchronized(pipeline, folder, case_id="changes")

    assert second.changes == planned
    assert planned.added == ("new.txt",)
    assert planned.changed == ("a.txt",)
    assert planned.removed == ("b.txt",)
    assert planned.unchanged == 3
    assert [row.name for row in second.documents()] == ["a.txt", "new.txt"]
    assert contents(pipeline, "changes") == expected(folder)
    current = pipeline.store.documents.find(case_id="changes", current=True)
    ids = {row.id for row in current}
    eventually(lambda: stored(pipeline, "changes") == ids, what="files are left over")
    # The counts of the first run are what they were.
    assert [row.status for row in first.documents()] == [Status.COMPLETED] * 5
    assert len(list(first.chunks())) == 3
    assert pipeline.attach(second.id).changes == second.changes

    third = synchronized(pipeline, folder, case_id="changes")
    assert (third.expected, str(third.changes)) == (0, "5 unchanged")


def test_a_dry_run_changes_nothing(pipeline, folder):
    runs = len(pipeline.runs())

    planned = pipeline.sync(folder, case_id="dry", dry_run=True)

    assert planned.counts["added"] == 5
    assert pipeline.sync(folder, case_id="dry", dry_run=True) == planned
    assert len(pipeline.runs()) == runs


def test_moved_and_copied_files_are_not_processed_again(pipeline, folder):
    synchronized(pipeline, folder, case_id="moves")
    (folder / "a.txt").rename(folder / "old" / "renamed.txt")
    shutil.copy(folder / "b.txt", folder / "copy.txt")

    run = synchronized(pipeline, folder, case_id="moves")

    assert run.changes.moved == (("a.txt", "old/renamed.txt"),)
    assert run.changes.added == ("copy.txt",)
    assert run.changes.removed == ()
    messages = {row.name: row.message for row in run.documents()}
    assert messages == {
        "copy.txt": "Same content as b.txt, already processed",
        "old/renamed.txt": "Same content as a.txt, already processed",
    }
    assert contents(pipeline, "moves") == expected(folder)


def test_files_that_swap_their_names_are_not_processed_again(pipeline, folder):
    synchronized(pipeline, folder, case_id="swap")
    (folder / "a.txt").rename(folder / "x.txt")
    (folder / "b.txt").rename(folder / "a.txt")
    (folder / "x.txt").rename(folder / "b.txt")

    run = synchronized(pipeline, folder, case_id="swap")

    assert run.changes.changed == ("a.txt", "b.txt")
    assert all("already processed" in row.message for row in run.documents())
    assert contents(pipeline, "swap") == expected(folder)


def test_more_than_may_be_gone_is_refused_before_anything_changes(pipeline, folder):
    synchronized(pipeline, folder, case_id="guard")
    for name in ("a.txt", "b.txt"):
        (folder / name).unlink()
    (folder / "new.txt").write_text("Something new.")

    with pytest.raises(SyncRefused, match=r"2 of 5 files .*max_delete='20%'") as error:
        pipeline.sync(folder, case_id="guard")
    assert (error.value.removed, error.value.known) == (2, 5)
    assert len(contents(pipeline, "guard")) == 5

    run = synchronized(pipeline, folder, case_id="guard", max_delete=2)
    assert str(run.changes) == "1 added, 2 removed, 3 unchanged"
    assert contents(pipeline, "guard") == expected(folder)


def test_an_empty_folder_empties_nothing_unless_that_is_confirmed(pipeline, folder):
    synchronized(pipeline, folder, case_id="empty")
    shutil.rmtree(folder)
    with pytest.raises(SubmitError, match="no such file or folder"):
        pipeline.sync(folder, case_id="empty", confirm=True)
    folder.mkdir()

    with pytest.raises(SyncRefused, match="is it a drive that is not mounted"):
        pipeline.sync(folder, case_id="empty", max_delete="100%")
    assert len(contents(pipeline, "empty")) == 5

    pipeline.sync(folder, case_id="empty", confirm=True)
    assert contents(pipeline, "empty") == {}
    assert stored(pipeline, "empty") == set()


def test_a_version_that_fails_leaves_the_earlier_one_until_it_is_good(pipeline, folder):
    (folder / "f.html").write_text("<p>The first version.</p>")
    synchronized(pipeline, folder, case_id="failing")
    before = contents(pipeline, "failing")
    (folder / "f.html").write_bytes(b"")

    run = synchronized(pipeline, folder, case_id="failing")

    [row] = run.documents()
    assert row.status is Status.FAILED
    assert "the version before it is kept" in row.message
    assert contents(pipeline, "failing") == before
    again = synchronized(pipeline, folder, case_id="failing")
    assert again.changes.failed == ("f.html",)
    assert again.changes.reasons["f.html"] == row.error
    retried = synchronized(pipeline, folder, case_id="failing", retry_failed=True)
    assert [row.name for row in retried.documents()] == ["f.html"]

    (folder / "f.html").rename(folder / "g.html")
    moved = synchronized(pipeline, folder, case_id="failing")
    assert str(moved.changes) == "1 moved, 5 unchanged"
    assert contents(pipeline, "failing") == before
    (folder / "g.html").write_text("<p>The second version.</p>")
    synchronized(pipeline, folder, case_id="failing")
    after = contents(pipeline, "failing")
    assert after.pop("g.html") == "The second version."
    assert "f.html" not in after


def test_a_file_of_the_same_size_and_time_is_compared_by_what_changed_it(
    pipeline, folder
):
    path = folder / "a.txt"
    synchronized(pipeline, folder, case_id="times")
    before = path.stat()
    path.write_text(path.read_text().replace("first", "worst"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    run = synchronized(pipeline, folder, case_id="times")

    assert run.changes.changed == ("a.txt",)


def test_two_processes_do_not_synchronize_a_folder_at_once(pipeline, folder):
    synchronized(pipeline, folder, case_id="busy")
    sources = pipeline.store.sources
    other = Lock(source_id(str(folder), "busy"), "elsewhere|1|0|another machine|x")
    sources.lock(other)

    with pytest.raises(SyncBusy, match="process 1 on elsewhere"):
        pipeline.sync(folder, case_id="busy")

    sources.unlock(other)
    assert str(pipeline.sync(folder, case_id="busy").changes) == "5 unchanged"


def test_folders_are_kept_in_sync_for_each_case_by_itself(pipeline, folder):
    synchronized(pipeline, folder, case_id="one")
    (folder / "a.txt").unlink()

    synchronized(pipeline, folder, case_id="two")

    assert len(contents(pipeline, "one")) == 5
    assert contents(pipeline, "two") == expected(folder)


def test_files_whose_documents_were_deleted_are_added_again(pipeline, folder):
    synchronized(pipeline, folder, case_id="deleted").delete()

    run = synchronized(pipeline, folder, case_id="deleted")

    assert str(run.changes) == "5 added"
    assert contents(pipeline, "deleted") == expected(folder)


def steps_of(run: Run) -> dict[str, set[str]]:
    """The steps that each document of a run has done."""
    timings = run.connections.store.results.timings(run.id)
    names = {row.id: row.name for row in run.documents()}
    return {
        name: {timing.step for timing in timings if timing.document_id == document_id}
        for document_id, name in names.items()
    }


def test_other_settings_repeat_the_steps_that_they_affect_and_no_others(
    pipeline, pipeline_with, folder
):
    synchronized(pipeline, folder, case_id="stale")
    chunks, vectors = {"chunk_characters": 200}, {"embedding_tokens": 200}

    with pipeline_with(**chunks) as changed:
        assert changed.sync(folder, case_id="stale", dry_run=True).counts["stale"] == 5
        run = synchronized(changed, folder, case_id="stale")
        assert len(run.changes.stale) == 5
        assert set(map(frozenset, steps_of(run).values())) == {
            frozenset({"chunking", "embedding"})
        }
        assert str(changed.sync(folder, case_id="stale").changes) == "5 unchanged"
    with pipeline_with(**chunks, **vectors) as changed:
        run = synchronized(changed, folder, case_id="stale")
        assert set(map(frozenset, steps_of(run).values())) == {frozenset({"embedding"})}
        assert contents(changed, "stale") == expected(folder)
        for row in run.documents():
            assert all(
                chunk.vector is not None
                for chunk in changed.store.results.chunks(row.id, vectors=True)
            )
    # These are for PDFs and pictures only.
    with pipeline_with(**chunks, **vectors, ocr="never", pdf_engine="pypdf") as changed:
        assert str(changed.sync(folder, case_id="stale").changes) == "5 unchanged"


def test_a_folder_in_memory_is_kept_in_sync(pipeline):
    system = fsspec.filesystem("memory")
    system.pipe("/office/a.txt", b"The first version.")
    system.pipe("/office/sub/b.txt", b"Another.")
    synchronized(pipeline, "memory://office", case_id="memory")
    system.pipe("/office/a.txt", b"The worst version.")
    system.pipe("/office/sub/b.txt", b"Another.")

    run = synchronized(pipeline, "memory://office/", case_id="memory")

    assert str(run.changes) == "1 changed, 1 unchanged"
    assert contents(pipeline, "memory") == {
        "a.txt": "The worst version.",
        "sub/b.txt": "Another.",
    }


def test_a_folder_that_a_web_server_lists_is_kept_in_sync(pipeline, folder):
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://user:secret@127.0.0.1:{server.server_port}"
        synchronized(pipeline, url, case_id="web")
        assert contents(pipeline, "web") == expected(folder)
        (folder / "a.txt").write_text("The second version.")

        run = synchronized(pipeline, url, case_id="web")

        assert str(run.changes) == "1 changed, 4 unchanged"
        assert contents(pipeline, "web") == expected(folder)
        server.shutdown()
        with pytest.raises(SubmitError) as error:
            server.server_close()
            pipeline.sync(url, case_id="web")
    assert "secret" not in f"{error.value} {run.changes} {run.record}"
    source = pipeline.store.sources.get(run.changes.root, "web")
    assert "secret" not in str(source)


def test_an_archive_that_has_changed_replaces_its_members(pipeline, tmp_path):
    folder = tmp_path / "mail"
    folder.mkdir()

    def write(**members: str) -> None:
        with zipfile.ZipFile(folder / "box.zip", "w") as box:
            for name, text in members.items():
                box.writestr(f"{name}.txt", text)

    write(same="It stays.", changed="Version 1.", vanished="Nothing.")
    synchronized(pipeline, folder, case_id="box")
    write(same="It stays.", changed="Version 2.", new="Something.")

    run = synchronized(pipeline, folder, case_id="box")

    assert str(run.changes) == "1 changed"
    assert contents(pipeline, "box") == {
        "box.zip": "",
        "box.zip/same.txt": "It stays.",
        "box.zip/changed.txt": "Version 2.",
        "box.zip/new.txt": "Something.",
    }
    (folder / "box.zip").unlink()
    pipeline.sync(folder, case_id="box", confirm=True)
    assert contents(pipeline, "box") == {}
    assert stored(pipeline, "box") == set()


def test_a_run_says_that_earlier_versions_are_kept(pipeline, folder):
    (folder / "f.html").write_text("<p>The first version.</p>")
    first = synchronized(pipeline, folder, case_id="says")
    (folder / "f.html").write_bytes(b"")

    run = synchronized(pipeline, folder, case_id="says")

    assert run.summary() == "1 document: 1 failed; 1 earlier version kept"
    (folder / "f.html").write_text("<p>The second version.</p>")
    synchronized(pipeline, folder, case_id="says")
    with pytest.raises(ResultsUnavailable, match="replaced by a newer version"):
        _ = first["f.html"].text


def test_runs_that_find_nothing_to_do_do_not_pile_up(pipeline, folder):
    runs = [synchronized(pipeline, folder, case_id="idle") for _ in range(4)]

    assert [row.id for row in pipeline.runs(case_id="idle")] == [
        runs[-1].id,
        runs[0].id,
    ]
    assert repr(runs[-1]).endswith(": 5 unchanged>")


def test_runs_with_documents_of_a_folder_are_not_old(pipeline, folder):
    first = synchronized(pipeline, folder, case_id="old")
    assert first.id not in pipeline.store.runs.old(now() + timedelta(days=1))[0]
    (folder / "a.txt").unlink()
    other = synchronized(pipeline, folder, case_id="old")
    finished, _ = pipeline.store.runs.old(now() + timedelta(days=1))
    assert first.id not in finished
    shutil.rmtree(folder)
    folder.mkdir()
    pipeline.sync(folder, case_id="old", confirm=True)

    finished, _ = pipeline.store.runs.old(now() + timedelta(days=1))
    assert {first.id, other.id} <= set(finished)


def test_a_file_that_is_too_large_is_not_stored_again_and_again(pipeline_with, folder):
    with pipeline_with(max_bytes=100) as pipeline:
        (folder / "a.txt").write_text("a" * 101)
        synchronized(pipeline, folder, case_id="large")

        run = synchronized(pipeline, folder, case_id="large")

    assert run.changes.failed == ("a.txt",)
    assert "the limit is 100" in run.changes.reasons["a.txt"]


def test_recognition_of_text_repeats_the_documents_that_lack_it(pipeline_with, folder):
    need_ocr()
    (folder / "scan.pdf").write_bytes(scanned_pdf(drawn()))
    page = canvas.Canvas(str(folder / "text.pdf"))
    for line in range(20):
        page.drawString(72, 72 + 20 * line, f"Line {line} of a page with enough text.")
    page.save()
    with pipeline_with(ocr="never") as before:
        synchronized(before, folder, case_id="ocr")

    with pipeline_with() as pipeline:
        run = synchronized(pipeline, folder, case_id="ocr")

        assert run.changes.stale == ("scan.pdf",)
        assert run["scan.pdf"].row.ocr_pages == 1
        assert str(pipeline.sync(folder, case_id="ocr").changes) == "7 unchanged"


@pytest.fixture(scope="module")
def moto_port():
    with moto() as port:
        yield port


@pytest.mark.slow
def test_a_folder_in_s3_is_kept_in_sync_without_keeping_its_secrets(
    pipeline, moto_port
):
    with S3(moto_port) as s3:
        s3.client.create_bucket(Bucket="office")
        options = {"endpoint_url": s3.url, "key": KEY, "secret": SECRET}

        def put(key: str, text: str) -> None:
            s3.client.put_object(Bucket="office", Key=key, Body=text.encode())

        def synchronize() -> Run:
            where = "s3://office/contracts"
            return synchronized(pipeline, where, case_id="s3", storage_options=options)

        put("contracts/a.txt", "The first version.")
        put("contracts/old/b.txt", "Another.")
        put("other/c.txt", "Elsewhere.")
        assert str(synchronize().changes) == "2 added"
        put("contracts/a.txt", "The worst version.")
        put("contracts/old/b.txt", "Another.")
        s3.asked.clear()

        run = synchronize()

        assert str(run.changes) == "1 changed, 1 unchanged"
        # Its ETag says that the other is the same.
        read = [each.path for each in s3.asked if each.method == "GET"]
        assert not any("b.txt" in path for path in read)
        assert contents(pipeline, "s3") == {
            "a.txt": "The worst version.",
            "old/b.txt": "Another.",
        }
        s3.away.set()
        with pytest.raises(SubmitError) as error:
            synchronize()
        assert len(contents(pipeline, "s3")) == 2
    source = pipeline.store.sources.get("s3://office/contracts", "s3")
    assert SECRET not in f"{error.value} {run.record} {source}"


def test_what_is_current_in_a_folder_is_exported(pipeline, folder, tmp_path):
    """Over all synchronizations, with members, and versions that are kept."""

    def write_box(page: str) -> None:
        with zipfile.ZipFile(folder / "box.zip", "w") as box:
            box.writestr("page.html", page)
            box.writestr("other.txt", "Another one.")

    write_box("<p>The first page.</p>")
    (folder / "f.html").write_text("<p>The first version.</p>")
    synchronized(pipeline, folder, case_id="exported")
    (folder / "a.txt").write_text("The second version of a.")
    (folder / "b.txt").unlink()
    (folder / "f.html").write_bytes(b"")
    write_box("")
    synchronized(pipeline, folder, case_id="exported")

    current = pipeline.folder(folder, case_id="exported")
    target = current.export(tmp_path / "out", format="jsonl", what="pages")

    lines = (target / "pages-00000.jsonl").read_text().splitlines()
    found = {(each := json.loads(line))["document"]: each["text"] for line in lines}
    seen = contents(pipeline, "exported")
    assert found == {name: text for name, text in seen.items() if text}
    assert found["a.txt"] == "The second version of a."
    assert found["box.zip/page.html"] == "The first page."
    manifest = json.loads((target / "manifest.json").read_text())
    left_out = [each["document"] for each in manifest["left_out"]]
    assert left_out == ["box.zip/page.html", "f.html"]
    assert manifest["folder"] == str(folder)
    assert {chunk.text for chunk in current.chunks()} == set(found.values())
    with pytest.raises(SubmitError, match="never synchronized in case 'another'"):
        pipeline.folder(folder, case_id="another")


def test_at_every_moment_each_file_is_there_once(pipeline, folder):
    """Whatever is being replaced or moved meanwhile."""
    synchronized(pipeline, folder, case_id="moments")
    names = set(expected(folder))
    for name in names - {"d.txt"}:
        (folder / name).write_text(f"The second version of {name}.")
    (folder / "d.txt").rename(folder / "moved.txt")
    moves = {frozenset(names), frozenset(names - {"d.txt"} | {"moved.txt"})}
    seen: list[frozenset[str]] = []
    ended = Event()

    def look() -> None:
        while not ended.is_set():
            rows = pipeline.store.documents.find(case_id="moments", current=True)
            seen.append(frozenset(row.name for row in rows))
            assert len(rows) == len(names), [row.name for row in rows]
            table = pipeline.folder(folder, case_id="moments").to_arrow("pages")
            seen.append(frozenset(table["document"].to_pylist()))
            assert len(table) == len(names), table["document"]

    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(look)
        synchronized(pipeline, folder, case_id="moments")
        ended.set()
        looking.result()

    assert set(seen) <= moves
    assert contents(pipeline, "moments") == expected(folder)
