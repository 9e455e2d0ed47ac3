"""Books, saved web pages and notebooks are read in order, within the limits."""

import json
import zipfile

import pytest

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract


@pytest.fixture
def write(tmp_path):
    def writing(content, name):
        path = tmp_path / "content"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Document(id="d", name=name, path=path, size=path.stat().st_size)

    return writing


def read(found, **settings):
    with extract(found, settings=load(**settings)) as extraction:
        pages = list(extraction)
    return pages, extraction


CONTAINER = (
    "<?xml version='1.0'?><container xmlns='urn:oasis:names:tc:opendocument:xmlns:"
    "container'><rootfiles><rootfile full-path='OEBPS/book.opf'/></rootfiles></container>"
)


def chapter(text, title="<title/>", head=""):
    return (
        "<?xml version='1.0'?><!DOCTYPE html><html xmlns='http://www.w3.org/1999/xhtml'>"
        f"<head>{title}<script src='a.js'/>{head}</head><body>{text}</body></html>"
    )


def opf(items, spine, metadata="<dc:title>A book</dc:title>"):
    manifest = "".join(
        f"<item id='i{number}' href='{href}' media-type='{kind}'/>"
        for number, (href, kind) in enumerate(items)
    )
    refs = "".join(f"<itemref idref='i{number}'/>" for number in spine)
    return (
        "<package xmlns='http://www.idpf.org/2007/opf' "
        "xmlns:dc='http://purl.org/dc/elements/1.1/'>"
        f"<metadata>{metadata}</metadata><manifest>{manifest}</manifest>"
        f"<spine>{refs}</spine></package>"
    )


XHTML = "application/xhtml+xml"


@pytest.fixture
def book(tmp_path):
    def made(parts, *, mimetype=True, name="a.epub"):
        path = tmp_path / "book"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            if mimetype:
                archive.writestr("mimetype", "application/epub+zip")
            for part, content in {"META-INF/container.xml": CONTAINER, **parts}.items():
                archive.writestr(part, content)
        return Document(id="d", name=name, path=path, size=path.stat().st_size)

    return made


NCX = (
    "<!DOCTYPE ncx PUBLIC '-//NISO//DTD ncx 2005-1//EN' 'ncx.dtd'>"
    "<ncx xmlns='http://www.daisy.org/z3986/2005/ncx/'><navMap><navPoint><navLabel>"
    "<text>From the contents</text></navLabel><content src='text/two%20b.xhtml#x'/>"
    "</navPoint></navMap></ncx>"
)


def test_a_book_has_a_page_for_each_chapter_in_reading_order(book):
    found = book(
        {
            "OEBPS/book.opf": opf(
                [
                    ("text/one.xhtml", XHTML),
                    ("text/two%20b.xhtml", XHTML),
                    ("toc.ncx", "application/x-dtbncx+xml"),
                    ("unused.xhtml", XHTML),
                ],
                [1, 0],
                "<dc:title>A book</dc:title><dc:creator>Jane Doe</dc:creator>"
                "<dc:creator>Tom</dc:creator><dc:language>en</dc:language>"
                "<dc:date>2026-03-01</dc:date>",
            ),
            "OEBPS/text/one.xhtml": chapter("<h1>The <i>first</i></h1><p>one</p>"),
            "OEBPS/text/two b.xhtml": chapter("<p>two</p><p hidden='hidden'/><p>b</p>"),
            "OEBPS/unused.xhtml": chapter("<p>unused</p>"),
            "OEBPS/toc.ncx": NCX,
        }
    )

    pages, extraction = read(found)

    assert [(page.number, page.title, page.text) for page in pages] == [
        (1, "From the contents", "two\n\nb"),
        (2, "The first", "The first\n\none"),
    ]
    assert (extraction.unit, extraction.total) == ("chapter", 2)
    assert extraction.facts == {
        "media_type": "application/epub+zip",
        "engine": "epub",
        "title": "A book",
        "author": "Jane Doe, Tom",
        "language": "en",
        "created": "2026-03-01",
    }


@pytest.mark.parametrize("name", ["a.epub", "a.zip", "a"])
def test_a_book_is_known_by_its_content(book, name):
    parts = {
        "OEBPS/book.opf": opf([("1.html", "text/html")], [0]),
        "OEBPS/1.html": chapter("<p>text</p>"),
    }

    assert read(book(parts, mimetype=False, name=name))[0][0].text == "text"


def test_a_book_with_a_broken_spine_is_read_in_the_order_of_its_files(book):
    parts = {
        "OEBPS/book.opf": opf([("1.html", XHTML), ("gone", XHTML), ("2.html", XHTML)], [7]),
        "OEBPS/2.HTML": chapter("<p>two</p>"),
        "OEBPS/1.html": chapter("<p>one</p>"),
    }  # fmt: skip

    assert [page.text for page in read(book(parts))[0]] == ["one", "two"]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"OEBPS/book.opf": opf([], [])}, "it has no chapters"),
        ({"META-INF/container.xml": "<a/>"}, "the description of its contents is missing"),
        ({"META-INF/container.xml": "<a"}, "damaged or cut short"),
        (
            {"OEBPS/book.opf": "<!DOCTYPE x [<!ENTITY a 'aa'>]><package>&a;</package>"},
            "declares entities",
        ),
        (
            {
                "OEBPS/book.opf": opf([("1.html", XHTML)], [0]),
                "OEBPS/1.html": b"\0\1\2" * 100,
                "META-INF/encryption.xml": (
                    "<encryption><CipherReference URI='OEBPS/1.html'/></encryption>"
                ),
            },
            "copy-protected",
        ),
    ],
)  # fmt: skip
def test_a_book_that_cannot_be_read_says_why(book, parts, reason):
    with pytest.raises(Unreadable, match=f"^a.epub: .*{reason}"):
        read(book(parts))


def test_a_bomb_in_a_book_is_refused(book):
    parts = {
        "OEBPS/book.opf": opf([("1.html", XHTML)], [0]),
        "OEBPS/1.html": b"<p>" + b"\0" * 100_000_000,
    }

    with pytest.raises(LimitExceeded, match=r"^a\.epub: "):
        read(book(parts))


def test_limits_hold_for_books(book):
    chapters = {f"OEBPS/{n}.html": chapter(f"<p>chapter {n}</p>") for n in range(9)}
    items = [(f"{n}.html", XHTML) for n in range(9)]
    found = book({"OEBPS/book.opf": opf(items, range(9)), **chapters})

    with pytest.raises(LimitExceeded, match="9 chapters, the limit is 8"):
        read(found, max_pages=8)
    with pytest.raises(LimitExceeded, match="more than 80 characters"):
        read(found, max_characters=80)


def test_a_chapter_is_read_once_however_often_the_spine_has_it(book):
    parts = {
        "OEBPS/book.opf": opf([("1.html", XHTML)], [0] * 10_000),
        "OEBPS/1.html": chapter("<p>once</p>"),
    }

    assert [page.text for page in read(book(parts))[0]] == ["once"]


MHTML = """\
From: <Saved by Blink>
Snapshot-Content-Location: https://example.org/
Subject: A page
Date: Tue, 3 Mar 2026 09:30:00 -0000
MIME-Version: 1.0
Content-Type: multipart/related; type="text/html"; boundary="b"

--b
Content-Type: text/html
Content-Transfer-Encoding: quoted-printable

<!DOCTYPE html><meta charset=3D"utf-8"><title>Gr=C3=B6=C3=9Fe</title><p>text
--b
Content-Type: text/html

<p>a frame
--b
Content-Type: image/png
Content-Transfer-Encoding: base64

AAAA
--b--
"""


@pytest.mark.parametrize("name", ["a.mhtml", "a.mht", "a.txt", "a"])
def test_a_saved_page_is_read_without_its_frames(write, name):
    pages, extraction = read(write(MHTML, name))

    assert [page.text for page in pages] == ["text"]
    assert extraction.facts["media_type"] == "multipart/related"
    assert extraction.facts["title"] == "Größe"


def notebook(*cells, **fields):
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, **fields})


def test_a_notebook_is_its_texts_code_and_output(write):
    made = notebook(
        {"cell_type": "markdown", "source": ["# A *title*\n", "\n", "text"]},
        {
            "cell_type": "code",
            "source": "print('x')",
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["x\n"]},
                {
                    "output_type": "display_data",
                    "data": {
                        "image/png": "iVBORw0KGgo=" * 99,
                        "text/plain": "<Figure>",
                    },
                },
                {
                    "output_type": "error",
                    "ename": "KeyError",
                    "evalue": "\x1b[31m'a'\x1b[0m",
                    "traceback": ["…"],
                },
                {"output_type": "execute_result", "data": {"text/markdown": "**b**"}},
            ],
        },
        {"cell_type": "code", "source": "", "outputs": []},
        {"cell_type": "markdown", "source": "```\ncode\n```"},
        {"cell_type": "code", "source": "'''\n```\n'''", "outputs": None or []},
        metadata={"language_info": {"name": "python"}},
    )

    pages, extraction = read(write(made, "a.ipynb"))

    assert len(pages) == 1
    assert pages[0].text == (
        "# A *title*\n\ntext\n\n```python\nprint('x')\n```\n\n```\nx\n```\n\n"
        "```\n<Figure>\n```\n\n```\nKeyError: 'a'\n```\n\n**b**\n\n"
        "```\ncode\n```\n\n````python\n'''\n```\n'''\n````"
    )
    assert pages[0].markdown == pages[0].text
    assert extraction.facts["title"] == "A *title*"
    assert extraction.facts["media_type"] == "application/x-ipynb+json"


def test_notebooks_of_older_formats_are_read(write):
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["A title"]},
        {
            "cell_type": "code",
            "input": ["1 + 1"],
            "outputs": [{"output_type": "pyout", "text": ["2"]}],
        },
    ]
    made = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]})

    pages, extraction = read(write(made, "a.ipynb"))

    assert pages[0].text == "## A title\n\n```\n1 + 1\n```\n\n```\n2\n```"
    assert extraction.facts["title"] == "A title"


@pytest.mark.parametrize(
    "made",
    [
        notebook({"cell_type": "markdown", "source": "text"})[:-40],
        '{"cells": {}, "cell_type": 1}',
        '{"cells": [{}], "x": "cell_type"}',
        '{"cells": [' * 200_000,
        '{"cells": [], "metadata": ' + "[" * 500_000,
        '{"cells": [{"cell_type": 1}]}',
    ],
    ids=lambda made: made[:20],
)
def test_a_damaged_notebook_is_refused(write, made):
    with pytest.raises(Unreadable, match=r"^a\.ipynb: a notebook that is damaged"):
        read(write(made, "a.ipynb"))


def test_metadata_of_a_notebook_may_be_anything(write):
    for metadata in (None, [], {"title": 1}, {"kernelspec": {"language": 1}}):
        made = notebook({"cell_type": "raw", "source": "text"}, metadata=metadata)

        assert read(write(made, "a.ipynb"))[0][0].text == "text"


def test_the_limit_of_characters_holds_for_notebooks(write):
    made = notebook(*[{"cell_type": "markdown", "source": "x" * 50}] * 9)

    with pytest.raises(LimitExceeded, match="more than 300 characters"):
        read(write(made, "a.ipynb"), max_characters=300)


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.json", '{"a": [1, "x"]}', "application/json"),
        ("a.jsonl", '{"a": 1}\n{"a": 2}\n', "application/jsonl"),
        ("a.xml", "<?xml version='1.0'?><a>x</a>", "application/xml"),
        ("a.txt", "<?xml version='1.0'?><a>x</a>", "application/xml"),
        ("a.xml", "<table><title>x</title></table>", "application/xml"),
        ("a.rst", "A title\n=======\n", "text/x-rst"),
        ("a.org", "* A title\n", "text/org"),
        ("a.adoc", "= A title\n", "text/asciidoc"),
        ("a.tex", "\\section{x}", "application/x-tex"),
        ("a.txt", "% x\n\\documentclass{article}", "application/x-tex"),
        ("a.md", "<div>\n# A title\n</div>", "text/markdown"),
    ],
)
def test_other_texts_are_kept_as_they_are(write, name, content, media_type):
    pages, extraction = read(write(content, name))

    assert [page.text for page in pages] == [content]
    assert extraction.facts["media_type"] == media_type


def test_xml_is_decoded_as_it_declares(write):
    content = "<?xml version='1.0' encoding='windows-1251'?><a>Договор</a>"

    pages, _ = read(write(content.encode("cp1251"), "a.xml"))

    assert [page.text for page in pages] == [content]


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("a.md", "# A title #\n\n## Two\n", "A title"),
        ("a.md", "text\n\nA title\n=======\n", "A title"),
        ("a.md", "---\ntitle: 'A title'\ntags: x\n---\n# Another\n", "A title"),
        ("a.md", "---\ntags: x\n---\n# A title\n", "A title"),
        ("a.md", "```\n# a comment\n```\n\n## A title\n", "A title"),
        ("a.md", "text without a heading\n#hashtag\n", None),
        ("a.rst", "=======\nA title\n=======\n\ntext", "A title"),
        ("a.rst", "A title\n~~~~~~~\n", "A title"),
        ("a.org", "#+title: A title\n* Another\n", "A title"),
        ("a.org", "text\n* A title\n", "A title"),
        ("a.adoc", "= A title\nauthor\n", "A title"),
        ("a.tex", "\\documentclass{x}\n\\title[short]{A title}", "A title"),
        ("a.txt", "# text", None),
        ("a.json", '{"title": "x"}', None),
        ("a.md", "---\n" * 5_000, None),
        ("a.md", "```\n~~~\n" * 5_000, None),
        ("a.md", "# " + " " * 19_000 + "#\n" * 9, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_texts_are_titled_by_their_first_heading(write, name, content, title):
    assert read(write(content, name))[1].facts.get("title") == title
