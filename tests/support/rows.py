"""Runs, documents and finished steps in a store."""

import uuid
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

from docprogress.documents import Chunk, Page
from docprogress.events import Status, now
from docprogress.store import (
    DocumentRow,
    FinishedStep,
    NewDocument,
    RunRow,
    Store,
    schema,
)

STEPS = [{"name": "extraction"}, {"name": "chunking"}, {"name": "embedding"}]


PAGES = [Page(number=1, text="The first page."), Page(number=2, text="The second.")]


CHUNKS = [
    Chunk(number=1, text="The first", start=0, end=9, first_page=1, last_page=1),
    Chunk(number=2, text="The second.", start=17, end=28, first_page=2, last_page=2),
]


EMBEDDED = [
    replace(chunk, vector=np.array([chunk.number, 0.5, -1], np.float32))
    for chunk in CHUNKS
]


def add_run(store: Store, **changes) -> RunRow:
    values = {
        "run_id": uuid.uuid4().hex,
        "case_id": None,
        "expected": 1,
        "steps": STEPS,
        "settings": {"chunk_characters": 100},
        "fingerprint": "fingerprint",
    }
    return store.runs.add(**values | changes)


def add_documents(store: Store, run: RunRow, count: int, **changes) -> list[str]:
    """Documents that are not ready; their ids."""
    ids = [uuid.uuid4().hex for _ in range(count)]
    store.submissions.add(
        [
            replace(
                NewDocument(
                    id=document_id,
                    run_id=run.id,
                    number=number,
                    name=f"{number}.pdf",
                    case_id=run.case_id,
                    step="extraction",
                ),
                **changes,
            )
            for number, document_id in enumerate(ids, 1)
        ]
    )
    return ids


def add_document(store: Store, run: RunRow, **changes) -> DocumentRow:
    [document_id] = add_documents(store, run, 1, **changes)
    store.submissions.mark_ready([(document_id, 1000, "5ha256")])
    return store.documents.get(document_id)


def finish_step(store: Store, document: DocumentRow, position: int = 0, **changes):
    values = {
        "position": position,
        "step": STEPS[position]["name"],
        "next_step": STEPS[min(position + 1, 2)]["name"],
        "started_at": now(),
        "seconds": 0.25,
        "items": 2,
        "unit": "page",
        "progress": (60.0, 70.0, 99.0)[position],
    }
    finished = FinishedStep(**values | changes)
    row = store.attempts.finish_steps(document.id, document.attempt, [finished])
    return row.cancel_requested


def delete_run(store: Store, run_id: str) -> None:
    """Delete a run whose documents may be unfinished."""
    with store.database.writing() as connection:
        connection.execute(sa.delete(schema.run).where(schema.run.c.id == run_id))


def complete(store: Store, document: DocumentRow) -> DocumentRow:
    """Take a waiting document through all steps."""
    claim = store.attempts.claim(document.id, document.attempt, worker="worker")
    assert claim is not None
    facts = {"media_type": "application/pdf", "engine": "pdfium", "title": "Contract"}
    finish_step(store, document, 0, pages=PAGES, facts=facts)
    finish_step(store, document, 1, chunks=CHUNKS)
    finish_step(store, document, 2, chunks=EMBEDDED, facts={"embedder": "hashing"})
    return store.attempts.finish(
        document.id, document.attempt, Status.COMPLETED, message="Completed"
    )


@pytest.fixture
def run(store: Store) -> RunRow:
    return add_run(store)


@pytest.fixture
def document(store: Store, run: RunRow) -> DocumentRow:
    """A document that waits for a worker."""
    return add_document(store, run)


@pytest.fixture
def claimed(store: Store, document: DocumentRow) -> DocumentRow:
    """A document that a worker has."""
    claim = store.attempts.claim(document.id, 1, worker="worker")
    assert claim is not None
    return claim.document
