"""Exports of runs that change, of long documents, and by processes that are killed."""

import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from support.rows import add_documents, add_run, finish_step

from docprogress.client import export_files, exporting, reading
from docprogress.client.results import DocumentHandle
from docprogress.client.selections import RunSelection
from docprogress.documents import Chunk, Page
from docprogress.events import Status
from docprogress.store import Store, results

COUNT = 12

#: Exports, and is killed at the document with this number.
KILLED = """
import os, signal, sys
from docprogress.client import export_files, exporting, reading
from docprogress.client.selections import RunSelection
from docprogress.store import Store
url, run_id, target, file_format, what, number = sys.argv[1:]
reading.BATCH_DOCUMENTS = 2
export_files.RECORDS_PER_FILE = 1

def progress(done, total):
    print(done, flush=True)
    if done >= int(number):
        os.kill(os.getpid(), signal.SIGKILL)

with Store(url) as store:
    run = store.runs.get(run_id)
    exporting.export(
        store,
        RunSelection(run),
        target,
        format=file_format,
        what=what,
        progress=progress,
    )
"""


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def pages_of(name, count=2):
    table = f"# {name}\n\n| what | of |\n|---|---|\n| bread | {name} |"
    return [
        Page(number=n, text=f"{name} {n}", markdown=table) for n in range(1, count + 1)
    ]


def chunks_of(name, count=3):
    return [
        Chunk(
            number=n,
            text=f"{name} {n}",
            start=0,
            end=1,
            first_page=1,
            last_page=1,
            vector=np.array([n, 0.5], np.float32),
        )
        for n in range(1, count + 1)
    ]


def process(store, document_id, *, fails=False, pages=2, chunks=3):
    """Take a document through all steps."""
    row = store.documents.get(document_id)
    claim = store.attempts.claim(row.id, row.attempt, worker="worker")
    row = claim.document
    if fails:
        return store.attempts.finish(
            row.id, row.attempt, Status.FAILED, message="", error="it is torn"
        )
    made = chunks_of(row.name, chunks)
    plain = [replace(chunk, vector=None) for chunk in made]
    finish_step(store, row, 0, pages=pages_of(row.name, pages))
    finish_step(store, row, 1, chunks=plain)
    finish_step(store, row, 2, chunks=made, facts={"embedder": "hashing"})
    return store.attempts.finish(row.id, row.attempt, Status.COMPLETED, message="")


@pytest.fixture
def run(store):
    """A run of documents of which the fifth has failed."""
    run = add_run(store, expected=COUNT)
    ids = add_documents(store, run, COUNT)
    store.submissions.mark_ready([(each, 1000, "5ha256") for each in ids])
    for number, document_id in enumerate(ids, 1):
        process(store, document_id, fails=number == 5)
    return run


@pytest.fixture
def small_files(monkeypatch):
    """Two documents at a time, which fill a file."""
    monkeypatch.setattr(reading, "BATCH_DOCUMENTS", 2)
    monkeypatch.setattr(export_files, "RECORDS_PER_FILE", 1)


def contents(folder):
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }


def manifest(folder):
    found = json.loads((folder / "manifest.json").read_text())
    del found["created"]
    return found


def export(store, run, target, file_format="jsonl", what="chunks", *, progress=False):
    return exporting.export(
        store,
        RunSelection(run),
        target,
        format=file_format,
        what=what,
        progress=progress,
    )


@pytest.mark.parametrize(
    "kind",
    [
        ("parquet", "chunks"),
        pytest.param(("jsonl", "tables"), marks=pytest.mark.slow),
        pytest.param(("csv", "tables"), marks=pytest.mark.slow),
        ("markdown", "documents"),
        pytest.param(("markdown", "tables"), marks=pytest.mark.slow),
    ],
)
def test_an_export_that_is_killed_again_and_again_ends_as_one_that_was_not(
    store, run, tmp_path, small_files, kind
):
    file_format, what = kind
    if file_format == "parquet":
        pytest.importorskip("pyarrow")
    target = tmp_path / "out"
    firsts = []
    for number in (2, 6, 10):
        arguments = [store_url(tmp_path), run.id, target, file_format, what]
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, *arguments, str(number)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not target.exists()
        firsts.append(int(killed.stdout.split()[0]))

    export(store, run, target, file_format, what)
    whole = export(store, run, tmp_path / "whole", file_format, what)

    # Finished files are not written again.
    assert firsts == sorted(firsts)
    assert firsts[-1] > 2
    assert contents(target) == contents(whole)
    assert manifest(target) == manifest(whole)
    assert {path.name for path in tmp_path.glob("*out*")} == {"out"}


def store_url(folder):
    return f"sqlite:///{folder / 'store.db'}"


def test_a_document_completed_in_the_meantime_is_not_lost(
    store, run, tmp_path, small_files
):
    def interrupt(done, _total):
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(store, run, tmp_path / "out", progress=interrupt)
    [failed] = store.documents.find(run.id, status=Status.FAILED)
    store.documents.retry(document_ids=[failed.id])
    process(store, failed.id)
    found = export(store, run, tmp_path / "out")

    assert manifest(found)["left_out"] == []
    assert manifest(found)["documents"]["completed"] == COUNT
    assert manifest(found)["records"] == 3 * COUNT


def test_a_manifest_counts_each_document_of_a_run_under_way_once(store, tmp_path):
    run = add_run(store, expected=3)
    ids = add_documents(store, run, 3)
    store.submissions.mark_ready([(each, 1000, "5ha256") for each in ids])
    process(store, ids[0])
    store.attempts.claim(ids[1], 1, worker="worker")

    found = manifest(export(store, run, tmp_path / "out"))

    assert found["finished"] is False
    assert found["documents"]["completed"] == 1
    assert [each["status"] for each in found["left_out"]] == ["processing", "queued"]


def test_results_of_a_long_document_are_read_in_slices(store, tmp_path, monkeypatch):
    run = add_run(store, expected=3)
    ids = add_documents(store, run, 3)
    store.submissions.mark_ready([(each, 1000, "5ha256") for each in ids])
    for document_id in ids:
        process(store, document_id, pages=230, chunks=2300)
    whole = list(reading.chunks(store, run.id, vectors=True))
    tables = list(reading.tables(store, run.id))
    monkeypatch.setattr(reading, "BATCH_WEIGHT", 1)
    sizes = []

    def sliced(*arguments, **options):
        for part in original(*arguments, **options):
            sizes.append(len(part))
            yield part

    original = store.results.chunk_slices
    monkeypatch.setattr(store.results, "chunk_slices", sliced)
    chunks = list(reading.chunks(store, run.id, vectors=True))

    assert len(chunks) == len(whole) == 6900
    for chunk, expected in zip(chunks, whole, strict=True):
        assert (chunk.number, chunk.text) == (expected.number, expected.text)
        assert (chunk.vector == expected.vector).all()
    assert max(sizes) == results.CHUNKS_PER_SLICE
    assert [(t.number, t.page, t.rows) for t in reading.tables(store, run.id)] == [
        (t.number, t.page, t.rows) for t in tables
    ]
    assert len(tables) == 690
    assert len(list(reading.pages(store, run.id))) == 690
    for file_format, what in (("markdown", "tables"), ("jsonl", "tables")):
        found = export(store, run, tmp_path / file_format, file_format, what)
        assert manifest(found)["records"] == 690


def test_each_table_is_a_csv_file_with_its_source_in_the_manifest(store, run, tmp_path):
    found = export(store, run, tmp_path / "out", "csv", "tables")

    document, *_ = store.documents.find(run.id)
    with (found / "1.pdf-table-2.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["what", "of"], ["bread", "1.pdf"]]
    assert manifest(found)["sources"]["1.pdf-table-2.csv"] == {
        "document_id": document.id,
        "document": "1.pdf",
        "number": 2,
        "page": 2,
        "title": "1.pdf",
    }


def test_vectors_are_lists_of_a_fixed_size_in_arrow(store, run):
    pa = pytest.importorskip("pyarrow")

    table = exporting.to_arrow(store, RunSelection(run), "chunks")

    assert table.schema.field("vector").type == pa.list_(pa.float32(), 2)
    matrix = table.column("vector").combine_chunks().flatten().to_numpy()
    assert matrix.reshape(-1, 2)[1].tolist() == [2, 0.5]
    rows = exporting.to_arrow(store, RunSelection(run), "tables").column("rows")
    assert rows[0].as_py() == [["what", "of"], ["bread", "1.pdf"]]


def test_vectors_of_several_lengths_are_lists_of_any_size(store, run):
    pa = pytest.importorskip("pyarrow")
    ids = add_documents(store, add_run(store), 1, run_id=run.id, number=COUNT + 1)
    store.submissions.mark_ready([(ids[0], 1000, "5ha256")])
    row = store.documents.get(ids[0])
    claim = store.attempts.claim(row.id, 1, worker="worker")
    longer = [replace(chunks_of("a")[0], vector=np.ones(5, np.float32))]
    finish_step(store, claim.document, 0, pages=pages_of("a"))
    finish_step(store, claim.document, 1, chunks=[replace(longer[0], vector=None)])
    finish_step(store, claim.document, 2, chunks=longer, facts={"embedder": "b"})
    store.attempts.finish(row.id, 1, Status.COMPLETED, message="")

    vectors = exporting.to_arrow(store, RunSelection(run), "chunks").column("vector")

    assert vectors.type == pa.list_(pa.float32())
    assert len(vectors[-1].as_py()) == 5


def test_a_document_has_its_tables(store, run):
    row, *_ = store.documents.find(run.id)

    tables = DocumentHandle(store, row).tables

    assert [(t.number, t.page, t.title) for t in tables] == [
        (1, 1, "1.pdf"),
        (2, 2, "1.pdf"),
    ]
    assert tables[0].to_frame().to_dict("list") == {"what": ["bread"], "of": ["1.pdf"]}
