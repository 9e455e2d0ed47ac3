"""Format numbers, durations and untrusted text for people to read.

Names and messages may contain anything. `plain` makes them safe for a terminal: no
control sequences, no line breaks, no change of writing direction.
"""

import re
import unicodedata

from rich.cells import cell_len, set_cell_size

#: Characters after which a text is cut.
LONGEST_TEXT = 4_000

#: Combining marks kept on one character.
MOST_MARKS = 2

_FIRST_LETTER = re.compile(r"\A[a-z](?=[a-z\u2019']*(?:[\s,;:!?…]|\Z))")
_BLANKS = re.compile(r"[\s\x1c-\x1f\x85\u2028\u2029]+")
_MARKS = frozenset({"Mn", "Me"})
_UNPRINTABLE = frozenset({"Cc", "Cs", "Co", "Cn"})
#: Bidirectional controls, which would reorder the text beside them.
_BIDI = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)

_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))

_MINUTE, _HOUR, _DAY = 60, 3600, 24 * 3600

#: The seconds to which the ends of a range are rounded.
_ROUND = (
    *(5, 10, 15, 20, 30, 45),
    *(_MINUTE * each for each in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)),
    *(_HOUR * each for each in (1, 2, 3, 4, 5, 6, 8, 10, 12, 18)),
    *(_DAY * each for each in (1, 2, 3, 4, 5, 7, 10, 14, 21, 30)),
)


def one_line(text: str) -> str:
    """`text` on one line and without control characters, for HTML and the like."""
    text = _BLANKS.sub(" ", text[:LONGEST_TEXT]).strip()
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _harmful(character) else character
        for character in text
    )


def plain(text: str) -> str:
    """`text` on one line, safe to print on a terminal."""
    text = one_line(text)
    if text.isascii():
        return text
    shown: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        if category != "Cf" and not _is_selector(character) and marks <= MOST_MARKS:
            # Terminals disagree about the width of joiners and selectors.
            shown.append(character)
    return "".join(shown)


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` cells; a longer one loses its middle."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    tail = (width - 1) // 2
    head = set_cell_size(text, width - 1 - tail).rstrip()
    return f"{head}…{_last_cells(text, tail)}"


def cut(text: str, width: int) -> str:
    """`text` in at most `width` cells; a longer one loses its end."""
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, width - 1).rstrip()}…" if width > 1 else "…"[:width]


def pad(text: str, width: int) -> str:
    """`text` padded with spaces to `width` cells."""
    return text + " " * (width - cell_len(text))


def capitalized(text: str) -> str:
    """`text` with a capital at its beginning, if that is a whole word of plain letters.

    "iOS" and "a.pdf" stay as they are.
    """
    return _FIRST_LETTER.sub(lambda letter: letter[0].upper(), text)


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 page`, `1,204 pages`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def stopwatch(seconds: float) -> str:
    """Elapsed time for a column: `0:07`, `12:30`, `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def duration(seconds: float) -> str:
    """A duration for a sentence: `12.3 s`, `4 min 5 s`, `2 h 10 min`."""
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, name, smaller, small_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // smaller
            many = f"{whole // unit} {name}"
            return f"{many} {rest} {small_name}" if rest else many
    return f"{whole} s"


def remaining(seconds: float | None, between: tuple[float, float] | None = None) -> str:
    """An estimate of the time left, rounded to what such estimates can promise.

    Args:
        seconds: The estimate; None if it would be too far from the truth.
        between: Between which seconds the time left is, which is shown then.
    """
    if seconds is None:
        return "time left unknown" if between is None else _between(*between)
    if seconds < 5:  # noqa: PLR2004 - too short to count
        return "a few seconds left"
    if seconds < _MINUTE - 2.5:
        return f"about {round(seconds / 5) * 5} s left"
    minutes = round(seconds / _MINUTE)
    if minutes >= 10:  # noqa: PLR2004 - round to five minutes
        minutes = round(minutes / 5) * 5
    return f"about {duration(max(minutes, 1) * _MINUTE)} left"


def _between(low: float, high: float) -> str:
    """A range of seconds, rounded so that it becomes no smaller: `2 to 5 min left`."""
    if high < _ROUND[0]:
        return "a few seconds left"
    least = max((each for each in _ROUND if each <= low), default=0)
    most = next((each for each in _ROUND if each >= high), None)
    if most is None:
        return f"more than {_whole(least)} left"
    if not least:
        return f"up to {_whole(most)} left"
    if least == most:
        return f"about {_whole(most)} left"
    unit = _whole(most).partition(" ")[2]
    first = _whole(least).removesuffix(f" {unit}")
    return f"{first} to {_whole(most)} left"


def _whole(seconds: int) -> str:
    """One of the rounded durations."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def byte_size(size: int) -> str:
    """Format a number of bytes: `12.5 MB`."""
    for unit, name in _UNITS:
        if size >= unit:
            value = size / unit
            return f"{value:.1f} {name}" if value < 99.95 else f"{value:.0f} {name}"  # noqa: PLR2004 - three digits are enough
    return f"{size} byte{'' if size == 1 else 's'}"


def rate(per_second: float, noun: str) -> str:
    """A rate per second, minute or hour, whichever reads best: `98 pages/s`."""
    value, unit = per_second, "s"
    for longer in ("min", "h"):
        if value >= 0.95:  # noqa: PLR2004 - rounds to 1.0
            break
        value, unit = value * 60, longer
    number = f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}"  # noqa: PLR2004 - rounds to 10
    return f"{number} {noun}/{unit}"


def _harmful(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in _UNPRINTABLE


def _is_selector(character: str) -> bool:
    return (
        "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    )


def _last_cells(text: str, width: int) -> str:
    """The end of `text`, in at most `width` cells."""
    taken = 0
    for position in range(len(text) - 1, -1, -1):
        taken += cell_len(text[position])
        if taken > width:
            return text[position + 1 :].lstrip()
    return text
