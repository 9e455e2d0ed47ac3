"""Only the main content of a page is read if that is wanted."""

import sys

import pytest

from docprogress.documents import Document
from docprogress.errors import SettingsError, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract

BODY = (
    "<h1>The quarter past six</h1>"
    "<p>On Tuesday the ferry left at eleven minutes past, which the harbour office "
    "noted in its book, as it does whenever a departure is late.</p>"
    "<p hidden>NOTSHOWN but long enough to be taken for a paragraph of the article, "
    "which goes on for quite a while so that it counts.</p>"
    "<table><tr><th>Passenger</th><th>Fare</th></tr><tr><td>Adult</td><td>14.50</td>"
    "</tr></table><ul><li>Bicycles travel free on weekdays before nine.</li>"
    "<li>Dogs stay with their owners on the car deck.</li></ul>"
    "<p>The committee agreed to publish the times of every departure from the quay, "
    "so that passengers may see for themselves how late they are.</p>"
)
LINKS = "".join(f"<li><a href='/{n}'>NAVIGATION {n}</a></li>" for n in range(12))
SEMANTIC = (
    f"<header><nav><ul>{LINKS}</ul></nav></header><main><article>{BODY}</article></main>"
    "<aside>SIDEBAR</aside><footer><p>FOOTER all rights reserved</p></footer>"
)
OLD = (
    f"<div id='menu'><ul>{LINKS}</ul></div><div class='content'>{BODY}</div>"
    "<div class='sidebar'><a href='#'>SIDEBAR</a></div>"
    "<div id='footer'>FOOTER all rights reserved</div>"
)


@pytest.fixture
def read(tmp_path):
    def reading(page, name="a.html", **settings):
        path = tmp_path / name
        path.write_text(page, encoding="utf-8")
        document = Document(id="d", name=name, path=path, size=path.stat().st_size)
        with extract(document, settings=load(**settings)) as extraction:
            return "\n".join(page.text for page in extraction), extraction.facts

    return reading


@pytest.mark.parametrize("body", [SEMANTIC, OLD])
def test_navigation_and_footers_are_left_out_on_demand(read, body):
    page = f"<!doctype html><title>A page</title><body>{body}"

    whole, _ = read(page)
    main, facts = read(page, html_content="main")

    for words in ("NAVIGATION", "SIDEBAR", "FOOTER"):
        assert words in whole
        assert words not in main
    for words in ("The quarter past six", "harbour office", "14.50", "Dogs stay"):
        assert words in main
    assert "NOTSHOWN" not in main
    assert facts["html_content"] == "main"
    assert facts["title"] == "A page"


def test_the_main_content_of_a_saved_page_is_read(read):
    saved = (
        "From: <Saved by Blink>\nMIME-Version: 1.0\n"
        "Content-Type: multipart/related; boundary=b\n\n"
        f"--b\nContent-Type: text/html\n\n<body>{SEMANTIC}\n--b--\n"
    )

    text, _ = read(saved, "a.mhtml", html_content="main")

    assert "harbour office" in text
    assert "NAVIGATION" not in text


@pytest.mark.parametrize("page", ["<p>short", "<nav>only this</nav>", "<a"])
def test_a_page_without_main_content_is_read_whole(read, page):
    text, facts = read(f"<!doctype html>{page}", html_content="main")

    assert text == read(f"<!doctype html>{page}")[0]
    assert facts["html_content"] in ("all", "main")


def test_without_its_library_the_way_out_is_named(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "trafilatura", None)

    with pytest.raises(Unreadable, match=r"pip install 'docprogress\[html\]'"):
        read("<!doctype html><p>text", html_content="main")
    assert read("<!doctype html><p>text")[0] == "text"


def test_what_is_read_of_a_page_is_one_of_two_things():
    with pytest.raises(SettingsError, match="html_content"):
        load(html_content="some")
