"""Old PowerPoint files are read slide by slide."""

import contextlib
import random
import sys

import pytest
from support.mutants import flip_bits
from support.old_slides import (
    BODY,
    NOTES,
    TITLE,
    OldSlide,
    group,
    ppt,
    reference,
    shape,
    text,
)
from support.ole_files import ole_file

from docprogress.documents import Document
from docprogress.errors import DocProgressError, LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract


@pytest.fixture
def read(tmp_path):
    def read(content, **settings):
        path = tmp_path / "a.ppt"
        path.write_bytes(content)
        document = Document(id="d", name="a.ppt", path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            total, unit = extraction.total, extraction.unit
            pages = list(extraction)
        assert [page.number for page in pages] == list(range(1, total + 1))
        return pages, extraction.facts | {"unit": unit}

    return read


def simple(words):
    return OldSlide([shape(text(words))])


def test_each_slide_is_a_page_in_the_order_in_which_they_are_shown(read):
    pages, facts = read(
        ppt(simple("one"), simple("two"), simple("three"), order=[2, 0, 1])
    )

    assert [page.text for page in pages] == ["three", "one", "two"]
    assert (facts["engine"], facts["unit"]) == ("ppt", "slide")
    assert "warnings" not in facts


def test_title_bullets_levels_and_notes_are_distinguished(read):
    slide = OldSlide(
        [
            shape(text("Grüße\vfrom Łódź", TITLE)),
            shape(text("one\rdeeper\rplain", BODY, [(0, None), (1, None), (0, False)])),
        ],
        notes=[shape(text("Say it\rslowly", NOTES))],
    )

    (page,), _ = read(ppt(slide))

    assert page.title == "Grüße from Łódź"
    assert page.text.split("\n") == [
        *("Grüße from Łódź", "one", "deeper", "plain", "Say it", "slowly"),
    ]
    assert page.markdown == (
        "# Grüße from Łódź\n\n- one\n  - deeper\n\nplain\n\nSay it\n\nslowly"
    )


def test_texts_of_placeholders_are_those_of_the_list(read):
    slide = OldSlide(
        [shape(reference(1)), shape(reference(0)), shape(reference(7))],
        listed=[text("Title", TITLE), text("body", BODY)],
    )

    (page,), _ = read(ppt(slide))

    assert page.markdown == "# Title\n\n- body"


def test_the_newest_version_of_a_slide_is_read(read):
    changed = OldSlide([shape(text("new"))], earlier=[shape(text("old"))])

    pages, _ = read(ppt(simple("same"), changed))

    assert [page.text for page in pages] == ["same", "new"]


def test_groups_drawn_text_and_descriptions_are_read_and_numbers_are_not(read):
    slide = OldSlide(
        [
            group(shape(text("in a group")), group(shape(text("deeper")))),
            shape(art="Drawn"),
            shape(described="A map of the harbour"),
            shape(described="map.png"),
            shape(text("*"), placeholder=8),
            shape(text("Page * of 3", fields=[5])),
        ]
    )

    (page,), _ = read(ppt(slide))

    assert page.text.split("\n") == [
        *("in a group", "deeper", "Drawn", "A map of the harbour", "Page  of 3")
    ]


def test_hidden_slides_are_left_out_unless_requested(read):
    content = ppt(simple("one"), OldSlide([shape(text("two"))], hidden=True))

    pages, facts = read(content)
    assert [page.text for page in pages] == ["one"]
    assert facts["hidden_slides"] == 1
    assert facts["warnings"] == ["1 hidden slide left out (include_hidden)"]

    pages, _ = read(content, include_hidden=True)
    assert [page.text for page in pages] == ["one", "two"]


def test_slides_are_found_without_the_list_of_them(read):
    pages, facts = read(ppt(simple("one"), simple("two"), edit=3))

    assert [page.text for page in pages] == ["one", "two"]
    assert "order of the file" in facts["warnings"][0]


def test_a_presentation_without_text_says_so(read):
    _, facts = read(ppt(OldSlide()))

    assert facts["note"] == "no text"


def test_limits_of_characters_and_slides_hold(read):
    with pytest.raises(LimitExceeded, match="max_characters"):
        read(ppt(simple("x" * 101)), max_characters=100)
    with pytest.raises(LimitExceeded, match="2 slides"):
        read(ppt(simple("one"), simple("two")), max_pages=1)


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused(read, count):
    whole = ppt(
        OldSlide(
            [shape(text("one\rtwo", BODY, [(0, True), (1, None)])), shape(art="x")],
            listed=[text("Title", TITLE)],
            notes=[shape(text("note"))],
            earlier=[shape(reference(0))],
        ),
        simple("two"),
    )
    chance = random.Random(3)
    pages = 0

    for _ in range(count):
        # Who reads the header is not who is tested here.
        damaged = whole[:512] + flip_bits(whole[512:], chance, ".ppt")
        with contextlib.suppress(DocProgressError):
            pages += len(read(damaged)[0])

    assert pages > count / 4


def test_deep_groups_and_endless_directories_end(read):
    deep = shape(text("deep"))
    for _ in range(2000):
        deep = group(deep)

    pages, _ = read(ppt(OldSlide([deep]), simple("one")))

    assert [page.text for page in pages] == ["", "one"]


def test_a_presentation_without_slides_says_so(read):
    _, facts = read(ppt())

    assert facts["note"] == "no slides"


def test_files_of_other_versions_are_left_to_the_extra(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "kreuzberg", None)

    with pytest.raises(Unreadable, match=r"^a\.ppt: .*docprogress\[legacy\]"):
        read(ole_file({"PowerPoint Document": bytes(600)}))
