"""Texts with markup of their own as Markdown."""

import time

import pytest
from support.patience import patient

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.structure import blocks


@pytest.fixture
def markdown(tmp_path):
    def markdown(text, name, **settings):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        document = Document(id="d", name=name, path=path, size=path.stat().st_size)
        with extract(document, settings=load(**settings)) as extraction:
            [page] = extraction
        return page.markdown

    return markdown


def headings(markdown):
    return [
        (block.level, block.text)
        for block in blocks(markdown)
        if block.kind == "heading"
    ]


def test_markdown_is_its_own_markdown(markdown):
    text = "# A\n\nB\n===\n\nC\n---\n\n- d\n  - e\n"

    assert markdown(text, "a.md") == text
    assert headings(text) == [(1, "A"), (1, "B"), (2, "C")]
    assert markdown(text, "a.md", structure="off") is None


def test_front_matter_is_code_and_no_heading(markdown):
    found = markdown("---\ntitle: T\ndate: 2026\n---\n# A\n", "a.md")

    assert found == "```yaml\ntitle: T\ndate: 2026\n```\n# A\n"
    assert headings(found) == [(1, "A")]


def test_plain_text_has_no_markdown(markdown):
    assert markdown("Title\n=====\n\n# not\n", "a.txt") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.rst",
            (
                "=====\nTitle\n=====\n\nText\n\nPart 1\n======\n\nSub\n---\n\ny\n\n"
                "Part 2\n======\n\n# none\n\n.. note::\n   z\n"
            ),
        ),
        (
            "a.org",
            "* Title\nText\n** Part 1\n*** Sub\ny\n** Part 2\n# none\n*bold* text\n",
        ),
        (
            "a.adoc",
            "= Title\n\nText\n\n== Part 1\n\n=== Sub\n\ny\n\n== Part 2\n\n====\nz\n====\n",
        ),
        (
            "a.tex",
            (
                "\\documentclass{book}\n\\chapter{Title}\nText\n\\section[P]{Part 1}\nx\n"
                "\\subsection*{Sub}\\label{s}\ny\n\\section{Part 2}\n# none\n"
            ),
        ),
    ],
)
def test_headings_have_the_levels_of_their_own_syntax(markdown, name, text):
    assert headings(markdown(text, name)) == [
        (1, "Title"),
        (2, "Part 1"),
        (3, "Sub"),
        (2, "Part 2"),
    ]


def test_code_and_tables_of_sources_are_code_and_tables(markdown):
    org = "#+BEGIN_SRC python\n* x\n#+END_SRC\n| a | b |\n|---+---|\n| 1 | 2 |\nend"
    adoc = "[source,sh]\n----\n== x\n----\n"
    tex = "\\begin{verbatim}\n\\section{x}\n\\end{verbatim}\n"

    assert "```python\n* x\n```" in markdown(org, "a.org")
    assert "| a | b |\n| --- | --- |\n| 1 | 2 |\nend" in markdown(org, "a.org")
    assert "```sh\n== x\n```" in markdown(adoc, "a.adoc")
    assert "```\n\\section{x}\n```" in markdown(tex, "a.tex")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.md", "---\n"),
        ("a.rst", "=====\n"),
        ("a.rst", "x\n=\n"),
        ("a.org", "* x\n|---+\n"),
        ("a.adoc", "= x =\n----\n"),
        ("a.tex", "\\section{\\section{\n"),
        ("a.tex", "\\section[" * 5 + "\n"),
    ],
)
def test_long_sources_take_time_in_proportion(markdown, name, line):
    begun = time.process_time()
    markdown(line * (1_000_000 // len(line)), name)

    assert time.process_time() - begun < patient(5)
