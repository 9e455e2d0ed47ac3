"""Spreadsheets of other kinds: .xlsb, .xls and .ods."""

import contextlib
import io
import struct

import olefile
import pytest
import xlwt
from support.ole_files import ole_file
from support.workbooks import packed

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.ole import properties

ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


@pytest.fixture
def read(tmp_path):
    def read(name, content, **settings):
        path = tmp_path / "file"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            pages = list(extraction)
        assert extraction.total == len(pages)
        return pages, extraction.facts

    return read


def ods(*tables, manifest="", count=None):
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
            "meta.xml": f"<office:document-meta {ODF}><office:meta><dc:title>Figures</dc:title>"
            f'<meta:document-statistic meta:table-count="{count or len(tables)}"/>'
            "</office:meta></office:document-meta>",
            "content.xml": f"<office:document-content {ODF}><office:automatic-styles>"
            '<style:style style:name="off"><style:table-properties table:display="false"/>'
            "</style:style></office:automatic-styles><office:body><office:spreadsheet>"
            f"{''.join(tables)}</office:spreadsheet></office:body></office:document-content>",
        }
    )


def table(name, *rows, columns="", style="on"):
    return (
        f'<table:table table:name="{name}" table:style-name="{style}">{columns}'
        f"{''.join(rows)}</table:table>"
    )


def line(*cells, attributes=""):
    return (
        f"<table:table-row {attributes}>"
        + "".join(
            cell
            if cell.startswith("<")
            else f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>"
            for cell in cells
        )
        + "</table:table-row>"
    )


def test_ods_sheets_show_what_their_cells_show(read):
    shown = (
        '<table:table-cell office:value-type="percentage" office:value="0.256">'
        "<office:annotation><text:p>a comment</text:p></office:annotation>"
        "<text:p>25,6 %</text:p></table:table-cell>"
    )
    content = ods(
        table("One", line("a", shown), line("first<text:line-break/>second")),
        table("Two", line("b")),
    )

    pages, facts = read("a.ods", content)

    assert [page.text for page in pages] == [
        "One\n\na\t25,6 %\nfirst second",
        "Two\n\nb",
    ]
    assert [page.title for page in pages] == ["One", "Two"]
    assert facts["title"] == "Figures"
    assert facts["media_type"] == "application/vnd.oasis.opendocument.spreadsheet"


def test_ods_cells_without_text_show_their_values(read):
    cells = (
        '<table:table-cell office:value-type="percentage" office:value="0.25"/>',
        '<table:table-cell office:value-type="date" office:date-value="2024-01-02"/>',
        '<table:table-cell office:value-type="boolean" office:boolean-value="true"/>',
        '<table:table-cell office:value-type="float" office:value="1.50"/>',
    )

    assert read("a.ods", ods(table("T", line(*cells))))[0][0].text == (
        "25%\t2024-01-02\tTRUE\t1.5"
    )


def test_ods_leaves_out_what_is_hidden(read):
    hidden = 'table:visibility="collapse"'
    content = ods(
        table("Secret", line("s"), style="off"),
        table(
            "Shown",
            line("name", "salary", "town"),
            line("Bob", "200", "Bonn", attributes='table:visibility="filter"'),
            line("Cem", "300", "Kiel"),
            columns=f"<table:table-column/><table:table-column {hidden}/>",
        ),
    )

    pages, facts = read("a.ods", content)
    everything, _ = read("a.ods", content, include_hidden=True)

    assert [page.text for page in pages] == ["Shown\n\nname\ttown\nCem\tKiel"]
    assert facts["warnings"] == [
        "1 hidden sheet, 1 hidden row, 1 hidden column left out (include_hidden)"
    ]
    assert len(everything) == 2
    assert "200" in everything[1].text


def test_ods_repeats_only_what_has_content(read):
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    twice = '<table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell>'
    content = ods(
        table(
            "T",
            line(twice, attributes='table:number-rows-repeated="2"'),
            line(empty, attributes='table:number-rows-repeated="1048000"'),
            line("end"),
        )
    )

    assert read("a.ods", content)[0][0].text == "x\tx\nx\tx\n\nend"


def test_ods_repetitions_count_against_the_limit(read):
    bomb = (
        '<table:table-cell table:number-columns-repeated="16384">'
        "<text:p>xxxxxxxxxx</text:p></table:table-cell>"
    )
    rows = line(bomb, attributes='table:number-rows-repeated="1048576"')

    with pytest.raises(LimitExceeded, match=r"a\.ods: more than"):
        read("a.ods", ods(table("T", rows)))


def test_an_encrypted_ods_says_that_it_needs_a_password(read):
    with pytest.raises(Unreadable, match="needs a password"):
        read("a.ods", ods(table("T"), manifest="<encryption-data/>"))


def test_a_number_of_sheets_that_is_a_lie_is_corrected(read):
    pages, _ = read("a.ods", ods(table("T", line("a")), count=99))

    assert len(pages) == 1


def record(kind, data=b""):
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size = len(data)
    return head + bytes([size & 0x7F | 0x80, size >> 7]) + data


def wide(text):
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def cell(kind, column, value, style=0):
    return record(kind, struct.pack("<II", column, style) + value)


def begin(number, *, hidden=False):
    return record(0, struct.pack("<IIHBB", number, 0, 300, 0, 0x10 * hidden) + bytes(5))


def xlsb(*sheets, states=(0, 0), comments=None):
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    listed = "".join(
        f'<Relationship Id="r{n}" Type="{relations}/worksheet" Target="sheet{n}.bin"/>'
        for n in range(len(sheets))
    )
    return packed(
        {
            "[Content_Types].xml": '<Types><Override ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" Type="{relations}/officeDocument" Target="xl/workbook.bin"/></Relationships>',
            "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{package}">{listed}<Relationship Id="s" Type="{relations}/styles" Target="styles.bin"/><Relationship Id="t" Type="{relations}/sharedStrings" Target="strings.bin"/></Relationships>',
            "xl/workbook.bin": b"".join(
                record(
                    156,
                    struct.pack("<II", states[n], n + 1)
                    + wide(f"r{n}")
                    + wide(f"Sheet{n + 1}"),
                )
                for n in range(len(sheets))
            ),
            "xl/styles.bin": record(44, struct.pack("<H", 164) + wide("0.0%"))
            + record(617)
            + record(47, struct.pack("<HH", 0, 0) + bytes(12))
            + record(47, struct.pack("<HH", 0, 164) + bytes(12))
            + record(47, struct.pack("<HH", 0, 14) + bytes(12))
            + record(618),
            "xl/strings.bin": record(19, b"\0" + wide("shared")),
            **{f"xl/sheet{n}.bin": sheet for n, sheet in enumerate(sheets)},
            **(
                {
                    "xl/_rels/sheet0.bin.rels": f'<Relationships xmlns="{package}"><Relationship Id="c" Type="{relations}/comments" Target="comments1.bin"/></Relationships>',
                    "xl/comments1.bin": comments,
                }
                if comments is not None
                else {}
            ),
        }
    )


def test_xlsb_cells_are_shown_by_their_formats(read):
    sheet = b"".join(
        (
            begin(0),
            cell(7, 0, struct.pack("<I", 0)),
            cell(5, 1, struct.pack("<d", 0.256), style=1),
            cell(2, 2, struct.pack("<i", 45292 << 2 | 2), style=2),
            cell(2, 3, struct.pack("<i", 150 << 2 | 3)),
            begin(1),
            cell(6, 0, wide("text")),
            cell(4, 1, b"\1"),
            cell(3, 2, b"\x07"),
            cell(9, 3, struct.pack("<d", 42.0)),
        )
    )

    pages, facts = read("a.xlsb", xlsb(sheet))

    assert pages[0].text == "shared\t25.6%\t2024-01-01\t1.5\ntext\tTRUE\t#DIV/0!\t42"
    assert facts["engine"] == "xlsb"


def note(row, column, text):
    place = struct.pack("<5I", 0, row, row, column, column) + bytes(16)
    return record(635, place) + record(637, b"\1" + wide(text)) + record(636)


def test_xlsb_comments_are_read_if_requested(read):
    sheet = begin(0) + cell(6, 0, wide("cell")) + begin(2, hidden=True)
    comments = record(632, wide("Ada")) + note(0, 1, "Ada:\nCheck this")
    comments += note(2, 0, "on a hidden row") + note(9, 27, "and this")
    content = xlsb(sheet, comments=comments)

    (plain,), _ = read("a.xlsb", content)
    (page,), _ = read("a.xlsb", content, include_comments=True)
    (cut,), _ = read(
        "a.xlsb", xlsb(sheet, comments=comments[:-9]), include_comments=True
    )

    assert plain.text == "cell"
    assert page.text == "cell\n\n[B1] Ada: Check this\n\n[AB10] Ada: and this"
    assert cut.text.startswith("cell\n\n[B1] Ada: Check this")


def test_xlsb_leaves_out_what_is_hidden(read):
    columns = record(60, struct.pack("<IIIIH", 1, 1, 0, 0, 1))
    rows = begin(0) + cell(6, 0, wide("a")) + cell(6, 1, wide("b"))
    hidden = begin(1, hidden=True) + cell(6, 0, wide("c"))

    pages, facts = read("a.xlsb", xlsb(columns + rows + hidden, rows, states=(0, 1)))

    assert [page.text for page in pages] == ["a"]
    assert facts["warnings"] == [
        "1 hidden sheet, 1 hidden row, 1 hidden column left out (include_hidden)"
    ]


def test_xlsb_records_that_are_cut_short_are_unreadable(read):
    with pytest.raises(Unreadable, match=r"a\.xlsb: an Excel workbook that is damaged"):
        read("a.xlsb", xlsb(begin(0) + cell(6, 0, struct.pack("<I", 99) + b"x")))


@pytest.fixture
def xls():
    book = xlwt.Workbook()
    sheet = book.add_sheet("Figures")
    sheet.write(0, 0, "name")
    sheet.write(0, 1, "share")
    sheet.write(1, 0, "Müller")
    sheet.write(1, 1, 0.256, xlwt.easyxf(num_format_str="0.0%"))
    sheet.write(2, 0, 45292, xlwt.easyxf(num_format_str="DD.MM.YYYY"))
    sheet.write(2, 1, True)
    sheet.write(3, 0, "hidden")
    sheet.row(3).hidden = True
    sheet.write(4, 2, "hidden too")
    sheet.col(2).hidden = True
    secret = book.add_sheet("Secret")
    secret.write(0, 0, "s")
    secret.visibility = 1
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_xls_is_read_like_its_successors(read, xls):
    pages, facts = read("a.doc", xls)

    assert [page.text for page in pages] == [
        "Figures\n\nname\tshare\nMüller\t25.6%\n01.01.2024\tTRUE"
    ]
    assert facts["media_type"] == "application/vnd.ms-excel"
    assert facts["warnings"] == [
        "1 hidden sheet, 1 hidden row, 1 hidden column left out (include_hidden)"
    ]


def test_a_damaged_xls_is_unreadable(read, xls):
    with pytest.raises(
        Unreadable, match=r"a\.xls: an Excel workbook \(\.xls\) that is"
    ):
        read("a.xls", xls[:3000])


def test_without_the_library_an_xls_says_what_to_install(read, xls, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xlrd", None)

    with pytest.raises(Unreadable, match=r"pip install 'docprogress\[formats\]'"):
        read("a.xls", xls)


def test_an_xls_that_is_cut_anywhere_is_read_or_unreadable(read, xls):
    for length in range(512, len(xls), 700):
        with contextlib.suppress(Unreadable):
            read("a.xls", xls[:length])


def test_a_number_of_properties_that_is_a_lie_takes_no_time():
    stream = bytes(44) + struct.pack("<I", 48) + struct.pack("<II", 0, 0xFFFFFFFF)
    stream += struct.pack("<II", 2, 16) * 100

    assert isinstance(properties(stream), dict)


def biff(kind, data):
    return struct.pack("<HH", kind, len(data)) + data


def biff_note(number, row, column, text, author):
    """A note of an old workbook: its shape, its text, and its cell."""
    shape = struct.pack("<HHHHH12x", 0x15, 18, 25, number, 0) + bytes(4)
    runs = struct.pack("<HH4xHH4x", 0, 0, len(text), 0)
    words = struct.pack("<HH6xHH4x", 0, 0, len(text), len(runs))
    place = struct.pack("<HHHHHB", row, column, 0, number, len(author), 0)
    return (
        biff(0x5D, shape)
        + biff(0x1B6, words)
        + biff(0x3C, b"\0" + text.encode("cp1252"))
        + biff(0x3C, runs)
        + biff(0x1C, place + author.encode("cp1252"))
    )


def test_xls_comments_are_read_if_requested(read):
    book, plain = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("One")
    sheet.write(0, 0, "cell")
    sheet.write(4, 0, "hidden")
    sheet.row(4).hidden = True
    book.save(plain)
    with olefile.OleFileIO(plain) as file:
        stream = file.openstream("Workbook").read()
    end = stream.rindex(biff(0x0A, b""))
    notes = biff_note(1, 0, 1, "Ada:\nCheck this", "Ada")
    notes += biff_note(2, 4, 0, "on a hidden row", "Ada")
    content = ole_file({"Workbook": stream[:end] + notes + stream[end:]})

    (page,), _ = read("a.xls", content)
    (with_comments,), _ = read("a.xls", content, include_comments=True)

    assert page.text == "cell"
    assert with_comments.text == "cell\n\n[B1] Ada: Check this"
