"""Write text with emphasis, code and links as Markdown that shows the same text."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

from docprogress.structure import escaped, escaped_begin

BOLD, ITALIC, CODE, STRIKE = 1, 2, 4, 8

#: A piece of text, its style, and the address that it links to.
Span = tuple[str, int, str]

#: The longest address that is written, in characters.
LONGEST_LINK = 2_000

_TICKS = re.compile(r"`+")
_LAST_MARKS = re.compile(r"(?<=[ \t])(#+)$|^(#+)$")
_SCHEME = re.compile(r"[\s\x00-\x1f]*([A-Za-z][\w+.-]*)\s*:")
_UNSAFE = ("javascript", "data", "vbscript", "blob", "file", "about")
_MARKS = {BOLD: "**", ITALIC: "*", BOLD | ITALIC: "***"}


def paragraph(text: str) -> str:
    """Inline Markdown as a paragraph, whose line breaks are hard."""
    if "\n" in text:
        lines = filter(None, (line.strip(" \t") for line in text.split("\n")))
        return "  \n".join(escaped_begin(line) for line in lines)
    return escaped_begin(text.strip())


def plain_text(text: str) -> str:
    """A text without structure as paragraphs that show the same lines."""
    blocks = re.split(r"\n[ \t\r]*\n", escaped(text.replace("\r\n", "\n")))
    return "\n\n".join(filter(None, map(paragraph, blocks)))


def heading(level: int, text: str) -> str:
    """Inline Markdown as a heading."""
    line = _LAST_MARKS.sub(r"\\\g<0>", " ".join(text.split()))
    return f"{'#' * min(max(level, 1), 6)} {line}"


def fenced(code: str, language: str = "") -> str:
    """A block of code."""
    longest = max((len(one) for one in _TICKS.findall(code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def safe_link(address: str) -> str:
    """An address that may be linked to; empty for scripts, data and places within."""
    address = "".join(address.split())
    scheme = _SCHEME.match(address)
    if not address or address.startswith("#") or len(address) > LONGEST_LINK:
        return ""
    if scheme and scheme[1].lower() in _UNSAFE:
        return ""
    return address.replace("<", "%3C").replace(">", "%3E").replace("\\", "%5C")


def inline(spans: Sequence[Span], *, plain: bool = False) -> str:
    """Spans as Markdown; neighbours of the same style are one.

    Args:
        spans: The pieces.
        plain: Whether emphasis is left out, as in a heading.
    """
    if len(spans) == 1 and not spans[0][1] and not spans[0][2]:
        return escaped(spans[0][0])
    if all(not style and not link for _, style, link in spans):
        return escaped("".join([span[0] for span in spans]))
    pieces = _merged(spans, plain=plain)
    out: list[str] = []
    place = 0
    while place < len(pieces):
        link = pieces[place][2]
        end = place + 1
        while link and end < len(pieces) and pieces[end][2] == link:
            end += 1
        text = "".join(_styled(pieces, number) for number in range(place, end))
        out.append(_linked(text, link) if link else text)
        place = end
    return "".join(out)


def _merged(spans: Iterable[Span], *, plain: bool) -> list[Span]:
    shown = [
        (text, CODE if style & CODE else 0 if plain else style, link)
        for text, style, link in spans
    ]
    return [
        ("".join(span[0] for span in same), style, link)
        for (style, link), same in itertools.groupby(shown, lambda span: span[1:])
    ]


def _styled(pieces: list[Span], number: int) -> str:
    text, style, _ = pieces[number]
    core = text.strip()
    if not core or not style:
        return escaped(text)
    begin = text.index(core[0])
    lead, trail = text[:begin], text[begin + len(core) :]
    if style & CODE:
        return f"{lead}{_code(core)}{trail}"
    before = "" if lead else _neighbour(pieces, number, -1)
    after = "" if trail else _neighbour(pieces, number, 1)
    if before and number and pieces[number - 1][1] & (BOLD | ITALIC | STRIKE):
        return escaped(text)  # two pairs of marks would run together
    start, end = 0, len(core)
    # Marks between a letter and a punctuation mark are text (CommonMark 6.2).
    if before and not _breaks(before):
        while start < end and _breaks(core[start]):
            start += 1
    if after and not _breaks(after):
        while end > start and _breaks(core[end - 1]):
            end -= 1
    inner = core[start:end]
    if not inner.strip() or inner != inner.strip():
        return escaped(text)
    marks = _MARKS.get(style & (BOLD | ITALIC), "")
    touched = (before and not _breaks(before)) or (after and not _breaks(after))
    strike = "~~" if style & STRIKE and not (marks and touched) else ""
    marked = f"{strike}{marks}{escaped(inner)}{marks}{strike}"
    return f"{lead}{escaped(core[:start])}{marked}{escaped(core[end:])}{trail}"


def _neighbour(pieces: list[Span], number: int, step: int) -> str:
    """The character before or after a piece."""
    other = number + step
    if not 0 <= other < len(pieces):
        return ""
    return pieces[other][0][-1 if step < 0 else 0 : None if step < 0 else 1]


def _breaks(character: str) -> bool:
    """Whether it is white space or punctuation."""
    return character.isspace() or unicodedata.category(character)[0] in "PS"


def _code(text: str) -> str:
    text = " ".join(text.split("\n"))
    longest = max((len(one) for one in _TICKS.findall(text)), default=0)
    if not longest:
        return f"`{text}`"
    ticks = "`" * (longest + 1)
    return f"{ticks} {text} {ticks}"


def _linked(text: str, link: str) -> str:
    core = text.strip()
    if not core:
        return text
    begin = text.index(core[0])
    if link.count("(") != link.count(")") or " " in link:
        link = f"<{link}>"
    return f"{text[:begin]}[{core}]({link}){text[begin + len(core) :]}"
