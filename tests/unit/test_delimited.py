"""CSV files are read as tables, whatever separates their fields; prose is not."""

import pytest

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.sheets import pages as sheet_pages
from docprogress.structure import blocks

PROSE = (
    "Dear Sir, I write to you, as agreed, today.\nWe met, spoke, and left.\n"
    "It was, in a way, fine; or so, I think.\nYours\n"
)


@pytest.fixture
def read(tmp_path):
    def read(name, content, **settings):
        path = tmp_path / "file"
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
        document = Document(id="d", name=name, path=path, size=len(data))
        with extract(document, settings=load(**settings)) as extraction:
            pages = list(extraction)
        assert extraction.total == len(pages)
        return pages, extraction.facts

    return read


@pytest.mark.parametrize(
    ("content", "delimiter", "text"),
    [
        ("a,b\n1,2\n", ",", "a\tb\n1\t2"),
        ("a;b\n1,5;2,5\n3,5;4\n", ";", "a\tb\n1,5\t2,5\n3,5\t4"),
        ("a\tb, c\n1\t2\n", "\t", "a\tb, c\n1\t2"),
        ("a|b|c\n1|2|3\n", "|", "a\tb\tc\n1\t2\t3"),
        ('a,b\n"x, y","say ""no"""\n"p\nq",2\n', ",", 'a\tb\nx, y\tsay "no"\np q\t2'),
        ("sep=;\r\na;b\r\n1;2\r\n", ";", "a\tb\n1\t2"),
        ("a,b\nx\\,y,2\n", ",", "a\tb\nx,y\t2"),
        ("'a','b'\n'1,5','2'\n", ",", "a\tb\n1,5\t2"),
        ('id,text\n1,"open\n2,b\n3,c\n', ",", 'id\ttext\n1\t"open\n2\tb\n3\tc'),
        (
            "Report 2024\nname,value\nx,1\ny,2\nz,3\n",
            ",",
            "Report 2024\nname\tvalue\nx\t1\ny\t2\nz\t3",
        ),
        ("a,b\n1,2\n\nc,d\n", ",", "a\tb\n1\t2\n\nc\td"),
    ],
)
def test_the_delimiter_and_the_quotes_are_found(read, content, delimiter, text):
    pages, facts = read("a.csv", content)

    assert pages[0].text == text
    assert facts["delimiter"] == delimiter
    assert facts["media_type"] == "text/csv"


def test_a_table_is_given_as_markdown_too(read):
    pages, _ = read("a.csv", "name;value\nMüller | Söhne;1,5\n")

    assert pages[0].markdown == (
        "| name | value |\n| --- | --- |\n| Müller \\| Söhne | 1,5 |"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found(read, encoding):
    pages, _ = read("a.csv", "Größe;Wert\r\nüblich;2\r\n".encode(encoding))

    assert pages[0].text == "Größe\tWert\nüblich\t2"


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
@pytest.mark.parametrize("content", [PROSE, "only\none\ncolumn\n"])
def test_prose_and_lists_stay_plain_text(read, name, content):
    pages, facts = read(name, content)

    assert pages[0].text == content
    assert facts["media_type"] == "text/plain"
    assert "delimiter" not in facts


def test_a_text_file_is_a_table_if_all_its_rows_are_alike(read):
    table = "a\tb\n1\t2\n3\t4\n5\t6\n"

    assert read("a.txt", table)[0][0].markdown is not None
    assert read("a.txt", table + "and then there is a line\n")[0][0].markdown is None
    assert read("a.md", table)[0][0].markdown == table


def test_a_large_file_makes_several_pages(read, monkeypatch):
    monkeypatch.setattr(sheet_pages, "PAGE_SIZE", 500)

    pages, _ = read("a.csv", "n,m\n" + "".join(f"{n},{n}\n" for n in range(500)))

    assert len(pages) > 3
    assert pages[-1].text.endswith("499\t499")


def test_cells_are_not_taken_for_markup(read):
    cells = ["2*3*4", "a_b_", "<b>", "x\\|y", "[n](m)", "`c`", "AT&amp;T", "~~s~~"]
    lines = ["\t".join(cells), *("\t".join([f"{n}"] * 8) for n in range(5))]

    [page] = read("a.csv", "\n".join(lines))[0]

    [table] = blocks(page.markdown)
    assert list(table.rows[0]) == cells
