"""What OpenDocument files share: properties, passwords."""

from docprogress.errors import LimitExceeded, Unreadable
from docprogress.steps.extraction import Facts
from docprogress.steps.readers.ooxml import note_property
from docprogress.steps.text import LONGEST_TITLE
from docprogress.steps.zipped_xml import ZippedXml

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
STYLE = "urn:oasis:names:tc:opendocument:xmlns:style:1.0"
META = "urn:oasis:names:tc:opendocument:xmlns:meta:1.0"
DRAW = "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
CHART = "urn:oasis:names:tc:opendocument:xmlns:chart:1.0"
XLINK = "http://www.w3.org/1999/xlink"
DC = "http://purl.org/dc/elements/1.1/"

_PROPERTIES = {
    f"{DC} title": "title",
    f"{META} initial-creator": "author",
    f"{DC} language": "language",
    f"{META} creation-date": "created",
    f"{DC} date": "modified",
}


def check_password(package: ZippedXml, name: str) -> None:
    """Check that the document can be read without a password.

    Raises:
        Unreadable: It cannot.
    """
    part = "META-INF/manifest.xml"
    if part in package.names and b"encryption-data" in package.read(part):
        raise Unreadable(
            f"{name}: the document is encrypted and needs a password; save it without "
            "one"
        )


def read_properties(package: ZippedXml, facts: Facts) -> dict[str, str]:
    """Note the title, author, date and language, and give the document's statistics."""
    found = _Properties()
    try:
        package.parse("meta.xml", found)
    except (Unreadable, LimitExceeded):
        return {}  # broken properties are no reason to reject the text
    for name, pieces in found.pieces.items():
        note_property(facts, name, "".join(pieces))
    return found.statistics


class _Properties:
    def __init__(self) -> None:
        self.pieces: dict[str, list[str]] = {}
        self.statistics: dict[str, str] = {}
        self._open: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        found = _PROPERTIES.get(name)
        self._open = self.pieces.setdefault(found, []) if found else None
        if name == f"{META} document-statistic":
            self.statistics = attributes

    def end(self, _: str) -> None:
        self._open = None

    def characters(self, data: str) -> None:
        if self._open is not None and len(self._open) < LONGEST_TITLE:
            self._open.append(data[:LONGEST_TITLE])
