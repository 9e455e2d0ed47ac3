"""Choose the encoding under which bytes are most probably text.

Every candidate decodes a sample. What comes out is scored in each language that the
candidate serves; the best score wins.
"""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from docprogress.steps.encodings.candidates import (
    CANDIDATES,
    WIDE,
    Candidate,
    candidates_for,
)
from docprogress.steps.encodings.scoring import Features, features, score

#: Bytes that are scored; the lines of a longer text that are not ASCII.
SAMPLE = 2048

#: Bytes by which most candidates are ruled out, and by how much they may be worse.
GLANCE = 200
MARGIN = 60.0

#: What the user's language adds to the score, in short texts most.
LOCALE = 6.0

#: What an encoding adds that is expected.
EXPECTED = 25.0

#: What bytes that cannot be decoded cost.
UNDECODABLE = -25.0

#: The least score of each byte of text; less is binary data.
LEAST = -9.0
LEAST_WIDE = -5.0

_LOCALE = re.compile(r"([a-z]{2,3})(?:[_-]([A-Za-z]+))?")


class Guess(NamedTuple):
    """An encoding, and how probable the text is that it makes."""

    candidate: Candidate
    language: str
    score: float
    #: The score of each byte.
    density: float


def guess(
    data: bytes, *, expected: Sequence[str] = (), language: str | None = None
) -> str | None:
    """The most probable encoding of a text that is not UTF-8; None if it is no text.

    Args:
        data: The text, or its beginning.
        expected: Encodings that are preferred.
        language: The language that is preferred; by default, the locale's.
    """
    added, names = candidates_for(expected)
    candidates = (*CANDIDATES, *WIDE, *added)
    return _best(candidates, _sample(data), names, language, LEAST)


def guess_wide(
    data: bytes, *, expected: Sequence[str] = (), language: str | None = None
) -> str | None:
    """The most probable encoding of bytes that are UTF-16 or no text."""
    added, names = candidates_for(expected)
    sample = data[: SAMPLE & ~1]
    return _best((*WIDE, *added), sample, names, language, LEAST_WIDE)


def _best(
    candidates: Sequence[Candidate],
    sample: bytes,
    expected: Collection[str],
    language: str | None,
    least: float,
) -> str | None:
    preferred = language or locale_language()
    if len(sample) > GLANCE + GLANCE // 2:
        # Few candidates suit the beginning.
        first = _ranked(sample[:GLANCE], candidates, expected, preferred)
        most = first[0].score if first else 0.0
        near = [one.candidate for one in first if one.score > most - MARGIN]
        candidates = list(dict.fromkeys(near))
    best = next(iter(_ranked(sample, candidates, expected, preferred)), None)
    return best.candidate.encoding if best and best.density >= least else None


def _ranked(
    sample: bytes,
    candidates: Sequence[Candidate],
    expected: Collection[str],
    language: str | None,
) -> list[Guess]:
    found = guesses(sample, candidates, expected, language)
    return sorted(found, key=lambda one: one.score, reverse=True)


def locale_language() -> str | None:
    """The language of the user's locale, by the variables of the environment."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(name, "")
        if (found := _LOCALE.match(value)) and found[1] not in ("c", "posix"):
            traditional = found[1] == "zh" and (found[2] or "").upper() in (
                *("TW", "HK", "MO"),
            )
            known = {"nb": "no", "nn": "no"}.get(found[1], found[1])
            return "zh-tw" if traditional else known
    return None


def guesses(
    sample: bytes,
    candidates: Sequence[Candidate],
    expected: Collection[str],
    language: str | None,
) -> Iterator[Guess]:
    """The score of each candidate in each of its languages."""
    taken: dict[str, Features] = {}
    scores: dict[tuple[str, str], float] = {}
    for candidate in candidates:
        if candidate in WIDE and len(sample) % 2:
            continue
        text = sample.decode(candidate.encoding, "replace")
        errors = text.count("\ufffd")
        if errors > 1 + len(text) // 100:
            continue
        base = candidate.prior + UNDECODABLE * errors
        if candidate.encoding in expected:
            base += EXPECTED
        if text not in taken:
            taken[text] = features(
                text.replace("\ufffd", ""), compose=candidate.encoding == "cp1258"
            )
        for spoken in candidate.languages:
            if (text, spoken) not in scores:
                scores[text, spoken] = score(taken[text], spoken)
            total = base + scores[text, spoken] + LOCALE * (spoken == language)
            yield Guess(candidate, spoken, total, total / len(sample))


def _sample(data: bytes) -> bytes:
    """Bytes to score: lines that are not ASCII, as many as fit."""
    if len(data) <= SAMPLE:
        return data
    lines, left = [], SAMPLE
    for line in data.splitlines(keepends=True):
        if not line.isascii():
            lines.append(line[:left])
            left -= len(line)
            if left <= 0:
                break
    return b"".join(lines)
