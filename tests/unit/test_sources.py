"""What the store knows of the files of a folder, and who may change it."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from support.rows import add_run, complete

from docprogress.client.sync import limit
from docprogress.client.sync_lock import SyncLock
from docprogress.documents import document_id
from docprogress.errors import SettingsError, SyncBusy
from docprogress.events import Status
from docprogress.store import NewDocument, RunRow, Store, schema
from docprogress.store.source_rows import (
    FileState,
    KnownFile,
    Lock,
    SourceRow,
    SubmittedFile,
    path_key,
)
from docprogress.store.sources import FILES_PER_PAGE
from docprogress.store.versions import REMOVED


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'docprogress.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    with Store(url) as store:
        with store.database.writing() as connection:
            connection.execute(sa.delete(schema.source))
        yield store


@pytest.fixture
def source(store: Store) -> SourceRow:
    return store.sources.add("/contracts", "case")


@pytest.fixture
def lock(store: Store, source: SourceRow) -> Lock:
    lock = Lock(source.id, "this test")
    store.sources.lock(lock)
    return lock


@pytest.fixture
def run(store: Store) -> RunRow:
    return add_run(store, expected=10_000)


def state(size: int = 10, mtime: int = 1) -> FileState:
    return FileState(size, mtime, "etag", 100.0)


def submit(
    store: Store, lock: Lock, run: RunRow, *names: str, first: int = 1, **changes
) -> list[NewDocument]:
    given = []
    for number, name in enumerate(names, first):
        new = NewDocument(
            id=document_id(run.id, number),
            run_id=run.id,
            number=number,
            name=name,
            step="extraction",
        )
        file = SubmittedFile(path_key(name), state(), None)
        given.append((file._replace(**changes), new))
    store.sources.submit(lock, given)
    return [new for _, new in given]


def finish(store: Store, new: NewDocument) -> None:
    store.submissions.mark_ready([(new.id, 10, "5ha256")])
    complete(store, store.documents.get(new.id))


def files(store: Store, lock: Lock) -> dict[str, KnownFile]:
    return {file.path: file for file in store.sources.files(lock.source_id)}


def test_files_come_in_the_order_of_their_bytes(store, lock, run):
    names = ["b.txt", "B.txt", "a/c.txt", "a-c.txt", "ä.txt", "a\\.txt", "z", "\u00df"]
    names += [f"many/{number}.txt" for number in range(FILES_PER_PAGE)]
    submit(store, lock, run, *names)

    keys = [file.key for file in store.sources.files(lock.source_id)]

    assert keys == sorted(map(path_key, names), key=str.encode)
    assert store.sources.count(lock.source_id) == len(names)


def test_a_file_has_its_newest_document_and_the_current_one(store, lock, run):
    [first] = submit(store, lock, run, "a.txt")
    assert files(store, lock)["a.txt"].current is None
    assert files(store, lock)["a.txt"].newest.id == first.id
    finish(store, first)
    store.sources.settle(lock.source_id)

    [second] = submit(store, lock, run, "a.txt", first=2, current_id=first.id)
    found = files(store, lock)["a.txt"]
    assert (found.current.id, found.pending.id) == (first.id, second.id)
    assert found.current.status is Status.COMPLETED

    finish(store, second)
    found = files(store, lock)["a.txt"]
    assert (found.current.id, found.pending) == (second.id, None)


def test_a_moved_file_has_its_document_under_the_new_path(store, lock, run):
    [first] = submit(store, lock, run, "a.txt")
    finish(store, first)

    submit(
        store,
        lock,
        run,
        "b.txt",
        first=2,
        current_id=first.id,
        moved_from=path_key("a.txt"),
    )

    assert list(files(store, lock)) == ["b.txt"]
    assert files(store, lock)["b.txt"].current.id == first.id


def test_a_removed_file_takes_its_documents_with_it(store, lock, run):
    [first, other] = submit(store, lock, run, "a.txt", "b.txt")
    finish(store, first)
    [second] = submit(store, lock, run, "a.txt", first=3, current_id=first.id)

    retired = store.sources.remove(lock, [path_key("a.txt")])

    assert set(retired) == {first.id, second.id}
    assert list(files(store, lock)) == ["b.txt"]
    rows = {row.id: row for row in store.documents.find(run.id)}
    assert rows[first.id].status is Status.COMPLETED
    assert rows[second.id].status is Status.CANCELLED
    assert {rows[each].message for each in retired} == {REMOVED}
    assert rows[other.id].retired_at is None


def test_what_a_touched_file_looks_like_is_recorded(store, lock, run):
    submit(store, lock, run, "a.txt")

    store.sources.touch(lock, [(path_key("a.txt"), state(mtime=2))])

    assert files(store, lock)["a.txt"].state == state(mtime=2)


def test_a_lock_is_held_by_one_until_it_is_released(store, source, lock):
    other = Lock(source.id, "another")
    with pytest.raises(SyncBusy):
        store.sources.lock(other)

    store.sources.renew(lock)
    store.sources.unlock(lock)
    store.sources.lock(other)

    with pytest.raises(SyncBusy):
        store.sources.renew(lock)


@pytest.mark.parametrize("seconds", [-1, 10_000])
def test_a_lock_that_is_not_renewed_ends_even_if_the_clock_changes(
    store, source, lock, run, seconds
):
    with store.database.writing() as connection:
        values = {"locked_until": time.time() + seconds}
        connection.execute(sa.update(schema.source).values(**values))

    store.sources.lock(Lock(source.id, "another"))

    for change in (
        lambda: submit(store, lock, run, "a.txt"),
        lambda: store.sources.touch(lock, [("a.txt", state())]),
        lambda: store.sources.remove(lock, ["a.txt"]),
        lambda: store.sources.finish(lock, fingerprint="", run_id=None),
    ):
        with pytest.raises(SyncBusy, match="did not renew its lock"):
            change()
    assert store.documents.find(run.id) == []


def test_the_lock_of_a_dead_process_is_taken_at_once(store, source):
    with SyncLock(store.sources, source) as mine:
        owner = mine.lock.owner
        again = store.sources.get("/contracts", "case")
        with pytest.raises(SyncBusy, match=f"process {psutil.Process().pid} on"):
            SyncLock(store.sources, again).__enter__()
    host, _, *rest = owner.split("|")
    gone = Lock(source.id, "|".join([host, str(2**22 + 1), *rest]))
    store.sources.lock(gone)

    with SyncLock(store.sources, store.sources.get("/contracts", "case")) as lock:
        lock.check()


@pytest.mark.parametrize(
    ("max_delete", "known", "most"),
    [
        *[("20%", 10, 2), ("0%", 10, 0), ("100%", 3, 3), (" 2.5 % ", 1000, 25)],
        *[(5, 10, 5), ("5", 10, 5), (0, 10, 0), (0.5, 10, 5), (1, 10, 1)],
    ],
)
def test_how_many_files_may_be_gone(max_delete, known, most):
    assert limit(max_delete, known) == most


@pytest.mark.parametrize("max_delete", ["many", "-1", -1, 1.5, True, "%", None])
def test_an_invalid_number_of_files_is_refused(max_delete):
    with pytest.raises(SettingsError, match="max_delete"):
        limit(max_delete, 10)
