"""The quick way to read how runs stand says what the store says."""

import sqlite3
from dataclasses import replace

import pytest
from support.rows import add_document, add_documents, add_run, complete

from docprogress.store import Store, sqlite_overview


@pytest.fixture
def path(tmp_path):
    return tmp_path / "docprogress.db"


@pytest.fixture
def store(path):
    with Store(f"sqlite:///{path}") as store:
        yield store


def test_runs_and_totals_are_those_of_the_store(store, path):
    complete(store, add_document(store, add_run(store)))
    complete(store, add_document(store, add_run(store, case_id="a case")))
    add_document(store, add_run(store))
    # Submitted in part, and not at all.
    partly = add_run(store, expected=2)
    add_documents(store, partly, 1)
    add_run(store, expected=3)

    with sqlite_overview.opened(path) as found:
        for case_id, limit in ((None, 100), (None, 2), ("a case", 100), ("none", 1)):
            expected = store.runs.find(case_id=case_id, limit=limit)
            read = found.runs(case_id=case_id, limit=limit)
            assert [replace(run, encryption_key=None) for run in expected] == read
        assert found.totals() == store.runs.totals()
        assert found.totals().unfinished == 3


def test_without_a_database_there_are_no_runs_and_none_is_made(path):
    with sqlite_overview.opened(path) as found:
        assert found.runs(case_id=None, limit=1) == []
        assert found.totals().runs == 0

    assert not path.exists()


@pytest.mark.parametrize("version", ["0000", "9999"])
def test_a_database_of_another_version_is_left_to_the_store(store, path, version):
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE docprogress_version SET version_num = ?", (version,))
    connection.close()

    with sqlite_overview.opened(path) as found:
        assert found is None


def test_an_invalid_database_url_is_left_to_the_store(path):
    path.write_text("this is no database, however long it is. " * 100)

    with sqlite_overview.opened(path) as found:
        assert found is None
