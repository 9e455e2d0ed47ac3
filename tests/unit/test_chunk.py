"""Chunks know where they stand, whatever the text."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from docprogress.documents import PAGE_SEPARATOR, Page
from docprogress.errors import Unreadable
from docprogress.settings import load
from docprogress.steps import chunk as chunking
from docprogress.steps.chunk import chunk
from docprogress.steps.chunking import spans


def pages(*texts):
    return [Page(number=number, text=text) for number, text in enumerate(texts, 1)]


def check(given, chunks, *, most):
    """What every list of chunks must hold."""
    text = PAGE_SEPARATOR.join(page.text for page in given)
    covered = 0
    for number, made in enumerate(chunks, 1):
        assert made.number == number
        assert text[made.start : made.end] == made.text
        assert made.text.strip()
        assert len(made.text) <= most
        assert not text[covered : made.start].strip(), "text is missing"
        covered = max(covered, made.end)
    assert not text[covered:].strip(), "the end is missing"


def test_chunks_know_their_place_and_pages():
    given = pages("The first page.", "The second one.", "The third.")

    [made] = chunk(given, settings=load())

    assert made.text == "The first page.\n\nThe second one.\n\nThe third."
    assert (made.number, made.start, made.end) == (1, 0, len(made.text))
    assert (made.first_page, made.last_page) == (1, 3)
    assert made.vector is None


def test_chunk_names_the_pages_it_touches():
    given = [Page(number=7, text="a" * 60), Page(number=9, text="b" * 60)]

    first, second = chunk(given, settings=load(chunk_characters=60, chunk_overlap=0))

    assert (first.first_page, first.last_page) == (7, 7)
    assert (second.first_page, second.last_page) == (9, 9)
    assert second.start == 62


def test_chunks_end_where_sentences_do():
    sentence = "The tenant pays the rent on the first day of every month. "

    made = list(
        chunk(
            pages(sentence * 20), settings=load(chunk_characters=130, chunk_overlap=0)
        )
    )

    assert {each.text for each in made} == {(sentence * 2).strip()}


def test_neighbours_share_what_the_settings_say():
    words = " ".join(f"word{number}" for number in range(5000))

    made = list(
        chunk(pages(words), settings=load(chunk_characters=200, chunk_overlap=50))
    )

    shared = [one.end - other.start for one, other in pairwise(made)]
    assert all(0 < each <= 50 for each in shared)


def test_chunks_do_not_go_across_a_long_empty_space():
    given = pages("before" + " \n" * 1000 + "after")

    made = list(chunk(given, settings=load(chunk_characters=5000)))

    assert [each.text for each in made] == ["before", "after"]
    check(given, made, most=5000)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t \n" * 30_000])
def test_text_of_spaces_makes_no_chunks(text):
    chunks = chunk(pages(text, text), settings=load())

    assert chunks.__length_hint__() == 0
    assert list(chunks) == []


@pytest.mark.parametrize("sign", "\x1c\x1d\x1e\x1f\x85\u2028\u3000")
def test_no_chunk_is_blank(sign):
    assert list(chunk(pages(sign), settings=load())) == []
    assert list(chunk(pages(sign * 5000, "\n"), settings=load())) == []

    given = pages(sign * 300, f"before{sign * 200}after", f"{sign}\n{sign}", "end")
    made = list(chunk(given, settings=load(chunk_characters=50, chunk_overlap=10)))

    check(given, made, most=50)
    text = PAGE_SEPARATOR.join(each.text for each in made)
    assert all(word in text for word in ("before", "after", "end"))


def test_no_pages_make_no_chunks():
    assert list(chunk([], settings=load())) == []


@pytest.mark.parametrize(
    "text",
    [
        "عقد الإيجار بين الطرفين الأول والثاني. ",
        "本合同由甲乙双方签订。",
        "Größe 😀 “und” Maß\r\n",
        "👩\u200d👩\u200d👧 ",
        "e\u0301\u0302\u0303 ",
    ],
)
def test_offsets_count_characters_not_bytes(text):
    given = pages(text * 300, text * 3, "", text * 2000)
    settings = load(chunk_characters=200, chunk_overlap=20)

    made = list(chunk(given, settings=settings))

    check(given, made, most=200)
    assert made[-1].last_page == 4


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(max_size=400), max_size=5),
    times=st.integers(1, 60),
    most=st.integers(50, 400),
    part=st.floats(0, 0.9),
)
def test_nothing_is_lost_of_any_text(texts, times, most, part):
    given = pages(*(text * times for text in texts))
    settings = load(chunk_characters=most, chunk_overlap=int(most * part))

    check(given, list(chunk(given, settings=settings)), most=most)


def test_number_of_chunks_is_known_beforehand():
    chunks = chunk(pages("some words " * 10_000), settings=load())
    total = chunks.total

    assert chunks.unit == "chunk"
    assert chunks.__length_hint__() == total
    next(chunks)
    assert chunks.__length_hint__() == total - 1
    assert len(list(chunks)) == total - 1


def test_text_too_long_to_count_beforehand_is_split_all_the_same():
    text = "some words " * (chunking.COUNTED_CHARACTERS // 10)
    chunks = chunk(pages(text), settings=load())

    assert chunks.total is None
    check(pages(text), list(chunks), most=1200)


@pytest.mark.parametrize(
    "unit",
    ["a", "ab ", ".", "👩\u200d", "e\u0301", "a\n", "合", " \n", "a" + "\t \n" * 99],
)
def test_time_grows_with_the_text_and_nothing_else(unit):
    def seconds(length):
        text = unit * (length // len(unit))
        start = time.process_time()
        for _ in chunk(pages(text), settings=load()):
            pass
        return time.process_time() - start

    short = min(seconds(40_000) for _ in range(3))
    # Ten times would be linear, a hundred quadratic.
    assert seconds(400_000) < 40 * max(short, 0.01)


def test_panic_of_the_splitter_fails_the_document_alone():
    class PanicException(BaseException):
        pass

    class Panicking:
        def chunk_indices(self, _):
            raise PanicException("called `Option::unwrap()` on a `None` value")

    with pytest.raises(Unreadable, match="cannot be split"):
        spans.split(Panicking(), "text")


def test_interruption_of_the_splitter_goes_through():
    class Interrupted:
        def chunk_indices(self, _):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spans.split(Interrupted(), "text")
