"""Writes PowerPoint files of the old format, as far as they have text."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from support.ole_files import ole_file

TITLE, BODY, NOTES, OTHER = 0, 1, 2, 4


def rec(
    kind: int, content: bytes = b"", *, instance: int = 0, box: bool = False
) -> bytes:
    head = instance << 4 | (0xF if box else 0)
    return struct.pack("<HHI", head, kind, len(content)) + content


def box(kind: int, *content: bytes, instance: int = 0) -> bytes:
    """A record of records."""
    return rec(kind, b"".join(content), instance=instance, box=True)


def text(
    written: str,
    kind: int = OTHER,
    levels: Sequence[tuple[int, bool | None]] = (),
    fields: Sequence[int] = (),
) -> bytes:
    """A text's records; each paragraph may have a level and a bullet."""
    content = rec(3999, struct.pack("<I", kind))
    try:
        content += rec(4008, written.encode("latin-1"))
    except UnicodeEncodeError:
        content += rec(4000, written.encode("utf-16-le"))
    styles = b""
    for line, (level, bullet) in zip(written.split("\r"), levels, strict=False):
        mask = 0x100800 | (bullet is not None)
        styles += struct.pack("<IHI", len(line) + 1, level, mask)
        styles += b"" if bullet is None else struct.pack("<H", bullet)
        styles += struct.pack("<HHHH", 1, 1, 0, 0)  # alignment and a tab stop
    if styles:
        content += rec(4001, styles)
    return content + b"".join(rec(4056, struct.pack("<I", at)) for at in fields)


def reference(number: int) -> bytes:
    """A text that the document's list has."""
    return rec(3998, struct.pack("<I", number))


def shape(
    content: bytes = b"", *, placeholder: int | None = None, **drawn: str
) -> bytes:
    """A shape with a text; `described` is what is said of it, `art` is drawn."""
    parts = []
    found = {0x0381: drawn.get("described"), 0x00C0: drawn.get("art")}
    given = {
        key: f"{text}\0".encode("utf-16-le") for key, text in found.items() if text
    }
    table = b"".join(
        struct.pack("<HI", key | 0x8000, len(content)) for key, content in given.items()
    )
    if given:
        parts.append(rec(0xF00B, table + b"".join(given.values()), instance=len(given)))
    if placeholder is not None:
        parts.append(box(0xF011, rec(3011, struct.pack("<IBBH", 0, placeholder, 0, 0))))
    if content:
        parts.append(box(0xF00D, content))
    return box(0xF004, *parts)


def group(*shapes: bytes) -> bytes:
    return box(0xF003, *shapes)


@dataclass
class OldSlide:
    shapes: Sequence[bytes] = ()
    #: The texts that placeholders refer to.
    listed: Sequence[bytes] = ()
    notes: Sequence[bytes] = ()
    hidden: bool = False
    #: Saved later than the others, when it takes the place of what was there.
    earlier: Sequence[bytes] = field(default_factory=list)


def ppt(*slides: OldSlide, edit: int | None = None, order: Sequence[int] = ()) -> bytes:
    """A presentation: `order` is in which the slides are shown; `edit` is damage."""
    stream = bytearray()
    places: dict[int, int] = {}
    old: dict[int, int] = {}

    def put(number: int, record: bytes) -> None:
        if number in places:
            old[number] = places[number]
        places[number] = len(stream)
        stream.extend(record)

    def drawing(shapes: Sequence[bytes]) -> bytes:
        return box(1036, box(0xF002, group(*shapes)))

    for number, slide in enumerate(slides):
        atom = rec(1007, struct.pack("<I8sIIHH", 0, b"", 0, 500 + number, 0, 0))
        info = rec(1017, struct.pack("<IIBBHI", 0, 0, 0, 0, 4 * slide.hidden, 0))
        if slide.earlier:
            put(10 + number, box(1006, atom, drawing(slide.earlier)))
        put(10 + number, box(1006, atom, info, drawing(slide.shapes)))
        if slide.notes:
            put(90 + number, box(1008, drawing(slide.notes)))
    lists = [
        box(
            4080,
            *(
                rec(1011, struct.pack("<IIIII", 10 + at, 0, 0, 256 + at, 0))
                + b"".join(slides[at].listed)
                for at in order or range(len(slides))
            ),
        ),
        box(
            4080,
            *(
                rec(1011, struct.pack("<IIIII", 90 + at, 0, 0, 500 + at, 0))
                for at, slide in enumerate(slides)
                if slide.notes
            ),
            instance=2,
        ),
    ]
    put(1, box(1000, *lists))

    def save(found: dict[int, int], before: int) -> int:
        directory = len(stream)
        entries = b"".join(
            struct.pack("<II", 1 << 20 | number, at) for number, at in found.items()
        )
        stream.extend(rec(6002, entries))
        here = len(stream)
        stream.extend(
            rec(4085, struct.pack("<IIIIIII", 0, 0, before, directory, 1, 0, 0))
        )
        return here

    newest = 0
    if old:
        first = {number: old.get(number, at) for number, at in places.items()}
        newest = save(first, 0)
        newest = save({number: places[number] for number in old}, newest)
    else:
        newest = save(places, 0)
    user = rec(
        4086, struct.pack("<III", 20, 0xE391C05F, newest if edit is None else edit)
    )
    return ole_file({"PowerPoint Document": bytes(stream), "Current User": user})
