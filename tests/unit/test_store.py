"""The store, on SQLite and on PostgreSQL."""

import os
import shutil
import sqlite3
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from support.forked import Child
from support.patience import patient
from support.rows import (
    CHUNKS,
    EMBEDDED,
    PAGES,
    STEPS,
    add_document,
    add_documents,
    add_run,
    claimed,
    complete,
    delete_run,
    document,
    finish_step,
    run,
)

from docprogress.documents import Chunk, Page
from docprogress.errors import (
    Cancelled,
    DocumentNotFound,
    RunNotFound,
    StoreError,
    StoreUnavailable,
    Superseded,
    TransientError,
)
from docprogress.events import FINAL_NUMBER, Status, now
from docprogress.store import (
    AttemptStatus,
    DocumentRow,
    NewDocument,
    Store,
)

__all__ = ["claimed", "document", "run"]

#: What no name of a file, a person or a program may do to the store.
HOSTILE = [
    "'; DROP TABLE document; --",
    '%s %(id)s :id ? {} \\ "quoted" `x`',
    "naïve — 日本語 — 🇩🇪 — e\u0301",
    "\u202egpj.exe\u2066",
    "a\nb\r\n\tc\x1b[31m",
    "x" * 10_000,
    "",
    " ",
]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables; copying it is quicker than making it."""
    path = tmp_path_factory.mktemp("empty") / "docprogress.db"
    with Store(f"sqlite:///{path}"):
        pass
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, empty_database: Path) -> str:
    path = shutil.copy(empty_database, tmp_path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database that is there and empty."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store(database_url) as store:
        yield store


def everything(store: Store) -> dict[str, list[tuple]]:
    """Every row of every table."""
    with store.database.reading() as connection:
        tables = sa.inspect(connection).get_table_names()
        return {
            name: sorted(
                map(repr, connection.execute(sa.text(f"SELECT * FROM {name}")))
            )
            for name in tables
        }


def plain(chunks: list[Chunk]) -> list[Chunk]:
    """Chunks that can be compared: arrays cannot."""
    return [
        chunk if chunk.vector is None else replace(chunk, vector=chunk.vector.tolist())
        for chunk in chunks
    ]


# Submitting


def test_new_document_waits_to_be_uploaded(store, run):
    [document_id] = add_documents(store, run, 1)

    row = store.documents.get(document_id)

    assert (row.status, row.ready, row.attempt) == (Status.QUEUED, False, 1)
    assert row.message == "Waiting to be uploaded"
    assert row.step == "extraction"
    assert store.submissions.unfinished() == [run.id]
    assert store.documents.queued() == []


def test_ready_document_waits_for_a_worker(store, run):
    [document_id] = add_documents(store, run, 1)

    store.submissions.mark_ready([(document_id, 12, "ab")])

    row = store.documents.get(document_id)
    assert (row.ready, row.size, row.sha256, row.message) == (True, 12, "ab", "Queued")
    assert [queued.id for queued in store.documents.queued()] == [row.id]
    assert store.submissions.unfinished() == []


def test_document_cancelled_during_its_upload_stays_cancelled(store, run):
    [document_id] = add_documents(store, run, 1)
    store.documents.cancel(document_ids=[document_id])

    store.submissions.mark_ready([(document_id, 12, "ab")])

    assert store.documents.get(document_id).status is Status.CANCELLED
    assert store.documents.queued() == []
    [retried] = store.documents.retry(document_ids=[document_id])
    assert (retried.status, retried.size, retried.sha256) == (Status.QUEUED, 12, "ab")


def test_documents_are_added_all_or_none(store, run):
    one = NewDocument(id="a", run_id=run.id, number=1, name="a.pdf")

    with pytest.raises(StoreError):
        store.submissions.add([one, replace(one, id="b")])

    assert store.documents.find() == []


def test_document_of_an_unknown_run_is_refused(store):
    with pytest.raises(StoreError):
        store.submissions.add([NewDocument(id="a", run_id="?", number=1, name="a")])


def test_nothing_to_add_is_nothing(store):
    store.submissions.add([])
    store.submissions.mark_ready([])

    assert store.documents.find() == []


def test_run_comes_back_as_it_was_submitted(store):
    steps = [{"name": "é\ud800\x00", "weight": 1.5, "queue": None}]
    run = add_run(store, case_id="case", steps=steps, settings={"a": [1, None, "ü"]})

    assert store.runs.get(run.id) == run


def test_unknown_ids_are_not_found(store):
    for unknown in ("nobody", "nul\x00", "half\ud800", "", "x" * 100_000):
        with pytest.raises(RunNotFound):
            store.runs.get(unknown)
        with pytest.raises(RunNotFound):
            store.runs.delete_empty(unknown)
        with pytest.raises(DocumentNotFound):
            store.documents.get(unknown)
        assert store.documents.find(unknown) == []
        assert store.documents.find(ids=[unknown]) == []
        assert store.attempts.claim(unknown, 1, worker="worker") is None


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_was(store, text):
    run = add_run(store, run_id=f"r{text}", case_id=text, fingerprint=text)
    document = add_document(store, run, name=text, url=text, step=text)
    store.attempts.claim(document.id, 1, worker=text)
    finish_step(
        store,
        document,
        step=text,
        pages=[Page(number=1, text=text)],
        facts={"title": text, "note": text},
    )
    row = store.attempts.finish(document.id, 1, Status.FAILED, message=text, error=text)

    assert row == store.documents.get(document.id)
    assert {row.name, row.url, row.case_id, row.error} == {text}
    # An empty fact is none.
    assert {row.title, row.note} == {text or None}
    assert {row.worker, row.message} == {text}
    assert store.results.pages(document.id) == [Page(number=1, text=text)]
    assert store.documents.find(run.id, case_id=text) == [row]
    assert [found.id for found in store.runs.find(case_id=text)] == [run.id]


def test_characters_no_database_accepts_are_replaced_one_for_one(store, run):
    name = "a\x00b\udcffc"
    store.submissions.add(
        [NewDocument(id="i\x00d", run_id=run.id, number=1, name=name)]
    )
    store.submissions.mark_ready([("i\x00d", 1, "x\x00")])
    document = replace(store.documents.get("i\x00d"), id="i\x00d")
    assert store.attempts.claim(document.id, 1, worker="w\x00") is not None
    text = "zero \x00, half \ud83d, whole \U0001f600"
    chunk = Chunk(number=1, text=text, start=0, end=30, first_page=1, last_page=1)
    finish_step(store, document, pages=[Page(number=1, text=text)], chunks=[chunk])

    expected = "zero \ufffd, half \ufffd, whole \U0001f600"
    assert store.documents.get(document.id).name == "a\ufffdb\ufffdc"
    assert store.results.pages(document.id) == [Page(number=1, text=expected)]
    assert [chunk.text for chunk in store.results.chunks(document.id)] == [expected]
    assert store.documents.get(document.id).characters == len(text)


# The life of an attempt


def test_claim_gives_the_document_and_its_run(store, run, document):
    claim = store.attempts.claim(document.id, 1, worker="worker")

    assert claim is not None
    assert claim.run == run
    assert claim.document == store.documents.get(document.id)
    assert claim.document.status is Status.PROCESSING
    assert claim.document.worker == "worker"
    assert claim.document.started_at is not None
    [attempt] = store.attempts.of_run(run.id)
    assert (attempt.number, attempt.status) == (1, AttemptStatus.PROCESSING)
    assert (attempt.worker, attempt.finished_at) == ("worker", None)


def test_attempt_is_claimed_once(store, document):
    assert store.attempts.claim(document.id, 1, worker="first") is not None
    assert store.attempts.claim(document.id, 1, worker="second") is None

    assert store.documents.get(document.id).worker == "first"


def test_document_without_its_bytes_cannot_be_claimed(store, run):
    [document_id] = add_documents(store, run, 1)

    assert store.attempts.claim(document_id, 1, worker="worker") is None


@pytest.mark.parametrize("attempt", [0, 2])
def test_another_attempt_cannot_be_claimed(store, document, attempt):
    assert store.attempts.claim(document.id, attempt, worker="worker") is None


def test_processing_attempt_can_be_resumed(store, run, claimed):
    claim = store.attempts.resume(claimed.id, 1, worker="another")

    assert claim is not None
    assert claim.run == run
    assert claim.document.worker == "another"
    assert store.attempts.resume(claimed.id, 2) is None


def test_waiting_attempt_cannot_be_resumed(store, document):
    assert store.attempts.resume(document.id, 1) is None


def test_attempt_handed_over_continues_as_the_same_attempt(store, run, claimed):
    finish_step(store, claimed, pages=PAGES)

    row = store.attempts.hand_over(claimed.id, 1, message="Waiting for queue gpu")
    claim = store.attempts.claim(claimed.id, 1, worker="gpu")

    assert (row.status, row.message) == (Status.QUEUED, "Waiting for queue gpu")
    assert claim is not None
    assert (claim.document.next_step, claim.document.worker) == (1, "gpu")
    assert claim.document.started_at == claimed.started_at
    assert [attempt.number for attempt in store.attempts.of_run(run.id)] == [1]


def test_finished_step_is_kept(store, run, claimed):
    started = now()

    cancelled = finish_step(
        store,
        claimed,
        pages=PAGES,
        started_at=started,
        facts={"media_type": "text/plain", "note": 7, "colour": "red"},
    )

    assert cancelled is False
    row = store.documents.get(claimed.id)
    assert (row.next_step, row.step, row.progress) == (1, "chunking", 60)
    assert (row.pages, row.characters) == (2, 26)
    assert (row.media_type, row.note) == ("text/plain", "7")
    assert store.results.pages(claimed.id) == PAGES
    [timing] = store.results.timings(run.id)
    assert (timing.position, timing.step, timing.started_at) == (
        0,
        "extraction",
        started,
    )
    assert (timing.seconds, timing.items, timing.unit) == (0.25, 2, "page")


def test_facts_of_an_earlier_step_stay(store, claimed):
    finish_step(store, claimed, 0, facts={"engine": "pdfium"})
    finish_step(store, claimed, 1, facts={"embedder": "hashing"})

    row = store.documents.get(claimed.id)
    assert (row.engine, row.embedder) == ("pdfium", "hashing")


def test_step_finished_twice_leaves_each_row_once(store, claimed):
    finish_step(store, claimed, 0, pages=PAGES)
    finish_step(store, claimed, 1, chunks=EMBEDDED)
    before = everything(store)

    finish_step(store, claimed, 0, pages=PAGES)
    finish_step(store, claimed, 1, chunks=EMBEDDED)

    after = everything(store)
    for table in ("page", "chunk", "vectors", "attempt"):
        assert after[table] == before[table]
    assert len(after["step_timing"]) == 2


def test_results_of_a_step_are_replaced(store, claimed):
    finish_step(store, claimed, 0, pages=PAGES, chunks=EMBEDDED)

    other = [Page(number=7, text="Other"), Page(number=1, text="pages")]
    finish_step(store, claimed, 0, pages=other, chunks=CHUNKS[1:])

    assert store.results.pages(claimed.id) == other[::-1]
    assert plain(store.results.chunks(claimed.id, vectors=True)) == plain(CHUNKS[1:])
    row = store.documents.get(claimed.id)
    assert (row.pages, row.characters, row.chunks) == (2, 10, 1)

    finish_step(store, claimed, 0, pages=[], chunks=[])

    assert store.results.pages(claimed.id) == []
    assert store.results.chunks(claimed.id) == []
    assert store.documents.get(claimed.id).pages == 0


def test_vectors_come_back_with_their_chunks(store, run, claimed):
    finish_step(store, claimed, chunks=EMBEDDED[::-1], facts={"embedder": "hashing"})

    assert plain(store.results.chunks(claimed.id, vectors=True)) == plain(EMBEDDED)
    assert plain(store.results.chunks(claimed.id)) == plain(CHUNKS)
    assert plain(store.results.chunks_numbered(claimed.id, [2, 99, 2])) == plain(
        CHUNKS[1:]
    )
    [(document_id, first, vectors)] = store.vectors.in_run(run.id)
    assert (document_id, first) == (claimed.id, 1)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1, 0.5, -1], [2, 0.5, -1]]


def test_numbers_and_vectors_of_other_kinds_are_taken(store, claimed):
    chunk = Chunk(
        number=np.int64(3),
        text="x",
        start=np.int32(0),
        end=np.uint8(1),
        first_page=np.int16(1),
        last_page=1,
        vector=[1, 2.5],
    )

    finish_step(store, claimed, chunks=[chunk], pages=[Page(number=True, text="x")])

    [found] = store.results.chunks(claimed.id, vectors=True)
    assert (found.number, found.end) == (3, 1)
    assert found.vector.tolist() == [1, 2.5]


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.96, 1])
def test_vectors_come_back_to_the_bit_however_many_numbers_are_zero(
    store, run, claimed, share
):
    random = np.random.default_rng(7)
    there = random.random((5, 333)) < share
    given = np.where(there, random.standard_normal((5, 333)), -0.0).astype("<f4")
    given[:, ::7] *= -1
    chunks = [
        replace(CHUNKS[0], number=number, vector=row)
        for number, row in enumerate(given)
    ]

    finish_step(store, claimed, chunks=chunks)

    [(_, _, found)] = store.vectors.in_run(run.id)
    assert found.tobytes() == given.tobytes()


def test_vectors_of_mostly_zeros_take_little_room(store, claimed):
    vector = np.zeros(1024, np.float32)
    vector[:50] = 1
    chunks = [replace(CHUNKS[0], number=number, vector=vector) for number in range(20)]

    finish_step(store, claimed, chunks=chunks)

    with store.database.reading() as connection:
        stored = connection.exec_driver_sql("SELECT data FROM vectors").scalar()
    assert len(stored) == 20 * (1024 // 8 + 50 * 4)


def test_each_vector_is_beside_its_chunks_number(store, run, claimed):
    numbers = [*range(1, 1500), *range(2000, 2010), 5000]
    chunks = [
        replace(CHUNKS[0], number=number, vector=np.array([number], np.float32))
        for number in numbers
    ]

    finish_step(store, claimed, chunks=chunks)

    parts = list(store.vectors.in_run(run.id))
    assert max(len(vectors) for _, _, vectors in parts) <= 1024
    found = [first + i for _, first, vectors in parts for i in range(len(vectors))]
    assert found == numbers
    assert np.concatenate([v for *_, v in parts])[:, 0].tolist() == numbers
    stored = store.results.chunks(claimed.id, vectors=True)
    assert [chunk.vector.tolist() for chunk in stored] == [[n] for n in numbers]


@pytest.mark.parametrize(
    "vectors",
    [
        ([1.0], None),
        ([1.0], [1.0, 2.0]),
        (1.0, 2.0),
        ([[1.0]], [[2.0]]),
    ],
)
def test_vectors_that_do_not_match_are_refused_and_nothing_is_kept(
    store, claimed, vectors
):
    chunks = [replace(c, vector=v) for c, v in zip(CHUNKS, vectors, strict=True)]
    before = everything(store)

    with pytest.raises(StoreError, match="vector"):
        finish_step(store, claimed, chunks=chunks, pages=PAGES)

    assert everything(store) == before


def test_duplicate_numbers_raise_an_error(store, claimed):
    before = everything(store)

    with pytest.raises(StoreError, match="two pages have the number 2"):
        finish_step(store, claimed, pages=[*PAGES, replace(PAGES[1], text="Another.")])
    with pytest.raises(StoreError, match="two chunks have the number 1"):
        finish_step(store, claimed, chunks=[*CHUNKS, CHUNKS[0]])

    assert everything(store) == before


@pytest.mark.parametrize(
    "pages",
    [
        [Page(number=2**70, text="x")],
        [*PAGES, Page(number=-(2**63) - 1, text="x")],
    ],
)
def test_pages_the_database_refuses_change_nothing(store, claimed, pages):
    before = everything(store)

    with pytest.raises(StoreError):
        finish_step(store, claimed, pages=pages)

    assert everything(store) == before


def test_worker_learns_of_a_cancel_as_a_step_ends(store, claimed):
    store.documents.cancel(document_ids=[claimed.id])

    assert finish_step(store, claimed, pages=PAGES) is True


def test_document_completes_at_a_hundred(store, run, document):
    row = complete(store, document)

    assert (row.status, row.progress, row.message) == (
        Status.COMPLETED,
        100,
        "Completed",
    )
    assert row.finished_at == row.updated_at
    assert row == store.documents.get(document.id)
    [attempt] = store.attempts.of_run(run.id)
    assert attempt.status is AttemptStatus.COMPLETED
    assert attempt.finished_at == row.finished_at
    assert [t.step for t in store.results.timings(run.id)] == [s["name"] for s in STEPS]


@pytest.mark.parametrize(
    ("progress", "expected"), [(None, 60), (10.0, 60), (61.5, 61.5), (100.0, 99.9)]
)
def test_failure_leaves_progress_where_it_was(store, run, claimed, progress, expected):
    finish_step(store, claimed)

    row = store.attempts.finish(
        claimed.id, 1, Status.FAILED, message="Failed", error="why", progress=progress
    )

    assert (row.progress, row.error) == (expected, "why")
    [attempt] = store.attempts.of_run(run.id)
    assert (attempt.status, attempt.error) == (AttemptStatus.FAILED, "why")


def test_waiting_document_can_fail_and_cannot_complete(store, run, document):
    with pytest.raises(Superseded):
        store.attempts.finish(document.id, 1, Status.COMPLETED, message="Completed")

    row = store.attempts.finish(
        document.id, 1, Status.FAILED, message="Failed", error="why"
    )

    assert row.status is Status.FAILED
    assert store.attempts.of_run(run.id) == []


def test_attempt_cannot_end_without_an_end(store, claimed):
    with pytest.raises(ValueError, match="queued"):
        store.attempts.finish(claimed.id, 1, Status.QUEUED, message="?")


def test_progress_within_a_step_is_kept_short_of_the_end(store, claimed):
    store.attempts.save_progress(
        claimed.id, 1, progress=100, step="ocr", message="Page 3 of 4"
    )

    row = store.documents.get(claimed.id)
    assert (row.progress, row.step, row.message) == (99.9, "ocr", "Page 3 of 4")


def test_fetched_content_is_kept(store, claimed):
    store.attempts.set_content(claimed.id, 1, size=5, sha256="cd")

    assert store.documents.get(claimed.id).size == 5
    assert store.documents.get(claimed.id).sha256 == "cd"


WRITES: dict[str, Callable[[Store, DocumentRow], object]] = {
    "finish_step": lambda s, d: finish_step(s, d, pages=PAGES, chunks=EMBEDDED),
    "finish": lambda s, d: s.attempts.finish(
        d.id, d.attempt, Status.FAILED, message="x"
    ),
    "complete": lambda s, d: s.attempts.finish(
        d.id, d.attempt, Status.COMPLETED, message="x"
    ),
    "progress": lambda s, d: s.attempts.save_progress(
        d.id, d.attempt, progress=5, step="x", message="x"
    ),
    "set_content": lambda s, d: s.attempts.set_content(
        d.id, d.attempt, size=1, sha256="x"
    ),
    "hand_over": lambda s, d: s.attempts.hand_over(d.id, d.attempt, message="x"),
}
REFUSALS: dict[str, Callable[[Store, DocumentRow], object]] = {
    "claim": lambda s, d: s.attempts.claim(d.id, d.attempt, worker="x"),
    "resume": lambda s, d: s.attempts.resume(d.id, d.attempt, worker="x"),
    "take_due": lambda s, d: s.attempts.take_due(d.id, d.attempt),
    "next_attempt": lambda s, d: s.attempts.next_attempt(
        d.id, d.attempt, error="x", delay=0, lost=True, tries=3
    ),
}
ENDS: dict[str, Callable[[Store, DocumentRow], object]] = {
    "another attempt waits": lambda s, d: s.attempts.next_attempt(
        d.id, 1, error="x", delay=5, lost=True, tries=3
    ),
    "another attempt is processing": lambda s, d: (
        s.attempts.next_attempt(d.id, 1, error="x", delay=0, lost=False, tries=3),
        s.attempts.claim(d.id, 2, worker="other"),
    ),
    "it is completed": lambda s, d: s.attempts.finish(
        d.id, 1, Status.COMPLETED, message="x"
    ),
    "it is cancelled": lambda s, d: s.attempts.finish(
        d.id, 1, Status.CANCELLED, message="x"
    ),
    "its run is gone": lambda s, d: delete_run(s, d.run_id),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("write", WRITES)
def test_attempt_that_is_over_writes_nothing(store, claimed, end, write):
    ENDS[end](store, claimed)
    before = everything(store)

    with pytest.raises(Superseded) as caught:
        WRITES[write](store, claimed)

    assert (caught.value.document_id, caught.value.attempt) == (claimed.id, 1)
    assert everything(store) == before


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("write", REFUSALS)
def test_attempt_that_is_over_is_not_continued(store, claimed, end, write):
    ENDS[end](store, claimed)
    before = everything(store)

    assert not REFUSALS[write](store, claimed)

    assert everything(store) == before


def test_next_attempt_continues_from_the_first_unfinished_step(store, run, claimed):
    finish_step(store, claimed, pages=PAGES)
    store.attempts.save_progress(
        claimed.id, 1, progress=65, step="chunking", message="Chunking"
    )

    row = store.attempts.next_attempt(
        claimed.id, 1, error="a.pdf: disk full", delay=0, lost=False, tries=3
    )

    assert row is not None
    assert (row.status, row.attempt, row.first_attempt) == (Status.QUEUED, 2, 1)
    assert row.message == "Trying again (attempt 2 of 3): a.pdf: disk full"
    assert (row.next_step, row.progress, row.due_at) == (1, 60, None)
    assert (row.error, row.worker, row.started_at) == (None, None, None)
    [attempt] = store.attempts.of_run(run.id)
    assert (attempt.status, attempt.error) == (AttemptStatus.FAILED, "a.pdf: disk full")


def test_delayed_attempt_says_when_it_is_due(store, claimed):
    before = time.time()

    row = store.attempts.next_attempt(
        claimed.id, 1, error="x", delay=7, lost=False, tries=3
    )

    assert row is not None
    assert before + 7 <= row.due_at <= time.time() + 7
    assert store.attempts.take_due(claimed.id, 2) is True
    assert store.attempts.take_due(claimed.id, 2) is False
    assert store.documents.get(claimed.id).due_at is None


def test_lost_attempts_are_those_of_the_present_series(store, claimed):
    store.attempts.next_attempt(claimed.id, 1, error="x", delay=0, lost=True, tries=9)
    store.attempts.claim(claimed.id, 2, worker="w")
    store.attempts.next_attempt(claimed.id, 2, error="x", delay=0, lost=False, tries=9)
    store.attempts.claim(claimed.id, 3, worker="w")
    store.attempts.next_attempt(claimed.id, 3, error="x", delay=0, lost=True, tries=9)
    assert store.attempts.count_lost(claimed.id) == 2

    store.attempts.finish(claimed.id, 4, Status.FAILED, message="x", error="x")
    [row] = store.documents.retry(document_ids=[claimed.id])

    assert (row.attempt, row.first_attempt) == (5, 5)
    assert store.attempts.count_lost(claimed.id) == 0
    store.attempts.claim(claimed.id, 5, worker="w")
    again = store.attempts.next_attempt(
        claimed.id, 5, error="x", delay=0, lost=True, tries=3
    )
    assert again.message == "Trying again (attempt 2 of 3): x"
    assert store.attempts.count_lost(claimed.id) == 1


# Cancelling and trying again


def test_cancel_ends_waiting_documents_and_requests_it_for_processing_ones(store, run):
    waiting, running, done, uploading = add_documents(store, run, 4)
    store.submissions.mark_ready([(i, 1, "x") for i in (waiting, running, done)])
    complete(store, store.documents.get(done))
    store.attempts.claim(running, 1, worker="worker")

    cancelled, requested = store.documents.cancel(run_id=run.id)

    assert [row.id for row in cancelled] == [waiting, uploading]
    assert {row.status for row in cancelled} == {Status.CANCELLED}
    assert all(row.finished_at for row in cancelled)
    assert [row.id for row in requested] == [running]
    assert requested[0].cancel_requested
    assert requested[0].status is Status.PROCESSING
    assert store.documents.get(done).status is Status.COMPLETED


def test_cancel_of_documents_leaves_the_others(store, run):
    ids = add_documents(store, run, 2500)

    cancelled, requested = store.documents.cancel(
        document_ids=[*ids[1:], "unknown", ids[1]]
    )

    assert [row.id for row in cancelled] == ids[1:]
    assert requested == []
    assert store.documents.counts(run.id)[Status.QUEUED] == 1


def test_part_of_a_run_is_cancelled_and_tried_again_by_its_numbers(store, run):
    ids = add_documents(store, run, 5)
    store.submissions.mark_ready([(i, 1, "x") for i in ids])
    assert store.documents.last_number(run.id) == 5
    assert store.documents.last_number("unknown") == 0

    cancelled, _ = store.documents.cancel(run_id=run.id, numbers=range(2, 4))

    assert [row.id for row in cancelled] == ids[1:3]
    assert store.documents.counts(run.id)[Status.QUEUED] == 3
    [again] = store.documents.retry(run_id=run.id, numbers=range(3, 100))
    assert again.id == ids[2]


def test_cancel_ends_an_attempt_that_waits_for_another_queue(store, run, claimed):
    store.attempts.hand_over(claimed.id, 1, message="x")

    store.documents.cancel(run_id=run.id)

    [attempt] = store.attempts.of_run(run.id)
    assert attempt.status is AttemptStatus.CANCELLED
    assert attempt.finished_at is not None


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_nothing_named_is_not_everything(store, document, name):
    with pytest.raises(ValueError, match="run"):
        getattr(store.documents, name)()

    assert store.documents.get(document.id) == document


def test_retry_begins_a_new_series_at_the_unfinished_step(store, claimed):
    finish_step(store, claimed, pages=PAGES)
    store.documents.cancel(document_ids=[claimed.id])
    store.attempts.finish(
        claimed.id, 1, Status.FAILED, message="x", error="why", progress=65
    )

    [row] = store.documents.retry(run_id=claimed.run_id)

    assert row == store.documents.get(claimed.id)
    assert (row.status, row.message) == (Status.QUEUED, "Queued")
    assert (row.attempt, row.first_attempt) == (2, 2)
    assert (row.next_step, row.step, row.progress) == (1, "chunking", 60)
    assert (row.error, row.finished_at, row.started_at) == (None, None, None)
    assert row.cancel_requested is False
    assert store.results.pages(claimed.id) == PAGES


def test_retry_leaves_completed_documents_by_default(store, document):
    complete(store, document)
    assert store.documents.retry(run_id=document.run_id) == []

    [row] = store.documents.retry(run_id=document.run_id, failed_only=False)

    assert (row.status, row.attempt) == (Status.QUEUED, 2)
    assert (row.next_step, row.step, row.progress) == (0, "extraction", 0)
    assert (row.title, row.engine) == (None, None)
    assert complete(store, row).status is Status.COMPLETED


def test_retry_takes_cancelled_documents_of_several_runs(store):
    runs = [add_run(store), add_run(store)]
    documents = [add_document(store, run) for run in runs]
    store.documents.cancel(document_ids=[row.id for row in documents])

    again = store.documents.retry(
        document_ids=[row.id for row in documents], failed_only=False
    )

    assert {row.id for row in again} == {row.id for row in documents}
    assert store.documents.retry(document_ids=[row.id for row in documents]) == []


def test_document_that_never_arrived_stays_failed(store, run):
    uploaded, fetched = add_documents(store, run, 2)
    [fetched] = add_documents(store, add_run(store), 1, url="https://example.org/a")
    for document_id in (uploaded, fetched):
        store.attempts.finish(
            document_id, 1, Status.FAILED, message="x", error="never uploaded"
        )

    again = store.documents.retry(document_ids=[uploaded, fetched])

    assert [(row.id, row.ready) for row in again] == [(fetched, True)]
    assert store.documents.get(uploaded).status is Status.FAILED


# Reading


def test_documents_come_in_the_order_of_their_numbers(store, run):
    ids = add_documents(store, run, 30)

    assert [row.id for row in store.documents.find(run.id)] == ids
    assert [row.id for row in store.documents.find(run.id, limit=10)] == ids[:10]
    page = store.documents.find(run.id, after=10, limit=10)
    assert [row.number for row in page] == list(range(11, 21))


def test_documents_are_found_by_case_status_and_ids(store):
    one, two = add_run(store, case_id="one"), add_run(store, case_id="two")
    first, second = add_documents(store, one, 2)
    third, *_ = add_documents(store, two, 2)
    store.documents.cancel(document_ids=[second])

    assert [row.id for row in store.documents.find(case_id="one")] == [first, second]
    cancelled = store.documents.find(status=Status.CANCELLED)
    assert [row.id for row in cancelled] == [second]
    some = store.documents.find(ids=[third, "unknown", first, first])
    assert [row.id for row in some] == [first, third]
    assert store.documents.find(ids=[]) == []
    both = store.documents.find(one.id, ids=[third, first], status=Status.QUEUED)
    assert [row.id for row in both] == [first]


def test_thousands_of_ids_are_no_hurdle(store, run):
    ids = add_documents(store, run, 5000)
    unknown = [uuid.uuid4().hex for _ in range(35_000)]

    found = store.documents.find(ids=unknown + ids[::-1], limit=4000)

    assert [row.id for row in found] == ids[:4000]


def test_counts_have_a_number_for_every_status(store, run):
    ids = add_documents(store, run, 3)
    store.documents.cancel(document_ids=ids[:1])

    assert store.documents.counts(run.id) == {
        Status.QUEUED: 2,
        Status.PROCESSING: 0,
        Status.COMPLETED: 0,
        Status.FAILED: 0,
        Status.CANCELLED: 1,
    }
    assert set(store.documents.counts("unknown").values()) == {0}
    assert store.documents.count_unfinished() == 2


def test_runs_come_newest_first_with_their_counts(store):
    old = add_run(store, expected=2, case_id="case")
    new = add_run(store, expected=1)
    add_documents(store, old, 2)
    done = complete(store, add_document(store, new))

    newest, oldest = store.runs.find()

    assert (newest.id, oldest.id) == (new.id, old.id)
    assert newest.counts[Status.COMPLETED] == 1
    assert newest.finished_at == done.finished_at
    assert (oldest.counts[Status.QUEUED], oldest.finished_at) == (2, None)
    assert [row.id for row in store.runs.find(limit=1)] == [new.id]
    assert [row.id for row in store.runs.find(case_id="case")] == [old.id]


def test_run_is_not_finished_before_all_documents_are_submitted(store):
    run = add_run(store, expected=2)
    complete(store, add_document(store, run))

    assert store.runs.find()[0].finished_at is None


def test_many_runs_take_two_queries(store):
    for _ in range(20):
        add_documents(store, add_run(store), 2)
    queries = []

    def note(connection, cursor, statement, *_):
        queries.append(statement)

    sa.event.listen(store.database.engine, "before_cursor_execute", note)

    assert len(store.runs.find()) == 20
    assert len(queries) == 2


def test_recovery_finds_waiting_and_processing_documents(store, run):
    ids = add_documents(store, run, 4)
    store.submissions.mark_ready([(i, 1, "x") for i in ids[:3]])
    for document_id in ids[:2]:
        store.attempts.claim(document_id, 1, worker="w")
    store.attempts.next_attempt(ids[1], 1, error="x", delay=60, lost=False, tries=3)

    assert [row.id for row in store.documents.processing()] == [ids[0]]
    assert [row.id for row in store.documents.queued()] == [ids[2]]
    assert store.documents.due(latest=3600, limit=9) == []
    # It is due later than anything can be: the clock was set back.
    assert [row.id for row in store.documents.due(latest=30, limit=9)] == [ids[1]]
    assert store.submissions.unfinished() == [run.id]
    assert store.documents.count_unfinished() == 4
    assert not store.documents.idle()
    store.documents.cancel(run_id=run.id)
    store.attempts.finish(ids[0], 1, Status.CANCELLED, message="Cancelled")
    assert store.documents.idle()


def test_queued_documents_are_read_page_by_page(store, run):
    ids = add_documents(store, run, 7)
    store.submissions.mark_ready([(i, 1, "x") for i in ids])
    pages, after = [], None
    while page := store.documents.queued(after=after, limit=3):
        pages.append(page)
        after = page[-1].position

    assert [len(page) for page in pages] == [3, 3, 1]
    assert {row.id for page in pages for row in page} == set(ids)
    assert [row.id for row in store.documents.queued(ids=[ids[4], "unknown"])] == [
        ids[4]
    ]


def test_changes_are_those_since_a_moment(store, run):
    ids = add_documents(store, run, 3)
    since = store.documents.cancel(document_ids=[ids[1]])[0][0].updated_at

    assert [row.id for row in store.documents.changes(run.id, since)] == [ids[1]]
    assert store.documents.changes(run.id, since + timedelta(microseconds=1)) == []
    assert [row.id for row in store.documents.finished(run.id)] == [ids[1]]


def test_current_events_have_each_document_once(store):
    one, two = add_run(store), add_run(store)
    first, second = add_documents(store, one, 2)
    [third] = add_documents(store, two, 1)

    events = store.documents.current_events(
        documents=[third, first, "unknown"], runs=[one.id]
    )

    assert sorted(e.document_id for e in events) == sorted([first, second, third])
    assert store.documents.current_events() == []


def test_final_document_as_an_event_has_the_greatest_id(store, document):
    event = complete(store, document).event()

    assert (event.status, event.progress) == (Status.COMPLETED, 100)
    assert event.id == f"1-{FINAL_NUMBER}"
    assert (event.run_id, event.name) == (document.run_id, "1.pdf")
    assert (event.attempt, event.worker, event.error) == (1, "worker", None)


def test_document_at_work_as_an_event_has_no_id(store, claimed):
    finish_step(store, claimed, progress=100.0)

    event = store.documents.get(claimed.id).event()

    assert (event.id, event.progress, event.step) == (None, 99.9, "chunking")
    assert event.timestamp == store.documents.get(claimed.id).updated_at


def test_failed_document_as_an_event_says_why(store, claimed):
    event = store.attempts.finish(
        claimed.id, 1, Status.FAILED, message="Failed", error="why"
    ).event()

    assert (event.error, event.id) == ("why", f"1-{FINAL_NUMBER}")


def test_moments_are_exact_and_in_utc(store, claimed):
    zone = datetime(2024, 2, 29, 23, 59, 59, 1, tzinfo=UTC).astimezone().tzinfo
    moments = [
        datetime(2024, 2, 29, 23, 59, 59, 1, tzinfo=UTC),
        datetime(2024, 3, 1, tzinfo=UTC),
        datetime(2024, 3, 1, 12, 30, 0, 999_999, tzinfo=zone),
    ]
    for position, moment in enumerate(moments):
        finish_step(store, claimed, position, started_at=moment)

    found = [timing.started_at for timing in store.results.timings(claimed.run_id)]
    assert found == moments
    assert {moment.utcoffset() for moment in found} == {timedelta(0)}


# Results


def test_vectors_of_a_run_come_in_bounded_parts(store):
    run = add_run(store, expected=300)
    for document_id in (ids := add_documents(store, run, 300)):
        store.submissions.mark_ready([(document_id, 1, "x")])
        store.attempts.claim(document_id, 1, worker="w")
        if document_id != ids[7]:
            finish_step(store, store.documents.get(document_id), chunks=EMBEDDED)

    parts = store.vectors.in_run(run.id)
    next(parts)
    # Nothing is held while the caller goes on.
    store.documents.cancel(run_id=run.id)

    assert [part[0] for part in parts] == [i for i in ids[1:] if i != ids[7]]


def test_run_without_vectors_has_none(store, document):
    assert list(store.vectors.in_run(document.run_id)) == []
    assert list(store.vectors.in_run("unknown")) == []
    assert store.results.pages(document.id) == []
    assert store.results.chunks(document.id, vectors=True) == []


def test_same_content_is_found_if_processed_the_same_way(store, document):
    done = complete(store, document)

    assert store.reuse.find("5ha256", "fingerprint") == done
    assert store.reuse.find("5ha256", "another") is None
    assert store.reuse.find("another", "fingerprint") is None
    store.documents.retry(document_ids=[document.id], failed_only=False)
    assert store.reuse.find("5ha256", "fingerprint") is None


def test_copied_results_complete_a_document(store, document):
    source = complete(store, document)
    run = add_run(store)
    copy = add_document(store, run, name="copy.pdf")
    store.attempts.claim(copy.id, 1, worker="w")

    row = store.reuse.copy(source.id, copy.id, 1)

    assert row == store.documents.get(copy.id)
    assert (row.status, row.progress) == (Status.COMPLETED, 100)
    assert row.message == "Same content as 1.pdf, already processed"
    assert (row.pages, row.characters, row.chunks) == (2, 26, 2)
    assert (row.title, row.embedder, row.name) == ("Contract", "hashing", "copy.pdf")
    assert store.results.pages(copy.id) == PAGES
    assert plain(store.results.chunks(copy.id, vectors=True)) == plain(EMBEDDED)
    [attempt] = store.attempts.of_run(run.id)
    assert attempt.status is AttemptStatus.COMPLETED
    delete_run(store, source.run_id)
    assert store.results.pages(copy.id) == PAGES


def test_deleted_results_are_not_copied(store, document):
    source = complete(store, document)
    copy = add_document(store, add_run(store))
    store.attempts.claim(copy.id, 1, worker="w")
    store.documents.retry(document_ids=[source.id], failed_only=False)
    before = everything(store)

    assert store.reuse.copy(source.id, copy.id, 1) is None

    assert everything(store) == before


def test_results_are_not_copied_to_an_attempt_that_is_over(store, document):
    source = complete(store, document)
    copy = add_document(store, add_run(store))
    before = everything(store)

    with pytest.raises(Superseded):
        store.reuse.copy(source.id, copy.id, 1)

    assert everything(store) == before


def test_deleted_run_leaves_nothing_behind(store, document):
    complete(store, document)
    other = add_run(store)
    before = everything(store)
    run = add_run(store)
    ids = [complete(store, add_document(store, run)).id]

    assert store.documents.delete(ids) == 1
    assert store.runs.delete_empty(run.id)

    assert everything(store) == before
    assert store.runs.get(other.id) == other
    with pytest.raises(RunNotFound):
        store.runs.get(run.id)


# Many at once


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_one_of_two_processes_gets_each_document(store, run, database_url):
    ids = add_documents(store, run, 200)
    store.submissions.mark_ready([(i, 1, "x") for i in ids])

    def claim_all(worker: str) -> None:
        with Store(database_url) as own:
            for document_id in ids:
                claim = own.attempts.claim(document_id, 1, worker=worker)
                if claim is not None:
                    own.attempts.finish(
                        document_id, 1, Status.COMPLETED, message=worker
                    )

    children = [Child(lambda w=w: claim_all(w)) for w in ("a", "b")]
    for child in children:
        child.wait()

    assert store.documents.counts(run.id)[Status.COMPLETED] == 200
    rows = store.documents.find(run.id)
    assert all(row.message == row.worker for row in rows)
    assert {row.document_id: row.worker for row in store.attempts.of_run(run.id)} == {
        row.id: row.worker for row in rows
    }


def test_threads_share_a_store(store):
    run = add_run(store, expected=40)
    ids = add_documents(store, run, 40)
    store.submissions.mark_ready([(i, 1, "x") for i in ids])
    errors = []

    def work(some: list[str]) -> None:
        try:
            for document_id in some:
                complete(store, store.documents.get(document_id))
                store.runs.find()
        except Exception as error:  # noqa: BLE001 - reported below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(ids[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert store.documents.counts(run.id)[Status.COMPLETED] == 40


# Forks


class Signal:
    """One process waits for another one."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def send(self) -> None:
        os.write(self._writer, b"!")

    def wait(self) -> None:
        assert os.read(self._reader, 1) == b"!"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_child_of_a_fork_and_its_parent_both_go_on(store, run):
    ids = add_documents(store, run, 3)
    store.submissions.mark_ready([(i, 1, "x") for i in ids])
    wrote, closed = Signal(), Signal()

    def child() -> None:
        assert store.attempts.claim(ids[1], 1, worker="child") is not None
        wrote.send()
        closed.wait()
        # The parent was the last that SQLite's locks know of, unless the child
        # took its own.
        assert store.attempts.claim(ids[2], 1, worker="child") is not None

    assert store.attempts.claim(ids[0], 1, worker="parent") is not None
    forked = Child(child)
    wrote.wait()
    store.documents.get(ids[1])
    store.close()
    closed.send()
    forked.wait()

    workers = [row.worker for row in store.documents.find(run.id)]
    assert workers == ["parent", "child", "child"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork_waits_for_a_transaction_of_another_thread(store, document):
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.database.writing():
            inside.set()
            leave.wait(patient(60))

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(patient(60))
    threading.Timer(0.1, leave.set).start()

    child = Child(lambda: complete(store, document))

    assert leave.is_set()
    child.wait()
    thread.join()
    assert store.documents.get(document.id).status is Status.COMPLETED


# What goes wrong


def test_store_waits_for_a_lock_of_another_program(sqlite_url, tmp_path):
    with Store(sqlite_url) as store:
        other = sqlite3.connect(tmp_path / "docprogress.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        added = threading.Event()
        thread = threading.Thread(target=lambda: (add_run(store), added.set()))
        thread.start()

        # Reading does not wait.
        assert store.runs.find() == []
        assert not added.wait(0.2)
        other.execute("COMMIT")
        other.close()

        assert added.wait(patient(60))
        thread.join()
        assert len(store.runs.find()) == 1


def test_lock_that_stays_makes_the_store_unavailable(sqlite_url, tmp_path):
    with Store(sqlite_url, busy_seconds=0.05) as store:
        other = sqlite3.connect(tmp_path / "docprogress.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailable, match="locked") as caught:
            add_run(store)
        with pytest.raises(StoreUnavailable):
            store.check()
        other.close()

        assert isinstance(caught.value, TransientError)
        add_run(store)
        store.check()


def test_full_disk_is_unavailable_and_passes(sqlite_url):
    with Store(sqlite_url) as store:
        claimed = add_document(store, add_run(store))
        store.attempts.claim(claimed.id, 1, worker="w")
        before = everything(store)
        pages = [Page(number=n, text="x" * 10_000) for n in range(100)]
        limit_pages(store, 1)

        with pytest.raises(StoreUnavailable, match="full"):
            finish_step(store, claimed, pages=pages)

        assert everything(store) == before
        limit_pages(store, 1_000_000)
        finish_step(store, claimed, pages=pages)
        assert store.documents.get(claimed.id).pages == 100


def limit_pages(store: Store, pages: int) -> None:
    # SQLite remembers it for the connection; an idle store has one.
    with store.database.reading() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_document_to_be_cancelled_is_not_completed(store, claimed):
    store.documents.cancel(document_ids=[claimed.id])

    with pytest.raises(Cancelled):
        store.attempts.finish_steps(claimed.id, 1, [], completed="Completed")

    assert store.documents.get(claimed.id).status is Status.PROCESSING
    store.attempts.finish(claimed.id, 1, Status.CANCELLED, message="Cancelled")
    assert store.documents.get(claimed.id).status is Status.CANCELLED


def test_connections_that_do_not_become_free_are_waited_for(database_url):
    with Store(database_url, busy_seconds=0.05) as store:
        held = [store.database.engine.connect() for _ in range(15)]

        with pytest.raises(StoreUnavailable, match="busy"):
            store.runs.find()

        for connection in held:
            connection.close()
        assert store.runs.find() == []


def test_text_is_in_no_error_that_is_raised(store, run):
    secret = "hunter2"
    document = NewDocument(id=secret, run_id=run.id, number=1, name=secret, url=secret)
    store.submissions.add([document])

    with pytest.raises(StoreError) as caught:
        store.submissions.add([replace(document, id=f"another-{secret}")])

    shown = "".join(traceback.format_exception(caught.value))
    assert "unique" in str(caught.value).lower()
    assert "hunter2" not in shown


def test_password_is_shown_nowhere():
    url = "postgresql+psycopg://me:hunter2@db.example.org/docs?password=hunter3"
    pytest.importorskip("psycopg")
    store = Store(url)

    for shown in (repr(store), store.url, str(store)):
        assert "hunter" not in shown
    assert "db.example.org" in repr(store)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "docs.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory",
        "sqlite:///a\x00b",
        "mysql://me:hunter2@host/docs",
        "postgresql+asyncpg://me:hunter2@host/docs",
        "://me:hunter2@host",
        "postgresql://me:hunter2@host:port/docs",
    ],
)
def test_database_that_cannot_be_used_is_refused_by_name(url):
    with pytest.raises(StoreError, match="sqlite:///PATH") as caught:
        Store(url)

    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "name", ["what? #1 100%", "caf\udce9", "~", "späß 🎉", "a b'c\"d", "semi;colon"]
)
def test_home_may_have_any_name(tmp_path, name):
    with Store(f"sqlite:///{tmp_path / name / 'docs.db'}") as store:
        add_run(store)

    assert (tmp_path / name / "docs.db").is_file()


def test_home_made_by_the_store_is_private(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'home' / 'docs.db'}"):
        pass

    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_home_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "home"

    with pytest.raises(StoreError, match="DOCPROGRESS_HOME") as caught:
        Store(f"sqlite:///{folder / 'docs.db'}").open()

    assert str(folder) in str(caught.value)


def test_folder_is_no_database(tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        Store(f"sqlite:///{tmp_path}").open()


def test_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "docs.db"
    path.write_bytes(b"not a database, but long enough to be one" * 100)

    with pytest.raises(StoreError, match="not a database"):
        Store(f"sqlite:///{path}").open()

    assert path.read_bytes().startswith(b"not a database")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("made", ["folder", "file"])
def test_unwritable_home_is_reported_at_once(tmp_path, made):
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'docs.db'}"
    with Store(url):
        pass
    (home if made == "folder" else home / "docs.db").chmod(0o555)
    for folder in (home, *home.parents):
        if folder.owner() == home.owner() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)

    def child() -> None:
        if os.geteuid() == 0:
            # Root may write everywhere.
            os.setuid(65534)
        with pytest.raises(StoreError, match="cannot be written") as caught:
            Store(url).open()
        assert str(home) in str(caught.value)
        assert "DOCPROGRESS_HOME" in str(caught.value)

    forked = Child(child)

    forked.wait()
    home.chmod(0o755)


def test_store_opens_itself_and_again_after_closing(database_url):
    store = Store(database_url)

    run = add_run(store)
    store.close()

    assert store.runs.get(run.id) == run
    assert store.open().open() is store
    store.close()
    store.close()
