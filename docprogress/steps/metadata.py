"""What documents say of themselves, under the same names and in the same form.

Dates are in ISO 8601 and languages are tags such as `de-AT`, whatever the format of the
file writes.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from docprogress.formatting import plural

#: The facts that are dates.
DATES = ("created", "modified")

#: The warning about invisible text that was left out.
HIDDEN_TEXT = "hidden text was left out"

#: The maximum number of pages that are named in a warning.
MOST_NUMBERS = 20
_LONGEST_DATE = 64

_PARTIAL = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2]))?")
_WRITTEN = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?[.\d]*[ ]?(Z|[+-]\d\d:?\d\d)?)?"
)
_LANGUAGE = re.compile(
    r"(?!(?:und|zxx|mul|x)\b)[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}"
)


def tidy(facts: dict[str, Any]) -> None:
    """Normalize dates and the language, and drop invalid values."""
    for name in DATES:
        if name in facts:
            _set(facts, name, iso_date(facts[name]))
    if "language" in facts:
        _set(facts, "language", language(facts["language"]))


def add_warning(facts: dict[str, Any], warning: str) -> None:
    """Add what was left out of a document, or may be wrong with it."""
    facts["warnings"] = list(dict.fromkeys([*facts.get("warnings", ()), warning]))


def numbered(unit: str, numbers: Sequence[int]) -> str:
    """Pages by their numbers, for people: "pages 3, 7 and 12"."""
    if len(numbers) == 1:
        return f"{unit} {numbers[0]}"
    if len(numbers) > MOST_NUMBERS:
        shown = ", ".join(map(str, numbers[:MOST_NUMBERS]))
        return f"{unit}s {shown} and {plural(len(numbers) - MOST_NUMBERS, 'other')}"
    return f"{unit}s {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def iso_date(written: object) -> str | None:
    """A date, maybe with its time, in ISO 8601; None if it is none.

    Unknown parts are left out: the time, the day, the offset from UTC.
    """
    text = str(written).strip()[:_LONGEST_DATE]
    if _PARTIAL.fullmatch(text):
        return text if text[:4] != "0000" else None
    for parsed in (date.fromisoformat, datetime.fromisoformat, _written, _mailed):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            return parsed(text).isoformat()
    return None


def _written(text: str) -> date:
    """A date with a sign between its parts, maybe with a time."""
    found = _WRITTEN.match(text)
    if found is None:
        raise ValueError(text)
    year, month, day, *clock, offset = found.groups()
    day_only = date(int(year), int(month), int(day))
    if clock[0] is None:
        return day_only
    hour, minute, second = (f"{part or 0:0>2}" for part in clock)
    return datetime.fromisoformat(
        f"{day_only.isoformat()}T{hour}:{minute}:{second}{offset or ''}"
    )


def _mailed(text: str) -> date:
    return parsedate_to_datetime(text)


def language(written: object) -> str | None:
    """A language as a tag, such as `en` or `pt-BR`; None if it is none."""
    found = _LANGUAGE.fullmatch(str(written).strip().replace("_", "-"))
    if found is None:
        return None
    name, *parts = found[0].split("-")
    return "-".join([name.lower(), *map(_subtag, parts)])


def _subtag(part: str) -> str:
    if len(part) == 2:  # noqa: PLR2004 - a country
        return part.upper()
    # Four letters are a script.
    return part.title() if len(part) == 4 and part.isalpha() else part  # noqa: PLR2004


def _set(facts: dict[str, Any], name: str, value: str | None) -> None:
    if value is None:
        del facts[name]
    else:
        facts[name] = value
