"""What Word's and PowerPoint's files share: relationships, properties, symbols."""

import contextlib
import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

from docprogress.errors import LimitExceeded, Unreadable
from docprogress.steps.extraction import Facts
from docprogress.steps.text import LONGEST_TITLE, clean_title
from docprogress.steps.zipped_xml import ZippedXml

#: The namespaces of the transitional and the strict form of a language.
WORD = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
MATH = (
    "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "http://purl.oclc.org/ooxml/officeDocument/math",
)
DRAWING = (
    "http://schemas.openxmlformats.org/drawingml/2006/main",
    "http://purl.oclc.org/ooxml/drawingml/main",
)
CHART = (
    "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "http://purl.oclc.org/ooxml/drawingml/chart",
    "http://schemas.microsoft.com/office/drawing/2014/chartex",
)
WORD_DRAWING = (
    "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    "http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing",
)
DIAGRAM = (
    "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    "http://purl.oclc.org/ooxml/drawingml/diagram",
)
SLIDES = (
    "http://schemas.openxmlformats.org/presentationml/2006/main",
    "http://purl.oclc.org/ooxml/presentationml/main",
)
COMPATIBILITY = ("http://schemas.openxmlformats.org/markup-compatibility/2006",)

_PROPERTIES = {
    "http://purl.org/dc/elements/1.1/ title": "title",
    "http://purl.org/dc/elements/1.1/ creator": "author",
    "http://purl.org/dc/elements/1.1/ language": "language",
    "http://purl.org/dc/terms/ created": "created",
    "http://purl.org/dc/terms/ modified": "modified",
}
_OFF = ("0", "false", "off", "none")


class Relation(NamedTuple):
    """A part, or an address outside, that a part refers to."""

    #: The last part of its type: `header`, `image`, `slide`.
    kind: str
    #: The part's name in the file, or the address outside.
    target: str
    external: bool


def elements(*groups: tuple[tuple[str, ...], str]) -> dict[str, str]:
    """Names by expat's names: of each group's namespaces and its words."""
    return {
        f"{space} {name}": name
        for spaces, names in groups
        for space in spaces
        for name in names.split()
    }


def attribute(attributes: dict[str, str], name: str) -> str | None:
    """An attribute by its local name, in any namespace."""
    for key, value in attributes.items():
        if key == name or key.endswith(f" {name}"):
            return value
    return None


def relation(attributes: dict[str, str], name: str = "id") -> str:
    """The attribute that refers to a relation: it has a namespace."""
    for key, value in attributes.items():
        if key.endswith(f"/relationships {name}"):
            return value
    return ""


def switched_on(attributes: dict[str, str]) -> bool:
    """Whether a property of the form `<w:vanish w:val="0"/>` is on."""
    return attribute(attributes, "val") not in _OFF


def relations(package: ZippedXml, part: str) -> dict[str, Relation]:
    """The targets of a part's references, by id; empty if that is damaged."""
    folder, name = posixpath.split(part)
    found = _Relations(folder)
    with contextlib.suppress(Unreadable):
        package.parse(posixpath.join(folder, "_rels", f"{name}.rels"), found)
    return found.found


def main_part(package: ZippedXml, pattern: str) -> str | None:
    """The part with the document's content, by the package's relations or its name."""
    names = set(package.names)
    for found in relations(package, "").values():
        if found.kind == "officeDocument" and found.target in names:
            return found.target
    return next((name for name in package.names if re.fullmatch(pattern, name)), None)


def read_properties(package: ZippedXml, facts: Facts) -> None:
    """Note the title, author, dates and language that the properties give."""
    found = PropertyTexts(_PROPERTIES)
    parts = [
        entry.target
        for entry in relations(package, "").values()
        if entry.kind == "core-properties"
    ]
    try:
        package.parse(parts[0] if parts else "docProps/core.xml", found)
    except (Unreadable, LimitExceeded):
        return  # broken properties are no reason to reject the text
    for name, pieces in found.pieces.items():
        note_property(facts, name, "".join(pieces))


def note_property(facts: Facts, name: str, value: str) -> None:
    """Note a property of a document, if it says anything."""
    value = clean_title(value)
    if value:
        facts[name] = value


class _Relations:
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.found: dict[str, Relation] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not name.endswith(" Relationship"):
            return
        target = attributes.get("Target", "")
        external = attributes.get("TargetMode") == "External"
        if not external:
            target = posixpath.normpath(posixpath.join("/", self._folder, target))
            target = target.lstrip("/")
        kind = attributes.get("Type", "").rsplit("/", 1)[-1]
        self.found[attributes.get("Id", "")] = Relation(kind, target, external)

    def end(self, _: str) -> None: ...
    def characters(self, _: str) -> None: ...


class PropertyTexts:
    """A handler that collects the texts of the elements that hold properties.

    Args:
        properties: The property of each such element.
    """

    def __init__(self, properties: Mapping[str, str]) -> None:
        self._properties = properties
        self.pieces: dict[str, list[str]] = {}
        self._open: list[str] | None = None

    def start(self, name: str, _: dict[str, str]) -> None:
        found = self._properties.get(name)
        self._open = self.pieces.setdefault(found, []) if found else None

    def end(self, _: str) -> None:
        self._open = None

    def characters(self, data: str) -> None:
        if self._open is not None and len(self._open) < LONGEST_TITLE:
            self._open.append(data[:LONGEST_TITLE])
