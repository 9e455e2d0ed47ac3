"""Inline Markdown to plain text, and plain text to inline Markdown.

`plain(escaped(text))` is `text`, apart from white space at the ends of lines.
"""

import html
import re
from bisect import bisect_left
from collections import defaultdict

_MARKUP = re.compile(r"[\\`*_~\[<&]")
# Cells of tables often have nothing but escaped signs and line breaks.
_RARE = re.compile(r"(?<!\\)[`*_~\[&]|\\\\|<(?!br>)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])|<br>")

_TOKEN = re.compile(
    r"""\\(?P<escape>[!-/:-@\[-`{-~])
    | (?P<ticks>`+)
    | <(?P<address>[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.+-]{1,64}@[\w.-]{1,255})>
    | (?P<tag><[A-Za-z/!?][^<>]*>)
    | (?P<entity>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)
    | (?P<run>\*+|_+|~~+)
    | (?P<open>!?\[)
    | (?P<close>\])""",
    re.VERBOSE,
)
_BREAK = re.compile(r"<br\s{0,9}/?>", re.IGNORECASE)
_TARGET = re.compile(
    r"""\(\s{0,99}
    (?:<[^<>\n]{0,4096}>|[^\s()<]{0,4096}(?:\([^\s()]{0,4096}\)[^\s()]{0,4096}){0,9})
    (?:\s{1,99}(?:"[^"]{0,999}"|'[^']{0,999}'))?
    \s{0,99}\)""",
    re.VERBOSE,
)

_SUSPECT = re.compile(r"[\\`*_~\[\]<&]")
_SPECIAL = re.compile(
    r"[\\`*<\[\]]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|(?<=~)~"
    r"|&(?=\#\d{1,7};|\#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)"
)

# What begins a block, or makes a heading or a rule of the line before.
_BEGIN = re.compile(
    r"(?m)^(?:(?P<sign>#{1,6}(?:[ \t]|$)|[-+](?:[ \t]|$)|>|\||~~~|=+[ \t]*$|-[-\s|:]*$)"
    r"|(?P<number>\d{1,9})(?P<point>[.)](?:[ \t]|$)))"
)
_BEGINNINGS = frozenset("#-+>|~=0123456789")


def plain(markdown: str) -> str:
    """The text of inline Markdown: without emphasis, links, tags and escapes.

    A line break (`<br>`) becomes a line end.
    """
    if _MARKUP.search(markdown) is None:
        return markdown
    if _RARE.search(markdown) is None:
        return _ESCAPE.sub(_unescaped, markdown)
    return _Inline(markdown).text()


def escaped(text: str) -> str:
    """Text as inline Markdown: with a backslash before what would be markup."""
    if _SUSPECT.search(text) is None:
        return text  # much faster than the other expression
    return _SPECIAL.sub(_with_backslash, text)


def _with_backslash(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def escaped_begin(markdown: str) -> str:
    """A line of inline Markdown, not to be taken for a heading, list, quote or rule."""
    if markdown[:1] not in _BEGINNINGS:
        return markdown
    return _BEGIN.sub(_escaped_begin, markdown)


def _escaped_begin(found: re.Match[str]) -> str:
    if found["number"]:
        return f"{found['number']}\\{found['point']}"
    return f"\\{found['sign']}"


def _unescaped(found: re.Match[str]) -> str:
    return found[1] or "\n"


class _Inline:
    """One scan over inline Markdown.

    A delimiter is kept until its counterpart is found, which removes both.
    """

    def __init__(self, markdown: str) -> None:
        self._source = markdown
        self._pieces: list[str] = []
        # Open delimiters by their character: the piece, and how many are left of it.
        self._runs: dict[str, list[list[int]]] = defaultdict(list)
        self._brackets: list[int] = []
        self._ticks: dict[int, list[int]] | None = None

    def text(self) -> str:
        source, pieces = self._source, self._pieces
        place = 0
        while found := _TOKEN.search(source, place):
            pieces.append(source[place : found.start()])
            place = found.end()
            match found.lastgroup:
                case "escape" | "address":
                    pieces.append(found[found.lastgroup])
                case "ticks":
                    place = self._code(found.start(), place)
                case "tag":
                    pieces.append("\n" if _BREAK.fullmatch(found[0]) else "")
                case "entity":
                    pieces.append(html.unescape(found[0]))
                case "run":
                    self._run(found.start(), place)
                case "open":
                    self._brackets.append(len(pieces))
                    pieces.append(found[0])
                case _:
                    place = self._close(place)
        pieces.append(source[place:])
        return "".join(pieces)

    def _code(self, start: int, place: int) -> int:
        """Add a code span, or its backticks if it has no end."""
        if self._ticks is None:
            self._ticks = defaultdict(list)
            for run in re.finditer("`+", self._source):
                self._ticks[len(run[0])].append(run.start())
        size = place - start
        ends = self._ticks[size]
        index = bisect_left(ends, place)
        if index == len(ends):
            self._pieces.append(self._source[start:place])
            return place
        code = self._source[place : ends[index]]
        if code[:1] == " " == code[-1:] and code.strip():
            code = code[1:-1]
        self._pieces.append(code)
        return ends[index] + size

    def _run(self, start: int, end: int) -> None:
        sign, left = self._source[start], end - start
        before = self._source[start - 1] if start else " "
        after = self._source[end] if end < len(self._source) else " "
        # Unlike CommonMark, punctuation beside a delimiter does not matter: writers
        # rarely know of it, least of all in scripts without spaces.
        opens, closes = not after.isspace(), not before.isspace()
        if sign == "_":
            opens, closes = (
                opens and not before.isalnum(),
                closes and not after.isalnum(),
            )
        stack = self._runs[sign]
        while closes and left and stack:
            piece, count = stack[-1]
            used = min(left, count)
            left -= used
            stack[-1][1] = count - used
            self._pieces[piece] = sign * (count - used)
            if used == count:
                stack.pop()
        if opens and left:
            stack.append([len(self._pieces), left])
        self._pieces.append(sign * left)

    def _close(self, place: int) -> int:
        """Add a closing bracket, unless it ends a link, of which the text stays."""
        opened = self._brackets.pop() if self._brackets else None
        target = _TARGET.match(self._source, place) if opened is not None else None
        if opened is None or target is None:
            self._pieces.append("]")
            return place
        self._pieces[opened] = ""
        return target.end()
