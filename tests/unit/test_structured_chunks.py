"""Chunks of pages with Markdown have a kind and headings, and lose nothing."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.marked_pages import check, marked_pages
from support.patience import patient

from docprogress.documents import PAGE_SEPARATOR, Page
from docprogress.settings import load
from docprogress.steps.chunk import chunk
from docprogress.steps.chunking.headed import headed_spans
from docprogress.steps.chunking.regions import regions
from docprogress.steps.chunking.sizes import Sizes
from docprogress.structure import Segment, segments


def page(text, markdown, number=1):
    return Page(number=number, text=text, markdown=markdown)


def made_of(*pages, **settings):
    settings.setdefault("chunk_overlap", 10)
    return list(chunk(pages, settings=load(**settings)))


def shown(chunks):
    return [(each.kind, each.headings, each.text) for each in chunks]


@hypothesis_settings(max_examples=50, deadline=None)
@given(pages=marked_pages(), most=st.integers(50, 400), part=st.floats(0, 0.9))
def test_nothing_is_lost_of_any_structure(pages, most, part):
    made = made_of(*pages, chunk_characters=most, chunk_overlap=int(most * part))

    check(pages, made, most=most)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    text=st.text(alphabet=st.sampled_from(list("ab \n\t|-#1.*`")), max_size=300),
    markdown=st.text(alphabet=st.sampled_from(list("ab \n\t|-#1.*`")), max_size=300),
    same=st.booleans(),
)
def test_nothing_is_lost_of_text_that_its_markdown_does_not_describe(
    text, markdown, same
):
    given = [page(text, text if same else markdown), page(text, markdown, 2)]

    made = made_of(*given, chunk_characters=50, chunk_overlap=10)

    check(given, made, most=50)


def test_chunks_have_the_headings_above_them_over_pages():
    first = page("1 Lease\n1.1 Rent\nDue.", "# 1 Lease\n## 1.1 Rent\nDue.")
    second = page(
        "Late.\n1.2 Cap\nNone.\n2 End\nNow.",
        "Late.\n## 1.2 Cap\nNone.\n# 2 End\nNow.",
        2,
    )

    made = made_of(first, second)

    assert shown(made) == [
        ("text", ("1 Lease", "1.1 Rent"), "1 Lease\n1.1 Rent\nDue.\n\nLate."),
        ("text", ("1 Lease", "1.2 Cap"), "1.2 Cap\nNone."),
        ("text", ("2 End",), "2 End\nNow."),
    ]
    assert [(each.first_page, each.last_page) for each in made] == [
        (1, 2),
        (2, 2),
        (2, 2),
    ]


def test_each_kind_has_chunks_of_its_own():
    text = "Text.\n• one\n• two\nx = 1\ny = 2\nA\tB\n1\t2\nMore."
    markdown = (
        "Text.\n\n- one\n- two\n\n```\nx = 1\ny = 2\n```\n\n"
        "| A | B |\n| --- | --- |\n| 1 | 2 |\n\nMore."
    )

    assert shown(made_of(page(text, markdown))) == [
        ("text", (), "Text."),
        ("list", (), "• one\n• two"),
        ("code", (), "x = 1\ny = 2"),
        ("table", (), "A\tB\n1\t2"),
        ("text", (), "More."),
    ]


def test_a_line_that_ends_with_hundreds_of_dots_is_found_by_its_first_words():
    words = "one two three four five six seven eight nine ten eleven twelve"
    text, line = f"{words}\n{'. ' * 400}\nNext.", f"{words} {'.' * 800}"

    made = made_of(page(text, f"# Title\n\n{line}\n\nNext."), chunk_characters=2000)

    assert "".join(each.text for each in made).count("twelve") == 1


def test_a_list_is_with_the_line_that_introduces_it():
    text = "Intro.\nYou need:\n• one\n• two\nEnd."
    markdown = "Intro.\n\nYou need:\n\n- one\n- two\n\nEnd."

    assert [each.text for each in made_of(page(text, markdown))] == [
        "Intro.",
        "You need:\n• one\n• two",
        "End.",
    ]


def test_one_item_alone_is_text():
    made = made_of(page("Before.\n1. Item.\nAfter.", "Before.\n\n1. Item.\n\nAfter."))

    assert [each.kind for each in made] == ["text"]


def test_a_long_table_is_split_by_rows_with_its_header():
    rows = [f"{number}\tsome words here" for number in range(40)]
    marked = [f"| {row} |".replace("\t", " | ") for row in rows]
    text = "\n".join(["Prices", "No\tWhat", *rows, "After."])
    markdown = "\n".join(
        ["# Prices", "| No | What |", "|---|---|", *marked, "", "After."]
    )

    *parts, after = made_of(page(text, markdown), chunk_characters=100)

    check([page(text, markdown)], [*parts, after], most=100)
    assert {part.kind for part in parts} == {"table"}
    assert parts[0].text.startswith("Prices\nNo\tWhat\n0\t")
    assert all(part.text.startswith("No\tWhat\n") for part in parts[1:])
    found = [line for part in parts for line in part.text.split("\n")]
    assert [line for line in found if line[0].isdigit()] == rows
    assert (after.kind, after.text) == ("text", "After.")


def test_a_row_longer_than_a_chunk_is_split_and_nothing_is_lost():
    long = " ".join(f"word{number}" for number in range(100))
    given = page(
        f"A\tB\n1\t{long}\n2\tx", f"| A | B |\n|---|---|\n| 1 | {long} |\n| 2 | x |"
    )

    made = made_of(given, chunk_characters=80)

    check([given], made, most=80)
    assert all(each.text.startswith("A\tB\n") for each in made)


def test_a_header_longer_than_half_a_chunk_is_not_repeated():
    header = [f"column {number}" for number in range(10)]
    rows = [["x"] * 10 for _ in range(20)]
    text = "\n".join("\t".join(row) for row in [header, *rows])
    marked = [f"| {' | '.join(row)} |" for row in [header, *rows]]
    marked.insert(1, "|---" * 10 + "|")
    given = page(text, "\n".join(marked))

    made = made_of(given, chunk_characters=100)

    check([given], made, most=100)
    assert "".join(each.text for each in made).count("column 1\t") == 1


def test_a_continued_table_has_the_header_of_its_markdown():
    given = page("5\tx\n6\ty", "| No | What |\n|---|---|\n| 5 | x |\n| 6 | y |")

    [made] = made_of(given)

    assert made.text == "No\tWhat\n5\tx\n6\ty"
    assert (made.start, made.end) == (0, len(given.text))


def test_merged_cells_that_are_repeated_in_the_markdown_are_found():
    text = "Year\tMonth\tRent\n2024\tMay\t5\nJune\t6\nEnd."
    markdown = (
        "| Year | Month | Rent |\n|---|---|---|\n| 2024 | May | 5 |\n"
        "| 2024 | June | 6 |\n\nEnd."
    )

    table, end = made_of(page(text, markdown))

    assert (table.kind, table.text) == ("table", text.removesuffix("\nEnd."))
    assert end.text == "End."


def test_a_table_in_markdown_itself_repeats_header_and_delimiters():
    rows = "\n".join(f"| {number} | some words |" for number in range(20))
    given = page(text := f"| No | What |\n| --- | --- |\n{rows}", text)

    made = made_of(given, chunk_characters=100)

    check([given], made, most=100)
    assert all(each.text.startswith("| No | What |\n| --- | --- |\n") for each in made)


@pytest.mark.parametrize("first", [20, 45, 60, 120, 900])
def test_no_chunk_ends_with_a_heading(first):
    heading = "Heading " + "h" * (first - 8)
    body = "word " * 30
    given = [
        page(f"Before.\n{heading}", f"Before.\n# {heading}"),
        page(f"Sub\n{body}", f"## Sub\n{body}", 2),
    ]

    made = made_of(*given, chunk_characters=100)

    check(given, made, most=100)
    assert not any(each.text.endswith("Sub") for each in made)
    if first < 70:
        assert not any(each.text.endswith("h") for each in made)


def test_a_heading_at_the_end_of_the_document_is_a_chunk():
    made = made_of(page("Text.\nLast", "Text.\n\n# Last"))

    assert shown(made) == [("text", (), "Text."), ("text", ("Last",), "Last")]


def test_lists_and_code_are_kept_together_where_they_fit():
    code = "\n".join(f"line {number}" for number in range(10))
    prose = "Some words. " * 8
    given = page(f"{prose}\n{code}\n{prose}", f"{prose}\n```\n{code}\n```\n{prose}")

    made = made_of(given, chunk_characters=110)

    assert code in [each.text for each in made]
    check([given], made, most=110)


def test_without_structure_chunks_are_those_of_the_text():
    given = [page("A\nText.", "# A\nText."), page("B\nText.", "# B\nText.", 2)]
    plain = [Page(number=each.number, text=each.text) for each in given]

    off = made_of(*given, structure="off")

    assert off == made_of(*plain) == made_of(*plain, structure="off")
    assert shown(off) == [("text", (), "A\nText.\n\nB\nText.")]


def test_a_page_without_markdown_is_text_under_the_last_heading():
    made = made_of(page("A\nText.", "# A\nText."), Page(number=2, text="More."))

    assert shown(made) == [("text", ("A",), "A\nText.\n\nMore.")]


def test_absurdly_long_headings_are_shortened_in_the_path():
    [made] = made_of(page("h" * 900 + "\nx", "# " + "h" * 900 + "\nx"))

    assert len(made.headings[0]) == 300
    assert made.text.startswith("h" * 900)


def test_what_is_not_in_the_markdown_is_text_between_blocks():
    text = "Header line\nTitle\nNote on the margin\nThe paragraph of it.\nFooter"
    markdown = "# Title\n\nThe paragraph of it."

    found = [
        (each.kind, text[each.start : each.end].strip())
        for each in segments(text, markdown)
    ]

    assert found == [
        ("text", "Header line"),
        ("heading", "Title"),
        ("text", "Note on the margin"),
        ("text", "The paragraph of it."),
        ("text", "Footer"),
    ]


@pytest.mark.parametrize(
    ("text", "markdown", "kind"),
    [
        ("one  two\nthree", "one two three", "text"),
        (
            "a\u00adb “quoted” words that are many here",
            'ab "quoted" words that are many here',
            "text",
        ),
        ("1) first\n2) second", "1. first\n2. second", "list"),
        ("A | B\n1 | 2", "| A | B |\n|---|---|\n| 1 | 2 |", "table"),
        ("A\nB\n1\n2", "| A | B |\n|---|---|\n| 1 | 2 |", "table"),
        ("quite\tdifferent", "| A | B |\n|---|---|\n| 1 | 2 |", "table"),
    ],
)
def test_text_is_found_however_it_is_laid_out(text, markdown, kind):
    whole = f"Begin.\n{text}\nThe end."

    found = list(segments(whole, f"Begin.\n\n{markdown}\n\nThe end."))

    assert [each.kind for each in found] == ["text", kind, "text"]
    assert whole[found[1].start : found[1].end].strip() == text


def test_segments_are_values():
    assert Segment(kind="text", start=0, end=1) == Segment(kind="text", start=0, end=1)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("word " * 40_000, "other words of it\n\n" * 20_000),
        ("a\n" * 100_000, "# a\n\n" * 40_000),
        (
            "a\t" * 100_000,
            "|" + "a|" * 1000 + "\n|" + "-|" * 1000 + "\n" + "|a|\n" * 50_000,
        ),
        (
            "same line of words here\n" * 10_000,
            "same line of  words there\n\n" * 10_000,
        ),
        (" " * 200_000 + "x", "x\n\n" * 50_000),
        (" " * 200_000 + "x", "y\n\n" * 50_000),
        (" " * 200_000 + "x", "|a|\n|-|\n" + "|b|\n" * 50_000),
        ("- a\n" * 60_000, "- a\n" * 60_000),
        ("x" * 200_000, "```\n" + "x\n" * 50_000),
    ],
    ids=lambda value: repr(value[:8]),
)
def test_time_grows_with_the_length_of_text_and_markdown(text, markdown):
    started = time.process_time()

    made = made_of(page(text, markdown), chunk_characters=200)

    assert time.process_time() - started < patient(3)
    check([page(text, markdown)], made, most=200)


def test_a_line_of_code_that_the_next_paragraph_explains_is_with_it():
    text = "Options follow.\n--help\nShows help.\n-v\nShows more."
    markdown = "Options follow.\n\n```\n--help\n```\n\nShows help.\n\n```\n-v\n```\n\nShows more."

    assert shown(made_of(page(text, markdown))) == [("text", (), text)]


@pytest.mark.parametrize(
    ("before", "fence"), [("Run:", "```"), ("Text.", "```sh"), ("# Title", "```")]
)
def test_a_line_of_code_on_its_own_is_code(before, fence):
    text = f"{before.strip('# ')}\nmake all\nText."
    markdown = f"{before}\n\n{fence}\nmake all\n```\n\nText."

    assert "code" in [each.kind for each in made_of(page(text, markdown))]


def test_a_heading_on_two_lines_is_found():
    text = "Before.\n2 Manifolds and\nComplexes\n2.1 Charts\nText."
    markdown = "Before.\n\n# 2 Manifolds and Complexes\n\n## 2.1 Charts\n\nText."

    before, after = made_of(page(text, markdown))

    assert before.text == "Before."
    assert after.text == "2 Manifolds and\nComplexes\n2.1 Charts\nText."
    assert after.headings == ("2 Manifolds and Complexes", "2.1 Charts")


def test_no_chunk_is_part_of_another_one():
    words = "Some words of a sentence. " * 12
    given = [
        page(f"Title\n{words}", f"# Title\n\n{words}"),
        page(words * 5, words * 5, 2),
    ]

    made = made_of(*given, chunk_characters=400, chunk_overlap=100)

    check(given, made, most=400)
    for one, other in pairwise(made):
        assert other.end > one.end


def test_a_running_title_above_a_heading_is_no_chunk_of_its_own():
    title = "AX-400 manual {}\n2 FILTERS"
    given = [
        page(
            f"{title.format(n)}\nStep {n}\n1. Open door {n}.\n2. Shut it.",
            f"{title.format(n)}\n\n## Step {n}\n\n1. Open door {n}.\n2. Shut it.",
            n,
        )
        for n in (1, 2)
    ]

    made = made_of(*given)

    assert [(each.first_page, each.headings) for each in made] == [
        (1, ("Step 1",)),
        (2, ("Step 2",)),
    ]
    assert all(each.text.startswith("AX-400 manual") for each in made)


def test_the_end_of_a_sentence_at_the_top_of_a_page_stays_with_its_section():
    given = [
        page("Rent\n1. Due.\n2. Paid.", "# Rent\n\n1. Due.\n2. Paid."),
        page("That is all.\nCap\nText.", "That is all.\n\n# Cap\n\nText.", 2),
    ]

    made = made_of(*given)

    assert [(each.headings, each.text) for each in made][1] == (
        ("Rent",),
        "That is all.",
    )


def test_a_heading_is_not_taken_for_its_entry_in_the_table_of_contents():
    text = (
        "Contents\n1. Scope ...... 1\n2. Rent ...... 2\n1. Scope\nAll.\n2. Rent\nDue."
    )
    markdown = "# Contents\n\n# 1. Scope\n\nAll.\n\n# 2. Rent\n\nDue."

    made = made_of(page(text, markdown))

    assert [(each.headings, each.text) for each in made] == [
        (("Contents",), "Contents\n1. Scope ...... 1\n2. Rent ...... 2"),
        (("1. Scope",), "1. Scope\nAll."),
        (("2. Rent",), "2. Rent\nDue."),
    ]


@hypothesis_settings(max_examples=50, deadline=None)
@given(pages=marked_pages(), most=st.integers(60, 400))
def test_headings_are_followed_by_text_of_theirs_in_any_structure(pages, most):
    text = PAGE_SEPARATOR.join(page.text for page in pages)
    sizes = Sizes(most=most, overlap=most // 12)

    *found, _ = [*regions(pages, text), None]

    for number, region in enumerate(found, 1):
        ends = number == len(found)
        assert text[region.body : region.end].strip() or ends
        if region.kind == "table" or 2 * (region.body - region.start) > most or ends:
            continue
        first, *_ = headed_spans(text, region.start, region.body, region.end, sizes)
        assert text[region.body : first[1]].strip()
