"""Read the text of Word documents in document order, in bounded memory.

A streaming XML parser builds no tree, so that no document can fill the memory, however
it is compressed or nested.
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

#: The limit for bytes of XML: for each allowed character, and at least.
XML_PER_CHARACTER = 10
MIN_XML_LIMIT = 16 * 1024 * 1024

#: The largest compression ratio of a part above that size. Real documents stay below
#: 100; ZIP bombs reach 1,030.
MAX_RATIO = 250

#: Bytes that are decompressed at a time.
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
#: Duplicates for older programs, and text that was moved elsewhere.
_NOT_SHOWN = {
    "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback",
    *(f"{space} moveFrom" for space in _WORD),
}
_TITLE = "http://purl.org/dc/elements/1.1/ title"

#: Parts whose text follows the body's; contracts have clauses in them.
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")


class DocxDocument:
    """An open Word document."""

    def __init__(self, name: str, path: Path, *, max_characters: int) -> None:
        self._name = name
        self._most = max_characters
        self._budget = max(max_characters * XML_PER_CHARACTER, MIN_XML_LIMIT)
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise Unreadable(f"{name}: {_DAMAGED} ({error})") from error

    def title(self) -> str:
        """The title in the document's properties, or an empty string."""
        title = _Title()
        try:
            self._parse("docProps/core.xml", title)
        except (Unreadable, LimitExceeded):
            return ""  # broken properties are no reason to reject the text
        return clean_title("".join(title.pieces))

    def text(self) -> str:
        """The paragraphs and tables, then the notes.

        Raises:
            Unreadable: It is damaged or encrypted.
            LimitExceeded: It decompresses to too much XML.
            TooLong: It exceeds the limit of characters.
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
        # Word writes no document type declarations. Entities, which XML attacks use,
        # can only be declared there.
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        try:
            for block in self._blocks(part):
                parser.Parse(block, False)
            parser.Parse(b"", True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            # expat raises the last two for unsupported encodings.
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
        if entry.file_size > MIN_XML_LIMIT and ratio > MAX_RATIO:
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
        except RuntimeError as error:  # zipfile's error for encrypted entries
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
    """Receives the events of a part's XML."""

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
