"""What a search found shows itself: marked words, places, scores, and no markup."""

import re

import pytest
from support.hostile_html import HOSTILE, Elements

from docprogress import Hit, SearchResults
from docprogress.search.excerpts import excerpt, segments, table_lines
from docprogress.search.results_html import STYLE


def hit(text, *words, **changes):
    marks = [
        (found.start(), found.end())
        for word in words
        for found in re.finditer(re.escape(word), text)
    ]
    values = {
        "document": "lease.pdf",
        "document_id": "d",
        "run_id": "r",
        "case_id": None,
        "page": 3,
        "last_page": 3,
        "headings": ("Part 2", "Term"),
        "kind": "text",
        "number": 4,
        "text": text,
        "score": 0.98,
        "words": 7.3,
        "marks": tuple(sorted(marks)),
        "markdown": True,
    }
    return Hit(**values | changes)


def results(*hits, **options):
    return SearchResults(hits, **{"query": "a query"} | options)


def marked(shown):
    return re.findall(r"<mark>(.*?)</mark>", shown._repr_html_(), re.DOTALL)


def test_results_are_a_sequence_of_hits():
    hits = [hit(text) for text in "abc"]
    found = results(*hits, warnings=["w"], offset=10)

    assert list(found) == hits
    assert (len(found), found[0], found[-1]) == (3, hits[0], hits[2])
    assert hits[1] in found
    assert isinstance(found[1:], SearchResults)
    assert (list(found[1:]), found[1:].offset) == (hits[1:], 11)
    assert found[1:].warnings == ("w",)
    assert not results()


def test_frame_has_the_columns_of_before_first_and_types_when_it_is_empty():
    frame = results(hit("x", vectors=0.123456)).to_frame()

    columns = ["document", "page", "text", "score", "document_id"]
    assert list(frame.columns[:5]) == columns
    assert list(frame.iloc[0][columns]) == ["lease.pdf", 3, "x", 0.98, "d"]
    assert frame["vectors"][0] == 0.1235
    assert frame["rerank"].isna().all()
    assert list(results().to_frame().columns) == list(frame.columns)


def test_a_column_of_before_says_where_it_is_now():
    with pytest.raises(TypeError, match=r"to_frame\(\)\['text'\]"):
        results(hit("x"))["text"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("kind", ["text", "table", "code", "<i>"])
def test_nothing_that_a_passage_contains_becomes_markup(text, markdown, kind):
    found = hit(
        f"{text} {'word ' * 200}{text}",
        *("alert", "example", "script", "onerror", "]("),
        document=text,
        headings=(text,),
        kind=kind,
        markdown=markdown,
    )

    shown = Elements(results(found, query=text, warnings=[text])._repr_html_())

    assert shown.open == []
    assert not {"script", "img", "iframe", "svg", "object", "link"} & set(shown.found)
    assert shown.found.count("style") == 1
    links = [value for name, value in shown.attributes if name == "href"]
    assert all(link.startswith("https://example.org/") for link in links)
    assert not any("mark" in (value or "") for _, value in shown.attributes)


def test_words_are_marked_in_text_tables_and_code():
    table = "| article | price |\n|---|---|\n" + "".join(
        f"| AX-{n} | {n} |\n" for n in range(100, 200)
    )

    assert marked(results(hit("One **termination** here", "termination"))) == [
        "termination"
    ]
    lead = results(hit(table, "AX-150", kind="table"))._repr_html_().split("<details")
    assert "<mark>AX-150</mark>" in lead[0]
    assert "article" in lead[0]
    assert "AX-199" in lead[1]
    cells = hit("Prices\n\na\tb\nAX-1\t<2>", "AX-1", kind="table", markdown=False)
    shown = results(cells)._repr_html_()
    assert "<th>a</th><th>b</th>" in shown
    assert "<td><mark>AX-1</mark></td><td>&lt;2&gt;</td>" in shown
    code = hit("```python\nx = run.cancel()\n```", "cancel", kind="code")
    assert marked(results(code)) == ["cancel"]
    assert "```" not in results(code)._repr_html_()
    assert marked(results(hit("a <b & c", "<b &", markdown=False))) == ["&lt;b &amp;"]


def test_marks_that_touch_are_one_and_cross_no_element():
    assert marked(results(hit("终止合同", "终止", "合同"))) == ["终止合同"]
    crossing = results(hit("one *two* three", "one *two* th"))._repr_html_()
    assert "<mark>one </mark><em><mark>two</mark></em><mark> th</mark>ree" in crossing


def test_excerpt_is_where_most_of_the_words_are():
    text = "alpha " + "x " * 500 + "alpha beta gamma " + "y " * 500 + "beta"
    marks = hit(text, "alpha", "beta", "gamma").marks

    begin, end = excerpt(text, marks, 100)

    assert "alpha beta gamma" in text[begin:end]
    assert end - begin <= 100
    assert excerpt("short", (), 100) == (0, 5)
    begin, end = excerpt("nospace" * 100, (), 100)
    assert (begin, end) == (0, 100)
    text = "word " * 100 + "end.\nIt begins here with alpha. " + "more " * 100
    begin, _ = excerpt(text, hit(text, "alpha").marks, 100)
    assert text[begin:].startswith("It begins here")
    # However long the words and their distance.
    assert excerpt("a" * 300, [(0, 300)], 100) == (100, 200)


def test_segments_cover_the_excerpt_even_if_marks_overlap():
    text = "abcdefghij"
    for marks in ([], [(0, 3), (2, 5)], [(0, 10)], [(8, 20)], [(1, 2), (2, 3)]):
        parts = list(segments(text, (1, 9), marks))
        assert "".join(part for part, _ in parts) == "bcdefghi"


def test_rows_with_most_words_are_shown_first():
    rows = [f"| AX-{n} | filter |" for n in range(50)]
    text = "\n".join(["| code | what |", "|---|---|", *rows])
    marks = hit(text, "AX-40", "filter").marks

    lines = [text[begin:end] for begin, end in table_lines(text, marks, 5)]

    assert lines[:2] == ["| code | what |", "|---|---|"]
    assert "| AX-40 | filter |" in lines
    assert len(lines) == 5
    text = "Heading\n\na\tb\n" + "\n".join(f"x{n}\ty" for n in range(50))
    lines = [text[a:b] for a, b in table_lines(text, hit(text, "x30").marks, 3)]
    assert lines == ["a\tb", "x29\ty", "x30\ty"]
    # Lines of a PDF have no cells.
    text = "\n".join(f"item {n}" for n in range(50))
    lines = [text[a:b] for a, b in table_lines(text, hit(text, "item 40").marks, 2)]
    assert lines == ["item 0", "item 40"]


def test_terminal_shows_place_passage_and_warnings_without_control_characters():
    found = results(
        hit("begin \x1b[31mred\u202e " + "word " * 200, document="a\x1b[0m.pdf"),
        hit("| a | b |\n|---|---|\n| 1 | 2 |", kind="table", page=4, last_page=5),
        warnings=["not searched: \x07"],
    )

    shown = repr(found)

    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", shown)
    assert "2 passages for 'a query'" in shown
    assert "page 3 · Part 2 > Term" in shown
    assert "pages 4-5" in shown
    assert "a | b\n" in shown
    assert "warning: not searched" in shown
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_nothing_found_says_so():
    assert repr(results()) == "no passage was found for 'a query'"
    assert "No passage was found" in results()._repr_html_()
    assert "no more passage" in repr(results(offset=10))


def test_a_huge_passage_is_shown_in_part_and_many_hits_are_counted():
    huge = hit("word " * 100_000, *["word"])
    shown = results(huge, *[hit("x")] * 150)._repr_html_()

    assert len(shown) < 800_000
    assert "more characters" in shown
    assert "51 more passages" in shown


def test_styles_stay_within_the_results():
    rules = re.findall(r"([^{}]+)\{[^{}]*\}", STYLE)
    selectors = [each.strip() for rule in rules for each in rule.split(",")]

    assert selectors
    assert all(each.startswith(".dp-document") for each in selectors)
