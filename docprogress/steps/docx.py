"""The text of Word documents, in document order, without ever holding one whole.

The XML goes through a parser that keeps nothing, so what a document's parts
declare to contain cannot fill the memory, however it is packed or nested.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from xml.parsers import expat

from docprogress.errors import LimitExceeded, Unreadable
from docprogress.steps.formats import main_part
from docprogress.steps.text import LONGEST_TITLE, TooLong, clean_title

#: Bytes of XML that a document may have for each character that it may have, and
#: what is always allowed.
XML_PER_CHARACTER = 10
LEAST_XML = 16 * 1024 * 1024

#: How many times as large as its packed self a part beyond that size may be. Real
#: documents stay below 100; a ZIP bomb has up to 1,030.
MOST_RATIO = 250

#: Bytes that are unpacked at a time.
BLOCK = 256 * 1024

_DAMAGED = "a Word document that is damaged or cut short"

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
#: What is there twice (for older programs), or was moved elsewhere.
_NOT_SHOWN = {
    "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback",
    *(f"{space} moveFrom" for space in _WORD),
}
_TITLE = "http://purl.org/dc/elements/1.1/ title"

#: What follows the text: they are small, and contracts hide clauses there.
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")


class DocxDocument:
    """A Word document that is open."""

    def __init__(self, name: str, path: Path, *, max_characters: int) -> None:
        self._name = name
        self._most = max_characters
        self._budget = max(max_characters * XML_PER_CHARACTER, LEAST_XML)
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise Unreadable(f"{name}: {_DAMAGED} ({error})") from error

    def title(self) -> str:
        """What the document's properties call it, or nothing."""
        title = _Title()
        try:
            self._parse("docProps/core.xml", title)
        except (Unreadable, LimitExceeded):
            return ""  # properties are no reason to refuse a text
        return clean_title("".join(title.pieces))

    def text(self) -> str:
        """The paragraphs and tables, then the notes.

        Raises:
            Unreadable: It is damaged or encrypted.
            LimitExceeded: It unpacks to too much.
            TooLong: It has more characters than it may have.
        """
        names = self._archive.namelist()
        body = _Body(self._most)
        for part in (main_part(names), *_NOTES):
            self._parse(part, body)
            body.end_line()
        return "".join(body.pieces)

    def close(self) -> None:
        self._archive.close()

    def _parse(self, part: str | None, handler: "_Handler") -> None:
        if part is None or part not in self._archive.namelist():
            return
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = handler.start
        parser.EndElementHandler = handler.end
        parser.CharacterDataHandler = handler.characters
        # No document of Word's declares a document type; entities, the means
        # of every attack by XML, can only be declared in one.
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        try:
            for block in self._blocks(part):
                parser.Parse(block, False)
            parser.Parse(b"", True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            # The last two are what it raises for an encoding that it cannot use.
            raise Unreadable(f"{self._name}: {_DAMAGED} ({part}: {error})") from error

    def _refuse_document_type(self, *_: object) -> None:
        raise Unreadable(
            f"{self._name}: its XML declares a document type, which no Word document "
            "does; it is refused"
        )

    def _blocks(self, part: str) -> Iterator[bytes]:
        entry = self._archive.getinfo(part)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unreadable(
                f"{self._name}: a Word document that is packed in a way that Word "
                "does not know; save it again"
            )
        ratio = entry.file_size / max(entry.compress_size, 1)
        if entry.file_size > LEAST_XML and ratio > MOST_RATIO:
            raise self._too_large(f"{ratio:.0f} times its size (a ZIP bomb?)")
        if entry.file_size > self._budget:
            raise self._too_large(f"{entry.file_size} bytes of XML")
        try:
            with self._archive.open(part) as file:
                while block := file.read(BLOCK):
                    self._budget -= len(block)
                    if self._budget < 0:
                        raise self._too_large("far more XML than it declares")
                    yield block
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            OSError,
            ValueError,
        ) as error:
            raise Unreadable(f"{self._name}: {_DAMAGED} ({error})") from error
        except RuntimeError as error:  # what zipfile says to a password
            raise Unreadable(
                f"{self._name}: the document is encrypted and needs a password; "
                "save it without one"
            ) from error

    def _too_large(self, size: str) -> LimitExceeded:
        return LimitExceeded(
            f"{self._name}: it unpacks to {size}, more than a document of "
            f"{self._most} characters needs (max_characters)"
        )


class _Handler(Protocol):
    """What is told of a part's XML, in its order."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def characters(self, data: str) -> None: ...


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
    """Collects a part's text: a line for each paragraph and for each table's row."""

    def __init__(self, most: int) -> None:
        self.pieces: list[str] = []
        self._left = most
        self._inside = False
        self._skipped = 0
        self._cells = 0
        # What goes before the next text, if there is any.
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
                # An empty cell keeps its place.
                self._gap = self._gap.rstrip(" ") + "\t"
            case "tr":
                self._gap = "\n"

    def characters(self, data: str) -> None:
        if self._inside and not self._skipped:
            self._write(data)

    def end_line(self) -> None:
        """End a paragraph; within a table's cell, its text goes on."""
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
