"""Bytes to text: the encoding is found, and what no text may hold is taken out."""

import codecs
import re
import unicodedata
from typing import NamedTuple

import charset_normalizer

#: How many bytes are looked at to tell text from binary data, and to guess an
#: encoding: enough for any alphabet, and no more work for a longer file.
SAMPLE = 64 * 1024

#: The share of control characters and of bytes above 127 beyond which bytes
#: that declare no encoding, and are valid in none that is known, are no text.
MOST_CONTROLS = 0.02
MOST_HIGH = 0.3

#: The share of runs of bytes above 127 that are one or two of them beside a small
#: letter, from which on they are accented letters.
ACCENTS = 0.7

#: A file is UTF-8 with errors, and not another encoding, if it has this many
#: valid characters beyond ASCII for each error.
VALID_PER_ERROR = 20

#: The longest title that is kept, in characters.
LONGEST_TITLE = 300

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does: asked first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Control characters but tab and line feed, and lone surrogates: SQL, JSON or a
# terminal would choke on them, or obey them.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_END = re.compile("[\x0b\x0c\x85]")
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\b\t\n\v\f\r\x1b"))
_HIGH = bytes(range(0x80, 0x100))

# What a page may declare; other codecs of Python's are no alphabets, and some
# take quadratic time.
_DECLARABLE = re.compile(
    r"(?i)utf-?8|us-ascii|latin-?1|iso-?8859-?\d{1,2}|(windows|cp)-?125\d|koi8-?[ru]"
    r"|gb2312|gbk|gb18030|big5(-hkscs)?|shift[_-]jis|euc-(jp|kr)|iso-2022-jp|macintosh"
)
# Browsers read these names as their supersets, and so do pages' authors.
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

# Letters of cp1250, cp1254 and cp1257 in the disguise they wear when they are
# read as cp1252, and signs that do not stand inside words.
_NOT_WESTERN = re.compile(r"[šžýðþŠŽÝÐÞ¹³¼¾]|[^\W\d_][¿¡¢£¤¥¦¨©¬®¯°±µ¶º»][^\W\d_]")

_RUN = re.compile(r"[^\x00-\x7f]+")
_ACCENT = re.compile(
    r"(?<=[a-z])[^\x00-\x7f]{1,2}(?![^\x00-\x7f])"
    r"|(?<![^\x00-\x7f])[^\x00-\x7f]{1,2}(?=[a-z])"
)


class TooLong(Exception):  # noqa: N818 - reads as a fact
    """Raised when there are more characters than there may be."""


class Decoded(NamedTuple):
    """Text, and how it was read."""

    text: str
    encoding: str
    #: How many places could not be decoded; each is a U+FFFD.
    errors: int


def clean(text: str) -> str:
    """`text` with line feeds for all line ends, without control characters."""
    if "\r" in text:
        # What PDFium ends lines with; much quicker than by an expression.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _UNFIT.search(text) is None:
        return text
    text = _LINE_END.sub("\n", text)
    return _UNFIT.sub(lambda unfit: "\ufffd" if unfit[0] > "\x9f" else "", text)


def clean_title(title: str) -> str:
    """A title on one line, of a length that can be shown."""
    return " ".join(clean(title).split())[:LONGEST_TITLE]


def decode(data: bytes, *, declared: str | None = None) -> Decoded | None:
    """The text in `data`; None if it is binary data.

    Args:
        data: A whole file.
        declared: The encoding that the file claims to have, if it does.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _decoded(data, encoding)
    sample = data[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > MOST_CONTROLS * len(sample):
        wide = _wide(sample)
        return _decoded(data, wide) if wide else None
    try:
        return Decoded(data.decode("utf-8"), "utf-8", 0)
    except UnicodeDecodeError as error:
        first = error.start
    if declared and _DECLARABLE.fullmatch(declared):
        encoding = _SUPERSETS.get(declared.lower(), declared.lower())
        if codecs.lookup(encoding).name != "utf-8":
            return _decoded(data, encoding)
    utf8 = _decoded(data, "utf-8")
    beyond_ascii = len(utf8.text) - len(utf8.text.encode("ascii", "ignore"))
    if beyond_ascii - utf8.errors >= VALID_PER_ERROR * utf8.errors:
        return utf8
    # All before `first` may be ASCII, which says nothing.
    begin = max(0, first - SAMPLE // 2)
    guess = _guess(data[begin : begin + SAMPLE])
    return _decoded(data, guess) if guess else None


def _decoded(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, "replace")
    return Decoded(text, encoding, text.count("\ufffd"))


def _wide(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte order mark, by where its zeros are."""
    zeros = [sample[place::4].count(0) for place in range(4)]
    most = len(sample) / 4 * 0.7
    places = "".join("0" if count >= most else "x" for count in zeros)
    encoding = {
        "x000": "utf-32-le",
        "000x": "utf-32-be",
        "x0x0": "utf-16-le",
        "0x0x": "utf-16-be",
    }.get(places)
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
    # The detector likes the code pages of Central Europe too much, and takes a few
    # accents for Chinese: what reads well as Western European is Western European.
    western = sample.decode("cp1252", "ignore")
    if _NOT_WESTERN.search(western) or not (_latin(str(best)) or _accents(western)):
        return best.encoding
    return "cp1252"


def _accents(text: str) -> bool:
    """Whether what is beyond ASCII stands alone within words."""
    return len(_ACCENT.findall(text)) >= ACCENTS * len(_RUN.findall(text))


def _latin(text: str) -> bool:
    return all(
        unicodedata.name(character, "").startswith("LATIN")
        for character in set(text)
        if character > "\x7f" and character.isalpha()
    )
