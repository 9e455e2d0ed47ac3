"""Whether a font is bold, italic or monospaced, by its name and flags."""

import re
from ctypes import addressof, c_char
from functools import lru_cache
from typing import NamedTuple

from docprogress.steps.readers import pdf_native as native

#: The maximum number of bytes of a font's name that are looked at.
LONGEST_NAME = 200

_FIXED_PITCH, _ITALIC, _FORCE_BOLD = 1 << 0, 1 << 6, 1 << 18

_SUBSET = re.compile(r"^[A-Z]{6}\+")
_BOLD = re.compile(
    r"bold|black|heavy|demi|[-,]bd\b|^(?:CMBX|CMSSBX|SFBX|SFSX|SFBI|CMB\d|ECBX)"
    r"|-Medi|-Md\b",
    re.IGNORECASE,
)
_SLANTED = re.compile(
    r"ital|obliq|slant|[-,]it\b|^(?:CMTI|CMSL|CMSSI|SFTI|SFSL|SFSI|CMBXTI|ECTI)",
    re.IGNORECASE,
)
_MONOSPACED = re.compile(
    r"mono|NimbusMon|courier|consol|menlo|typewriter|^(?:CMTT|CMSLTT|SFTT|ECTT|LMTT|Cousine"
    r"|Inconsolata|Hack|FiraCode|txtt|lmvtt|Letter ?Gothic|Andale|Monaco|OCR)",
    re.IGNORECASE,
)
#: Fonts of formulas, whose slant is no emphasis.
_MATHEMATICAL = re.compile(
    r"^(?:CMMI|CMSY|CMEX|MSAM|MSBM|EUSM|RSFS)|math|symbol", re.IGNORECASE
)


class Font(NamedTuple):
    """The appearance of a font."""

    bold: bool = False
    italic: bool = False
    fixed: bool = False

    @property
    def plain(self) -> bool:
        return not (self.bold or self.italic or self.fixed)


PLAIN = Font()


@lru_cache(maxsize=512)
def by_name(name: str, flags: int) -> Font:
    """The appearance of a font with this name and these descriptor flags."""
    name = _SUBSET.sub("", name)
    if _MATHEMATICAL.search(name):
        return PLAIN
    return Font(
        bold=bool(_BOLD.search(name)) or bool(flags & _FORCE_BOLD),
        italic=bool(_SLANTED.search(name)) or bool(flags & _ITALIC),
        fixed=bool(_MONOSPACED.search(name)) or bool(flags & _FIXED_PITCH),
    )


class PageFonts(dict[int | None, Font]):
    """The fonts of one page by their addresses, which others may have afterwards."""

    def __init__(self) -> None:
        super().__init__({None: PLAIN, 0: PLAIN})

    def __missing__(self, address: int) -> Font:
        size = native.font_name(address, addressof(_buffer), LONGEST_NAME)
        name = _buffer.raw[: size - 1] if 0 < size <= LONGEST_NAME else b""
        flags = max(native.font_flags(address), 0)
        font = by_name(name.decode("utf-8", "replace"), flags)
        self[address] = font
        return font


_buffer = (c_char * LONGEST_NAME)()
