"""Content that a browser does not show is left out of a page's text."""

import time

import pytest

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract


@pytest.fixture
def read(tmp_path):
    def reading(page, name="a.html"):
        path = tmp_path / name
        path.write_text(page, encoding="utf-8")
        document = Document(id="d", name=name, path=path, size=path.stat().st_size)
        with extract(document, settings=load()) as extraction:
            return "\n".join(page.text for page in extraction)

    return reading


@pytest.mark.parametrize(
    "attribute",
    [
        "hidden",
        "hidden=''",
        "hidden=hidden",
        "hidden=until-found",
        "HIDDEN",
        "style='display:none'",
        'style="display: none"',
        'style="color: red; DISPLAY : NONE !important;"',
        "style=display:none",
        "style='visibility:hidden'",
        "style='display:block;display:none'",
    ],
)
@pytest.mark.parametrize("name", ["div", "span", "p", "section"])
def test_hidden_elements_are_left_out(read, name, attribute):
    page = f"<!doctype html><p>before</p><{name} {attribute}>HIDDEN</{name}><p>after"

    assert read(page) == "before\n\nafter"


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("<p hidden>X<p>a", "a"),
        ("<p hidden>X<b>X</b><div>a</div>", "a"),
        ("<div><p hidden>X</div>a", "a"),
        ("<p hidden>X</p>a", "a"),
        ("<ul><li hidden>X<li>a</ul>", "a"),
        ("<ul><li hidden>X<ul><li>X</ul>X<li>a</ul>b", "a\nb"),
        ("<ul><li>a<li hidden>X</ul>b", "a\nb"),
        ("<ul><li hidden><p>X</p><div>X</div>X</li></ul>b", "b"),
        ("<table><tr><td hidden>X<td>a<tr><td>b</table>", "a\nb"),
        ("<table><tr hidden><td>X<table><tr><td>X</table><tr><td>b</table>", "b"),
        ("<table><tr><td hidden>X</table>a", "a"),
        ("<table><tbody hidden><tr><td>X<tbody><tr><td>a</table>", "a"),
        ("<dl><dt>a<dd hidden>X<dt>b<dd>c</dl>", "a\nb\nc"),
        ("<select><option hidden>X<option>a</select>", "a"),
        ("<div hidden><div>X</div>X</div>a", "a"),
        ("<div hidden><script>'</div>'</script>X</div>a", "a"),
        ("<div hidden><br hidden>X</div>a", "a"),
        ("<br hidden>a<img hidden alt=X>", "a"),
        ("<body hidden>a", "a"),
        ("<body style='visibility:hidden'>a", "a"),
        ("<p style='display:block' hidden>a", "a"),
        ("<p aria-hidden=true>a", "a"),
        ("<details><summary>a</summary>b</details>", "a\nb"),
        ("<p data-style='display:none' title='hidden'>a", "a"),
        ("<textarea hidden>X</textarea>a", "a"),
        ("<p>a<math><semantics><mi>x</mi><annotation>X</annotation></semantics>", "ax"),
        ("<input list=d><datalist id=d><option>X</datalist>a", "a"),
    ],
)
def test_a_hidden_element_ends_where_browsers_end_it(read, page, shown):
    assert read(f"<!doctype html>{page}") == shown


@pytest.mark.parametrize(
    ("css", "shown"),
    [
        (".x { display: none }", "id"),
        ("p.x, .y { color: red; display: none }", "id"),
        ("#i { display: none }", "class"),
        ("/* .x {} */ .x{display:none!important}", "id"),
        (".x { visibility: hidden }", "id"),
        ("@import 'a'; .x { display: none }", "id"),
        ("@media print { .x { display: none } }", "class\n\nid"),
        (".a .x { display: none }", "class\n\nid"),
        (".x:hover { display: none }", "class\n\nid"),
        ("div.x { display: none }", "class\n\nid"),
        (".x { display: none } .x { display: block }", "class\n\nid"),
        (".x { display: none } p.x { display: block }", "class\n\nid"),
        (".x { display: none } #i { display: none }", ""),
        (".x { display: none !important } p.x { display: block }", "id"),
        (".x.other { display: none }", "class\n\nid"),
        (".x { display: none", "class\n\nid"),
    ],
)
def test_simple_rules_of_the_page_are_followed(read, css, shown):
    page = f"<!doctype html><style>{css}</style><p class='w x'>class<p id=i>id"

    assert read(page) == shown


def test_rules_for_printing_and_what_the_element_says_itself_win(read):
    page = (
        "<!doctype html><style media=print>.x{display:none}</style><p class=x>a</p>"
        "<style>.y{display:none}</style><p class=y style='display:block'>b</p>"
    )

    assert read(page) == "a\n\nb"


def test_text_in_place_of_images_and_fields_is_kept(read):
    page = (
        "<!doctype html><p>a<img src=x alt='a chart'>b<img alt=''>c"
        "<input value='Jane'><input type=hidden value=NO><input type=password value=NO>"
        "<input type=checkbox value=NO><input type=submit value=Send>"
    )

    assert read(page) == "a a chart bc Jane Send"


def test_elements_of_xhtml_may_be_closed_by_their_start_tag(read):
    page = (
        "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head>"
        "<title/><script src='a.js'/><style/></head><body><p hidden='hidden'/>"
        "<textarea/><p>shown</p><![CDATA[a < b &amp;]]></body></html>"
    )

    assert read(page, "a.xhtml") == "shown\n\na < b &amp;"


@pytest.mark.parametrize(
    "page",
    [
        "<style>" + ".a{display:none}" * 50_000 + "</style>" + "<p class=b>x" * 20_000,
        "<style>" + ".a{display:block}" * 9_000 + "</style>" + "<p class=a>x" * 50_000,
        "<style>" + "".join(f".a{n}{{display:none}}" for n in range(9_000)) + "</style>"
        "<p class='" + " ".join(f"b{n}" for n in range(90_000)) + "'>x",
        "<style>" + "{" * 300_000 + "</style>x",
        "<style>" + "/*" * 200_000 + "</style>x",
        "<style>" + "display" * 50_000 + "</style>x",
        "<style>.a{" + "display:" * 50_000 + "}</style>x",
        "<p style='" + "display " * 50_000 + "'>x",
        "<p style='" + "display:none" * 50_000 + "'>x",
        "<li hidden>" + "<ul>" * 100_000 + "x",
        "<p hidden>" + "<b>" * 100_000 + "x",
        "<td hidden>" * 50_000 + "x",
        "<tr hidden><table>" * 50_000 + "x",
    ],
    ids=lambda page: page[:24],
)
def test_hiding_takes_time_in_proportion_to_the_page(read, page):
    read(page[: len(page) // 4])
    began = time.process_time()
    read(page)

    assert time.process_time() - began < 5


def test_items_of_numbered_lists_have_the_numbers_that_a_browser_shows(read):
    page = (
        "<ol start=4><li>four<ul><li>bullet<li>another</ul><li value=7><b>seven"
        "</b><li></li><li>nine</ol>after<ul><li>plain</ul></ol></ul><li>loose"
    )

    shown = "4. four bullet another 7. seven 9. nine after plain loose"
    assert read(page).split() == shown.split()
    assert read("<ol>" * 5000 + "<li>deep") == "1. deep"
