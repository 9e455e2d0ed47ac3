"""Documents whose rows in a sink may differ from the store are put right."""

from contextlib import nullcontext

import pytest
from support.rows import CHUNKS, add_document, add_run, finish_step
from support.sinks import PlainSink

from docprogress.events import Status
from docprogress.settings import load
from docprogress.sinks import locate
from docprogress.store import Store
from docprogress.store.sinks import SinkEntry
from docprogress.worker.limits import no_limit
from docprogress.worker.sink_settlement import SettlementRequests, SinkSettler

SINK = "support.sinks:PlainSink"


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/store.db") as made:
        yield made


@pytest.fixture
def entry(store):
    """A document that was cancelled after something of it was written."""
    document = add_document(store, add_run(store))
    store.attempts.claim(document.id, 1, worker="w")
    entry = SinkEntry(document.id, document.run_id, SINK, None, None)
    store.sinks.begin(entry, 1)
    store.attempts.finish(document.id, 1, Status.CANCELLED, message="Cancelled")
    PlainSink.rows[document.id] = ["of the first attempt"]
    return entry


def settler(store):
    return SinkSettler(
        store,
        load(),
        guard=no_limit,
        locate=lambda entry: locate(entry.sink, folder=entry.folder),
        lease=lambda _: nullcontext(object()),
    )


def retry(store, entry):
    """A second attempt at the document, which is completed."""
    store.documents.retry(document_ids=[entry.document_id])
    [row] = store.documents.find(ids=[entry.document_id])
    assert store.attempts.claim(row.id, row.attempt, worker="w") is not None
    store.sinks.begin(entry, row.attempt)
    finish_step(store, row, 1, chunks=CHUNKS)
    store.attempts.finish(row.id, row.attempt, Status.COMPLETED, message="Completed")
    PlainSink.rows[row.id] = ["of the second attempt"]


@pytest.mark.parametrize("error", [RuntimeError("lost"), None])
def test_a_late_deletion_of_a_stopped_process_is_repaired(
    store, entry, monkeypatch, error
):
    delete = PlainSink.delete

    def delete_late(self, document_ids):
        retry(store, entry)
        delete(self, document_ids)
        if error is not None:
            raise error

    with monkeypatch.context() as patched:
        patched.setattr(PlainSink, "delete", delete_late)
        settler(store).settle([entry.document_id])
    assert entry.document_id not in PlainSink.rows

    [found] = store.sinks.to_settle(limit=10)
    settler(store).settle([found.document_id])

    chunks = store.results.chunks(entry.document_id)
    assert PlainSink.rows[entry.document_id] == [chunk.text for chunk in chunks]
    assert store.sinks.to_settle(limit=10) == []


def test_what_was_marked_again_does_not_wait_for_the_time_of_before(store, entry):
    sent, now = [], [0.0]

    class Sender:
        def send(self, messages):
            sent.extend(messages)

    requests = SettlementRequests(store, Sender(), lambda: now[0])
    for moment in (0.0, 5.0, 10.0, 15.0):
        now[0] = moment
        requests.send()
    assert len(sent) == 3
    store.sinks.mark_known(entry.document_id)

    now[0] = 16.0
    requests.send()

    assert len(sent) == 4
