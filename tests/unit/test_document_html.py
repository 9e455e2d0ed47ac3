"""What a notebook shows of a document: its text is never markup, and long ones fold."""

import re

import pytest
from support.hostile_html import HOSTILE, Elements
from support.rows import add_document, add_run, finish_step

from docprogress.client.results import DocumentHandle
from docprogress.documents import Page, Table
from docprogress.events import Status
from docprogress.store import Store
from docprogress.structure import html
from docprogress.structure.html import STYLE

ELEMENTS = {
    *("a", "b", "blockquote", "br", "code", "details", "div", "em", "hr", "li", "ol"),
    *("p", "pre", "s", "span", "strong", "style", "summary", "table", "tbody", "td"),
    *("th", "thead", "tr", "ul"),
}
ATTRIBUTES = {"class", "dir", "href", "open", "rel", "start", "style", "target"}


def harmless(source: str) -> Elements:
    """The HTML, in which there is nothing that the document brought."""
    elements = Elements(source)
    assert elements.open == []
    assert set(elements.found) <= ELEMENTS
    assert elements.found.count("style") <= 1
    assert {name for name, _ in elements.attributes} <= ATTRIBUTES
    links = [value for name, value in elements.attributes if name == "href"]
    assert all(link.startswith("https://example.org/") for link in links)
    return elements


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    with Store(f"sqlite:///{folder / 'store.db'}") as store:
        yield store


def handle(store, pages, *, name="a.md", title=None, metadata=None):
    """A completed document of these pages."""
    row = add_document(store, add_run(store), name=name)
    claim = store.attempts.claim(row.id, 1, worker="worker")
    facts = {"media_type": "text/markdown", "title": title} | (metadata or {})
    finish_step(store, claim.document, 0, pages=pages, facts=facts)
    row = store.attempts.finish(row.id, 1, Status.COMPLETED, message="Completed")
    return DocumentHandle(store, row)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("markdown", [True, False])
def test_nothing_that_a_document_contains_becomes_markup(store, text, markdown):
    page = Page(number=1, text=text, title=text, markdown=text if markdown else None)
    other = Page(number=2, text=text, markdown=text)
    metadata = {"author": text, "warnings": [text]}

    document = handle(store, [page, other], name=text, title=text, metadata=metadata)

    harmless(document._repr_html_())


def test_a_table_shows_its_cells_as_text_and_folds_long_ones():
    cells = [("<b>Name</b>", "</td>\n<script>")] + [
        (f"row {n}", "1") for n in range(40)
    ]
    table = Table(number=1, page=3, title="<i>Prices</i>", rows=tuple(cells))

    shown = harmless(table._repr_html_())

    assert "<i>Prices</i>" in shown.text
    assert "<b>Name</b>" in shown.text
    assert "30 more rows" in shown.text
    assert shown.text.count("row 39") == 1
    assert shown.found.count("table") == 2


def test_a_document_shows_title_facts_first_page_and_tables(store):
    markdown = (
        "# Prices\n\nWhat it *costs*.\n\n| what | coins |\n|---|---|\n| bread | 2 |"
    )
    pages = [
        Page(number=1, text="Prices", markdown=markdown),
        Page(number=2, text="The end", markdown="The end"),
    ]
    document = handle(
        store,
        pages,
        title="All prices",
        metadata={"author": "Ada", "warnings": ["Torn"]},
    )

    shown = harmless(document._repr_html_())

    for expected in ("All prices", "a.md", "Ada", "1 warning", "Page 1 of 2", "Torn"):
        assert expected in shown.text
    assert "em" in shown.found
    assert "Table 1: Prices" in shown.text
    assert "The end" not in shown.text
    # The table stands on the page, and below it.
    assert shown.text.count("bread") == 2


def test_a_long_page_is_folded_and_a_very_long_one_cut(store):
    paragraphs = [f"Paragraph {n}. " + "word " * 60 for n in range(1000)]
    text = "\n\n".join(paragraphs)

    for page in (Page(number=1, text=text), Page(number=1, text="", markdown=text)):
        source = handle(store, [page])._repr_html_()
        before, _, folded = source.partition("More of the text")
        assert "Paragraph 1." in before
        assert "Paragraph 9." not in before
        assert "Paragraph 9." in folded
        assert "more characters" in folded
        assert len(source) < 40_000
        harmless(source)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 3_000_000,
        "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 200_000,
        "[" * 300_000,
        "*" * 300_000,
        "> " * 100_000 + "x",
        "- " * 100_000 + "x",
        "```\n" + "code\n" * 100_000,
        "a\n" * 500_000,
    ],
    ids=["word", "table", "brackets", "stars", "quotes", "lists", "code", "lines"],
)
@pytest.mark.timeout(20)
def test_what_is_shown_of_a_huge_page_is_small_and_made_quickly(text):
    for preview in (html.preview, html.plain_preview):
        lead, rest, omitted = preview(text, lead=1200, most=20_000)
        assert len(lead) < 40_000
        assert len(rest) < 400_000
        assert omitted > 0
        harmless(lead)
        harmless(rest)


def test_a_document_without_results_shows_why(store):
    row = add_document(store, add_run(store), name="<b>.pdf")
    claim = store.attempts.claim(row.id, 1, worker="worker")
    assert (
        "processing"
        in harmless(DocumentHandle(store, claim.document)._repr_html_()).text
    )

    row = store.attempts.finish(
        row.id, 1, Status.FAILED, message="Failed", error="<b>.pdf: it is <i>torn</i>"
    )
    shown = harmless(DocumentHandle(store, row)._repr_html_())
    assert "it is <i>torn</i>" in shown.text


def test_a_long_table_in_the_first_page_keeps_its_header_in_both_parts():
    text = "| what | coins |\n|---|---|\n" + "".join(
        f"| bread {n} | {n} |\n" for n in range(300)
    )

    lead, rest, _ = html.preview(text, lead=1200, most=20_000)

    assert "bread 9<" in lead
    assert "bread 10<" in rest
    assert lead.count("<th ") == rest.count("<th ") == 2


def test_styles_of_a_document_do_not_reach_the_live_view():
    rules = re.findall(r"([^{}]+)\{[^{}]*\}", STYLE)

    selectors = [each.strip() for rule in rules for each in rule.split(",")]
    assert len(selectors) > 10
    assert [each for each in selectors if not each.startswith(".dp-document")] == []
