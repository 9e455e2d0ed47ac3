"""Parts that a Word document's body refers to: headers, footers, notes, comments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from docprogress.steps.readers.docx_elements import NOTE_REFERENCES
from docprogress.steps.readers.handlers import Start
from docprogress.steps.readers.ooxml import attribute, relation, switched_on


@dataclass(slots=True)
class Section:
    """Which headers and footers a section has."""

    #: Relations by `header` or `footer` and by the pages they are for.
    references: dict[tuple[str, str], str] = field(default_factory=dict)
    different_first: bool = False


class Sections:
    """Collects the sections of a body."""

    def __init__(self) -> None:
        self._found: list[Section] = []
        self._open: Section | None = None

    def shown(self, kind: str, *, even_pages: bool) -> Iterator[str]:
        """The relations of the headers or footers that are shown, in page order.

        Args:
            kind: `header` or `footer`.
            even_pages: Whether even pages have their own.
        """
        current: dict[str, str] = {}
        for section in self._found:
            for (one, pages), key in section.references.items():
                if one == kind:
                    current[pages] = key
            if section.different_first and "first" in current:
                yield current["first"]
            if "default" in current:
                yield current["default"]
            if even_pages and "even" in current:
                yield current["even"]

    def start_sectPr(self, _: dict[str, str]) -> None:  # noqa: N802
        self._open = Section()
        self._found.append(self._open)

    def end_sectPr(self) -> None:  # noqa: N802
        self._open = None

    def start_titlePg(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self._open is not None:
            self._open.different_first = switched_on(attributes)

    def start_headerReference(self, attributes: dict[str, str]) -> None:  # noqa: N802
        self._refer("header", attributes)

    def start_footerReference(self, attributes: dict[str, str]) -> None:  # noqa: N802
        self._refer("footer", attributes)

    def _refer(self, kind: str, attributes: dict[str, str]) -> None:
        if self._open is not None:
            pages = attribute(attributes, "type") or "default"
            self._open.references[kind, pages] = relation(attributes)


class Notes:
    """Notes and comments by kind and id, whose references are visible or not.

    Args:
        hidden: Whether the text is hidden at the moment.
    """

    def __init__(self, hidden: Callable[[], bool]) -> None:
        self._hidden = hidden
        self._shown: set[tuple[str, str]] = set()
        self._unseen: set[tuple[str, str]] = set()
        self.start_footnoteReference = self._reference("footnote")
        self.start_endnoteReference = self._reference("endnote")
        self.start_commentReference = self._reference("comment")

    def visible(self, kind: str, note_id: str) -> bool:
        """Whether a note is shown: none of its references is, if it is not."""
        key = (kind, note_id)
        return key in self._shown or key not in self._unseen

    def skipped(self, name: str, attributes: dict[str, str]) -> None:
        """Note a reference in text that is left out."""
        if kind := NOTE_REFERENCES.get(name):
            self._unseen.add((kind, attribute(attributes, "id") or ""))

    def _reference(self, kind: str) -> Start:
        def start(attributes: dict[str, str]) -> None:
            found = self._unseen if self._hidden() else self._shown
            found.add((kind, attribute(attributes, "id") or ""))

        return start
