"""Write a source as DOCX, PPTX and XLSX, with the libraries that people use for it."""

import itertools
from pathlib import Path
from typing import Any

from sources import Heading, Items, Paragraph, Source, Table, Truth, truth

#: The levels of a list of our own, in Word's XML.
_LEVELS = 4


def docx(source: Source, path: Path) -> Truth:
    """Write with built-in styles; every second document has styles of its own."""
    import docx as library
    from docx.enum.style import WD_STYLE_TYPE

    document = library.Document()
    own = source.number % 2 == 1
    if own:
        for level in range(1, 7):
            style = document.styles.add_style(
                f"Kapitel {level}", WD_STYLE_TYPE.PARAGRAPH
            )
            style.base_style = document.styles[f"Heading {level}"]
    for block in source.blocks:
        match block:
            case Heading(level, text):
                name = f"Kapitel {level}" if own else f"Heading {level}"
                document.add_paragraph(text, name)
            case Paragraph(text):
                document.add_paragraph(text)
            case Items():
                if own:
                    _own_list(document, block)
                else:
                    _built_in_list(document, block)
            case Table():
                _docx_table(document, block)
    document.save(str(path))
    return truth(source)


def _built_in_list(document: Any, block: Items) -> None:
    name = "List Number" if block.ordered else "List Bullet"
    for item in block.items:
        style = f"{name} {item.depth + 1}" if item.depth else name
        document.add_paragraph(item.text, style)


def _own_list(document: Any, block: Items) -> None:
    """A list with levels, as Word's ribbon makes it."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    numbering = document.part.numbering_part.element
    number = 1000 + len(numbering)
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="'
        + (
            f'decimal"/><w:lvlText w:val="%{level + 1}."/>'
            if block.ordered
            else 'bullet"/><w:lvlText w:val="•"/>'
        )
        + "</w:lvl>"
        for level in range(_LEVELS)
    )
    abstract = parse_xml(
        f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{number}">{levels}'
        "</w:abstractNum>"
    )
    numbering.insert(0, abstract)
    numbering.append(
        parse_xml(
            f'<w:num {nsdecls("w")} w:numId="{number}"><w:abstractNumId '
            f'w:val="{number}"/></w:num>'
        )
    )
    for item in block.items:
        properties = document.add_paragraph(item.text)._p.get_or_add_pPr()
        properties.append(
            parse_xml(
                f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{item.depth}"/>'
                f'<w:numId w:val="{number}"/></w:numPr>'
            )
        )


def _docx_table(document: Any, block: Table) -> None:
    width = len(block.grid()[0])
    made = document.add_table(len(block.rows), width)
    for row, column, cell in block.places():
        place = made.cell(row, column)
        if cell.across > 1 or cell.down > 1:
            last = made.cell(row + cell.down - 1, column + cell.across - 1)
            place = place.merge(last)
        place.text = cell.text


def pptx(source: Source, path: Path) -> Truth:
    """Write a slide for each heading; all of them are titles."""
    import pptx as library

    presentation = library.Presentation()
    wanted = Truth()
    slide: Any = None
    body: Any = None
    for block in source.blocks:
        match block:
            case Heading(_, text):
                slide = presentation.slides.add_slide(presentation.slide_layouts[1])
                slide.shapes.title.text = text
                body = slide.placeholders[1].text_frame
                wanted.headings.append((1, text))
            case Paragraph(text):
                box = slide.shapes.add_textbox(0, 0, 5_000_000, 1_000_000)
                box.text_frame.text = text
            case Items(items):
                _pptx_list(body, block)
                wanted.items += [(item.depth, item.text) for item in items]
            case Table():
                _pptx_table(slide, block)
                wanted.tables.append(block.grid())
    presentation.save(str(path))
    return wanted


def _pptx_list(body: Any, block: Items) -> None:
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls

    for number, item in enumerate(block.items):
        paragraph = body.add_paragraph() if number else body.paragraphs[0]
        paragraph.text = item.text
        paragraph.level = item.depth
        if block.ordered:
            properties = paragraph._p.get_or_add_pPr()
            kind = f'<a:buAutoNum {nsdecls("a")} type="arabicPeriod"/>'
            properties.append(parse_xml(kind))


def _pptx_table(slide: Any, block: Table) -> None:
    rows, columns = len(block.rows), len(block.grid()[0])
    made = slide.shapes.add_table(rows, columns, 0, 0, 8_000_000, 3_000_000).table
    for row, column, cell in block.places():
        place = made.cell(row, column)
        if cell.across > 1 or cell.down > 1:
            place.merge(made.cell(row + cell.down - 1, column + cell.across - 1))
        place.text = cell.text


def xlsx(source: Source, path: Path) -> Truth:
    """Write a sheet for each table, named by its number and heading."""
    import openpyxl

    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    wanted = Truth()
    heading = ""
    for block in source.blocks:
        if isinstance(block, Heading):
            heading = block.text
        if not isinstance(block, Table):
            continue
        name = f"{len(workbook.worksheets) + 1} {heading}"
        name = "".join(letter for letter in name if letter not in "[]:*?/\\'")[:31]
        name = " ".join(name.split())
        sheet = workbook.create_sheet(name)
        wanted.headings.append((2, name))
        wanted.tables.append(_filled(block.grid()))
        for row, column, cell in block.places():
            if cell.text:
                sheet.cell(row + 1, column + 1, cell.text)
            if cell.across > 1 or cell.down > 1:
                sheet.merge_cells(
                    start_row=row + 1,
                    start_column=column + 1,
                    end_row=row + cell.down,
                    end_column=column + cell.across,
                )
    workbook.save(str(path))
    return wanted


def _filled(grid: list[list[str]]) -> list[list[str]]:
    """A table without the columns that are empty: a sheet does not say they are in it."""
    filled = [any(column) for column in zip(*grid, strict=True)]
    return [list(itertools.compress(row, filled)) for row in grid]
