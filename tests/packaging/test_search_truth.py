"""The truth of the benchmark of search: large enough, and without doubles."""

import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _modules():
    """The benchmarks' modules are scripts beside each other."""
    sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
    yield
    sys.path.remove(str(ROOT / "tests" / "benchmarks"))


@pytest.fixture(scope="module")
def made(_modules):
    from search_truth import truth

    return truth()


def test_passages_and_questions_are_many_and_differ(made):
    texts = [text for *_, text in made.passages]
    questions = [question.text for question in made.questions]

    assert len(set(texts)) == len(texts) >= 2_000
    assert len(set(questions)) == len(questions) >= 300


def test_every_language_has_every_group_in_both_halves(made):
    found = Counter((q.language, q.group, q.held_out) for q in made.questions)

    assert len(found) == 5 * 4 * 2
    assert min(found.values()) >= 20


def test_every_answer_is_a_passage(made):
    places = {(name, number) for name, number, _ in made.passages}

    assert all(question.answers <= places for question in made.questions)


def test_truth_is_the_same_each_time(made):
    from search_truth import truth

    assert truth() == made


def test_scores_are_those_of_known_rankings():
    import search_scores

    answers = frozenset({("a", 1)})
    first = [("a", 1), ("b", 1)]
    third = [("b", 1), ("c", 1), ("a", 1)]

    assert search_scores.ndcg(first, answers) == 1
    assert search_scores.ndcg(third, answers) == pytest.approx(0.5)
    assert search_scores.ndcg([], answers) == 0
    assert search_scores.recall(third, answers) == 1
    assert search_scores.recall([("b", 1)] * 5 + first, answers) == 0
