"""Decode bytes: detect the encoding, and remove control characters."""

import codecs
import re
from collections.abc import Sequence
from typing import NamedTuple

from docprogress.steps.encodings.blocks import guess_by_blocks
from docprogress.steps.encodings.detection import guess, guess_wide

#: Bytes that are examined to recognise binary data and to guess an encoding.
SAMPLE = 64 * 1024

#: The share of control characters beyond which data is binary, or UTF-16.
MOST_CONTROLS = 0.02

#: A file counts as UTF-8 with errors if it has this many valid non-ASCII characters for
#: each error.
VALID_PER_ERROR = 20

#: The longest title that is stored, in characters.
LONGEST_TITLE = 300

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with UTF-16's, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Control characters except tab and line feed, and lone surrogates: databases and JSON
# reject them, and terminals interpret them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# The same in UTF-8, except those from U+0080 to U+009F, which begin with this byte.
_UNPRINTABLE_BYTES = bytes({*range(0x20), 0x7F} - set(b"\t\n"))
_C1_MARK = b"\xc2"
_LINE_END = re.compile("[\x0b\x0c\x85]")
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\b\t\n\v\f\r\x1b"))

# Encodings that a page may declare. Python's other codecs are not for text, and some
# take quadratic time.
_DECLARABLE = re.compile(
    r"(?i)utf-?8|us-ascii|latin-?1|iso-?8859-?\d{1,2}|(windows|cp)-?125\d|koi8-?[ru]"
    r"|gb2312|gbk|gb18030|big5(-hkscs)?|shift[_-]jis|euc-(jp|kr)|iso-2022-jp|macintosh"
)
# Browsers decode these as their supersets (WHATWG Encoding).
_SUPERSETS = {
    "us-ascii": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
}

# How texts of seven bits switch to other alphabets, and the encodings that do so.
_ESCAPES = (
    (re.compile(rb"\x1b\$\)C"), ("iso2022_kr",)),
    (
        re.compile(rb"\x1b\$(?:[@B]|\([DOPQ])|\x1b\([IJ]"),
        ("iso2022_jp_ext", "iso2022_jp_2004", "iso2022_jp_2"),
    ),
    (re.compile(rb"~\{(?:[!-w][!-~]){2,}~\}"), ("hz",)),
)


class TooLong(Exception):  # noqa: N818 - reads as a fact
    """Raised when a text exceeds the limit of characters."""


class Decoded(NamedTuple):
    """Text, and how it was decoded."""

    text: str
    encoding: str
    #: The number of undecodable sequences; each became U+FFFD.
    errors: int


def clean(text: str) -> str:
    """Normalise line ends to line feeds, and remove control characters."""
    if "\r" in text:
        # PDFium's line ends; much faster than the regular expression.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _is_printable(text):
        return text
    text = _LINE_END.sub("\n", text)
    return _UNPRINTABLE.sub(lambda found: "\ufffd" if found[0] > "\x9f" else "", text)


def _is_printable(text: str) -> bool:
    """Whether a text has nothing to remove."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:  # surrogates
        return False
    if len(encoded.translate(None, _UNPRINTABLE_BYTES)) < len(encoded):
        return False
    # A search by the regular expression takes several times as long.
    return _C1_MARK not in encoded or _UNPRINTABLE.search(text) is None


def clean_title(title: str) -> str:
    """A title on one line, cut to a displayable length."""
    return " ".join(clean(title).split())[:LONGEST_TITLE]


def decode(
    data: bytes,
    *,
    declared: str | None = None,
    expected: Sequence[str] = (),
    language: str | None = None,
) -> Decoded | None:
    """Decode a file; None if it is binary data.

    Args:
        data: The whole file.
        declared: The encoding that the file declares, if any.
        expected: Encodings to prefer where a text is not UTF-8.
        language: The language to prefer, such as `de`; by default, the locale's.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _decode_as(data, encoding)
    sample = data[:SAMPLE]
    found = _detect_escapes(sample)
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if found is None and controls > MOST_CONTROLS * len(sample):
        found = (
            _detect_wide(sample)
            or guess_wide(sample, expected=expected, language=language)
            or guess_by_blocks(sample)
        )
        if found is None:
            return None
    if found is None:
        try:
            return Decoded(data.decode("utf-8"), "utf-8", 0)
        except UnicodeDecodeError as error:
            first = error.start
        found = _declared(declared) or _nearly_utf8(data)
        found = found or guess(
            _from_line(data, first), expected=expected, language=language
        )
    return _decode_as(data, found) if found else None


def _declared(encoding: str | None) -> str | None:
    """The encoding that a file declares, if it can be that of a text."""
    if encoding is None or not _DECLARABLE.fullmatch(encoding):
        return None
    known = _SUPERSETS.get(encoding.lower(), encoding.lower())
    try:
        return None if codecs.lookup(known).name == "utf-8" else known
    except LookupError:
        return None  # such as ISO-8859-12, which was never published


def _nearly_utf8(data: bytes) -> str | None:
    """Whether a file is UTF-8 with few errors, or is cut off within a character."""
    utf8 = _decode_as(data, "utf-8")
    valid = len(utf8.text) - len(utf8.text.encode("ascii", "ignore")) - utf8.errors
    if valid >= VALID_PER_ERROR * utf8.errors:
        return "utf-8"
    cut = utf8.errors == 1 and utf8.text.endswith("\ufffd")
    return "utf-8" if cut and valid else None


def _from_line(data: bytes, first: int) -> bytes:
    """The bytes around the first that are not ASCII, from the beginning of a line."""
    # Everything before may be ASCII, which does not help to guess.
    begin = max(0, first - SAMPLE // 2)
    line = data.find(b"\n", begin, first) + 1 if begin else 0
    return data[line or begin :][:SAMPLE]


def _decode_as(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, "replace")
    return Decoded(text, encoding, text.count("\ufffd"))


def _detect_wide(sample: bytes) -> str | None:
    """Detect UTF-16 or UTF-32 without a byte order mark by the positions of zeros."""
    zeros = [sample[offset::4].count(0) for offset in range(4)]
    most = len(sample) / 4 * 0.7
    pattern = "".join("0" if count >= most else "x" for count in zeros)
    encoding = {
        "x000": "utf-32-le",
        "000x": "utf-32-be",
        "x0x0": "utf-16-le",
        "0x0x": "utf-16-be",
    }.get(pattern)
    if encoding is None:
        return None
    text = sample.decode(encoding, "replace")
    controls = sum(len(found[0]) for found in re.finditer(r"[\x00-\x08\ufffd]+", text))
    return encoding if controls <= 1 + MOST_CONTROLS * len(text) else None


def _detect_escapes(sample: bytes) -> str | None:
    """Detect the encodings of seven bits that switch alphabets by escapes."""
    if b"\x1b" not in sample and b"~{" not in sample:
        return None
    if not sample.isascii():
        return None
    for pattern, encodings in _ESCAPES:
        if pattern.search(sample):
            for encoding in encodings:
                try:
                    sample.decode(encoding)
                except UnicodeDecodeError as error:
                    if error.end < len(sample) - 8:
                        continue
                return encoding
    return None
