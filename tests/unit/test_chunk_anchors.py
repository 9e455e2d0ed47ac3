"""After an edit, chunks come back into step, whatever the text is like."""

import random
import textwrap
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from docprogress.documents import Page
from docprogress.settings import load
from docprogress.steps.chunk import chunk
from docprogress.steps.chunking.anchors import REACH_CHUNKS, anchors
from docprogress.steps.chunking.sizes import Sizes

CHARACTERS = 400


def word(chance):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(chance.choices(letters, k=chance.randint(2, 10)))


def sentence(chance):
    return " ".join(word(chance) for _ in range(chance.randint(5, 20))).capitalize()


def paragraph(chance):
    return " ".join(f"{sentence(chance)}." for _ in range(chance.randint(2, 6)))


def ideographs(chance):
    signs = [chr(chance.randint(0x4E00, 0x9000)) for _ in range(40)]
    return "".join(signs) + "。"


#: How a part of a text is made, and what is between two of them.
TEXTS = {
    "paragraphs": (paragraph, "\n\n"),
    "one paragraph a line": (paragraph, "\n"),
    "wrapped lines": (lambda chance: textwrap.fill(paragraph(chance), 60), "\n"),
    "short lines": (word, "\n"),
    "short paragraphs": (word, "\n\n"),
    "one line of sentences": (paragraph, " "),
    "one line of words": (word, " "),
    "no spaces": (ideographs, ""),
}


def texts_of(pages, **settings):
    made = chunk(
        [Page(number=number, text=text) for number, text in enumerate(pages, 1)],
        settings=load(chunk_characters=CHARACTERS, **settings),
    )
    return [each.text for each in made]


def parts(kind, length):
    made, separator, further = _parts(kind, length)
    return list(made), separator, further


@lru_cache
def _parts(kind, length):
    chance = random.Random(kind)
    make, separator = TEXTS[kind]
    made = []
    left = length
    while left > 0:
        made.append(make(chance))
        left -= len(made[-1])
    return made, separator, make(chance)


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9])
def test_an_insertion_changes_only_chunks_near_it(kind, place):
    made, separator, further = parts(kind, 200 * CHARACTERS)
    before = set(texts_of([separator.join(made)]))

    made.insert(int(place * len(made)), further)
    after = texts_of([separator.join(made)])

    new = [text for text in after if text not in before]
    # Two parts of about `2 * REACH_CHUNKS` chunks, if an anchor is gone.
    assert 0 < len(new) <= 5 * REACH_CHUNKS


@pytest.mark.parametrize("kind", TEXTS)
def test_a_changed_page_changes_only_chunks_near_it(kind):
    pages = []
    for number in range(100):
        made, separator, _ = parts(kind, 1)
        chance = random.Random(number)
        make = TEXTS[kind][0]
        while sum(map(len, made)) < 3 * CHARACTERS:
            made.append(make(chance))
        pages.append(separator.join(made))
    before = set(texts_of(pages))
    further, separator, _ = parts(kind, 3 * CHARACTERS)
    for number in (0, 50, 99):
        changed = [*pages[:number], separator.join(further), *pages[number + 1 :]]
        after = texts_of(changed)

        assert sum(text not in before for text in after) <= 3 * REACH_CHUNKS


def test_a_text_without_anchors_is_divided_as_it_always_was():
    made, separator, _ = parts("paragraphs", REACH_CHUNKS * CHARACTERS)

    text = separator.join(made)
    sizes = Sizes.of_settings(load(chunk_characters=CHARACTERS))

    assert list(anchors(text, 0, len(text), sizes)) == []


@hypothesis_settings(max_examples=15, deadline=None)
@given(moved=st.integers(1, 5000), kind=st.sampled_from(sorted(TEXTS)))
def test_anchors_do_not_depend_on_where_the_text_begins(moved, kind):
    made, separator, _ = parts(kind, 60 * CHARACTERS)
    sizes = Sizes.of_settings(load(chunk_characters=CHARACTERS))
    reach = REACH_CHUNKS * CHARACTERS
    text = separator.join(made)

    whole = list(anchors(text, 0, len(text), sizes))
    later = list(anchors(text, moved, len(text), sizes))

    assert len(whole) >= 3
    near = moved + 2 * reach
    assert [a for a in later if a.end > near] == [a for a in whole if a.end > near]


def test_a_text_that_repeats_itself_has_no_anchors():
    text = "the same words again and again " * 10_000
    sizes = Sizes.of_settings(load(chunk_characters=CHARACTERS))

    assert list(anchors(text, 0, len(text), sizes)) == []


def test_neighbours_of_an_anchor_share_what_the_settings_say():
    made, separator, _ = parts("one line of words", 100 * CHARACTERS)
    text = separator.join(made)
    settings = load(chunk_characters=CHARACTERS, chunk_overlap=50)
    sizes = Sizes.of_settings(settings)
    found = list(anchors(text, 0, len(text), sizes))
    assert len(found) > 3

    chunks = list(chunk([Page(number=1, text=text)], settings=settings))

    for anchor in found:
        assert 0 < anchor.end - anchor.begin <= 50 + 1
        [after] = [each for each in chunks if each.start == anchor.begin]
        before = chunks[after.number - 2]
        assert before.end == len(text[: anchor.end].rstrip())
        assert 0 < before.end - after.start <= 50


def test_anchors_of_chunks_of_tokens_share_tokens():
    made, separator, _ = parts("one line of words", 30_000)
    text = separator.join(made)
    sizes = Sizes.of_settings(
        load(chunk_unit="tokens", chunk_tokens=64, chunk_overlap=8)
    )

    found = list(anchors(text, 0, len(text), sizes))

    assert len(found) > 3
    for anchor in found:
        assert 0 < sizes.of(text[anchor.begin : anchor.end].rstrip()) <= 8
