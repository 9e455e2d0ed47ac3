"""The store finds the chunks whose vectors are nearest, on every database."""

import numpy as np
import pytest
import sqlalchemy as sa
from support.rows import add_run
from support.vectors import (
    add_vectors,
    expected,
    nearest,
    random_vectors,
    store_vectors,
)

from docprogress.events import Status, now
from docprogress.store import SearchFilter, Store, schema
from docprogress.store.vector_index import exact, in_postgresql

QUERY = random_vectors(1, seed=99)[0]


@pytest.fixture(params=["sqlite", "postgresql", "pgvector", "hnsw"])
def store(request, tmp_path, monkeypatch):
    if request.param == "sqlite":
        with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
            yield store
    elif request.param == "postgresql":
        with Store(request.getfixturevalue("postgres_url")) as store:
            yield store
    else:
        server = request.getfixturevalue("shared_vector_postgres")
        with server.database() as url:
            server.execute("CREATE EXTENSION vector", url=url)
            with Store(url) as store:
                if request.param == "hnsw":
                    monkeypatch.setattr(in_postgresql, "EXACT_DOCUMENTS", 0)
                    for dimensions in (2, 24):
                        store.vectors.make_index(dimensions)
                yield store


def add_several(store, **changes):
    """Documents of several lengths, by id."""
    given = [
        random_vectors(count, seed=seed) for seed, count in enumerate((3, 40, 1, 7))
    ]
    return {add_vectors(store, array, **changes): array for array in given}


def test_the_nearest_chunks_of_all_documents_are_found(store, monkeypatch):
    monkeypatch.setattr(exact, "BATCH_BYTES", 1000)
    arrays = add_several(store)

    assert nearest(store, QUERY) == expected(arrays, QUERY)
    assert nearest(store, QUERY * 1e6, limit=1) == expected(arrays, QUERY, limit=1)
    assert nearest(store, QUERY, limit=1000) == expected(arrays, QUERY, limit=1000)
    assert nearest(store, QUERY, limit=0) == []


def test_scores_are_cosine_similarities(store):
    document = add_vectors(store, np.array([[3, 0], [0, 5], [2, 2], [-1, 0]], "f4"))

    found = store.vectors.nearest(
        np.array([1, 0]), embedder="openai:model", filter=SearchFilter(), limit=9
    )

    assert [match[1:] for match in found] == [(document, 1), (document, 3)]
    assert [match.score for match in found] == pytest.approx([1, 0.5**0.5])


def test_each_condition_of_a_filter_holds(store):
    run = add_run(store, case_id="case", expected=1)
    names = {"run": run, "case_id": "case", "name": "here.pdf"}
    wanted = {
        add_vectors(store, array, **names): array for array in [random_vectors(5)]
    }
    add_several(store)

    for conditions in (
        {"run_ids": (run.id,)},
        {"case_id": "case"},
        {"names": ("here.pdf",)},
        {"document_ids": tuple(wanted)},
        {"document_ids": tuple(wanted), "case_id": "case", "kind": "text"},
    ):
        assert nearest(store, QUERY, **conditions) == expected(wanted, QUERY)
    assert nearest(store, QUERY, run_ids=("unknown",)) == []
    assert nearest(store, QUERY, language="de") == []


def test_only_chunks_of_a_kind_are_found(store):
    array = random_vectors(20, seed=5)
    kinds = ["table", None, "text", "code"] * 5
    document = add_vectors(store, array, kinds=kinds)

    def of(*wanted):
        return [
            (document, number)
            for _, number in expected({document: array}, QUERY, limit=99)
            if kinds[number - 1] in wanted
        ]

    assert nearest(store, QUERY, kind="table") == of("table")
    assert nearest(store, QUERY, kind="text") == of("text", None)
    assert nearest(store, QUERY, kind="list") == []


def test_only_vectors_of_the_querys_embedder_are_compared(store):
    ours = {add_vectors(store, array): array for array in [random_vectors(4)]}
    add_vectors(store, random_vectors(4), embedder="openai:other")
    add_vectors(store, random_vectors(4, dimensions=7))
    unnamed = {
        add_vectors(store, array, embedder=None): array for array in [random_vectors(4)]
    }

    assert nearest(store, QUERY) == expected(ours, QUERY)
    assert nearest(store, QUERY, embedder=None) == expected(unnamed, QUERY)
    assert nearest(store, QUERY, embedder="openai:third") == []


def test_strange_vectors_are_not_found_and_hide_no_other(store):
    usual = random_vectors(4)
    strange = np.zeros((4, 24), "f4")
    strange[0, :] = np.nan
    strange[1, :] = np.inf
    strange[2, :] = 3e38
    arrays = {add_vectors(store, usual): usual}
    add_vectors(store, strange)

    assert nearest(store, QUERY) == expected(arrays, QUERY)
    for query in (np.zeros(24), np.full(24, np.nan), np.full(24, np.inf)):
        assert nearest(store, query) == []


def test_vectors_of_mostly_zeros_are_found(store):
    array = np.zeros((6, 24), "f4")
    array[np.arange(6), np.arange(6)] = 1
    document = add_vectors(store, array)

    assert nearest(store, np.eye(24)[4]) == [(document, 5)]


def test_documents_that_are_not_current_are_never_found(store):
    there = {add_vectors(store, array): array for array in [random_vectors(3)]}
    unfinished = add_vectors(store, random_vectors(3, seed=1), completed=None)
    retired, retried, deleted = (
        add_vectors(store, QUERY + random_vectors(3, seed=seed) / 9)
        for seed in (2, 3, 4)
    )
    everything = SearchFilter()
    found = {
        match.document_id
        for match in store.vectors.nearest(
            QUERY, embedder="openai:model", filter=everything, limit=99
        )
    }
    assert {retired, retried, deleted} <= found
    assert unfinished not in found

    with store.database.writing() as connection:
        connection.execute(
            sa.update(schema.document)
            .where(schema.document.c.id == retired)
            .values(retired_at=now())
        )
    store.documents.delete([deleted])
    store.documents.retry(document_ids=[retried], failed_only=False)

    assert nearest(store, QUERY) == expected(there, QUERY)


def test_a_document_is_found_as_soon_as_it_is_completed(store):
    first = random_vectors(3)
    arrays = {add_vectors(store, first): first}
    assert nearest(store, QUERY) == expected(arrays, QUERY)

    second = random_vectors(3, seed=1)
    document = add_vectors(store, second, completed=None)
    assert nearest(store, QUERY) == expected(arrays, QUERY)

    store.attempts.finish(document, 1, Status.COMPLETED, message="Done")
    assert nearest(store, QUERY) == expected(arrays | {document: second}, QUERY)


def test_a_document_that_is_done_again_is_found_by_its_new_vectors(store):
    old, new = random_vectors(3, seed=1), random_vectors(5, seed=2)
    document = add_vectors(store, old)
    assert nearest(store, QUERY) == expected({document: old}, QUERY)

    store.documents.retry(document_ids=[document], failed_only=False)
    store_vectors(store, document, new, attempt=2)

    assert nearest(store, QUERY) == expected({document: new}, QUERY)


def test_embedders_in_use_are_known_with_the_newest_settings(store):
    def run_with(embedder, **settings):
        return add_run(store, settings={"embedder": embedder} | settings)

    assert store.vectors.embedders(SearchFilter()) == []
    older = run_with("openai:model", embedding_tokens=1)
    newer = run_with("openai:model", embedding_tokens=2)
    words = run_with("hashing")
    for run in (newer, older):
        add_vectors(store, random_vectors(2), run=run)
    add_vectors(store, random_vectors(2, dimensions=7), run=newer, number=2)
    add_vectors(store, random_vectors(2), run=words, embedder="hashing")
    add_vectors(store, random_vectors(2), run=words, embedder=None, number=2)
    add_vectors(store, random_vectors(2), embedder="openai:waits", completed=None)
    add_vectors(store, [], embedder=None)

    def used(**conditions):
        return [
            (use.name, use.dimensions, use.settings.get("embedding_tokens"))
            for use in store.vectors.embedders(SearchFilter(**conditions))
        ]

    model = ("openai:model", 24, 2)
    assert [use for use in used() if use[0]] == [
        ("hashing", 24, None),
        ("openai:model", 7, 2),
        model,
    ]
    assert used(run_ids=(older.id,)) == [("openai:model", 24, 1)]
    assert set(used(run_ids=(words.id,))) == {
        (None, 24, None),
        ("hashing", 24, None),
    }
    assert used(case_id="none") == []
    words_only = {
        use.name: use.words_only for use in store.vectors.embedders(SearchFilter())
    }
    assert words_only == {None: False, "hashing": True, "openai:model": False}
