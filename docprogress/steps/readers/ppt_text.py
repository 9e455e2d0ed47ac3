"""The texts of an old PowerPoint slide: its title, its paragraphs with their levels."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docprogress.steps.readers.pictures_described import description
from docprogress.steps.readers.ppt_records import (
    DRAWING,
    PLACEHOLDER,
    TEXT_BYTES,
    TEXT_CHARACTERS,
    TEXT_HEADER,
    TEXT_REFERENCE,
    TEXT_STYLES,
    Entry,
    Record,
    inside,
    records,
)

_SHAPE, _PROPERTIES, _TEXT_BOX, _CLIENT_DATA = 0xF004, 0xF00B, 0xF00D, 0xF011

#: Kinds of texts: those of titles, and those whose paragraphs are items of a list.
TITLES, LISTS = (0, 6), (1, 7, 8)

#: Placeholders that are left out: dates, numbers, footers, headers, slides' pictures.
_LEFT_OUT = (5, 7, 8, 9, 10, 11)

#: Records for a slide's number and for dates: one `*` in the text stands for each.
_FIELDS = (4056, 4087, 4088, 4089, 4090, 4117)

#: The properties of a drawn text, and of what the author says of a picture.
_DRAWN_TEXT, _DESCRIPTION = 0x00C0, 0x0381

#: Containers in containers that are followed: groups of shapes.
MAX_DEPTH = 24

#: The sizes of a paragraph's properties by the bits of the mask that say which are
#: there (MS-PPT 2.9.20), in their order; a bit of several is enough.
_SIZES = (
    *((0x80, 2), (0x10, 2), (0x40, 2), (0x20, 4), (0x800, 2), (0x1000, 2), (0x2000, 2)),
    *((0x4000, 2), (0x100, 2), (0x400, 2), (0x8000, 2)),
)
_TAB_STOPS = 0x100000
_LATER_SIZES = ((0x10000, 2), (0xE0000, 2), (0x200000, 2))


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a shape."""

    text: str
    #: From 0.
    level: int = 0
    bullet: bool | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a shape, by its kind."""

    kind: int
    paragraphs: Sequence[Paragraph]


def texts(data: bytes, slide: Record, entry: Entry | None = None) -> Iterator[Text]:
    """The texts of a slide's shapes, in their order.

    Args:
        data: The stream with the records.
        slide: The record of the slide, or of notes.
        entry: The texts that placeholders refer to.
    """
    for drawing in inside(data, slide, DRAWING):
        for shape in _shapes(data, drawing):
            yield from _of_shape(data, shape, entry)


def _shapes(data: bytes, outer: Record, depth: int = 0) -> Iterator[Record]:
    for found in records(data, outer.start, outer.end):
        if found.kind == _SHAPE:
            yield found
        elif found.container and depth < MAX_DEPTH:
            yield from _shapes(data, found, depth + 1)


def _of_shape(data: bytes, shape: Record, entry: Entry | None) -> Iterator[Text]:
    parts = list(records(data, shape.start, shape.end))
    for found in parts:
        if found.kind == _CLIENT_DATA and _left_out(data, found):
            return
    for found in parts:
        if found.kind == _PROPERTIES:
            drawn = _properties(data, found)
            for text in (drawn.get(_DRAWN_TEXT), description(drawn.get(_DESCRIPTION))):
                if text:
                    yield Text(-1, [Paragraph(text)])
    for found in parts:
        if found.kind == _TEXT_BOX:
            yield _text(data, _resolved(data, found, entry))


def _left_out(data: bytes, client: Record) -> bool:
    for found in inside(data, client, PLACEHOLDER):
        if found.end - found.start >= 5:  # noqa: PLR2004 - up to the kind
            return data[found.start + 4] in _LEFT_OUT
    return False


def _resolved(data: bytes, box: Record, entry: Entry | None) -> list[Record]:
    """The records of a shape's text: its own, or those that it refers to."""
    found = list(records(data, box.start, box.end))
    for one in found:
        if one.kind == TEXT_REFERENCE and entry and one.end - one.start >= 4:  # noqa: PLR2004
            (number,) = struct.unpack_from("<I", data, one.start)
            return entry.texts[number] if number < len(entry.texts) else []
    return found


def _text(data: bytes, found: list[Record]) -> Text:
    kind, text = -1, ""
    levels: list[tuple[int, int, bool | None]] = []
    fields = []
    for one in found:
        content = data[one.start : one.end]
        if one.kind == TEXT_HEADER and len(content) >= 4:  # noqa: PLR2004
            kind = content[0]
        elif one.kind == TEXT_CHARACTERS:
            text = content[: len(content) // 2 * 2].decode("utf-16-le", "replace")
        elif one.kind == TEXT_BYTES:
            text = content.decode("latin-1")
        elif one.kind == TEXT_STYLES:
            levels = list(_levels(content, len(text)))
        elif one.kind in _FIELDS and len(content) >= 4:  # noqa: PLR2004
            fields.append(struct.unpack_from("<I", content)[0])
    letters = list(text)
    for place in fields:
        if place < len(letters) and letters[place] == "*":
            letters[place] = "\0"
    return Text(kind, list(_paragraphs("".join(letters), levels)))


def _paragraphs(
    text: str, levels: list[tuple[int, int, bool | None]]
) -> Iterator[Paragraph]:
    """The paragraphs of a text, each with the level of the run that it begins in."""
    at = run = 0
    end = levels[0][0] if levels else len(text) + 1
    for line in text.split("\r"):
        while at >= end and run + 1 < len(levels):
            run += 1
            end += levels[run][0]
        _, level, bullet = levels[run] if levels else (0, 0, None)
        shown = line.replace("\v", "\n").replace("\0", "")
        if shown.strip():
            yield Paragraph(shown, level, bullet)
        at += len(line) + 1


def _levels(styles: bytes, length: int) -> Iterator[tuple[int, int, bool | None]]:
    """Runs of paragraphs: characters, level, and whether they have a bullet."""
    at = done = 0
    while done <= length and at + 10 <= len(styles):
        count, level, mask = struct.unpack_from("<IHI", styles, at)
        at += 10
        bullet = None
        if mask & 0xF:
            if at + 2 > len(styles):
                return
            (flags,) = struct.unpack_from("<H", styles, at)
            bullet = bool(flags & 1) if mask & 1 else None
            at += 2
        at += sum(size for bits, size in _SIZES if mask & bits)
        if mask & _TAB_STOPS:
            if at + 2 > len(styles):
                return
            at += 2 + 4 * struct.unpack_from("<H", styles, at)[0]
        at += sum(size for bits, size in _LATER_SIZES if mask & bits)
        yield count, min(level, 8), bullet
        done += count


def _properties(data: bytes, table: Record) -> dict[int, str]:
    """The texts among the properties of a shape."""
    found: dict[int, str] = {}
    at = table.start + 6 * table.instance
    for number in range(table.instance):
        place = table.start + 6 * number
        if place + 6 > table.end:
            break
        key, value = struct.unpack_from("<HI", data, place)
        if not key & 0x8000:
            continue
        if key & 0x3FFF in (_DRAWN_TEXT, _DESCRIPTION):
            text = data[at : min(at + value, table.end)]
            text = text[: len(text) // 2 * 2]
            found[key & 0x3FFF] = text.decode("utf-16-le", "replace").split("\0")[0]
        at += value
    return found
