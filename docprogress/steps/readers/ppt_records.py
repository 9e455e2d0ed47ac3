"""The records of old PowerPoint files: which are the slides, in which order.

Each save appends the records that have changed, and a directory of where they are
(MS-PPT 2.3). The newest directory comes first, the older ones have what it lacks.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

DOCUMENT, SLIDE, SLIDE_ATOM, NOTES = 1000, 1006, 1007, 1008
SLIDE_SHOW_INFO, PERSIST_ATOM, DRAWING, TEXT_LISTS = 1017, 1011, 1036, 4080
TEXT_HEADER, TEXT_CHARACTERS, TEXT_STYLES = 3999, 4000, 4001
TEXT_REFERENCE, TEXT_BYTES, PLACEHOLDER = 3998, 4008, 3011
_USER_EDIT, _DIRECTORY = 4085, 6002

#: The lists of texts of slides, and of notes.
OF_SLIDES, OF_NOTES = 0, 2

#: Directories, and records at one level, that are followed.
MAX_EDITS = 10_000
MAX_RECORDS = 1_000_000

_HIDDEN = 0x4


class Record(NamedTuple):
    """A record, and where its content is."""

    kind: int
    instance: int
    start: int
    end: int
    #: Whether it consists of records.
    container: bool


@dataclass(slots=True)
class Entry:
    """A slide or notes, as the document lists them."""

    reference: int
    id: int
    #: The records of the texts that its placeholders show, each from its header on.
    texts: list[list[Record]] = field(default_factory=list)


def record(data: bytes, at: int, end: int) -> Record | None:
    """The record at a place; None if there is no whole one."""
    if at < 0 or at + 8 > end:
        return None
    head, kind, length = struct.unpack_from("<HHI", data, at)
    if at + 8 + length > end:
        return None
    return Record(kind, head >> 4, at + 8, at + 8 + length, (head & 0xF) == 0xF)  # noqa: PLR2004


def records(data: bytes, start: int, end: int) -> Iterator[Record]:
    """The records from a place to another; those after a damaged one are lost."""
    for _ in range(MAX_RECORDS):
        found = record(data, start, end)
        if found is None:
            return
        yield found
        start = found.end


def inside(data: bytes, outer: Record, *kinds: int) -> Iterator[Record]:
    """The records of some kinds in a container."""
    for found in records(data, outer.start, outer.end):
        if found.kind in kinds:
            yield found


class Records:
    """The records of the stream `PowerPoint Document`.

    Args:
        data: The stream.
        edit: Where its newest edit is, by the stream `Current User`.
    """

    def __init__(self, data: bytes, edit: int) -> None:
        self.data = data
        self._places, document = self._directory(edit)
        found = self._at(document, DOCUMENT)
        #: The slides with what the document lists of each, in their order.
        self.slides = list(self._listed(found, OF_SLIDES, SLIDE)) if found else []
        #: Whether the directory is damaged: the slides are in the order of the file.
        self.unordered = False
        if not self.slides:
            self.slides, found = self._scanned()
            self.unordered = bool(self.slides)
        #: Whether anything is known of the presentation.
        self.known = found is not None or self.unordered
        listed = self._listed(found, OF_NOTES, NOTES) if found else ()
        self._notes = {entry.id: notes for notes, entry in listed}

    def hidden(self, slide: Record) -> bool:
        """Whether a slide is left out when the slides are shown."""
        for found in inside(self.data, slide, SLIDE_SHOW_INFO):
            if found.end - found.start >= 12:  # noqa: PLR2004 - up to the flags
                (flags,) = struct.unpack_from("<H", self.data, found.start + 10)
                return bool(flags & _HIDDEN)
        return False

    def notes(self, slide: Record) -> Record | None:
        """The notes of a slide, if it has any."""
        for found in inside(self.data, slide, SLIDE_ATOM):
            if found.end - found.start >= 20:  # noqa: PLR2004 - up to the notes
                (key,) = struct.unpack_from("<I", self.data, found.start + 16)
                return self._notes.get(key)
        return None

    def _scanned(self) -> tuple[list[tuple[Record, Entry]], Record | None]:
        """The slides that are found without a directory, and the document."""
        every = list(records(self.data, 0, len(self.data)))
        slides = [one for one in every if one.kind == SLIDE]
        document = next((one for one in reversed(every) if one.kind == DOCUMENT), None)
        entries: list[Entry] = []
        for texts in inside(self.data, document, TEXT_LISTS) if document else ():
            if texts.instance == OF_SLIDES:
                entries += self._entries(texts)
        if len(entries) != len(slides):
            entries = [Entry(0, 0) for _ in slides]
        return list(zip(slides, entries, strict=True)), document

    def _listed(
        self, document: Record, which: int, kind: int
    ) -> Iterator[tuple[Record, Entry]]:
        for texts in inside(self.data, document, TEXT_LISTS):
            if texts.instance == which:
                for entry in self._entries(texts):
                    found = self._at(entry.reference, kind)
                    if found is not None:
                        yield found, entry

    def _entries(self, texts: Record) -> Iterator[Entry]:
        entry: Entry | None = None
        for found in records(self.data, texts.start, texts.end):
            if found.kind == PERSIST_ATOM and found.end - found.start >= 16:  # noqa: PLR2004
                if entry:
                    yield entry
                reference, _, _, key = struct.unpack_from(
                    "<IIII", self.data, found.start
                )
                entry = Entry(reference, key)
            elif entry and found.kind == TEXT_HEADER:
                entry.texts.append([found])
            elif entry and entry.texts:
                entry.texts[-1].append(found)
        if entry:
            yield entry

    def _at(self, reference: int, kind: int) -> Record | None:
        found = record(self.data, self._places.get(reference, -1), len(self.data))
        return found if found and found.kind == kind else None

    def _directory(self, edit: int) -> tuple[dict[int, int], int]:
        """Where each record is, and the reference of the document's."""
        places: dict[int, int] = {}
        document = 0
        seen: set[int] = set()
        while edit and edit not in seen and len(seen) < MAX_EDITS:
            seen.add(edit)
            found = record(self.data, edit, len(self.data))
            if found is None or found.kind != _USER_EDIT:
                break
            if found.end - found.start < 20:  # noqa: PLR2004 - up to the document
                break
            earlier, directory, reference = struct.unpack_from(
                "<III", self.data, found.start + 8
            )
            document = document or reference
            for number, place in self._entries_of(directory):
                places.setdefault(number, place)
            edit = earlier
        return places, document

    def _entries_of(self, directory: int) -> Iterator[tuple[int, int]]:
        found = record(self.data, directory, len(self.data))
        if found is None or found.kind != _DIRECTORY:
            return
        at = found.start
        while at + 4 <= found.end:
            (head,) = struct.unpack_from("<I", self.data, at)
            first, count = head & 0xFFFFF, head >> 20
            at += 4
            for number in range(min(count, (found.end - at) // 4)):
                yield first + number, struct.unpack_from("<I", self.data, at)[0]
                at += 4
