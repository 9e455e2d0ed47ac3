"""Decode bytes: detect the encoding, and remove control characters."""

import codecs
import re
import unicodedata
from typing import NamedTuple

import charset_normalizer

#: Bytes that are examined to recognise binary data and to guess an encoding.
SAMPLE = 64 * 1024

#: The shares of control characters and of bytes above 127 beyond which data without a
#: known or declared encoding counts as binary.
MOST_CONTROLS = 0.02
MOST_HIGH = 0.3

#: The share of runs of non-ASCII characters that must be one or two characters beside a
#: lower-case letter to count as accented letters.
ACCENTS = 0.7

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
_LINE_END = re.compile("[\x0b\x0c\x85]")
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\b\t\n\v\f\r\x1b"))
_HIGH = bytes(range(0x80, 0x100))

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

# Letters of cp1250, cp1254 and cp1257 when decoded as cp1252, and symbols inside words.
_NOT_WESTERN = re.compile(r"[šžýðþŠŽÝÐÞ¹³¼¾]|[^\W\d_][¿¡¢£¤¥¦¨©¬®¯°±µ¶º»][^\W\d_]")

_RUN = re.compile(r"[^\x00-\x7f]+")
_ACCENT = re.compile(
    r"(?<=[a-z])[^\x00-\x7f]{1,2}(?![^\x00-\x7f])"
    r"|(?<![^\x00-\x7f])[^\x00-\x7f]{1,2}(?=[a-z])"
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
    if _UNPRINTABLE.search(text) is None:
        return text
    text = _LINE_END.sub("\n", text)
    return _UNPRINTABLE.sub(lambda found: "\ufffd" if found[0] > "\x9f" else "", text)


def clean_title(title: str) -> str:
    """A title on one line, cut to a displayable length."""
    return " ".join(clean(title).split())[:LONGEST_TITLE]


def decode(data: bytes, *, declared: str | None = None) -> Decoded | None:
    """Decode a file; None if it is binary data.

    Args:
        data: The whole file.
        declared: The encoding that the file declares, if any.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _decode_as(data, encoding)
    sample = data[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > MOST_CONTROLS * len(sample):
        wide = _detect_wide(sample)
        return _decode_as(data, wide) if wide else None
    try:
        return Decoded(data.decode("utf-8"), "utf-8", 0)
    except UnicodeDecodeError as error:
        first = error.start
    if declared and _DECLARABLE.fullmatch(declared):
        encoding = _SUPERSETS.get(declared.lower(), declared.lower())
        if codecs.lookup(encoding).name != "utf-8":
            return _decode_as(data, encoding)
    utf8 = _decode_as(data, "utf-8")
    beyond_ascii = len(utf8.text) - len(utf8.text.encode("ascii", "ignore"))
    if beyond_ascii - utf8.errors >= VALID_PER_ERROR * utf8.errors:
        return utf8
    # Everything before `first` may be ASCII, which does not help to guess.
    begin = max(0, first - SAMPLE // 2)
    guess = _guess(data[begin : begin + SAMPLE])
    return _decode_as(data, guess) if guess else None


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


def _guess(sample: bytes) -> str | None:
    best = charset_normalizer.from_bytes(sample).best()
    if best is None:
        high = len(sample) - len(sample.translate(None, _HIGH))
        return "cp1252" if high <= MOST_HIGH * len(sample) else None
    # The detector prefers Central European code pages, and mistakes a few accents for
    # Chinese. Text that is plausible as Western European is taken as such.
    western = sample.decode("cp1252", "ignore")
    if _NOT_WESTERN.search(western) or not (_latin(str(best)) or _accents(western)):
        return best.encoding
    return "cp1252"


def _accents(text: str) -> bool:
    """Whether most non-ASCII characters stand alone within words."""
    return len(_ACCENT.findall(text)) >= ACCENTS * len(_RUN.findall(text))


def _latin(text: str) -> bool:
    return all(
        unicodedata.name(character, "").startswith("LATIN")
        for character in set(text)
        if character > "\x7f" and character.isalpha()
    )
