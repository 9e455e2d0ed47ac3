"""Split number formats into sections and tokens."""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)"?
    | \\(?P<escaped>.)
    | _(?P<width>.)
    | \*(?P<fill>.)
    | \[(?P<bracket>[^\]]*)\]
    | (?P<general>(?i:general))
    | (?P<meridiem>(?i:am/pm|a/p))
    | (?P<exponent>[eE][+-])
    | (?P<second>\.0+(?!\d))
    | (?P<date>(?i:y+|m+|d+|h+|s+|a{3,4}|e+|b+|g+))
    | (?P<digit>[0\#?])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CONDITION = re.compile(r"\s*(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*")
_ELAPSED = re.compile(r"(?i)h+|m+|s+")
_OTHERS = {".": "point", ",": "comma", "%": "percent", "/": "slash", "@": "at"}


class Token(NamedTuple):
    """A part of a section: its kind and its characters."""

    #: `text`, `digit`, `point`, `comma`, `percent`, `slash`, `exponent`, `at`,
    #: `general`, `date`, `elapsed`, `second` (a fraction of
    #: one), `meridiem` or `condition`.
    kind: str
    value: str


def sections(code: str) -> list[list[Token]]:
    """The tokens of each section."""
    found: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(code):
        kind, value = match.lastgroup, match[match.lastgroup or 0]
        if kind == "other" and value == ";":
            found.append([])
        elif (token := _token(str(kind), value)) is not None:
            found[-1].append(token)
    return found


def _token(kind: str, value: str) -> Token | None:
    match kind:
        case "other":
            return Token(_OTHERS.get(value, "text"), value)
        case "quoted" | "escaped":
            return Token("text", value)
        case "width" | "fill":
            return Token("text", " ")
        case "bracket":
            return _bracketed(value)
        case "exponent":
            return Token(kind, value)
    return Token(kind, value.lower())


def _bracketed(value: str) -> Token | None:
    """A currency, a condition, an elapsed time; None for colours and locales."""
    if value.startswith("$"):
        return Token("text", value[1:].split("-", maxsplit=1)[0])
    if condition := _CONDITION.fullmatch(value):
        return Token("condition", f"{condition[1]} {condition[2]}")
    return Token("elapsed", value.lower()) if _ELAPSED.fullmatch(value) else None
