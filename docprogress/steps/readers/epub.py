"""Read books (EPUB), a page for each chapter in reading order."""

import contextlib
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from docprogress.documents import Document, Page
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    LONGEST_CHARACTER,
    Extraction,
    Facts,
    check_pages,
    too_long,
    wants_structure,
)
from docprogress.steps.metadata import add_warning, numbered
from docprogress.steps.readers.html import declared_encoding, visible_text
from docprogress.steps.text import LONGEST_TITLE, TooLong, clean, clean_title, decode
from docprogress.steps.zipped_xml import ZippedXml

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"

#: Media types of chapters.
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")
_NCX = "application/x-dtbncx+xml"

#: Entries of the manifest, the spine and the table of contents that are kept.
_MOST_ENTRIES = 100_000


#: Bytes of the longest table of contents that is read.
_LONGEST_CONTENTS = 4 * 1024 * 1024


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a book."""
    book = ZippedXml(
        document.name,
        document.path,
        what="an EPUB book",
        max_characters=settings.max_characters,
        facts=facts,
        document_types=True,
    )
    facts["engine"] = "epub"
    try:
        package = _package(document, book)
        chapters = _chapters(document, book, package)
        check_pages(document, len(chapters), settings, unit="chapter")
        titles = _titles(book, package)
    except BaseException:
        book.close()
        raise
    facts.update(package.facts())
    unread: list[int] = []

    def pages() -> Iterator[Page]:
        left = settings.max_characters
        found = False
        unread.clear()
        for number, part in enumerate(chapters, start=1):
            if book.size(part) > max(left, 1) * LONGEST_CHARACTER:
                raise too_long(document, settings)
            page = _chapter(document, book.read(part), number, titles.get(part), left)
            left -= len(page.text)
            found = found or bool(page.text.strip())
            if number == len(chapters) and not found:
                facts["note"] = "no text"
            if number == len(chapters) and unread:
                add_warning(facts, f"{numbered('chapter', unread)} could not be read")
            yield page

    def _chapter(
        document: Document, data: bytes, number: int, title: str | None, left: int
    ) -> Page:
        decoded = decode(data, declared=declared_encoding(data))
        if decoded is None:
            unread.append(number)
            return Page(number=number, text="", title=title)
        try:
            text = visible_text(
                decoded.text, most=left, xml=True, structure=wants_structure(settings)
            )
        except TooLong:
            raise too_long(document, settings) from None
        title = title or text.heading or text.title or None
        markdown = text.markdown
        return Page(
            number=number,
            text=clean(str(text)),
            title=title,
            markdown=None if markdown is None else clean(markdown),
        )

    return Extraction(
        pages(), total=len(chapters), facts=facts, unit="chapter", close=book.close
    )


@dataclass
class _Package:
    """The description of a book: what it consists of, and in which order."""

    #: The folder that its paths are relative to.
    folder: str
    #: Path and media type of each item, by its id.
    items: dict[str, tuple[str, str]] = field(default_factory=dict)
    spine: list[str] = field(default_factory=list)
    #: Ids of the items that are tables of contents.
    contents: list[str] = field(default_factory=list)
    metadata: dict[str, list[str]] = field(default_factory=dict)
    _element: str = ""
    _pieces: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._element = name.rsplit(" ", 1)[-1]
        self._pieces.clear()
        if self._element == "item" and len(self.items) < _MOST_ENTRIES:
            path = _joined(self.folder, attributes.get("href", ""))
            kind = attributes.get("media-type", "").lower()
            self.items[attributes.get("id", "")] = (path, kind)
            nav = "nav" in attributes.get("properties", "").split()
            if nav or kind == _NCX:
                self.contents.append(attributes.get("id", ""))
        elif attributes.get("property") == "dcterms:modified":
            self._element = "modified"
        elif self._element == "itemref" and len(self.spine) < _MOST_ENTRIES:
            self.spine.append(attributes.get("idref", ""))

    def end(self, _: str) -> None:
        if self._element in ("title", "creator", "language", "date", "modified"):
            value = clean_title("".join(self._pieces))
            if value:
                self.metadata.setdefault(self._element, []).append(value)
        self._element = ""

    def characters(self, data: str) -> None:
        if self._element and len(self._pieces) < LONGEST_TITLE:
            self._pieces.append(data[:LONGEST_TITLE])

    def facts(self) -> Facts:
        """The metadata of the book."""
        known = {name: values[0] for name, values in self.metadata.items()}
        if creators := self.metadata.get("creator"):
            known["creator"] = ", ".join(creators[:20])
        names = {"creator": "author", "date": "created"}
        return {names.get(name, name): value for name, value in known.items()}


class _Attributes:
    """Collects one attribute of all elements of a name."""

    def __init__(self, element: str, attribute: str) -> None:
        self.values: list[str] = []
        self._element = element
        self._attribute = attribute

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name.rsplit(" ", 1)[-1] == self._element and (
            value := attributes.get(self._attribute)
        ):
            self.values.append(value)

    def end(self, name: str) -> None: ...

    def characters(self, data: str) -> None: ...


class _Contents:
    """The labels of a table of contents, by the path that each points to."""

    def __init__(self, folder: str) -> None:
        self.titles: dict[str, str] = {}
        self._folder = folder
        self._link = ""
        self._pieces: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rsplit(" ", 1)[-1]:
            case "navLabel":
                self._pieces.clear()
            case "content":
                self._keep(attributes.get("src", ""))
            case "a":
                self._pieces.clear()
                self._link = attributes.get("href", "")

    def end(self, name: str) -> None:
        if name.rsplit(" ", 1)[-1] == "a":
            self._keep(self._link)

    def characters(self, data: str) -> None:
        if len(self._pieces) < LONGEST_TITLE:
            self._pieces.append(data)

    def _keep(self, link: str) -> None:
        title = clean_title("".join(self._pieces))
        if link and title and len(self.titles) < _MOST_ENTRIES:
            self.titles.setdefault(_joined(self._folder, link), title)


def _package(document: Document, book: ZippedXml) -> _Package:
    roots = _Attributes("rootfile", "full-path")
    book.parse(_CONTAINER, roots)
    path = next((path for path in roots.values if path in book.names), None) or next(
        (name for name in book.names if name.lower().endswith(".opf")), None
    )
    if path is None:
        raise Unreadable(
            f"{document.name}: an EPUB book that is damaged: the description of its "
            "contents is missing; fetch it again"
        )
    package = _Package(posixpath.dirname(path))
    book.parse(path, package)
    return package


def _chapters(document: Document, book: ZippedXml, package: _Package) -> list[str]:
    """The parts that are the chapters, each once, in reading order."""
    ordered = [package.items[one] for one in package.spine if one in package.items]
    everything = [item for item in package.items.values() if item[1] in _PAGES]
    names = {name.lower(): name for name in book.names}
    parts = [
        names[path.lower()]
        for path, kind in ordered or everything
        if path.lower() in names and not kind.startswith(("image/", "audio/", "video/"))
    ]
    if not parts:
        raise Unreadable(
            f"{document.name}: an EPUB book that is damaged: it has no chapters; "
            "fetch it again"
        )
    encrypted = _Attributes("CipherReference", "URI")
    book.parse(_ENCRYPTION, encrypted)
    if not {_joined("", one) for one in encrypted.values}.isdisjoint(parts):
        raise Unreadable(
            f"{document.name}: the book is copy-protected (DRM); "
            "get a copy without protection"
        )
    return list(dict.fromkeys(parts))


def _titles(book: ZippedXml, package: _Package) -> dict[str, str]:
    """The chapters' titles in the table of contents."""
    titles: dict[str, str] = {}
    for one in package.contents[:4]:
        path = package.items[one][0]
        if book.size(path) > _LONGEST_CONTENTS:
            continue
        contents = _Contents(posixpath.dirname(path))
        # A broken table of contents is no reason to reject the text.
        with contextlib.suppress(Unreadable, LimitExceeded):
            book.parse(path, contents)
        titles |= {
            key: one for key, one in contents.titles.items() if key not in titles
        }
    return titles


def _joined(folder: str, link: str) -> str:
    """The path that a link in a file of this folder points to."""
    path = unquote(link.split("#", 1)[0])
    return posixpath.normpath(posixpath.join(folder, path)).lstrip("/")
