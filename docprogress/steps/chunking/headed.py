"""Split text that begins with headings, so that none is the last line of a piece."""

from collections.abc import Iterator

from docprogress.steps.chunking.sizes import Sizes
from docprogress.steps.chunking.spans import Span, spans, trimmed


def headed_spans(
    text: str, start: int, body: int, end: int, sizes: Sizes
) -> Iterator[Span]:
    """The pieces of a text whose headings end at `body`.

    The first piece of the body has its headings before it, or the end of them if they
    take nearly a whole piece.
    """
    start, end = trimmed(text, start, end)
    if start >= end:
        return
    if sizes.fits(text[start:end]):
        yield start, end
        return
    if not text[start:body].strip():
        yield from _spans(text, start, end, sizes)
        return
    kept = _kept(text, start, body, sizes)
    if text[start:kept].strip():
        yield from _spans(text, start, kept, sizes)
    found = _spans(text, kept, end, sizes)
    first = next(found)
    if text[body : first[1]].strip():
        yield first
        yield from found
        return
    # The headings alone: they take the begin of the next paragraph with them.
    after = _first_piece(text, kept, body, end, sizes)
    yield kept, after
    if text[after:end].strip():
        yield from _spans(text, after, end, sizes)


def _spans(text: str, start: int, end: int, sizes: Sizes) -> Iterator[Span]:
    for begin, after in spans(text[start:end], sizes):
        yield start + begin, start + after


def _kept(text: str, start: int, body: int, sizes: Sizes) -> int:
    """Where the headings begin that stay with the body: all, or the last of them."""
    most = sizes.most - sizes.most // 4
    start, end = trimmed(text, start, body)
    if sizes.of(text[start:body]) <= most:
        return start
    # What counts as several tokens is shorter in characters.
    start = max(start, end - most)
    last = text.rfind("\n", start, end) + 1
    if last > start and sizes.of(text[last:body]) <= most:
        return last
    while sizes.of(text[start:body]) > most and start + 1 < end:
        start += max(1, (end - start) // 4)
    space = text.find(" ", start, end)
    return start if space < 0 else space + 1


def _first_piece(text: str, kept: int, body: int, end: int, sizes: Sizes) -> int:
    """Where the piece ends that begins with headings."""
    room = max(1, sizes.most - sizes.of(text[kept:body]))
    begin, _ = trimmed(text, body, end)
    window = text[begin : begin + sizes.window]
    for _ in range(8):
        _, first = next(spans(window, sizes, most=room, overlap=0))
        if room == 1 or sizes.fits(text[kept : begin + first]):
            return begin + first
        # Tokens do not add up exactly.
        room = max(1, room - room // 4 - 1)
    return begin + 1
