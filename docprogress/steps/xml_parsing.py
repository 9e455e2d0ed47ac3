"""Parse XML as a stream, and once more, repaired, where it is not well-formed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol
from xml.parsers import expat

from docprogress.steps.xml_repair import MAX_BYTES, repair


class Handler(Protocol):
    """Receives the events of a part's XML.

    Names are `NAMESPACE LOCAL`, joined by a space.
    """

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def characters(self, data: str) -> None: ...


def parse(
    blocks: Callable[[], Iterable[bytes]],
    handler: Handler,
    *,
    protect: Callable[[expat.XMLParserType], None],
    on_repair: Callable[[], None],
) -> Iterator[int]:
    """Parse XML, and yield the bytes parsed so far.

    Args:
        blocks: Reads the XML; again, if it has to be repaired.
        handler: Receives each event once.
        protect: Makes a parser refuse what is dangerous.
        on_repair: Called when XML was not well-formed, and has been read repaired.

    Raises:
        expat.ExpatError: It cannot be repaired.
        LookupError, ValueError: expat does not know its encoding.
    """
    parser = _parser(protect)
    _listen(parser, handler)
    parsed = 0
    try:
        for block in blocks():
            parser.Parse(block, False)
            parsed += len(block)
            yield parsed
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        found = _repaired(blocks, parser.ErrorByteIndex)
        if found is None:
            raise
        # This delivers the characters before the error.
        parser.buffer_text = False
        _resume(*found, handler, protect, error)
        on_repair()
    yield parsed


def _parser(protect: Callable[[expat.XMLParserType], None]) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    protect(parser)
    return parser


def _listen(parser: expat.XMLParserType, handler: Handler) -> None:
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.characters


def _repaired(
    blocks: Callable[[], Iterable[bytes]], failed: int
) -> tuple[bytes, bytes] | None:
    data = bytearray()
    for block in blocks():
        data += block
        if len(data) > MAX_BYTES:
            return None
    return repair(bytes(data), failed)


def _resume(
    before: bytes,
    rest: bytes,
    handler: Handler,
    protect: Callable[[expat.XMLParserType], None],
    error: expat.ExpatError,
) -> None:
    """Go on with the rest, whose beginning has been delivered."""
    parser = _parser(protect)
    try:
        parser.Parse(before, False)
        _listen(parser, handler)
        parser.Parse(rest, True)
    except expat.ExpatError:
        raise error from None
