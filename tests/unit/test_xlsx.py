"""Excel workbooks are read as a spreadsheet program shows them, within the limits."""

import io
import zipfile

import pytest
from support.workbooks import number, row, xlsx

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.sheets import pages as sheet_pages
from docprogress.steps.sheets import rows as sheet_rows
from docprogress.steps.sheets import tables
from docprogress.steps.sheets.rows import Merge, Row


@pytest.fixture
def read(tmp_path):
    """The pages of a workbook, and what is known of it."""

    def read(content, *, name="a.xlsx", **settings):
        path = tmp_path / "file"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            assert extraction.unit == "sheet"
            pages = list(extraction)
        assert extraction.total == len(pages)
        return pages, extraction.facts

    return read


def test_each_sheet_is_a_page_with_its_name_as_title(read):
    pages, facts = read(
        xlsx(row(1, "a", "b"), row(1, "c"), names=["Costs", "Sales &amp; more"])
    )

    assert [page.title for page in pages] == ["Costs", "Sales & more"]
    assert [page.text for page in pages] == ["Costs\n\na\tb", "Sales & more\n\nc"]
    assert facts["engine"] == "xlsx"
    assert facts["sheets"] == ["Costs", "Sales & more"]
    assert facts["title"] == "Figures"
    assert facts["author"] == "A. Writer"
    assert facts["created"].startswith("2024-05-06")


def test_the_content_decides_not_the_name(read):
    pages, facts = read(xlsx(row(1, "a"), macros=True), name="a.zip")

    assert pages[0].text == "a"
    assert facts["media_type"] == "application/vnd.ms-excel.sheet.macroEnabled.12"


def test_numbers_dates_and_currencies_are_shown_by_their_formats(read):
    formats = ["0.0%", "dd.mm.yyyy", "#,##0.00 &quot;€&quot;"]
    cells = [number(0.256, 1), number(45292, 2), number(1234.5, 3), number(3.0)]

    pages, _ = read(xlsx(row(1, *cells), formats=formats))

    assert pages[0].text == "25.6%\t01.01.2024\t1,234.50 €\t3"


def test_formulas_give_their_values_and_errors_and_booleans_their_names(read):
    cells = [
        "<c><f>SUM(A2:A9)</f><v>42</v></c>",
        '<c t="str"><f>"x"&amp;"y"</f><v>xy</v></c>',
        '<c t="b"><v>1</v></c>',
        '<c t="e"><f>1/0</f><v>#DIV/0!</v></c>',
    ]

    pages, _ = read(xlsx(row(1, *cells)))

    assert pages[0].text == "42\txy\tTRUE\t#DIV/0!"


def test_shared_strings_are_read_without_readings_and_with_line_breaks(read):
    strings = [
        "<si><t>plain</t></si>",
        "<si><r><t>two </t></r><r><t>runs</t></r></si>",
        "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>",
        "<si><t>first_x000D_\nsecond | third</t></si>",
    ]
    cells = [f'<c t="s"><v>{n}</v></c>' for n in (0, 1, 2, 3, 99)]

    pages, _ = read(xlsx(row(1, *cells), row(2, "x"), strings=strings))

    assert (
        pages[0].text.splitlines()[2] == "plain\ttwo runs\t東京\tfirst second | third"
    )
    assert "| first<br>second \\| third |" in pages[0].markdown


def test_hidden_sheets_rows_and_columns_are_left_out_and_reported(read):
    rows = "".join(
        (
            row(1, "name", "salary", "town"),
            row(2, "Ann", "100", "Ulm"),
            row(3, "Bob", "200", "Bonn", attributes='hidden="1"'),
            row(4, "Cem", "300", "Kiel"),
        )
    )
    sheet = (
        f'<cols><col min="2" max="2" hidden="1"/></cols><sheetData>{rows}</sheetData>'
    )
    content = xlsx(
        sheet, row(1, "secret"), row(1, "gone"), states={1: "hidden", 2: "veryHidden"}
    )

    pages, facts = read(content)
    everything, _ = read(content, include_hidden=True)

    assert [page.text for page in pages] == ["name\ttown\nAnn\tUlm\nCem\tKiel"]
    assert facts["warnings"] == [
        "2 hidden sheets, 1 hidden row, 1 hidden column left out (include_hidden)"
    ]
    assert "Bob\t200\tBonn" in everything[0].text
    assert [page.text for page in everything[1:]] == [
        "Sheet2\n\nsecret",
        "Sheet3\n\ngone",
    ]


def test_markdown_has_a_table_for_each_group_of_rows(read):
    rows = row(1, "Report") + row(3, "a", "b") + row(4, number(1), number(2))

    pages, _ = read(xlsx(rows))

    assert pages[0].text == "Report\n\na\tb\n1\t2"
    assert pages[0].markdown == "Report\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_merged_cells_are_repeated_in_the_table_but_not_in_the_text(read):
    def cell(place, text):
        return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'

    rows = "".join(
        (
            row(1, cell("A1", "Title")),
            row(2, cell("A2", "North"), cell("B2", "x"), cell("C2", "y")),
            row(3, cell("B3", "z"), cell("C3", "w")),
        )
    )
    merges = '<mergeCells><mergeCell ref="A1:C1"/><mergeCell ref="A2:A3"/></mergeCells>'

    pages, _ = read(xlsx(f"<sheetData>{rows}</sheetData>{merges}"))

    assert pages[0].text == "Title\nNorth\tx\ty\n\tz\tw"
    assert "| North | z | w |" in pages[0].markdown
    assert pages[0].markdown.count("Title") == 1


def test_a_large_sheet_makes_several_pages_that_repeat_the_header(read, monkeypatch):
    monkeypatch.setattr(sheet_pages, "PAGE_SIZE", 1000)
    rows = row(1, "number", "square") + "".join(
        row(n, number(n), number(n * n)) for n in range(2, 400)
    )

    pages, _ = read(xlsx(rows, row(1, "more")))

    assert len(pages) > 3
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert all(page.title == "Sheet1" for page in pages[:-1])
    assert "399\t159201" in pages[-2].text
    assert pages[1].markdown.startswith("| number | square |\n| --- | --- |\n")
    assert pages[1].text.count("number") == 0


def test_a_sheet_that_claims_the_largest_size_takes_the_memory_of_its_text(read):
    content = xlsx(
        row(1, number(1, at="A1")) + row(1048576, number(2, at="XFD1048576"))
    )

    pages, _ = read(content)

    assert pages[0].text == "1\n\n2"
    assert len(pages[0].markdown) < 10


def test_more_cells_than_the_limit_are_refused_though_they_are_empty(read, monkeypatch):
    monkeypatch.setattr(sheet_rows, "MAX_CELLS", 10_000)
    content = xlsx("".join(row(n, *["<c/>"] * 100) for n in range(1, 200)))

    with pytest.raises(
        LimitExceeded, match=r"a\.xlsx: a workbook with more than 10,000"
    ):
        read(content)


def test_a_shared_string_that_is_repeated_counts_each_time(read):
    rows = "".join(row(n, '<c t="s"><v>0</v></c>') for n in range(1, 100))
    content = xlsx(rows, strings=[f"<si><t>{'x' * 1000}</t></si>"])

    with pytest.raises(LimitExceeded, match="max_characters"):
        read(content, max_characters=50_000)


def test_more_sheets_than_pages_allowed_are_refused(read):
    with pytest.raises(LimitExceeded, match="3 sheets, the limit is 2"):
        read(xlsx(*[row(1, "a")] * 3), max_pages=2)


def test_an_empty_workbook_says_so(read):
    pages, facts = read(xlsx("<sheetData/>"))

    assert [page.text for page in pages] == [""]
    assert facts["note"] == "no text"


def test_a_sheet_that_is_cut_short_is_unreadable(read):
    cut = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx(row(1, "a") + row(2, "b")))) as whole,
        zipfile.ZipFile(cut, "w") as archive,
    ):
        for member in whole.infolist():
            content = whole.read(member)
            if "worksheets/sheet" in member.filename:
                content = content[: content.index(b"</row>")]
            archive.writestr(member, content)

    with pytest.raises(Unreadable, match=r"a\.xlsx: an Excel workbook that is damaged"):
        read(cut.getvalue())


def test_a_sheet_that_is_not_well_formed_is_read_with_a_warning(read):
    cell = "<c r='A1' t='inlineStr'><is><t>all of it</t></is></c>"

    pages, facts = read(xlsx(f"<sheetData><row r='1'>{cell}</sheetData>"))

    assert [page.text for page in pages] == ["all of it"]
    [warning] = facts["warnings"]
    assert "is not well-formed XML" in warning


def test_merged_cells_that_cover_everything_are_repeated_within_a_limit(monkeypatch):
    monkeypatch.setattr(tables, "MAX_REPEATED", 1000)
    rows = [Row(n, n, {0: "a", 2: "b"}) for n in range(500)]
    read_merges = []

    def merges():
        for place in range(10_000):
            read_merges.append(place)
            yield Merge(0, 0, 1_048_575, 1)

    tables.fill_merged(rows, [0, 2], merges())

    assert len(read_merges) <= 3


def test_a_long_text_is_not_repeated_in_all_rows_that_it_covers():
    rows = [Row(n, n, {1: "b"}) for n in range(10_000)]
    rows[0].cells[0] = "long " * 6_000

    tables.fill_merged(rows, [0, 1], [Merge(0, 0, 1_048_575, 0)])

    assert sum(len(row.cells.get(0, "")) for row in rows) < 3_000_000
