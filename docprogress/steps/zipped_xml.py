"""Parse the XML parts of ZIP-based documents in bounded memory.

A streaming XML parser builds no tree, so that no document can fill the memory, however
it is compressed or nested.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from docprogress.errors import LimitExceeded, Unreadable
from docprogress.steps import xml_parsing
from docprogress.steps.metadata import add_warning
from docprogress.steps.xml_parsing import Handler

#: The limit for bytes of XML: for each allowed character, and at least.
XML_PER_CHARACTER = 10
MIN_XML_LIMIT = 16 * 1024 * 1024

#: The largest compression ratio of a part above that size. Real documents stay below
#: 100; ZIP bombs reach 1,030.
MAX_RATIO = 250

#: Bytes that are decompressed at a time.
BLOCK = 256 * 1024


def not_well_formed(part: str) -> str:
    """The warning for XML that was repaired."""
    return f"{part} is not well-formed XML; it was read as far as it makes sense"


class ZippedXml:
    """An open ZIP-based document.

    Args:
        name: The document's name, for errors.
        path: The file.
        what: What the document is, for errors: "a Word document".
        max_characters: The limit for its text, which limits its XML.
        facts: Gets a warning for each part that is not well-formed XML, and was read
            nevertheless.
        document_types: Whether parts of this format declare document types. Entities
            are refused nevertheless.

    Raises:
        Unreadable: It is not a ZIP file.
        OSError: It cannot be opened.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        what: str,
        max_characters: int,
        facts: dict[str, Any],
        document_types: bool = False,
    ) -> None:
        self._facts = facts
        self._document_types = document_types
        self._name = name
        self._what = what
        self._most = max_characters
        self._budget = max(max_characters * XML_PER_CHARACTER, MIN_XML_LIMIT)
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise self._damaged(error) from error
        #: The names of its parts.
        self.names = self._archive.namelist()

    def close(self) -> None:
        self._archive.close()

    def parse(self, part: str, handler: Handler) -> None:
        """Parse one part; nothing happens if the document does not have it.

        Raises:
            Unreadable: It is damaged or encrypted, or declares a document type.
            LimitExceeded: It decompresses to too much XML.
        """
        for _ in self.parse_lazily(part, handler):
            pass

    def parse_lazily(self, part: str, handler: Handler) -> Iterator[int]:
        """Parse one part as `parse` does, and yield the bytes parsed so far.

        What the handler has received by then can be taken from it.

        Raises:
            Unreadable: It is damaged or encrypted, or declares a document type.
            LimitExceeded: It decompresses to too much XML.
        """
        if part not in self._archive.NameToInfo:
            return
        budget = self._budget

        def blocks() -> Iterator[bytes]:
            self._budget = budget
            return self.blocks(part)

        try:
            yield from xml_parsing.parse(
                blocks,
                handler,
                protect=self._protect,
                on_repair=lambda: add_warning(self._facts, not_well_formed(part)),
            )
        except (expat.ExpatError, LookupError, ValueError) as error:
            # expat raises the last two for unsupported encodings.
            raise self._damaged(f"{part}: {error}") from error

    def size(self, part: str) -> int:
        """The bytes that a part declares to have; 0 if there is no such part."""
        entry = self._archive.NameToInfo.get(part)
        return entry.file_size if entry else 0

    def read(self, part: str) -> bytes:
        """A whole part, within the limits.

        Raises:
            Unreadable: It is damaged or encrypted.
            LimitExceeded: It decompresses to too much.
            KeyError: The document does not have it.
        """
        return b"".join(self.blocks(part))

    def blocks(self, part: str) -> Iterator[bytes]:
        """A part's bytes, decompressed piece by piece, within the limits."""
        entry = self._archive.getinfo(part)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unreadable(
                f"{self._name}: {self._what} with an unsupported compression; save it "
                "again"
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
            raise self._damaged(error) from error
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

    def _damaged(self, reason: object) -> Unreadable:
        return Unreadable(
            f"{self._name}: {self._what} that is damaged or cut short ({reason})"
        )

    def _protect(self, parser: expat.XMLParserType) -> None:
        # Office programs write no document type declarations. Entities, which XML
        # attacks use, can only be declared there.
        if self._document_types:
            parser.EntityDeclHandler = self._refuse_entities
        else:
            parser.StartDoctypeDeclHandler = self._refuse_document_type

    def _refuse_document_type(self, *_: object) -> None:
        raise Unreadable(
            f"{self._name}: its XML declares a document type, which {self._what} "
            "never does; it is rejected"
        )

    def _refuse_entities(self, *_: object) -> None:
        raise Unreadable(
            f"{self._name}: its XML declares entities, which {self._what} never does; "
            "it is rejected"
        )
