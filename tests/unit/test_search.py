"""Search finds what a query is about, and nothing where there is nothing."""

import sys

import numpy as np
import pytest
from sqlalchemy import update
from support.embedding_endpoint import KEY, endpoint
from support.rows import add_document, add_run
from support.searched import add_searched, searched, texts

from docprogress.errors import (
    DocumentError,
    DocumentNotFound,
    RunNotFound,
    SearchError,
    ServiceUnavailable,
    SettingsError,
)
from docprogress.events import now
from docprogress.settings import load
from docprogress.store import Store, schema

MODES = ["hybrid", "words", "vectors"]


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def crowded(letter, count=6000):
    """A text of so many words that nearly all places of a vector are taken."""
    return " ".join(f"{letter}{number}" for number in range(count))


def about(**directions):
    """An endpoint's answer: texts that contain a word have the vector named there."""

    def answer(body):
        data = [
            {"index": n, "embedding": vector_of(text)}
            for n, text in enumerate(body["input"])
        ]
        return 200, {}, {"data": data}

    def vector_of(text):
        found = np.array([0, 0, 0.01])
        for word, vector in directions.items():
            if word in text:
                found = found + vector
        return found.tolist()

    return answer


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("query", ["xyzzyq", "qqqq", "Zauberwort", "龘靐", "?!", "🙈"])
def test_word_that_no_chunk_contains_finds_nothing(store, query, mode):
    crowds = [crowded(letter) for letter in "abcdefgh"]
    add_searched(store, *crowds, "the tenant pays", "本合同由甲乙双方签订")

    found = searched(store, query, mode=mode)

    assert texts(found) == []
    assert found.warnings == ()


@pytest.mark.parametrize("mode", MODES)
def test_the_only_chunk_with_the_word_is_found_among_collisions(store, mode):
    crowds = [crowded(letter) for letter in "abcdefgh"]
    add_searched(store, *crowds, f"xyzzyq {crowded('z', 40)}", *crowds)

    found = searched(store, "xyzzyq", mode=mode)

    assert [text.split()[0] for text in texts(found)] == ["xyzzyq"]


def test_a_hit_has_its_place_its_scores_and_its_words(store):
    run = add_searched(
        store,
        "nothing",
        ("| the *tenant* pays |", "table"),
        name="mail.eml/lease.pdf",
        run_options={"case_id": "case"},
    )

    [hit] = searched(store, "tenant pay")

    assert (hit.document, hit.run_id) == ("mail.eml/lease.pdf", run.id)
    assert (hit.number, hit.page, hit.last_page) == (2, 2, 2)
    assert (hit.kind, hit.headings) == ("table", ("Heading",))
    assert hit.score == hit.words > 0
    assert (hit.vectors, hit.rerank) == (None, None)
    assert [hit.text[a:b] for a, b in hit.marks] == ["tenant", "pays"]


def test_filters_narrow_the_search(store):
    first = add_searched(
        store,
        "tenant one",
        ("tenant table", "table"),
        name="a.txt",
        run_options={"case_id": "x"},
        metadata={"language": "de-AT"},
        case_id="x",
    )
    add_searched(store, "tenant two", run=first, name="b.txt", case_id="x")
    second = add_searched(store, "tenant three", name="a.txt")
    row = store.documents.find(second.id)[0]

    def found(**filters):
        return {hit.text for hit in searched(store, "tenant", **filters)}

    every = {"tenant one", "tenant table", "tenant two", "tenant three"}
    assert found() == found(run=[first.id, second.id]) == every
    assert found(run=second.id) == found(run=second) == {"tenant three"}
    assert found(run="latest") == {"tenant three"}
    assert found(case_id="x") == found(run=first.id[:8]) == every - {"tenant three"}
    assert found(documents="a.txt") == every - {"tenant two"}
    assert found(documents="a.txt", case_id="x") == {"tenant one", "tenant table"}
    assert found(documents=[row.id, "b.txt"]) == {"tenant two", "tenant three"}
    assert found(documents=row) == {"tenant three"}
    assert found(kind="table") == {"tenant table"}
    assert found(kind="none such") == found(case_id="none such") == set()
    assert found(language="de") == {"tenant one", "tenant table"}
    assert found(run=[]) == found(documents=[]) == set()


def test_missing_things_are_named(store):
    run = add_searched(store, "tenant", name="a.txt")
    failed = add_document(store, run, number=2, name="failed.txt")

    for wrong in ("no-such-run", "", [run.id, "no-such-run"]):
        with pytest.raises(RunNotFound):
            searched(store, "tenant", run=wrong)
    for wrong in ("no.txt", ["a.txt", "no.txt"], ""):
        with pytest.raises(DocumentNotFound):
            searched(store, "tenant", documents=wrong)
    with pytest.raises(DocumentNotFound, match="searched"):
        searched(store, "tenant", documents="a.txt", run=add_run(store).id)
    assert texts(searched(store, "tenant", documents=failed.id)) == []
    assert texts(searched(store, "tenant", documents="failed.txt")) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"query": ""}, "empty"),
        ({"query": " \n"}, "empty"),
        ({"query": None}, "must be a string"),
        ({"limit": -1}, "limit=-1"),
        ({"limit": 2.5}, "limit=2.5"),
        ({"limit": True}, "limit"),
        ({"offset": -3}, "offset=-3"),
        ({"mode": "word"}, "'hybrid', 'words', 'vectors'"),
        ({"kind": 3}, "kind=3"),
        ({"run": 7}, "7 is not a run"),
        ({"documents": [3.5]}, "3.5 is not a document"),
        ({"rerank": 7}, "rerank=7"),
    ],
)
def test_values_that_cannot_be_used_are_named(store, options, said):
    with pytest.raises(SearchError, match=said):
        searched(store, **{"query": "tenant"} | options)


@pytest.mark.parametrize("mode", MODES)
def test_pages_continue_each_other_without_doubles(store, mode):
    settings = load()
    for letter in "abc":
        add_searched(store, *(f"tenant {letter}{n % 7}" for n in range(40)))

    whole = searched(store, "tenant a1", mode=mode, limit=120, settings=settings)
    pages = [
        hit
        for offset in range(0, 130, 7)
        for hit in searched(store, "tenant a1", mode=mode, limit=7, offset=offset)
    ]

    places = [(hit.document_id, hit.number) for hit in whole]
    assert len(set(places)) == 120
    assert [(hit.document_id, hit.number) for hit in pages] == places
    assert texts(searched(store, "tenant", limit=0)) == []
    assert texts(searched(store, "tenant", offset=10_000)) == []


@pytest.mark.parametrize("query", ["押今退还", "保蜜义务", "押金退坏"])
def test_words_with_a_wrong_character_are_found_without_a_model(store, query):
    right = {"押": "租赁房屋的押金在退房时退还", "保": "保密义务在合同终止后继续有效"}
    add_searched(store, *right.values(), "双方签订本合同之后三个月内付款")

    assert texts(searched(store, query)) == [right[query[0]]]
    assert texts(searched(store, query, mode="words")) == []


def test_vectors_are_those_of_the_corrected_query(store):
    answers = about(contract=[1, 0, 0], agreement=[1, 0, 0], money=[0, 1, 0])
    with endpoint(answers) as (_, server):
        settings = load(embedder="openai:m", embedding_url=server.url)
        add_searched(store, "an agreement", "a contract", "money", settings=settings)

        found = searched(store, "contarct", settings=settings)
        as_written = searched(store, "contarct", settings=settings, spelling=False)

        assert texts(found) == ["a contract", "an agreement"]
        assert found.query == "contarct"
        assert texts(as_written) == []


def test_meaning_is_found_and_fused_with_words(store):
    answers = about(cat=[1, 0, 0], feline=[1, 0, 0], money=[0, 1, 0])
    with endpoint(answers) as (_, server):
        settings = load(embedder="openai:m", embedding_url=server.url)
        add_searched(
            store, "a feline", "money money", "cat food", "else", settings=settings
        )

        hybrid = searched(store, "cat", settings=settings)

        assert texts(hybrid) == ["cat food", "a feline"]
        assert hybrid[0].score == pytest.approx(1, abs=0.02)
        assert hybrid[0].words is not None
        assert hybrid[1].words is None
        assert hybrid[1].vectors == pytest.approx(1, abs=0.01)
        assert texts(searched(store, "cat", mode="words", settings=settings)) == [
            "cat food"
        ]
        assert set(
            texts(searched(store, "cat", mode="vectors", settings=settings))
        ) == {
            "cat food",
            "a feline",
        }


NONSENSE = ["xyzzyq", "qqqq", "asdf jkl", "qwertzuiop", "what is mxyzptlk", "шщъыь"]


@pytest.mark.parametrize("name", ["wordllama", "universal-sentence-encoder"])
@pytest.mark.parametrize("query", [*NONSENSE, "ضظغقف", "龘靐", "7g3k9z", "🙈 ?!"])
def test_a_model_finds_nothing_for_what_it_does_not_know(store, query, name):
    settings = load(embedder=name)
    passages = ["The tenant bears the cost of repairs.", "Dogs are welcome on Fridays."]
    add_searched(store, *passages, "本合同由甲乙双方签订", settings=settings)

    for mode in MODES:
        found = searched(store, query, mode=mode, settings=settings)
        assert (texts(found), found.warnings) == ([], ())


def test_a_model_finds_words_that_mean_the_same(store):
    settings = load(embedder="wordllama")
    passages = ["Dogs are welcome in the office.", "Annual leave is 25 days."]
    add_searched(store, *passages, settings=settings)

    for query, text in (("animals", passages[0]), ("company holidays", passages[1])):
        assert texts(searched(store, query, settings=settings)) == [text]
        assert texts(searched(store, query, mode="words", settings=settings)) == []


def test_several_runs_ask_an_endpoint_once(store):
    with endpoint(about(text=[1, 1, 0], query=[1, 0, 0])) as (_, server):
        settings = load(embedder="openai:searched", embedding_url=server.url)
        for n in range(3):
            add_searched(store, f"text {n}", settings=settings)
        asked = len(server.asked)

        hits = searched(store, "a query", settings=settings)

        assert len(server.asked) == asked + 1
        assert server.asked[-1][2]["input"] == ["a query"]
        assert len(hits) == 3
        searched(store, "a query", settings=settings, mode="words")
        assert len(server.asked) == asked + 1


def test_runs_with_different_embedders_are_searched_each_in_its_own_way(store):
    answers = about(cat=[1, 0, 0], feline=[1, 0, 0])
    with endpoint(answers) as (_, server):
        settings = load(embedder="openai:one", embedding_url=server.url)
        other = settings.model_copy(update={"embedder": "openai:two"})
        add_searched(store, "a feline of one", settings=settings)
        add_searched(store, "a feline of two", settings=other)
        add_searched(store, "a cat without a model")
        asked = len(server.asked)

        found = searched(store, "cat", settings=settings)

        assert {each[2]["model"] for each in server.asked[asked:]} == {"one", "two"}
        assert len(server.asked) == asked + 2
        assert found.warnings == ()
        assert sorted(texts(found)) == [
            "a cat without a model",
            "a feline of one",
            "a feline of two",
        ]
        # It is first by its words, and nothing is known of its meaning.
        assert found[0].text == "a cat without a model"
        assert found[0].score == pytest.approx(1)


UNAVAILABLE = (503, {}, {"error": {"message": "too much to do"}})
REFUSED = (401, {}, {"error": {"message": "wrong key"}})


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [(UNAVAILABLE, ServiceUnavailable, "503"), (REFUSED, DocumentError, "key")],
    ids=["away", "wrong key"],
)
def test_an_unavailable_embedder_is_named(store, answer, error, said, monkeypatch):
    monkeypatch.setattr("docprogress.steps.embedders.openai.FIRST_PAUSE", 0.01)
    with endpoint(about(cat=[1, 0, 0])) as (_, server):
        settings = load(
            embedder="openai:gone", embedding_url=server.url, embedding_api_key=KEY
        )
        for _ in range(2):
            add_searched(store, "a cat", settings=settings)
        server.answers[:] = [answer]

        found = searched(store, "cat", settings=settings)

        assert texts(found) == ["a cat", "a cat"]
        [warning] = found.warnings
        assert "openai:gone" in warning
        assert said in warning
        assert KEY not in warning
        assert "openai:gone" in repr(found)
        assert "openai:gone" in found._repr_html_()
        with pytest.raises(error):
            searched(store, "cat", settings=settings, mode="vectors")
        # Others can be searched.
        add_searched(store, "cat of words")
        other = searched(store, "cat", settings=settings, mode="vectors")
        assert texts(other) == ["cat of words"]
        assert len(other.warnings) == 1


def test_an_embedder_that_is_not_installed_is_named(store, monkeypatch):
    name = "sentence-transformers:no-such-model"
    run = add_searched(store, "a cat", embedder=name)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)

    found = searched(store, "cat", run=run.id)

    assert texts(found) == ["a cat"]
    assert "pip install 'docprogress[sentence-transformers]'" in found.warnings[0]
    with pytest.raises(SettingsError, match="pip install"):
        searched(store, "cat", mode="vectors")


def test_vectors_of_another_length_are_named(store):
    with endpoint(about(cat=[1, 0, 0])) as (_, server):
        settings = load(embedder="openai:changed", embedding_url=server.url)
        add_searched(store, "a cat", settings=settings)
        server.answers[:] = [(200, {}, {"data": [{"index": 0, "embedding": [1, 2]}]})]

        found = searched(store, "cat", settings=load(embedding_url=server.url))

    assert texts(found) == ["a cat"]
    assert "3 dimensions" in found.warnings[0]


def test_documents_that_are_not_indexed_yet_are_counted(store, monkeypatch):
    for _ in range(3):
        add_searched(store, "a cat")
    monkeypatch.setattr("docprogress.store.words._SEARCH_SECONDS", -1.0)
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE document SET indexed_attempt = NULL")

    [warning] = searched(store, "cat").warnings

    assert "2 documents of an earlier version" in warning
    assert searched(store, "cat", run=add_run(store).id).warnings == ()
    assert searched(store, "cat", mode="vectors").warnings == ()
    monkeypatch.undo()
    found = searched(store, "cat")
    assert (len(found), found.warnings) == (3, ())


def test_reranking_orders_the_best_and_keeps_the_others(store, monkeypatch):
    monkeypatch.setattr("docprogress.search.searching.RERANKED", 5)
    add_searched(store, *(f"tenant {'x' * n}" for n in range(9)))
    before = texts(searched(store, "tenant"))
    seen = []

    def longest(query, passages):
        seen.append((query, list(passages)))
        return [len(text) for text in passages]

    found = searched(store, "tenant", rerank=longest)

    assert seen == [("tenant", before[:5])]
    assert texts(found)[:5] == sorted(before[:5], key=len, reverse=True)
    assert texts(found)[5:] == before[5:]
    assert [hit.rerank for hit in found[:5]] == [float(len(h.text)) for h in found[:5]]
    assert found[0].score == found[0].rerank
    assert found[5].rerank is None
    pages = [
        text
        for offset in range(0, 9, 2)
        for text in texts(
            searched(store, "tenant", rerank=longest, limit=2, offset=offset)
        )
    ]
    assert pages == texts(found)
    assert texts(searched(store, "xyzzyq", rerank=longest)) == []


def test_a_document_replaced_while_it_is_searched_is_found_in_its_new_version(
    store, monkeypatch
):
    run = add_searched(store, "tenant of old", name="a.txt")
    [old] = store.documents.find(run.id)
    search_words = store.words.rank

    def replaced_meanwhile(*args, **options):
        found = search_words(*args, **options)
        if store.documents.get(old.id).retired_at is None:
            add_searched(store, "tenant of new", name="a.txt", replaces=old.id)
            with store.database.writing() as connection:
                connection.execute(
                    update(schema.document)
                    .where(schema.document.c.id == old.id)
                    .values(retired_at=now())
                )
        return found

    monkeypatch.setattr(store.words, "rank", replaced_meanwhile)

    assert texts(searched(store, "tenant")) == ["tenant of new"]
