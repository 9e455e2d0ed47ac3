"""Read the text of Word documents in document order, in bounded memory."""

from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts, single_page, too_long
from docprogress.steps.formats import main_part
from docprogress.steps.text import LONGEST_TITLE, TooLong, clean_title
from docprogress.steps.zipped_xml import ZippedXml

_WORD = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
}
_MATH = {
    "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "http://purl.oclc.org/ooxml/officeDocument/math",
}
_ELEMENTS = {
    f"{space} {name}": name
    for space, names in (
        *((space, "t p tc tr tab br cr noBreakHyphen") for space in _WORD),
        *((space, "t") for space in _MATH),
    )
    for name in names.split()
}
#: Duplicates for older programs, and text that was moved elsewhere.
_NOT_SHOWN = {
    "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback",
    *(f"{space} moveFrom" for space in _WORD),
}
_TITLE = "http://purl.org/dc/elements/1.1/ title"

#: Parts whose text follows the body's; contracts have clauses in them.
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a Word document as one page."""
    docx = ZippedXml(
        document.name,
        document.path,
        what="a Word document",
        max_characters=settings.max_characters,
    )
    facts["engine"] = "docx"

    def pages() -> Iterator[Page]:
        if title := _title(docx):
            facts["title"] = title
        try:
            text = _text(docx, settings.max_characters)
        except TooLong:
            raise too_long(document, settings) from None
        yield single_page(text, facts)

    return Extraction(pages(), total=1, facts=facts, close=docx.close)


def _title(docx: ZippedXml) -> str:
    """The title in the document's properties, or an empty string."""
    title = _Title()
    try:
        docx.parse("docProps/core.xml", title)
    except (Unreadable, LimitExceeded):
        return ""  # broken properties are no reason to reject the text
    return clean_title("".join(title.pieces))


def _text(docx: ZippedXml, most: int) -> str:
    """The paragraphs and tables, then the notes."""
    body = _Body(most)
    for part in (main_part(docx.names), *_NOTES):
        if part is not None:
            docx.parse(part, body)
        body.end_line()
    return "".join(body.pieces)


class _Title:
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._inside = False

    def start(self, name: str, _: dict[str, str]) -> None:
        self._inside = name == _TITLE

    def end(self, _: str) -> None:
        self._inside = False

    def characters(self, data: str) -> None:
        if self._inside and len(self.pieces) < LONGEST_TITLE:
            self.pieces.append(data[:LONGEST_TITLE])


class _Body:
    """Collects a part's text: one line for each paragraph and each table row."""

    def __init__(self, most: int) -> None:
        self.pieces: list[str] = []
        self._left = most
        self._inside = False
        self._skipped = 0
        self._cells = 0
        # White space to write before the next text.
        self._gap = ""

    def start(self, name: str, _: dict[str, str]) -> None:
        if name in _NOT_SHOWN:
            self._skipped += 1
        if self._skipped:
            return
        match _ELEMENTS.get(name):
            case "t":
                self._inside = True
            case "p":
                self.end_line()
            case "tc":
                self._cells += 1
            case "tab":
                self._write("\t")
            case "br" | "cr":
                self._write("\n")
            case "noBreakHyphen":
                self._write("-")

    def end(self, name: str) -> None:
        if name in _NOT_SHOWN:
            self._skipped -= 1
        if self._skipped:
            return
        match _ELEMENTS.get(name):
            case "t":
                self._inside = False
            case "p":
                self.end_line()
            case "tc":
                self._cells -= 1
                # An empty cell keeps its tab.
                self._gap = self._gap.rstrip(" ") + "\t"
            case "tr":
                self._gap = "\n"

    def characters(self, data: str) -> None:
        if self._inside and not self._skipped:
            self._write(data)

    def end_line(self) -> None:
        """End a paragraph; a space within a table cell, else a line end."""
        if self.pieces and not self._gap:
            self._gap = " " if self._cells else "\n"

    def _write(self, text: str) -> None:
        self._left -= len(text) + len(self._gap)
        if self._left < 0:
            raise TooLong
        if self.pieces:
            self.pieces.append(self._gap)
        self._gap = ""
        self.pieces.append(text)
