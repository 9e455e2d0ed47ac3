"""Search finds what a query is about, and nothing where there is nothing."""

import numpy as np
import pytest
from support.embedding_endpoint import endpoint, good
from support.rows import add_documents, add_run

from docprogress.documents import Chunk
from docprogress.events import now
from docprogress.search import nearest
from docprogress.settings import load
from docprogress.steps.embed import embed
from docprogress.store import FinishedStep, Store


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def searchable(store, *texts, settings=None):
    """A run of one document whose chunks are these texts."""
    settings = settings or load()
    run = add_run(store, settings={"embedder": settings.embedder})
    [document_id] = add_documents(store, run, 1)
    store.submissions.mark_ready([(document_id, 1, document_id)])
    store.attempts.claim(document_id, 1, worker="w")
    chunks = [
        Chunk(number=n, text=text, start=0, end=1, first_page=1, last_page=1)
        for n, text in enumerate(texts, 1)
    ]
    finished = FinishedStep(
        position=0,
        step="embedding",
        next_step="embedding",
        started_at=now(),
        seconds=0.0,
        items=len(chunks),
        unit="chunk",
        progress=100.0,
        chunks=list(embed(chunks, settings=settings)),
        facts={"embedder": settings.embedder},
    )
    store.attempts.finish_steps(document_id, 1, [finished], completed="Done")
    return run


def found(store, *runs, query, settings=None, limit=10):
    frame = nearest(store, runs, query, settings=settings or load(), limit=limit)
    return frame["text"].tolist()


def crowded(letter, count=6000):
    """A text of so many words that nearly all places of a vector are taken."""
    return " ".join(f"{letter}{number}" for number in range(count))


@pytest.mark.parametrize(
    "query", ["xyzzyq", "qqqq", "Zauberwort", "龘靐", "", " \x1f", "?!"]
)
def test_word_that_no_chunk_contains_finds_nothing(store, query):
    texts = [crowded(letter) for letter in "abcdefgh"]
    run = searchable(store, *texts, "the tenant pays", "本合同由甲乙双方签订")

    assert found(store, run, query=query) == []


def test_the_only_chunk_with_the_word_is_found_among_collisions(store):
    texts = [crowded(letter) for letter in "abcdefgh"]
    run = searchable(store, *texts, f"xyzzyq {crowded('z', 40)}", *texts)

    assert [text.split()[0] for text in found(store, run, query="xyzzyq")] == ["xyzzyq"]


def test_one_known_word_of_a_query_is_enough(store):
    run = searchable(store, "the tenant pays the rent", crowded("a"))

    assert found(store, run, query="xyzzyq tenant") == ["the tenant pays the rent"]


def test_scripts_without_spaces_need_more_than_one_character_in_common(store):
    run = searchable(store, "本合同由甲乙双方签订", "今天天气很好", "租")

    assert found(store, run, query="合同终止") == ["本合同由甲乙双方签订"]
    assert found(store, run, query="同天") == []
    assert found(store, run, query="租") == ["租"]


def test_evidence_disregards_case_and_ways_of_writing(store):
    run = searchable(store, "DIE STRASSE IST LANG", "ﬁnal report")

    assert found(store, run, query="Straße") == ["DIE STRASSE IST LANG"]
    assert found(store, run, query="FINAL") == ["ﬁnal report"]


def test_best_come_first_and_no_more_than_wanted(store):
    texts = [f"tenant {crowded(letter, 5 * n)}" for n, letter in enumerate("abcdefg")]
    run = searchable(store, *texts)

    hits = found(store, run, query="tenant", limit=3)

    assert len(hits) == 3
    assert hits[0] == texts[0]


def test_several_runs_ask_an_endpoint_once(store):
    with endpoint(good) as (_, server):
        settings = load(embedder="openai:searched", embedding_url=server.url)
        runs = [searchable(store, f"text {n}", settings=settings) for n in range(3)]
        asked = len(server.asked)

        hits = found(store, *runs, query="a query", settings=settings)

        assert len(server.asked) == asked + 1
        assert server.asked[-1][2]["input"] == ["a query"]
        assert len(hits) == 3
        assert found(store, *runs, query="  ", settings=settings) == []
        assert len(server.asked) == asked + 1


def test_vectors_of_another_length_are_left_out(store):
    run = searchable(store, "the tenant")
    with store.database.writing() as connection:
        other = np.ones((1, 3), "<f4").tobytes()
        connection.exec_driver_sql(
            "UPDATE vectors SET dimensions = 3, data = ?", (other,)
        )

    assert found(store, run, query="tenant") == []
