"""A newer version takes the place of an earlier one: never both, never neither."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.rows import (
    CHUNKS,
    PAGES,
    add_document,
    add_documents,
    add_run,
    complete,
    finish_step,
)

from docprogress.errors import Cancelled
from docprogress.events import Status
from docprogress.store import DocumentRow, Store
from docprogress.store.members import NewMember
from docprogress.store.reuse import Remaining
from docprogress.store.versions import KEPT, REPLACED


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'docprogress.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    with Store(url) as store:
        yield store


def version(store: Store, of: DocumentRow | None = None, **changes) -> DocumentRow:
    """A waiting document in a run of its own, which replaces another one."""
    run = add_run(store)
    return add_document(store, run, replaces=of and of.id, **changes)


def current(store: Store, *documents: DocumentRow) -> list[str]:
    """Those that searches and exports see."""
    rows = store.documents.find(ids=[each.id for each in documents], current=True)
    return [row.id for row in rows]


def fail(store: Store, document: DocumentRow) -> DocumentRow:
    assert store.attempts.claim(document.id, document.attempt, worker="w")
    return store.attempts.finish(
        document.id, document.attempt, Status.FAILED, message="Failed", error="broken"
    )


def members_of(store: Store, container: DocumentRow, *names: str) -> list[DocumentRow]:
    """The waiting members of a container that a worker has opened."""
    claim = store.attempts.claim(container.id, container.attempt, worker="w")
    assert claim is not None
    new = [
        NewMember(number, f"{container.name}/{name}", 10)
        for number, name in enumerate(names, 1)
    ]
    return store.members.add(
        claim.document,
        new,
        root_id=container.id,
        step="extraction",
        max_members=100,
        max_bytes=10_000,
    )


def finish(store: Store, container: DocumentRow) -> None:
    """Complete a document that a worker has."""
    store.attempts.finish(
        container.id, container.attempt, Status.COMPLETED, message="Completed"
    )


def test_an_earlier_version_is_current_until_the_newer_one_is_completed(store):
    first = version(store)
    second = version(store, first)
    complete(store, first)

    assert store.attempts.claim(second.id, 1, worker="w")
    finish_step(store, second, 0, pages=PAGES)
    assert current(store, first, second) == [first.id]

    finish(store, second)
    assert current(store, first, second) == [second.id]
    row = store.documents.get(first.id)
    assert (row.status, row.message) == (Status.COMPLETED, REPLACED)


def test_a_version_that_fails_keeps_the_earlier_one_and_says_so(store):
    first = version(store)
    complete(store, first)
    second = version(store, first)

    failed = fail(store, second)

    assert current(store, first, second) == [first.id]
    assert failed.message == f"Failed; {KEPT}"
    assert store.documents.get(second.id).message == failed.message


def test_a_version_that_is_cancelled_keeps_the_earlier_one_and_says_so(store):
    first = version(store)
    complete(store, first)
    second = version(store, first)

    [[cancelled], _] = store.documents.cancel(document_ids=[second.id])

    assert current(store, first, second) == [first.id]
    assert cancelled.message == f"Cancelled; {KEPT}"
    assert store.documents.get(second.id).message == cancelled.message


def test_a_first_version_that_fails_says_nothing_of_others(store):
    first = version(store)
    second = version(store, fail(store, first))

    assert fail(store, second).message == "Failed"


def test_a_retry_of_a_failed_version_replaces_the_earlier_one(store):
    first = version(store)
    complete(store, first)
    second = version(store, first)
    fail(store, second)

    [again] = store.documents.retry(document_ids=[second.id])
    complete(store, again)

    assert current(store, first, second) == [second.id]


def test_the_last_of_several_versions_wins(store):
    first = version(store)
    complete(store, first)
    second = version(store, first)
    fail(store, second)
    third = version(store, second)
    fourth = version(store, third)

    complete(store, fourth)

    assert current(store, first, second, third, fourth) == [fourth.id]
    # The one that was waiting is not processed for nothing.
    assert store.documents.get(third.id).status is Status.CANCELLED


def test_a_version_that_is_late_does_not_come_back(store):
    first = version(store)
    complete(store, first)
    second = version(store, first)
    assert store.attempts.claim(second.id, 1, worker="w")
    third = version(store, second)
    complete(store, third)

    with pytest.raises(Cancelled):
        store.attempts.finish_steps(second.id, 1, [], completed="Completed")
    store.attempts.finish(second.id, 1, Status.COMPLETED, message="Completed")

    assert current(store, first, second, third) == [third.id]


def test_retired_documents_are_not_processed_again(store):
    first = version(store)
    complete(store, first)
    complete(store, version(store, first))

    assert store.documents.retry(document_ids=[first.id], failed_only=False) == []


def test_copied_results_take_the_place_of_the_earlier_version(store):
    first, other = version(store), version(store)
    complete(store, first)
    complete(store, other)
    second = version(store, first)
    assert store.attempts.claim(second.id, 1, worker="")

    assert store.reuse.copy(other.id, second.id, 1) is not None

    assert current(store, first, second, other) == [other.id, second.id]


def test_copied_pages_leave_the_earlier_version_until_all_steps_are_done(store):
    first = version(store)
    complete(store, first)
    second = version(store, first)
    assert store.attempts.claim(second.id, 1, worker="")
    remaining = Remaining("chunking", 1, 60.0, chunks=False, vectors=False)

    row = store.reuse.copy(first.id, second.id, 1, remaining=remaining)

    assert row is not None
    assert (row.status, row.next_step, row.pages) == (Status.QUEUED, 1, len(PAGES))
    assert (row.chunks, row.embedder) == (0, None)
    assert len(store.results.pages(second.id)) == len(PAGES)
    assert store.results.chunks(second.id) == []
    assert current(store, first, second) == [first.id]


def test_members_are_replaced_one_by_one_and_those_that_vanished_at_once(store):
    first = version(store, name="box.zip")
    kept, changed, vanished = members_of(store, first, "a.txt", "b.txt", "c.txt")
    finish(store, first)
    for member in (kept, changed, vanished):
        complete(store, member)
    second = version(store, first, name="box.zip")
    again, newer, added = members_of(store, second, "a.txt", "b.txt", "d.txt")
    each = (kept, changed, vanished, again, newer, added)
    assert (again.replaces, newer.replaces) == (kept.id, changed.id)
    assert added.replaces is None
    assert current(store, *each) == [kept.id, changed.id, vanished.id]

    finish(store, second)
    assert current(store, first, second, *each) == [kept.id, changed.id, second.id]

    complete(store, again)
    fail(store, newer)
    complete(store, added)
    assert current(store, *each) == [changed.id, again.id, added.id]


def test_a_member_that_was_never_replaced_goes_with_its_container(store):
    first = version(store, name="box.zip")
    [member] = members_of(store, first, "a.txt")
    finish(store, first)
    complete(store, member)
    second = version(store, first, name="box.zip")
    [waiting] = members_of(store, second, "a.txt")
    finish(store, second)
    third = version(store, second, name="box.zip")
    members_of(store, third)

    finish(store, third)

    assert current(store, first, second, third, member, waiting) == [third.id]
    assert store.documents.get(waiting.id).status is Status.CANCELLED


def test_members_of_containers_in_containers_are_replaced_as_well(store):
    first = version(store, name="box.zip")
    [inner] = members_of(store, first, "inner.zip")
    finish(store, first)
    one, two = members_of(store, inner, "one.txt", "two.txt")
    finish(store, inner)
    complete(store, one)
    complete(store, two)
    second = version(store, first, name="moved.zip")
    [newer] = members_of(store, second, "inner.zip")
    finish(store, second)
    assert current(store, inner, one, two) == [inner.id, one.id, two.id]

    [again] = members_of(store, newer, "two.txt")
    finish(store, newer)
    assert current(store, inner, one, two, newer) == [two.id, newer.id]
    complete(store, again)

    assert current(store, one, two, again) == [again.id]


def test_what_a_worker_of_an_earlier_version_completed_is_settled_later(store):
    first = version(store)
    complete(store, first)
    second = version(store)
    complete(store, second)
    with store.database.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE document SET replaces = '{first.id}' WHERE id = '{second.id}'"
        )

    assert store.sources.settle() == 1
    assert current(store, first, second) == [second.id]
    assert store.sources.settle() == 0


def test_results_of_retired_documents_are_discarded_but_not_their_rows(store):
    first = version(store)
    complete(store, first)
    second = version(store, first)
    complete(store, second)
    assert store.sources.discardable() == [first.id]

    store.sources.discard([first.id])

    assert store.sources.discardable() == []
    assert store.results.pages(first.id) == []
    assert store.results.chunks(first.id, vectors=True) == []
    assert len(store.results.chunks(second.id)) == len(CHUNKS)
    row = store.documents.get(first.id)
    assert (row.status, row.chunks) == (Status.COMPLETED, len(CHUNKS))
    assert store.reuse.copy(first.id, second.id, 1) is None


def test_results_that_a_waiting_document_may_copy_are_not_discarded(store):
    first = version(store)
    complete(store, first)
    complete(store, version(store, first))
    waiting = version(store)

    # All of them have the same content.
    assert store.sources.discardable() == []

    complete(store, waiting)
    assert store.sources.discardable() == [first.id]


def test_a_file_whose_submitter_was_killed_is_deleted_with_its_document(store):
    run = add_run(store)
    [stored] = add_documents(store, run, 1)
    second = version(store, store.documents.get(stored))
    assert not store.documents.get(stored).ready

    complete(store, second)

    assert store.sources.discardable() == [stored]
