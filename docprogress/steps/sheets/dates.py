"""Write dates and times by the letters of a number format."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from docprogress.steps.sheets.tokens import Token

#: The first number after 9999-12-31.
END = 2_958_466

#: The maximum number of digits of a fraction of a second.
MOST_DECIMALS = 6

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)

#: 1900-02-29, a date that exists only in spreadsheets.
_NO_DAY = 60


def show_date(
    value: float, tokens: Sequence[Token], *, since_1904: bool = False
) -> str | None:
    """A number as a date or a time; None if it is none."""
    elapsed = any(token.kind == "elapsed" for token in tokens)
    if not math.isfinite(value) or abs(value) >= END or (value < 0 and not elapsed):
        return None
    decimals = max(
        (len(t.value) - 1 for t in tokens if t.kind == "second"),
        default=0,
    )
    unit = 10 ** min(decimals, MOST_DECIMALS)
    clock = elapsed or any(t.kind == "date" and t.value[0] in "hs" for t in tokens)
    ticks = round((abs(value) if clock else int(value)) * 86_400 * unit)
    seconds, part = divmod(ticks, unit)
    moment = _moment(seconds, since_1904=since_1904)
    if moment is None:
        return None
    twelve = any(token.kind == "meridiem" for token in tokens)
    pieces = ["-"] if value < 0 else []
    for place, token in enumerate(tokens):
        match token.kind:
            case "date":
                minutes = token.value in ("m", "mm") and _is_minutes(tokens, place)
                pieces.append(
                    f"{moment.minute:0{len(token.value)}d}"
                    if minutes
                    else _part(token.value, moment, seconds, twelve=twelve)
                )
            case "elapsed":
                size = {"h": 3600, "m": 60, "s": 1}[token.value[0]]
                pieces.append(f"{seconds // size:0{len(token.value)}d}")
            case "second":
                pieces.append(f".{part:0{len(str(unit)) - 1}d}")
            case "meridiem":
                pieces.append(_meridiem(token.value, moment.hour))
            case "text" | "slash" | "comma" | "point":
                pieces.append(token.value)
            case "digit":
                pieces.append("0")
    return "".join(pieces)


def _moment(seconds: int, *, since_1904: bool) -> datetime | None:
    days = seconds // 86_400
    if since_1904:
        origin = datetime(1904, 1, 1)  # noqa: DTZ001 - spreadsheets have no time zones
    elif days >= _NO_DAY:
        origin = datetime(1899, 12, 30)  # noqa: DTZ001
    else:
        origin = datetime(1899, 12, 31)  # noqa: DTZ001
    try:
        return origin + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _is_minutes(tokens: Sequence[Token], place: int) -> bool:
    """Whether `m` means minutes: after hours, or before seconds."""
    letters = [
        (where, token.value[0])
        for where, token in enumerate(tokens)
        if token.kind in ("date", "elapsed")
    ]
    before = [letter for where, letter in letters if where < place]
    after = [letter for where, letter in letters if where > place]
    return before[-1:] == ["h"] or after[:1] == ["s"]


def _part(letters: str, moment: datetime, seconds: int, *, twelve: bool) -> str:
    length = len(letters)
    match letters[0]:
        case "y" if length <= 2:  # noqa: PLR2004
            text = f"{moment.year % 100:02d}"
        case "y" | "e":
            text = f"{moment.year:04d}"
        case "b":
            text = str(moment.year + 543)
        case "m":
            text = _name(_MONTHS, moment.month - 1, length, moment.month)
        case "d" | "a":
            text = _name(_DAYS, _weekday(moment, seconds), length, moment.day)
        case "h":
            hour = (moment.hour - 1) % 12 + 1 if twelve else moment.hour
            text = f"{hour:0{min(length, 2)}d}"
        case "s":
            text = f"{moment.second:0{min(length, 2)}d}"
        case _:
            text = ""
    return text


def _name(names: tuple[str, ...], place: int, length: int, number: int) -> str:
    if length <= 2:  # noqa: PLR2004
        return f"{number:0{length}d}"
    if length == 3:  # noqa: PLR2004
        return names[place][:3]
    return names[place] if length == 4 else names[place][:1]  # noqa: PLR2004


def _weekday(moment: datetime, seconds: int) -> int:
    # Spreadsheets count 1900-02-29, so that the days before it are one off.
    early = moment.year == 1900 and seconds // 86_400 < _NO_DAY  # noqa: PLR2004
    return (moment.weekday() - early) % 7


def _meridiem(letters: str, hour: int) -> str:
    name = "PM" if hour >= 12 else "AM"  # noqa: PLR2004
    return name if letters == "am/pm" else name[0]
