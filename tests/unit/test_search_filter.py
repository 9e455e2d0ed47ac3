"""Which documents and chunks a search considers, on SQLite and on PostgreSQL."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from support.rows import CHUNKS, PAGES, add_document, add_run

from docprogress.events import Status, now
from docprogress.store import FinishedStep, Store, schema
from docprogress.store.search_filter import SearchFilter, read_first


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = (
        f"sqlite:///{tmp_path / 'store.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    with Store(url) as store:
        yield store


def completed(store, run, *, metadata=None, kinds=("text", None), **changes):
    """A completed document, with a chunk of each kind."""
    document = add_document(store, run, **changes)
    store.attempts.claim(document.id, 1, worker="w")
    finished = FinishedStep(
        position=0,
        step="extraction",
        next_step="extraction",
        started_at=now(),
        seconds=0.0,
        items=1,
        unit="page",
        progress=99.0,
        facts=metadata or {},
        pages=PAGES,
        chunks=[
            replace(CHUNKS[0], number=number, kind=kind)
            for number, kind in enumerate(kinds, 1)
        ],
    )
    store.attempts.finish_steps(document.id, 1, [finished], completed="Done")
    return document.id


def admitted(store, **conditions):
    found = SearchFilter(**conditions)
    query = sa.select(schema.document.c.id).where(found.documents())
    with store.database.reading() as connection:
        return set(connection.execute(query).scalars())


def test_each_condition_admits_what_meets_it(store):
    first = add_run(store, case_id="case")
    second = add_run(store)
    one = completed(store, first, name="it's \x00 one.pdf")
    two = completed(store, second, name="two.pdf")

    assert admitted(store) == {one, two}
    assert admitted(store, run_ids=(first.id,)) == {one}
    assert admitted(store, run_ids=(first.id, second.id)) == {one, two}
    assert admitted(store, run_ids=()) == set()
    assert admitted(store, case_id="case") == {one}
    assert admitted(store, names=("it's \x00 one.pdf", "\ud800")) == {one}
    assert admitted(store, document_ids=(two, "unknown")) == {two}
    assert admitted(store, document_ids=(two,), case_id="case") == set()


def test_any_number_of_documents_can_be_named(store):
    document = completed(store, add_run(store))

    many = tuple(f"other-{number}" for number in range(100_000))

    assert admitted(store, document_ids=(*many, document)) == {document}


def test_a_language_admits_its_regions(store):
    run = add_run(store, expected=4)

    def written_in(language, number):
        return completed(
            store, run, number=number, metadata={"language": language, "pages": "x"}
        )

    german = {written_in("de", 1), written_in("de-AT", 2), written_in("DE_CH", 3)}
    other = {written_in("den", 4), written_in(float("nan"), 5), written_in(None, 6)}

    assert admitted(store, language="de") == german
    assert admitted(store, language="de-at") < german
    assert admitted(store) == german | other


def test_only_current_documents_are_admitted(store):
    run = add_run(store, expected=4)
    there = completed(store, run, number=1)
    retired = completed(store, run, number=2)
    waiting = add_document(store, run, number=3)
    failed = add_document(store, run, number=4)
    store.attempts.claim(failed.id, 1, worker="w")
    store.attempts.finish(failed.id, 1, Status.FAILED, message="x", error="x")
    with store.database.writing() as connection:
        connection.execute(
            sa.update(schema.document)
            .where(schema.document.c.id == retired)
            .values(retired_at=now())
        )

    assert admitted(store) == {there}
    assert admitted(store, document_ids=(waiting.id, failed.id, retired)) == set()


def test_chunks_without_a_kind_are_text(store):
    completed(store, add_run(store), kinds=("text", None, "table"))

    def numbers(kind):
        query = sa.select(schema.chunk.c.number)
        condition = SearchFilter(kind=kind).chunks()
        if condition is not None:
            query = query.where(condition)
        with store.database.reading() as connection:
            return set(connection.execute(query).scalars())

    assert numbers("text") == {1, 2}
    assert numbers("table") == {3}
    assert numbers("list") == set()
    assert numbers(None) == {1, 2, 3}


@pytest.mark.parametrize(
    "scope",
    [
        SearchFilter(names=("a.pdf",)),
        SearchFilter(run_ids=("r",)),
        SearchFilter(case_id="c"),
    ],
)
def test_sqlite_finds_the_documents_of_a_filter_by_an_index(tmp_path, scope):
    with Store(f"sqlite:///{tmp_path / 'store.db'}").open() as store:

        @sa.event.listens_for(
            store.database.engine, "before_cursor_execute", retval=True
        )
        def explain(*given):
            return f"EXPLAIN QUERY PLAN {given[2]}", given[3]

        query = sa.select(schema.word_document.c.number).join_from(
            schema.document,
            schema.word_document,
            schema.word_document.c.document_id == read_first(schema.document.c.id),
        )
        with store.database.engine.connect() as connection:
            found = connection.execute(query.where(scope.documents()))
            plan = [row[3] for row in found.cursor.fetchall()]

    assert plan[0].startswith("SEARCH document USING INDEX"), plan
    assert any(step.startswith("SEARCH word_document") for step in plan), plan
