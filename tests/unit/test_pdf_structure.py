"""The Markdown of PDFs: headings, lists, tables, code, links."""

import io

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    PageBreak,
    Paragraph,
    Preformatted,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract

PROSE = (
    "The supplier delivers the goods within thirty days of the order. Where this is "
    "not possible, the customer is told, and may withdraw from the contract. "
) * 3

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10, leading=13)


def heading(text, size):
    style = ParagraphStyle("h", fontName="Helvetica-Bold", fontSize=size)
    style.leading = 1.2 * size
    style.spaceBefore = style.spaceAfter = 8
    return Paragraph(text, style)


def prose(text=PROSE):
    return Paragraph(text, ParagraphStyle("p", BODY, spaceAfter=8))


def item(text, mark, depth=0):
    style = ParagraphStyle("i", BODY, leftIndent=18 * (depth + 1))
    style.bulletIndent = 18 * depth
    return Paragraph(text, style, bulletText=mark)


def pdf(*flowables):
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=A4).build(list(flowables))
    return out.getvalue()


@pytest.fixture
def read(tmp_path):
    def pages(content, **settings):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        document = Document(id="d", name="a.pdf", path=path, size=len(content))
        with extract(document, settings=load(ocr="never", **settings)) as extraction:
            return list(extraction)

    return pages


def test_headings_have_levels_by_their_size(read):
    content = pdf(
        heading("Report", 20),
        prose(),
        heading("Results", 15),
        prose(),
        heading("First quarter", 12),
        prose(),
        PageBreak(),
        heading("Outlook", 15),
        prose(),
    )

    first, second = read(content)

    assert "# Report\n" in first.markdown
    assert "\n## Results\n" in first.markdown
    assert "\n### First quarter\n" in first.markdown
    assert second.markdown.startswith("## Outlook\n")


def test_numbers_give_the_levels_of_headings_of_one_size(read):
    content = pdf(
        heading("1 Scope", 12),
        prose(),
        heading("1.1 Goods", 12),
        prose(),
        heading("1.1.1 Samples", 12),
        prose(),
    )

    (page,) = read(content)

    assert [line for line in page.markdown.split("\n") if line.startswith("#")] == [
        "# 1 Scope",
        "## 1.1 Goods",
        "### 1.1.1 Samples",
    ]


def test_a_bold_line_of_the_bodys_size_is_a_heading_and_a_bold_word_is_not(read):
    content = pdf(
        prose(), heading("Liability", 10), prose(f"<b>Note</b> that this {PROSE}")
    )

    (page,) = read(content)

    assert "\n# Liability\n" in page.markdown
    assert "\n**Note** that this" in page.markdown


def test_lists_are_nested_by_their_indents(read):
    content = pdf(
        prose(),
        item("Apples", "•"),
        item("Pears", "•"),
        item("Green ones", "•", 1),
        item("Plums", "•"),
        prose(),
        item("First", "1."),
        item("Second", "2."),
    )

    (page,) = read(content)

    assert "- Apples\n- Pears\n    - Green ones\n- Plums\n" in page.markdown
    assert "1. First\n2. Second" in page.markdown


def test_tables_with_lines_repeat_merged_cells(read):
    rows = [
        ["Region", "Sales", ""],
        ["", "2023", "2024"],
        ["North", "1|200", "1,400"],
        ["South", "900", "950"],
    ]
    style = [
        ("GRID", (0, 0), (-1, -1), 0.5, "black"),
        ("SPAN", (1, 0), (2, 0)),
        ("SPAN", (0, 0), (0, 1)),
    ]
    (page,) = read(pdf(prose(), Table(rows, style=style), prose()))

    assert (
        "| Region | Sales | Sales |\n| --- | --- | --- |\n| Region | 2023 | 2024 |\n"
        "| North | 1\\|200 | 1,400 |\n| South | 900 | 950 |\n"
    ) in page.markdown


def test_tables_without_lines_are_found_by_their_columns(read):
    rows = [["Name", "Price", "Stock"], ["Hammer", "12.50", "7"], ["Saw", "9.00", "12"]]
    rows += [["Screwdriver", "4.75", "103"], ["Spirit level", "21.00", "4"]]

    (page,) = read(pdf(prose(), Table(rows), prose()))

    assert "| Name | Price | Stock |\n| --- | --- | --- |\n| Hammer |" in page.markdown
    assert "| Spirit level | 21.00 | 4 |" in page.markdown


def canvas_page(cells, prose_lines):
    """A header above a rule, rows that end with rules, prose, a rule at the foot."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    canvas.setFont("Helvetica", 10)
    for number, row in enumerate(cells):
        height = 700 - 20 * number
        for column, lines in enumerate(row):
            for line, text in enumerate(lines.split("\n")):
                canvas.drawString(60 + 130 * column, height - 13 * line, text)
        canvas.line(55, height - 8, 500, height - 8)
    for number, line in enumerate(prose_lines):
        canvas.drawString(60, 600 - 14 * number, line)
    canvas.line(55, 60, 500, 60)
    canvas.save()
    return out.getvalue()


def test_a_header_above_the_first_rule_belongs_to_the_table_and_prose_below_does_not(
    read,
):
    cells = [["Interval", "Minutes", "Tools"], ["every week", "15", "cup, key"]]

    (page,) = read(canvas_page(cells, [PROSE[:80]] * 6))

    table, rest = page.markdown.split("\n\n", 1)
    assert table.splitlines() == [
        "| Interval | Minutes | Tools |",
        "| --- | --- | --- |",
        "| every week | 15 | cup, key |",
    ]
    assert "|" not in rest


def test_prose_between_rules_is_no_table(read, samples):
    pages = read((samples / "maintenance-manual.pdf").read_bytes())

    tables = [
        [line for line in page.markdown.splitlines() if line.startswith("| ")]
        for page in pages
    ]
    headers = {table[0] for table in tables if table}
    assert headers == {
        "| Interval | Minutes | Tools and parts |",
        "| What you notice | What it may be |",
    }
    assert sum(map(bool, tables)) > 40
    assert "| Filter alarm after a change | Timer not reset; hose off" in tables[57][-1]
    assert max(map(len, tables)) == len(tables[57]) == 12


def test_two_columns_of_prose_are_no_table(read):
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    words = PROSE.split()
    for row in range(12):
        canvas.drawString(60, 700 - 14 * row, " ".join(words[row * 6 : row * 6 + 7]))
        canvas.drawString(320, 700 - 14 * row, " ".join(words[row * 5 : row * 5 + 7]))
    canvas.save()

    (page,) = read(out.getvalue())

    assert "| --- |" not in page.markdown


def test_a_table_of_contents_is_neither_headings_nor_a_table(read):
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    for row in range(8):
        canvas.setFont("Helvetica-Bold", 11)
        canvas.drawString(60, 700 - 20 * row, f"{row + 1} Section about a matter")
        canvas.drawRightString(500, 700 - 20 * row, str(3 * row + 1))
    canvas.showPage()
    for row in range(40):
        canvas.setFont("Helvetica", 11)
        canvas.drawString(60, 700 - 14 * row, PROSE[:80])
    canvas.save()

    contents, _ = read(out.getvalue())

    assert "#" not in contents.markdown
    assert "| --- |" not in contents.markdown


def test_code_keeps_its_indents(read):
    code = "def double(number):\n    if number:\n        return 2 * number\n"
    (page,) = read(
        pdf(
            prose(),
            Preformatted(code, ParagraphStyle("c", fontName="Courier")),
            prose(),
        )
    )

    assert f"```\n{code}```" in page.markdown


def test_links_keep_their_addresses(read):
    linked = '<a href="https://example.org/terms">terms of use</a>'

    (page,) = read(pdf(prose(f"See the {linked} for more. {PROSE}")))

    assert "[terms of use](https://example.org/terms)" in page.markdown


def test_markup_in_the_text_is_escaped(read):
    (page,) = read(
        pdf(prose("# no heading"), Spacer(1, 20), prose("a *b* [c] 1 &lt; 2"))
    )

    assert "\\# no heading" in page.markdown
    assert "a \\*b\\* \\[c\\] 1 \\< 2" in page.markdown


def test_a_sign_or_an_entity_in_the_text_is_no_quotation_and_no_other_character(read):
    (page,) = read(
        pdf(prose("&gt;= 0.8 is fine"), Spacer(1, 20), prose("write &amp;copy;"))
    )

    assert "\\>= 0.8 is fine" in page.markdown
    assert "write \\&copy;" in page.markdown


def test_structure_off_gives_the_same_text_without_markdown(read):
    content = pdf(heading("Report", 20), prose(), Table([["a", "b"], ["c", "d"]]))

    (with_structure,) = read(content)
    (without,) = read(content, structure="off")

    assert without.markdown is None
    assert without.text == with_structure.text
