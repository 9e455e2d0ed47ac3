"""Show numbers as a spreadsheet shows them, by number formats such as `#,##0.00 "€"`.

The formats are those of Office Open XML (ECMA-376, part 1, 18.8.30). Numbers are
written with a decimal point and English names of months, whatever the user's locale.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from docprogress.steps.sheets.dates import show_date
from docprogress.steps.sheets.numbers import show_general, show_number
from docprogress.steps.sheets.tokens import Token, sections

#: The longest number format, in characters; Excel accepts 255.
LONGEST_FORMAT = 255

#: Formats that a file refers to by number alone. Those that depend on the user's
#: locale show dates as ISO 8601 does.
BUILT_IN: dict[int, str] = {
    0: "General",
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0;-"$"#,##0',
    6: '"$"#,##0;-"$"#,##0',
    7: '"$"#,##0.00;-"$"#,##0.00',
    8: '"$"#,##0.00;-"$"#,##0.00',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33), "h:mm:ss"),
    **dict.fromkeys((34, 35), "h:mm"),
    37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    41: "#,##0;-#,##0;-",
    42: '"$"#,##0;-"$"#,##0;"$"-',
    43: "#,##0.00;-#,##0.00;-",
    44: '"$"#,##0.00;-"$"#,##0.00;"$"-',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, limit: value < limit,
    ">": lambda value, limit: value > limit,
    "=": lambda value, limit: value == limit,
    "<=": lambda value, limit: value <= limit,
    ">=": lambda value, limit: value >= limit,
    "<>": lambda value, limit: value != limit,
}


@dataclass(frozen=True, slots=True)
class _Section:
    tokens: tuple[Token, ...]
    #: Whether a number belongs to the section; None if it has no condition.
    holds: tuple[str, float] | None
    date: bool


class NumberFormat:
    """A compiled number format.

    Args:
        code: The format, as the file has it.
    """

    def __init__(self, code: str) -> None:
        if len(code) > LONGEST_FORMAT:
            code = "General"
        compiled = [_section(tokens) for tokens in sections(code)]
        text = [one for one in compiled if any(t.kind == "at" for t in one.tokens)]
        self._text = text[-1].tokens if text else None
        if len(compiled) > 3:  # noqa: PLR2004 - the fourth is that of texts
            self._text = self._text or compiled[3].tokens
        self._sections = compiled[:3]

    @property
    def date(self) -> bool:
        """Whether it shows numbers as dates or times."""
        return self._sections[0].date

    def show(self, value: float, *, since_1904: bool = False) -> str:
        """A number as it is shown."""
        section, sign = self._choose(value)
        tokens = section.tokens
        shown: str | None
        if section.date:
            shown = show_date(value, tokens, since_1904=since_1904)
            if shown is None:
                return show_general(value)
        elif any(token.kind in ("general", "at") for token in tokens):
            general = show_general(abs(value))
            shown = sign + "".join(
                general if token.kind in ("general", "at") else _literal(token)
                for token in tokens
            )
        else:
            shown = show_number(abs(value), tokens)
            if any(c in "123456789" for c in shown) or value == 0:
                shown = sign + shown
        return " ".join(shown.split())

    def show_text(self, text: str) -> str:
        """A text as it is shown."""
        if self._text is None:
            return text
        return "".join(
            text if token.kind == "at" else _literal(token) for token in self._text
        )

    def _choose(self, value: float) -> tuple[_Section, str]:
        """The section for a number, and the sign to write before it."""
        sections = self._sections
        minus = "-" if value < 0 else ""
        if any(section.holds for section in sections):
            place = self._conditional(value)
            return sections[place], "" if place == 1 and value < 0 else minus
        place = 1 if value < 0 else 2 if value == 0 else 0
        if place < len(sections):
            return sections[place], "" if place == 1 else minus
        return sections[0], minus

    def _conditional(self, value: float) -> int:
        """The place of the section for a number, if some have conditions."""
        last = len(self._sections) - 1
        for place, section in enumerate(self._sections):
            if section.holds is None:
                suits = place == last or (value > 0 if place == 0 else value < 0)
            else:
                comparison, limit = section.holds
                suits = _COMPARISONS[comparison](value, limit)
            if suits:
                return place
        return last


@lru_cache(maxsize=1024)
def number_format(code: str) -> NumberFormat:
    """The format of this code, compiled once."""
    return NumberFormat(code)


def _literal(token: Token) -> str:
    return token.value if token.kind in ("text", "percent", "point", "comma") else ""


def _section(tokens: list[Token]) -> _Section:
    holds = None
    kept = []
    for token in tokens:
        if token.kind == "condition":
            sign, number = token.value.split(" ")
            holds = (sign, float(number))
        else:
            kept.append(token)
    date = any(token.kind in ("date", "elapsed") for token in kept)
    if not date:
        kept = [one for token in kept for one in _decimals(token)]
    return _Section(tuple(kept), holds, date)


def _decimals(token: Token) -> list[Token]:
    """The decimals of a number, which look like the fraction of a second."""
    if token.kind != "second":
        return [token]
    return [Token("point", "."), *[Token("digit", "0")] * (len(token.value) - 1)]
