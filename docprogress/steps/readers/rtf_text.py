"""Decode the text of an RTF file: bytes of fonts' code pages, and Unicode."""

from dataclasses import dataclass, field

from docprogress.steps.readers.rtf_words import (
    CHARSETS,
    DEFAULT_CODE_PAGE,
    SYMBOL_CHARSET,
    code_page,
    decoded,
)
from docprogress.steps.readers.symbols import symbol

#: Fonts that are distinguished, and pieces of a font's name that are kept.
MAX_FONTS = 10_000
MAX_PIECES = 100

#: The bullet of the font Symbol, in Unicode's private area.
_PRIVATE_BULLET = "\uf0b7"


@dataclass(slots=True)
class _Font:
    encoding: str | None = None
    symbols: bool = False
    name: list[str] = field(default_factory=list)


class RtfText:
    """Collects bytes and Unicode units until they are taken as text."""

    def __init__(self) -> None:
        #: The document's code page.
        self.encoding = DEFAULT_CODE_PAGE
        #: Characters that repeat for older programs what was given in Unicode.
        self.ignored = 0
        self._fonts: dict[int, _Font] = {}
        self._font = _Font()
        self._bytes = bytearray()
        self._units: list[int] = []

    def add_bytes(self, data: bytes) -> str:
        """Add bytes; Unicode that came before them is returned as text."""
        if self.ignored:
            ignored = min(self.ignored, len(data))
            self.ignored -= ignored
            data = data[ignored:]
        if not data:
            return ""
        before = self._take_units()
        self._bytes += data
        return before

    def add_unit(self, number: int, font: int | None, *, fallback: int) -> str:
        """Add a UTF-16 unit; bytes that came before it are returned as text."""
        before = self._take_bytes(font)
        valid = 0 <= number + 0x8000 <= 0x17FFF  # noqa: PLR2004 - signed or not
        self._units.append(number & 0xFFFF if valid else 0xFFFD)
        self.ignored = fallback
        return before

    def take(self, font: int | None) -> str:
        """All that was added and not taken yet; without a font, as it is."""
        return self._take_bytes(font) + self._take_units()

    def begin_font(self, number: int) -> None:
        self._font = _Font()
        if len(self._fonts) < MAX_FONTS:
            self._fonts[number] = self._font

    def set_charset(self, number: int) -> None:
        self._font.encoding = CHARSETS.get(number)
        self._font.symbols = number == SYMBOL_CHARSET

    def set_font_page(self, number: int) -> None:
        self._font.encoding = code_page(number)

    def name_font(self, text: str) -> None:
        if len(self._font.name) < MAX_PIECES:
            self._font.name.append(text[:MAX_PIECES])

    def _take_bytes(self, font: int | None) -> str:
        if not self._bytes:
            return ""
        data = bytes(self._bytes)
        self._bytes.clear()
        found = None if font is None else self._fonts.get(font)
        if found is not None and found.symbols:
            name = "".join(found.name).strip(" ;")
            return "".join(symbol(f"{byte:x}", name) for byte in data)
        return decoded(data, (found and found.encoding) or self.encoding)

    def _take_units(self) -> str:
        if not self._units:
            return ""
        data = b"".join(unit.to_bytes(2, "little") for unit in self._units)
        self._units.clear()
        return data.decode("utf-16-le", "replace").replace(_PRIVATE_BULLET, "•")
