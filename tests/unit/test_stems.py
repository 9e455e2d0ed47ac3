"""Inflected forms of a word have one stem, and different words different ones."""

import pytest

from docprogress.words.stems import stem


@pytest.mark.parametrize(
    "forms",
    [
        "day days",
        "pay pays",
        "tax taxes",
        "box boxes",
        "case cases",
        "size sizes",
        "branch branches",
        "party parties",
        "agreement agreements",
        "terminate terminates terminated",
        "vertrag vertrage vertragen",
        "договор договора договору",
    ],
)
def test_forms_of_a_word_have_one_stem(forms):
    assert len(set(map(stem, forms.split()))) == 1


@pytest.mark.parametrize("words", ["pay par", "tax taxi", "case cast", "law lawn"])
def test_different_words_have_different_stems(words):
    assert len(set(map(stem, words.split()))) == len(words.split())
