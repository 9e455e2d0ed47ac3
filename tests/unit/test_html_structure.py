"""Web pages as Markdown: headings, lists, tables, code, links."""

import subprocess
import sys
import time

import pytest
from support.patience import patient

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.readers.html import visible_text


def markdown(page: str) -> str:
    found = visible_text(page, most=10_000_000, structure=True).markdown
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<h1>One</h1><h6>Six</h6><p>Text", "# One\n\n###### Six\n\nText"),
        ("<h2>C #</h2>", r"## C \#"),
        ('<div role="heading" aria-level="4">A</div>b', "#### A\n\nb"),
        ("<h3><div>In a block</div></h3>more", "### In a block\n\nmore"),
        ("a<br>b<br><br>c", "a  \nb\n\nc"),
        (
            "<p>1. no list<br># no heading<br>- no",
            "1\\. no list  \n\\# no heading  \n\\- no",
        ),
        (
            "<p>a *b* [c] &lt;b&gt; `d` _e_ f_g &amp;amp;",
            r"a \*b\* \[c\] \<b> \`d\` \_e\_ f_g \&amp;",
        ),
        (
            "<b>bold</b> <i>italic</i> <b><i>both</i></b>",
            "**bold** *italic* ***both***",
        ),
        ("<b>a</b><b>b</b>c", "**ab**c"),
        ("<b>Note:</b>word", "**Note**:word"),
        ("これは<b>「強調」</b>です", "これは「**強調**」です"),
        ("<b>a</b><i>b</i>", "**a**b"),
        ("<code>a`b</code>", "`` a`b ``"),
        ("<code>a<b>b</b></code>c", "`ab`c"),
        ("<s>a <i>b</i></s>c", "~~a~~ *b*c"),
        ('a<img>b<img alt="c">d', "ab c d"),
        ('<pre>a<img alt="b">c</pre>', "```\na b c\n```"),
        (
            '<a href="https://x.org/a_(b)">c <b>d</b></a>',
            "[c **d**](https://x.org/a_(b))",
        ),
        ('<a href="https://x.org/a(b">c</a>', "[c](<https://x.org/a(b>)"),
        (
            '<a href="java\nscript:x()">c</a> <a href="DATA:,x">d</a> <a href="#e">e</a>',
            "c d e",
        ),
        ('<img alt="A cat" src="x.png"> sleeps', "A cat sleeps"),
        (
            "<blockquote><p>a<blockquote>b</blockquote></blockquote>c",
            "> a\n>\n> > b\n\nc",
        ),
        ("<dl><dt>Term<dd>One<dd>Two</dl>", "**Term**\n\n- One\n- Two"),
    ],
)
def test_inline_text_and_blocks_are_markdown(page, expected):
    assert markdown(page) == expected


def test_lists_keep_their_depth_and_numbers():
    page = (
        "<p>Before<ol start=9><li>nine<li>ten<ul><li>in<p>second</p></li></ul>"
        "<li value=20>twenty</ol><ul><li><ul><li>deep</ul></ul>"
    )

    assert markdown(page) == (
        "Before\n\n9. nine\n10. ten\n    - in\n\n      second\n20. twenty\n\n- - deep"
    )


def test_code_keeps_its_lines_and_language():
    page = (
        '<pre><code class="hl language-py">\ndef f():\n    return "```"\n</code></pre>'
    )

    assert markdown(page) == '````py\ndef f():\n    return "```"\n````'


def test_merged_cells_are_repeated_and_line_breaks_kept():
    page = (
        "<table><caption>Rates</caption><thead><tr><th>a|b<th>c<th>d</thead>"
        "<tr><td rowspan=2>x<br>y<td colspan=2>z<tr><td><td>w"
        "<tr><td><ul><li>i<li>j</ul><td><p>k<p>l</table>"
    )

    assert markdown(page) == (
        "Rates\n\n"
        "| a\\|b | c | d |\n| --- | --- | --- |\n"
        "| x<br>y | z | z |\n| x<br>y |  | w |\n| - i<br>- j | k<br>l |  |"
    )


def test_a_text_alone_in_its_row_is_not_repeated_beside_itself():
    page = "<table><tr><td colspan=2>All<tr><td>1<td>2</table>"

    assert markdown(page) == "| All |  |\n| --- | --- |\n| 1 | 2 |"


def test_tables_for_layout_give_the_blocks_that_are_in_them():
    page = (
        "<table><tr><td>left<td><h2>News</h2><table><tr><th>a<th>b<tr><td>1<td>2"
        "</table><td>right</table><ul><li><table role=presentation><tr><td>x<td>y"
        "</table></ul>"
    )

    assert markdown(page) == (
        "left\n\n## News\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nright\n\n- x\n\n  y"
    )


def test_a_table_within_a_cell_of_a_table_is_text_of_the_cell():
    page = (
        "<table><tr><th>a<th>b<tr><td>1<td><table><tr><td>x<td>y<tr><td>z</table>"
        "<tr><td>2<td>3</table>"
    )

    assert markdown(page) == "| a | b |\n| --- | --- |\n| 1 | x y<br>z |\n| 2 | 3 |"


def test_what_is_hidden_is_in_no_markdown():
    page = (
        "<style>.x{display:none}</style><p>a<p hidden>secret<p class=x>secret"
        '<table><tr><td>b<td style="display:none">secret<td>c</table>'
    )

    assert "secret" not in markdown(page)


def test_all_of_the_text_is_in_the_markdown():
    page = (
        "<title>t</title><p>a<div>b<span>c</span></div><table>loose<tr>tr<td>d"
        "<p>e</table><select><option>f<option>g</select><textarea>h</textarea>"
        '<input value="i"><button>j</button><fieldset><legend>k</legend>l</fieldset>'
        "<dl>m<dt>n<dd>o</dl><li>p<pre>q<div>r</div></pre><ruby>s<rt>t</ruby>"
        "<details><summary>u</summary>v</details>" + "<table><tr>" + "<td>" * 3000 + "w"
    )
    text = visible_text(page, most=10_000)

    assert sorted("".join(str(text).split())) == sorted(
        letter for letter in markdown(page) if letter.isalpha()
    )


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 10_000 + "x",
        "<ul><li>x" * 10_000,
        "<blockquote>" * 10_000 + "<p>x</blockquote>" * 10_000,
        "<table><tr><td>" * 10_000 + "x",
        "<table><tr><th>" * 10_000 + "x",
        "<table>" * 10_000 + "x",
        "<ul>" + "<blockquote>" * 10_000 + "<li>x" * 10_000,
        "<table>" + "<tr><td colspan=1000000000>x<td>y" * 1_000,
        "<table><tr>" + "<td rowspan=1000000000>x" * 1_000 + "<tr>" * 10_000,
        "<table>" + "<tr><td>a<td>b" * 20_000,
        "<table>" + "<tr><td>a" * 20_000,
    ],
    ids=lambda page: page[:24],
)
def test_deep_nesting_and_absurd_spans_take_bounded_time_and_space(page):
    begun = time.process_time()
    text = visible_text(page, most=1_000_000, structure=True)
    found = text.markdown

    assert time.process_time() - begun < patient(2)
    assert found is None or len(found) < 4_000_000


@pytest.mark.parametrize("name", ["page.html", "message.eml"])
def test_without_structure_there_is_text_alone(tmp_path, name):
    path = tmp_path / name
    header = "From: a@b.org\nMessage-ID: <a>\nContent-Type: text/html\n\n"
    path.write_text(header * name.endswith("eml") + "<h1>A</h1>")
    document = Document(id="d", name=name, path=path, size=path.stat().st_size)

    pages = {}
    for structure in ("auto", "off"):
        with extract(document, settings=load(structure=structure)) as extraction:
            [pages[structure]] = extraction

    assert pages["auto"].text == pages["off"].text
    assert pages["auto"].markdown.endswith("# A")
    assert pages["off"].markdown is None


@pytest.mark.slow
@pytest.mark.timeout(patient(300))
@pytest.mark.parametrize("row", ["<tr><td>a<td>b</tr>", "<tr><td>a", "<tr><td>"])
def test_a_table_of_a_million_rows_is_read_in_bounded_memory(row):
    script = (
        "import resource, time\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3,) * 2)\n"
        "from docprogress.steps.readers.html import visible_text\n"
        f"page = '<table>' + {row!r} * 1_000_000\n"
        "text = visible_text(page, most=20_000_000, structure=True)\n"
        "print(len(text.markdown), time.process_time())"
    )

    read = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    length, seconds = read.stdout.split()
    assert int(length) < 20_000_000
    assert float(seconds) < patient(60)
