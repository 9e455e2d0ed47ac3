"""Open OpenDocument files, zipped or flat, and read their properties."""

import re
from collections.abc import Iterator
from contextlib import suppress
from xml.parsers import expat

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import Settings
from docprogress.steps import xml_parsing
from docprogress.steps.extraction import Facts
from docprogress.steps.metadata import add_warning
from docprogress.steps.readers.ooxml import PropertyTexts, note_property
from docprogress.steps.xml_parsing import Handler
from docprogress.steps.zipped_xml import BLOCK, ZippedXml, not_well_formed

_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
SPACES = {
    name: f"{_OASIS}:{name}:1.0"
    for name in ("office", "style", "text", "table", "meta", "presentation", "chart")
} | {
    "draw": f"{_OASIS}:drawing:1.0",
    "svg": f"{_OASIS}:svg-compatible:1.0",
    "fo": f"{_OASIS}:xsl-fo-compatible:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "math": "http://www.w3.org/1998/Math/MathML",
    "xlink": "http://www.w3.org/1999/xlink",
    "loext": "urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0",
}
_ENCRYPTED = re.compile(rb"<(?:\w{1,30}:)?encryption-data\b")


def name(qualified: str) -> str:
    """The expat name of `prefix:local`."""
    prefix, _, local = qualified.partition(":")
    return f"{SPACES[prefix]} {local}"


def names(*qualified: str) -> dict[str, str]:
    """Handlers' names by expat's names: `text:list-item` is `text_list_item`."""
    return {
        name(one): re.sub(r"[:-]", "_", one)
        for group in qualified
        for one in group.split()
    }


_PROPERTIES = {
    name("dc:title"): "title",
    name("meta:initial-creator"): "author",
    name("dc:creator"): "editor",
    name("meta:creation-date"): "created",
    name("dc:date"): "modified",
    name("dc:language"): "language",
}


class Package:
    """The XML of an OpenDocument file; a flat one has everything in each part."""

    def __init__(
        self, document: Document, settings: Settings, facts: Facts, *, what: str
    ) -> None:
        self._document = document
        self._what = what
        self._facts = facts
        self._most = settings.max_characters
        with document.path.open("rb") as file:
            zipped = file.read(2) == b"PK"
        self._zip: ZippedXml | None = None
        if zipped:
            self._zip = ZippedXml(
                document.name,
                document.path,
                what=what,
                max_characters=settings.max_characters,
                facts=facts,
            )
            try:
                self._refuse_encrypted(self._zip)
            except BaseException:
                self.close()
                raise

    @property
    def flat(self) -> bool:
        return self._zip is None

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()

    def parse(self, part: str, handler: Handler) -> None:
        """Parse a part; nothing happens if there is none of this name."""
        for _ in self.parse_lazily(part, handler):
            pass

    def parse_lazily(self, part: str, handler: Handler) -> Iterator[int]:
        """Parse a part, and yield regularly."""
        if self._zip is not None:
            return self._zip.parse_lazily(part, handler)
        return self._parse_flat(part, handler)

    def _parse_flat(self, part: str, handler: Handler) -> Iterator[int]:
        def repaired() -> None:
            # The same file is each part.
            if part == "content.xml":
                add_warning(self._facts, not_well_formed("the file"))

        try:
            yield from xml_parsing.parse(
                self._blocks, handler, protect=self._protect, on_repair=repaired
            )
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise Unreadable(
                f"{self._document.name}: {self._what} that is damaged or cut short "
                f"({error})"
            ) from error

    def _blocks(self) -> Iterator[bytes]:
        with self._document.path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block

    def _protect(self, parser: expat.XMLParserType) -> None:
        parser.StartDoctypeDeclHandler = self._refuse_document_type

    def _refuse_document_type(self, *_: object) -> None:
        raise Unreadable(
            f"{self._document.name}: its XML declares a document type, which "
            f"{self._what} never does; it is rejected"
        )

    def _refuse_encrypted(self, package: ZippedXml) -> None:
        manifest = "META-INF/manifest.xml"
        if manifest not in package.names:
            return
        with suppress(LimitExceeded):
            if _ENCRYPTED.search(package.read(manifest)):
                raise Unreadable(
                    f"{self._document.name}: the document is encrypted and needs a "
                    "password; save it without one"
                )


def read_properties(package: Package, facts: Facts) -> None:
    """Note the title, author, date and language that the properties give."""
    found = _Properties(_PROPERTIES)
    try:
        package.parse("meta.xml", found)
    except _Done:
        pass
    except (Unreadable, LimitExceeded):
        return  # broken properties are no reason to reject the text
    pieces = {key: "".join(value) for key, value in found.pieces.items()}
    editor = pieces.pop("editor", "")
    pieces.setdefault("author", editor)
    for key, value in pieces.items():
        note_property(facts, key, value)


class _Done(Exception):  # noqa: N818 - it ends the parsing of a flat file
    pass


class _Properties(PropertyTexts):
    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _BODY:
            raise _Done
        super().start(name, attributes)


_BODY = name("office:body")
