"""Write a source as a file of each kind, and say what should be found in it."""

import zipfile
from collections.abc import Callable
from html import escape
from pathlib import Path

import structure_office
from sources import Heading, Items, Paragraph, Source, Table, Truth, truth

#: The suffix of each kind's files, and what writes one.
Writer = Callable[[Source, Path], Truth]
WRITERS: dict[str, tuple[str, Writer]] = {}


def html(source: Source, path: Path) -> Truth:
    path.write_text(_page(source), "utf-8")
    return truth(source)


def mail(source: Source, path: Path) -> Truth:
    head = "From: a@example.com\nTo: b@example.com\nSubject: Minutes\nMIME-Version: 1.0"
    kind = "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit"
    path.write_text(f"{head}\n{kind}\n\n{_page(source)}", "utf-8")
    return truth(source)


def epub(source: Source, path: Path) -> Truth:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="book.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title>'
        '</metadata><manifest><item id="c" href="c.xhtml" '
        'media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/epub+zip")
        file.writestr("META-INF/container.xml", container)
        file.writestr("book.opf", package)
        file.writestr("c.xhtml", _page(source))
    return truth(source)


def html_body(source: Source) -> str:
    """A source's blocks in HTML."""
    return "\n".join(map(_html_block, source.blocks))


def _page(source: Source) -> str:
    body = html_body(source)
    return (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>A page</title>'
        f'<meta charset="utf-8" /></head><body>\n{body}\n</body></html>'
    )


def _html_block(block: Heading | Paragraph | Items | Table) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Items():
            name = "ol" if block.ordered else "ul"
            around = (f"<{name}>", f"</{name}>")
            return _nested(block, around, "<li>{}|</li>", escape)
        case Table():
            return _html_table(block)


def _nested(
    block: Items, around: tuple[str, str], item: str, text: Callable[[str], str]
) -> str:
    """A list within the items of a list, each of which `item` writes."""
    begin, end = around
    item, item_end = item.split("|")
    made, depth = "", -1
    for one in block.items:
        if one.depth <= depth:
            made += item_end
        while one.depth < depth:
            made += end + item_end
            depth -= 1
        if one.depth > depth:
            made += begin
            depth += 1
        made += item.format(text(one.text))
    return made + (item_end + end) * (depth + 1)


def _html_table(table: Table) -> str:
    lines = []
    for number, row in enumerate(table.rows):
        name = "td" if number else "th"
        cells = ""
        for cell in row:
            spans = f' colspan="{cell.across}"' * (cell.across > 1)
            spans += f' rowspan="{cell.down}"' * (cell.down > 1)
            text = escape(cell.text).replace("\n", "<br/>")
            cells += f"<{name}{spans}>{text}</{name}>"
        lines.append(f"<tr>{cells}</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_SPACES = " ".join(
    f'xmlns:{name}="{_OASIS}:{space}:1.0"'
    for name, space in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("style", "style"),
    )
)


def odt(source: Source, path: Path) -> Truth:
    levels = range(1, 7)
    bullets = "".join(
        f'<text:list-level-style-bullet text:level="{one}" text:bullet-char="•"/>'
        for one in levels
    )
    numbers = "".join(
        f'<text:list-level-style-number text:level="{one}" style:num-format="1" '
        'style:num-suffix="."/>'
        for one in levels
    )
    styles = (
        f'<text:list-style style:name="B">{bullets}</text:list-style>'
        f'<text:list-style style:name="N">{numbers}</text:list-style>'
    )
    body = "".join(map(_odt_block, source.blocks))
    content = (
        f'<office:document-content {_SPACES} office:version="1.3">'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        file.writestr("content.xml", content)
    return truth(source)


def _odt_lines(text: str) -> str:
    return "<text:line-break/>".join(map(escape, text.split("\n")))


def _odt_block(block: Heading | Paragraph | Items | Table) -> str:
    match block:
        case Heading(level, text):
            return f'<text:h text:outline-level="{level}">{escape(text)}</text:h>'
        case Paragraph(text):
            return f"<text:p>{_odt_lines(text)}</text:p>"
        case Items():
            style = "N" if block.ordered else "B"
            return _nested(
                block,
                (f'<text:list text:style-name="{style}">', "</text:list>"),
                "<text:list-item><text:p>{}</text:p>|</text:list-item>",
                _odt_lines,
            )
        case Table():
            return _odt_table(block)


def _odt_table(table: Table) -> str:
    width = len(table.grid()[0])
    begins = {(row, column): cell for row, column, cell in table.places()}
    lines = []
    for row in range(len(table.rows)):
        cells = ""
        for column in range(width):
            cell = begins.get((row, column))
            if cell is None:
                cells += "<table:covered-table-cell/>"
                continue
            spans = (
                f'table:number-columns-spanned="{cell.across}" '
                f'table:number-rows-spanned="{cell.down}"'
            )
            text = _odt_lines(cell.text)
            cells += f"<table:table-cell {spans}><text:p>{text}</text:p>"
            cells += "</table:table-cell>"
        lines.append(f"<table:table-row>{cells}</table:table-row>")
    head = f"<table:table-header-rows>{lines[0]}</table:table-header-rows>"
    return f'<table:table table:name="T">{head}{"".join(lines[1:])}</table:table>'


WRITERS |= {
    "DOCX": (".docx", structure_office.docx),
    "ODT": (".odt", odt),
    "PPTX": (".pptx", structure_office.pptx),
    "XLSX": (".xlsx", structure_office.xlsx),
    "HTML": (".html", html),
    "EPUB": (".epub", epub),
    "EML": (".eml", mail),
}
