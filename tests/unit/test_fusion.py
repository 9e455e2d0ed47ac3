"""Rankings of words and vectors become one, whose pages continue each other."""

import random

import pytest

from docprogress.search import fusion
from docprogress.search.fusion import Part, Ranking, fuse, part_weights
from docprogress.store import Match


def ranking(part, *names, **options):
    matches = [Match(1 / n, name, 1) for n, name in enumerate(names, 1)]
    return Ranking(part=part, matches=matches, **options)


def order(*rankings):
    return [each.document_id for each in fuse(rankings)]


def test_passage_in_both_rankings_is_before_those_in_one():
    words = ranking(Part.WORDS, "a", "b", "c")
    vectors = ranking(Part.VECTORS, "x", "b", "y")

    assert order(words, vectors)[0] == "b"
    assert set(order(words, vectors)) == set("abcxy")


def test_first_of_both_parts_scores_one_and_keeps_its_parts():
    [best, *others] = fuse(
        [ranking(Part.WORDS, "a", "b"), ranking(Part.VECTORS, "a", "c")]
    )

    assert best.score == pytest.approx(1)
    assert (best.words, best.vectors) == (1, 1)
    assert {(each.words, each.vectors) for each in others} == {(0.5, None), (None, 0.5)}
    assert all(0 < each.score < 1 for each in others)


def test_single_ranking_keeps_its_order_and_its_scores():
    words = ranking(Part.WORDS, "c", "a", "b")

    for rankings in ([words], [words, ranking(Part.VECTORS)]):
        assert [each.document_id for each in fuse(rankings)] == ["c", "a", "b"]
        assert [each.score for each in fuse(rankings)] == [1, 1 / 2, 1 / 3]
    assert fuse([]) == []


def test_ties_do_not_depend_on_the_order_of_rankings():
    words = ranking(Part.WORDS, "b", "c")
    vectors = ranking(Part.VECTORS, "a", "d")

    assert order(words, vectors) == order(vectors, words) == ["a", "b", "d", "c"]


def test_several_embedders_rank_their_own_documents_alike():
    words = ranking(Part.WORDS, "a1", "b1", "c1")
    first = ranking(Part.VECTORS, "a1", "a2")
    second = ranking(Part.VECTORS, "b1", "b2")
    # Documents that no embedder knows are not behind for that.
    without = ranking(Part.VECTORS, "c1", scored=False)

    found = fuse([words, first, second, without])

    assert [each.document_id for each in found[:3]] == ["a1", "b1", "c1"]
    assert found[2].vectors is None
    assert found[0].score == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_pages_continue_each_other_at_any_depth(seed, monkeypatch):
    monkeypatch.setattr(fusion, "WINDOW", 20)
    names = [f"{number:03}" for number in range(150)]
    chance = random.Random(seed)
    words, vectors = (chance.sample(names, 120) for _ in range(2))

    def page(offset, limit):
        depth = max(20, offset + limit)
        given = [
            ranking(Part.WORDS, *words[:depth]),
            ranking(Part.VECTORS, *vectors[:depth], weight=0.4),
        ]
        return fuse(given)[offset : offset + limit]

    whole = page(0, 100)
    pages = [each for start in range(0, 100, 7) for each in page(start, 7)][:100]

    assert [each.place for each in pages] == [each.place for each in whole]
    assert len({each.place for each in pages}) == 100
    scores = [each.score for each in pages]
    assert scores == sorted(scores, reverse=True)


def fused(query, share, words, vectors):
    """The order of passages, whose scores of words are given."""
    of_words, of_vectors = part_weights(query, share)
    given = [Match(score, name, 1) for name, score in words.items()]
    return order(
        Ranking(part=Part.WORDS, matches=given, weight=of_words),
        ranking(Part.VECTORS, *vectors, weight=of_vectors),
    )


def test_passage_with_all_words_is_before_the_nearest():
    assert fused("notice period", 1.0, {"a": 9.0, "b": 3.0}, "xyb")[:2] == ["a", "b"]


def test_nearest_passage_is_before_those_with_few_of_the_words():
    assert fused("how long before", 0.2, {"a": 2.0, "b": 1.9}, "xay")[0] == "a"
    assert fused("how long before", 0.2, {"a": 2.0, "b": 1.9}, "xyz")[0] == "x"


def test_passage_with_the_number_of_the_query_is_before_the_nearest():
    found = fused("what does § 12 say", 0.4, {"a": 4.0, "b": 1.0}, "xyz")

    assert found[0] == "a"
    for query in ("what does it say", "what are the 3 risks"):
        assert fused(query, 0.4, {"a": 4.0, "b": 1.0}, "xyz")[0] == "x"


@pytest.mark.parametrize(
    "name", ["AX-400", "AX 4", "§ 5", "§5", "2.1", "12/4", "2041", "v3"]
)
def test_number_that_is_a_name_leaves_the_order_to_words(name):
    words, vectors = part_weights(f"what of {name}", 0.5)

    assert words > 0.95
    assert vectors < 0.06


def test_vectors_order_what_words_do_not():
    assert fused("notice", 1.0, {"a": 9.0}, "zyx") == ["a", "z", "y", "x"]
    assert fused("notice 12", 0.0, {}, "zyx") == ["z", "y", "x"]


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.3, 1.0, 7.0])
def test_weights_are_positive_for_any_scores(share):
    words, vectors = part_weights("of AX-400", share)

    assert 0 <= words <= 1
    assert 0 < vectors <= 2
