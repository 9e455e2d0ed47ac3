"""A new version of a document takes the earlier one's place in a sink."""

import threading

import pytest
from support.office_of_one import OfficeOfOne
from support.sinks import LARGE, PlainSink

from docprogress.events import Status
from docprogress.worker import step_runner

OWN_SINK = "support.sinks:PlainSink"


@pytest.fixture
def office(tmp_path):
    office = OfficeOfOne(tmp_path)
    yield office
    office.close()


@pytest.fixture
def own_sink():
    PlainSink.rows.clear()
    PlainSink.calls.clear()
    PlainSink.after.clear()
    return PlainSink


def stored(office, sink, content, **options):
    row = office.process(office.add("a.txt", content, sink=sink, **options))
    assert row.status is Status.COMPLETED, row.error
    return row


def documents_in(vector_store):
    return {document_id for document_id, *_ in vector_store.rows()}


def text_of(vector_store):
    return " ".join(text for *_, text in vector_store.rows())


def test_a_new_version_replaces_the_earlier_one(office, vector_store):
    other = stored(office, vector_store.sink, b"Another document.")
    first = stored(office, vector_store.sink, b"The first version. " * 200)
    assert documents_in(vector_store) == {first.id, other.id}

    second = stored(
        office, vector_store.sink, b"The second version.", replaces=first.id
    )

    assert documents_in(vector_store) == {second.id, other.id}
    assert "first" not in text_of(vector_store)
    office.retire(first.id)
    assert office.settle() == 1
    assert office.settle() == 0
    assert documents_in(vector_store) == {second.id, other.id}
    empty = stored(office, vector_store.sink, b" \n ", replaces=second.id)
    assert empty.chunks == 0
    assert documents_in(vector_store) == {other.id}


def test_nobody_finds_neither_version_and_a_transaction_shows_one(office, vector_store):
    """Qdrant, which has no transactions, may show both for a moment."""
    if vector_store.sink.startswith("qdrant:"):
        pytest.skip("one process at a time has the folder open")
    version = stored(office, vector_store.sink, b"Version 0. " * 100)
    found, done = [], threading.Event()

    def read():
        while not done.is_set():
            found.append(documents_in(vector_store))

    reader = threading.Thread(target=read)
    reader.start()
    known = [version.id]
    try:
        for number in range(1, 9):
            text = f"Version {number}. " * 100
            version = stored(
                office,
                vector_store.sink,
                text.encode(),
                replaces=version.id,
                **LARGE,
            )
            office.retire(known[-1])
            known.append(version.id)
    finally:
        done.set()
        reader.join()

    assert len(found) > 1
    most = 2 if "qdrant" in vector_store.sink else 1
    assert {len(each) for each in found} <= set(range(1, most + 1))
    assert documents_in(vector_store) == {version.id}


def test_a_version_that_fails_leaves_the_earlier_one(office, vector_store):
    first = stored(office, vector_store.sink, b"The first version.")
    failed = office.add("a.txt", b"gone", sink=vector_store.sink, replaces=first.id)
    office.files.delete(failed)
    assert office.process(failed).status is Status.FAILED

    office.settle()
    assert documents_in(vector_store) == {first.id}
    second = stored(office, vector_store.sink, b"The second.", replaces=failed)
    assert documents_in(vector_store) == {second.id}


def test_a_version_cancelled_after_it_was_stored_is_put_back(office, vector_store):
    first = stored(office, vector_store.sink, b"The first version.")
    cancelled = office.add(
        "a.txt", b"The second.", sink=vector_store.sink, replaces=first.id
    )

    def cancel_when_stored(event):
        # The last event before the sink is written.
        if event.step == "storing" and event.current:
            office.store.documents.cancel(document_ids=[cancelled])
        return False

    office.settings = office.settings.model_copy(update={"events_per_second": 1e6})
    row = office.process(cancelled, cancel_when_stored)
    assert row.status is Status.CANCELLED
    assert documents_in(vector_store) == {cancelled}

    while office.settle():
        pass

    assert documents_in(vector_store) == {first.id}
    assert text_of(vector_store) == "The first version."


def test_an_earlier_version_is_not_reconciled_while_a_newer_one_is_stored(
    office, vector_store
):
    first = stored(office, vector_store.sink, b"The first version.")
    seen = []

    def look(event):
        if event.step == "storing" and event.status is Status.PROCESSING:
            seen.append(office.settle())
        return False

    office.settings = office.settings.model_copy(update={"events_per_second": 1e6})
    second = office.add(
        "a.txt", b"The second.", sink=vector_store.sink, replaces=first.id
    )
    assert office.process(second, look).status is Status.COMPLETED

    assert seen
    assert not any(seen)
    assert documents_in(vector_store) == {second}


def test_a_sink_of_ones_own_has_the_new_version_before_the_earlier_one_is_deleted(
    office, own_sink
):
    first = stored(office, OWN_SINK, b"The first version.")
    own_sink.calls.clear()

    second = stored(office, OWN_SINK, b"The second.", replaces=first.id)

    assert own_sink.calls == [
        ("upsert", second.id, (first.id,)),
        ("delete", first.id),
    ]
    assert list(own_sink.rows) == [second.id]


def test_a_sink_of_ones_own_gets_an_earlier_version_back(office, own_sink):
    first = stored(office, OWN_SINK, b"The first version.")
    cancelled = office.add("a.txt", b"The second.", sink=OWN_SINK, replaces=first.id)
    own_sink.after.append(
        lambda: office.store.documents.cancel(document_ids=[cancelled])
    )

    assert office.process(cancelled).status is Status.CANCELLED

    own_sink.after.clear()
    while office.settle():
        pass
    assert own_sink.rows == {first.id: ["The first version."]}


@pytest.mark.parametrize("unsaved_seconds", [-1.0, 60.0])
def test_a_document_that_is_cancelled_once_it_is_stored_is_stored_again(
    office, own_sink, monkeypatch, unsaved_seconds
):
    monkeypatch.setattr(step_runner, "UNSAVED_SECONDS", unsaved_seconds)
    document = office.add("a.txt", b"Some words.", sink=OWN_SINK)
    own_sink.after.append(
        lambda: office.store.documents.cancel(document_ids=[document])
    )
    assert office.process(document).status is Status.CANCELLED
    own_sink.after.clear()
    while office.settle():
        pass
    assert own_sink.rows == {}

    office.store.documents.retry(document_ids=[document])

    assert office.process(document).status is Status.COMPLETED
    assert own_sink.rows == {document: ["Some words."]}


def test_an_earlier_version_in_another_sink_is_deleted_there(
    office, own_sink, vector_store
):
    first = stored(office, OWN_SINK, b"The first version.")

    second = stored(office, vector_store.sink, b"The second.", replaces=first.id)

    assert list(own_sink.rows) == [first.id]
    office.retire(first.id)
    office.settle()
    assert own_sink.rows == {}
    assert documents_in(vector_store) == {second.id}


def test_a_removed_document_is_deleted_from_the_sink(office, vector_store):
    kept = stored(office, vector_store.sink, b"It stays.")
    removed = [
        stored(office, vector_store.sink, f"Document {n}.".encode()) for n in range(3)
    ]

    for row in removed:
        office.retire(row.id)
    office.settle()

    assert documents_in(vector_store) == {kept.id}
    assert office.settle() == 0
