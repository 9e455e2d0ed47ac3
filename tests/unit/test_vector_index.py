"""The index beside SQLite: what it finds is right, whatever happened to it."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from support.rows import add_run, delete_run
from support.services import eventually
from support.vectors import (
    MODEL,
    add_vectors,
    expected,
    nearest,
    random_vectors,
    store_vectors,
)

from docprogress.events import now
from docprogress.store import SearchFilter, Store, schema
from docprogress.store.migrations import vector_parts
from docprogress.store.vector_index import codes, exact, index, space, updating

QUERY = random_vectors(1, seed=99)[0]


@pytest.fixture(autouse=True)
def _eager(monkeypatch):
    """Every vector is indexed when a search begins, and the index is always used."""
    monkeypatch.setattr(updating, "MOST_WAITING", 0)
    monkeypatch.setattr(index, "EXACT_PARTS", 0)
    monkeypatch.setattr(index, "MIN_CANDIDATES", 100)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def store(path):
    with Store(f"sqlite:///{path}") as store:
        yield store


@pytest.fixture
def only_the_index(monkeypatch):
    """No search compares all vectors."""
    compare = exact.nearest

    def nearest_in_the_rest(connection, query, *, after=None):
        assert after is not None
        return compare(connection, query, after=after)

    monkeypatch.setattr(exact, "nearest", nearest_in_the_rest)


def folder_of(path):
    return Path(f"{path}.vectors")


def add_several(store, seeds, **changes):
    return {
        add_vectors(store, array, **changes): array
        for array in (random_vectors(9 + seed % 5, seed=seed) for seed in seeds)
    }


def clustered(count, dimensions, seed=0):
    """Vectors around a few centres, away from the origin, as embedders make them."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(7).standard_normal((100, dimensions)) + 0.5
    found = centres[random.integers(0, len(centres), count)]
    return (found + random.standard_normal((count, dimensions))).astype("f4")


@pytest.mark.parametrize("dimensions", [70, 256])
@pytest.mark.usefixtures("only_the_index")
def test_the_index_finds_nearly_all_that_is_nearest(store, monkeypatch, dimensions):
    monkeypatch.setattr(updating, "BATCH_BYTES", 500_000)
    monkeypatch.setattr(codes, "BLOCK", 512)
    array = clustered(6000, dimensions)
    given = {add_vectors(store, part): part for part in np.split(array, 3)}

    shares = []
    for query in clustered(40, dimensions, seed=1):
        found = nearest(store, query)
        true = expected(given, query)
        assert len(found) == len(true)
        shares.append(len(set(found) & set(true)) / len(true))

    assert np.mean(shares) >= 0.98


@pytest.mark.usefixtures("only_the_index")
def test_scores_of_the_index_are_exact(store):
    given = add_several(store, range(5))

    found = store.vectors.nearest(
        QUERY, embedder=MODEL, filter=SearchFilter(), limit=1000
    )

    assert [match[1:] for match in found] == expected(given, QUERY, limit=1000)
    best = given[found[0].document_id][found[0].number - 1]
    cosine = best @ QUERY / np.linalg.norm(best) / np.linalg.norm(QUERY)
    assert found[0].score == pytest.approx(cosine, abs=1e-6)


def test_vectors_that_are_not_indexed_yet_are_found(store, monkeypatch):
    given = add_several(store, range(4))
    assert nearest(store, QUERY) == expected(given, QUERY)
    monkeypatch.setattr(updating, "MOST_WAITING", 1000)

    given |= add_several(store, range(4, 8))
    assert nearest(store, QUERY, limit=99) == expected(given, QUERY, limit=99)

    monkeypatch.setattr(updating, "MOST_WAITING", 0)
    assert nearest(store, QUERY, limit=99) == expected(given, QUERY, limit=99)


@pytest.mark.usefixtures("only_the_index")
def test_deleted_vectors_are_not_found_and_make_room(store):
    given = add_several(store, range(30))
    assert nearest(store, QUERY) == expected(given, QUERY)
    *gone, retired, retried, unfinished, kept = given

    store.documents.delete(gone)
    with store.database.writing() as connection:
        connection.execute(
            sa.update(schema.document)
            .where(schema.document.c.id == retired)
            .values(retired_at=now())
        )
    store.documents.retry(document_ids=[retried, unfinished], failed_only=False)
    new = random_vectors(3, seed=77)
    store_vectors(store, retried, new, attempt=2)

    true = expected({kept: given[kept], retried: new}, QUERY, limit=99)
    assert nearest(store, QUERY, limit=99) == true
    assert nearest(store, QUERY, limit=99) == true


@pytest.mark.usefixtures("only_the_index")
def test_filters_hold_in_the_index(store):
    run = add_run(store, case_id="case")
    here = {}
    for number, seed in enumerate(range(3), 1):
        here |= add_several(store, [seed], run=run, case_id="case", number=number)
    add_several(store, range(3, 40))
    kinds = ["table", "text", None, "code"] * 5
    mixed = random_vectors(20, seed=50)
    document = add_vectors(store, mixed, kinds=kinds)

    for conditions in ({"run_ids": (run.id,)}, {"case_id": "case"}):
        found = nearest(store, QUERY, limit=99, **conditions)
        assert found == expected(here, QUERY, limit=99)
    tables = [
        found
        for found in expected({document: mixed}, QUERY, limit=99)
        if kinds[found[1] - 1] == "table"
    ]
    assert nearest(store, QUERY, kind="table", limit=99) == tables
    assert nearest(store, QUERY, kind="list") == []
    assert nearest(store, QUERY, kind="table", run_ids=(run.id,)) == []


def test_kinds_beyond_those_with_a_code_are_not_mixed_up(store, monkeypatch):
    monkeypatch.setattr(updating, "OTHER_KIND", 2)
    monkeypatch.setattr(index, "OTHER_KIND", 2)
    array = random_vectors(8)
    kinds = ["one", "two", "three", "four"] * 2
    document = add_vectors(store, array, kinds=kinds)

    for kind in ("one", "two", "three", "four"):
        assert nearest(store, QUERY, kind=kind) == [
            found
            for found in expected({document: array}, QUERY)
            if kinds[found[1] - 1] == kind
        ]


def test_a_few_documents_are_compared_exactly(store, monkeypatch):
    monkeypatch.setattr(index, "EXACT_PARTS", 2)
    given = add_several(store, range(6))
    chosen = dict(list(given.items())[:2])
    nearest(store, QUERY)
    monkeypatch.setattr(index.VectorIndex, "_indexed", lambda *_: pytest.fail("used"))

    assert nearest(store, QUERY, document_ids=tuple(chosen)) == expected(chosen, QUERY)


def test_each_embedder_and_length_has_its_own_vectors(store):
    given = add_several(store, range(3))
    other = add_several(store, range(3, 6), embedder="openai:other")
    unnamed = add_several(store, range(6, 9), embedder=None)
    short = random_vectors(5, dimensions=3)
    shorter = {add_vectors(store, short): short}

    for _ in range(2):
        assert nearest(store, QUERY) == expected(given, QUERY)
        assert nearest(store, QUERY, embedder="openai:other") == expected(other, QUERY)
        assert nearest(store, QUERY, embedder=None) == expected(unnamed, QUERY)
        assert nearest(store, short[1]) == expected(shorter, short[1])
        assert nearest(store, QUERY, embedder="openai:third") == []


@pytest.mark.parametrize("after", [0, 1, 6])
def test_a_database_that_was_restored_is_noticed(path, tmp_path, after):
    with Store(f"sqlite:///{path}") as store:
        given = add_several(store, range(3))
        nearest(store, QUERY)
    backup = shutil.copy(path, tmp_path / "backup.db")
    with Store(f"sqlite:///{path}") as store:
        add_several(store, range(3, 7))
        nearest(store, QUERY)
    for leftover in tmp_path.glob("store.db-*"):
        leftover.unlink()
    shutil.copy(backup, path)

    with Store(f"sqlite:///{path}") as store:
        given |= add_several(store, range(20, 20 + after))

        assert nearest(store, QUERY, limit=99) == expected(given, QUERY, limit=99)


def test_another_database_in_the_place_of_the_indexed_one_is_noticed(path, tmp_path):
    with Store(f"sqlite:///{path}") as store:
        add_several(store, range(3))
        nearest(store, QUERY)
    for leftover in tmp_path.glob("store.db*"):
        if leftover.is_file():
            leftover.unlink()

    with Store(f"sqlite:///{path}") as store:
        assert nearest(store, QUERY) == []
        given = add_several(store, range(3, 6))
        assert nearest(store, QUERY) == expected(given, QUERY)


@pytest.mark.parametrize(
    "name", ["state", "mean", "signs", "integers", "scales", "kinds", "parts"]
)
@pytest.mark.parametrize("damage", ["missing", "short", "folder"])
def test_a_damaged_index_is_rebuilt(path, name, damage):
    with Store(f"sqlite:///{path}") as store:
        given = add_several(store, range(3))
        nearest(store, QUERY)
        [damaged] = folder_of(path).rglob(name)
        damaged.rename(damaged.with_name("old"))
        if damage == "short":
            content = damaged.with_name("old").read_bytes()
            damaged.write_bytes(content[: len(content) // 2])
        elif damage == "folder":
            damaged.mkdir()
    with Store(f"sqlite:///{path}") as store:
        assert nearest(store, QUERY) == expected(given, QUERY)
        given |= add_several(store, range(3, 5))
        assert nearest(store, QUERY) == expected(given, QUERY)


def test_state_that_was_changed_is_not_believed(path, store):
    given = add_several(store, range(3))
    nearest(store, QUERY)
    state = folder_of(path) / "state"
    state.write_bytes(state.read_bytes().replace(b'"rows":', b'"rows":9'))

    assert nearest(store, QUERY) == expected(given, QUERY)


@pytest.mark.parametrize("writes", range(12))
def test_a_writer_that_dies_leaves_an_index_that_can_be_used(
    path, store, monkeypatch, writes
):
    given = add_several(store, range(3))
    nearest(store, QUERY)
    given |= add_several(store, range(3, 6))
    write, left = space._write, [writes]

    def die(file, offset, array):
        if not left[0]:
            write(file, offset, np.full_like(array, 1)[: len(array) // 2])
            raise KeyboardInterrupt
        left[0] -= 1
        write(file, offset, array)

    add_several(store, [7], embedder="openai:other")
    monkeypatch.setattr(space, "_write", die)
    with pytest.raises(KeyboardInterrupt) if writes < 11 else monkeypatch.context():
        nearest(store, QUERY)
    monkeypatch.setattr(space, "_write", write)

    assert nearest(store, QUERY, limit=99) == expected(given, QUERY, limit=99)
    with Store(f"sqlite:///{path}") as other:
        assert nearest(other, QUERY, limit=99) == expected(given, QUERY, limit=99)


def test_a_folder_that_cannot_be_made_is_a_warning(path, store, caplog):
    folder_of(path).write_text("in the way")
    given = add_several(store, range(3))

    for _ in range(3):
        assert nearest(store, QUERY) == expected(given, QUERY)
    [warning] = [record.getMessage() for record in caplog.records]
    assert "searches are slower" in warning
    assert str(folder_of(path)) in warning


def test_a_full_disk_is_a_warning(store, monkeypatch, caplog):
    given = add_several(store, range(3))
    nearest(store, QUERY)
    given |= add_several(store, range(3, 6))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(space, "_write", full)
    for _ in range(3):
        assert nearest(store, QUERY) == expected(given, QUERY)
    [warning] = [record.getMessage() for record in caplog.records]
    assert "No space left" in warning


def test_a_search_does_not_wait_for_another_process_that_writes(store, path):
    given = add_several(store, range(3))
    nearest(store, QUERY)
    given |= add_several(store, range(3, 6))

    with store.vectors._index._folder.locked() as mine:
        assert mine
        with Store(f"sqlite:///{path}") as other:
            assert nearest(other, QUERY) == expected(given, QUERY)


def test_searches_and_writers_may_run_at_the_same_time(path, store, monkeypatch):
    monkeypatch.setattr(updating, "BATCH_BYTES", 1)
    given = add_several(store, range(2))
    wrong, over = [], threading.Event()

    def search():
        with Store(f"sqlite:///{path}") as own:
            while not over.is_set():
                before = dict(given)
                found = nearest(own, QUERY, limit=1)
                after = dict(given)
                if found not in (
                    expected({**before, **dict([item])}, QUERY, limit=1)
                    for item in after.items()
                ):
                    wrong.append(found)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for seed in range(2, 25):
        given |= add_several(store, [seed])
    over.set()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert nearest(store, QUERY, limit=99) == expected(given, QUERY, limit=99)


def test_an_index_of_mostly_deleted_vectors_is_rebuilt(path, store, monkeypatch):
    monkeypatch.setattr(updating, "_FEWEST_GONE", 5)
    given = add_several(store, range(12))
    nearest(store, QUERY)
    [before] = folder_of(path).rglob("parts")
    size = before.stat().st_size

    store.documents.delete(list(given)[:9])
    kept = dict(list(given.items())[9:])

    assert nearest(store, QUERY) == expected(kept, QUERY)
    [after] = folder_of(path).rglob("parts")
    assert after.stat().st_size * 4 == size
    assert not before.exists()


def test_rows_are_numbered_as_long_as_they_are_there(store):
    def numbered():
        with store.database.reading() as connection:
            return len(connection.execute(sa.select(schema.vector_part)).all())

    run = add_run(store)
    add_vectors(store, random_vectors(2), run=run)
    add_vectors(store, random_vectors(2), run=run, number=2, completed=None)
    add_vectors(store, random_vectors(2), run=run, number=3, embedder="hashing")
    assert numbered() == 2

    delete_run(store, run.id)
    assert numbered() == 0


def test_vectors_of_an_earlier_version_are_numbered(path):
    with Store(f"sqlite:///{path}") as store:
        given = add_several(store, range(3))
        add_vectors(store, random_vectors(2), embedder="hashing")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM vector_part")
        connection.execute("DELETE FROM vector_space")
        for statement in vector_parts.STATEMENTS:
            connection.execute(statement)

    with Store(f"sqlite:///{path}") as store:
        assert nearest(store, QUERY) == expected(given, QUERY)
        used = [each.name for each in store.vectors.embedders(SearchFilter())]
        assert used == ["hashing", MODEL]


_WRITER = """
import sys
from docprogress.store import Store
from docprogress.store.vector_index import updating
updating.MOST_WAITING, updating.BATCH_BYTES = 0, 1
with Store(sys.argv[1]) as store:
    print("ready", flush=True)
    store.vectors.update_index()
    print("done", flush=True)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_an_index_that_can_be_used(path, store):
    """Killed while it writes, at another place each time."""
    given = {}
    for seed in range(0, 80, 10):
        given |= add_several(store, range(seed, seed + 10))
        command = [sys.executable, "-c", _WRITER, store_url := f"sqlite:///{path}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout.readline() == "ready\n"
            before = list(folder_of(path).rglob("parts"))
            eventually(
                lambda before=before, writer=writer: (
                    writer.poll() is not None
                    or list(folder_of(path).rglob("parts")) != before
                    or before
                )
            )
            writer.kill()
        with Store(store_url) as other:
            assert nearest(other, QUERY, limit=99) == expected(given, QUERY, limit=99)
