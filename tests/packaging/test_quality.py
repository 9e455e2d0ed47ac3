"""What the benchmark of reading measures with: its scores, and the files it writes."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _modules():
    """The benchmarks' modules are scripts beside each other."""
    sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
    yield
    sys.path.remove(str(ROOT / "tests" / "benchmarks"))


letters = st.text("abc", max_size=30)


@given(letters, letters)
def test_the_edit_distance_is_that_of_the_table(truth, text):
    import scores

    row = list(range(len(text) + 1))
    for number, letter in enumerate(truth, 1):
        before, row = row, [number]
        for place, other in enumerate(text):
            changed = before[place] + (letter != other)
            row.append(min(changed, before[place + 1] + 1, row[place] + 1))

    assert scores.distance(truth, text) == row[-1]


@given(letters, letters)
def test_the_common_subsequence_is_that_of_the_table(truth, text):
    import scores

    row = [0] * (len(text) + 1)
    for letter in truth:
        before, row = row, [0]
        for place, other in enumerate(text):
            same = before[place] + 1 if letter == other else 0
            row.append(max(same, before[place + 1], row[place]))

    assert scores.common_subsequence(truth, text) == row[-1]


def test_words_that_are_missing_added_and_moved_are_counted():
    import scores

    score = scores.score("one two three four", "two one three five six")

    assert score.recall == 3 / 4
    assert score.precision == 3 / 5
    assert score.order == 2 / 3


def test_breaks_between_lines_count_for_nothing_where_no_spaces_are_written():
    import scores

    assert scores.score("店主の大森さん", "店主の\n大森さん").errors == 0
    assert scores.score("two words", "twowords").errors == 1


def test_every_kind_is_written_the_same_each_time():
    import truths

    content = next(truths.contents())

    for name, kind in truths.KINDS.items():
        assert kind.write(content) == kind.write(content), name
