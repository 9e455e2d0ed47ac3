"""Measure how many texts of each encoding are decoded exactly: `run.py encodings`.

The texts are Sphinx's translations, which the models were not made of. Beside it, what
`charset-normalizer` and, where they are installed, `chardet` and `cchardet` do.
"""

import gettext
import importlib
import random
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from measuring import Row

from docprogress.steps import text

#: The languages that are written in each encoding.
ENCODINGS = {
    "utf-8": "de ru ja zh_CN",
    "cp1252": "de fr es it pt nl sv da nb fi ca is gl",
    "iso8859-15": "de fr es fi",
    "mac_roman": "de fr es",
    "cp850": "de fr es",
    "cp1250": "pl cs sk hu sl hr ro",
    "iso8859-2": "pl cs sk hu sl hr ro",
    "cp852": "pl cs hu",
    "cp1251": "ru uk bg sr mk",
    "koi8-r": "ru",
    "koi8-u": "uk",
    "iso8859-5": "ru",
    "cp866": "ru",
    "mac_cyrillic": "ru",
    "cp1253": "el",
    "iso8859-7": "el",
    "cp1254": "tr",
    "iso8859-9": "tr",
    "cp1255": "he",
    "iso8859-8": "he",
    "cp1256": "ar",
    "iso8859-6": "ar",
    "cp1257": "lt lv et",
    "iso8859-13": "lt lv",
    "cp1258": "vi",
    "cp932": "ja",
    "euc_jp": "ja",
    "iso2022_jp": "ja",
    "gb18030": "zh_CN zh_TW",
    "gbk": "zh_CN",
    "gb2312": "zh_CN",
    "big5": "zh_TW",
    "cp949": "ko",
    "euc_kr": "ko",
    "iso2022_kr": "ko",
    "utf-16-le": "zh_CN zh_TW ja ko ru de",
    "utf-16-be": "zh_CN ja ko ru de",
}

#: Lengths in bytes, and the share of texts that must be decoded exactly.
WANTED = {(20, 60): 0.90, (60, 200): 0.95, (200, 600): 0.98}

_CATALOGS = {"sr": "sr_RS", "uk": "uk_UA"}
_PLACEHOLDER = re.compile(r"%\([^)]*\)\w|%\w|\{\w*\}")

Decoder = Callable[[bytes, str], str | None]


class Sample(NamedTuple):
    """A text, in an encoding."""

    encoding: str
    language: str
    text: str
    data: bytes


def lines_of(language: str) -> list[str]:
    """The translations into a language; none if there are none."""
    sphinx = Path(importlib.import_module("sphinx").__file__ or "").parent
    name = _CATALOGS.get(language, language)
    path = sphinx / "locale" / name / "LC_MESSAGES/sphinx.mo"
    if not path.exists():
        return []
    with path.open("rb") as file:
        catalog = gettext.GNUTranslations(file)._catalog
    return [
        _PLACEHOLDER.sub("", text)
        for key, text in sorted(catalog.items(), key=str)
        if key and isinstance(text, str) and text != key and len(text) > 8
    ]


def samples(band: tuple[int, int], count: int, seed: int = 1) -> Iterator[Sample]:
    """So many texts of each encoding and language, of this length."""
    chance = random.Random(seed)
    known: dict[str, list[str]] = {}
    for encoding, languages in ENCODINGS.items():
        for language in languages.split():
            lines = known.setdefault(language, lines_of(language))
            found = 0
            for _ in range(40 * count if lines else 0):
                text = _encodable(_cut(lines, band, chance), encoding)
                data = text.encode(encoding)
                if len(data) > band[1]:
                    text = text[: len(text) * band[1] // len(data)]
                    data = text.encode(encoding)
                special = not data.isascii() or b"\x1b" in data or b"\0" in data
                if special and band[0] <= len(data) <= band[1]:
                    yield Sample(encoding, language, text, data)
                    found += 1
                if found == count:
                    break


def ours(data: bytes, language: str, *, locale: bool = False) -> str | None:
    """What docprogress reads."""
    spoken = {"zh_CN": "zh", "zh_TW": "zh-tw", "nb": "no"}.get(language, language)
    found = text.decode(data, language=spoken if locale else "none")
    return found and found.text


def decoders() -> dict[str, Decoder]:
    """What is compared, by name."""
    found: dict[str, Decoder] = {
        "docprogress": ours,
        "docprogress, locale known": lambda data, spoken: ours(
            data, spoken, locale=True
        ),
    }
    for name in ("charset_normalizer", "chardet", "cchardet"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        found[name] = _other(module.detect)
    return found


def rows(count: int) -> Iterator[Row]:
    """The share of texts that are decoded exactly, `count` of each kind."""
    names = decoders()
    for band, wanted in WANTED.items():
        exact: Counter[str] = Counter()
        seconds: Counter[str] = Counter()
        tried = list(samples(band, count))
        for sample in tried:
            for name, decode in names.items():
                began = time.perf_counter()
                exact[name] += decode(sample.data, sample.language) == sample.text
                seconds[name] += time.perf_counter() - began
        shown = {
            name: f"{exact[name] / len(tried):.1%} in "
            f"{1000 * seconds[name] / len(tried):.0f} ms"
            for name in names
        }
        ours_shown = shown.pop("docprogress")
        yield Row(
            what=f"texts of {band[0]} to {band[1]} bytes decoded exactly",
            ours=ours_shown,
            against="; ".join(f"{name} {value}" for name, value in shown.items()),
            wanted=f"≥ {wanted:.0%}",
            ok=exact["docprogress"] >= wanted * len(tried),
        )


def _other(detect: Callable[[bytes], dict[str, str | None]]) -> Decoder:
    def decode(data: bytes, _: str) -> str | None:
        encoding = detect(data)["encoding"]
        try:
            return data.decode(encoding) if encoding else None
        except (LookupError, ValueError):
            return None

    return decode


def _cut(lines: list[str], band: tuple[int, int], chance: random.Random) -> str:
    length = chance.randint(*band)
    place = chance.randrange(len(lines))
    found = ""
    while len(found) < length:
        found += lines[place % len(lines)] + "\n"
        place += 1
    return found[:length]


def _encodable(text: str, encoding: str) -> str:
    """The text as far as the encoding has its characters."""
    if encoding == "cp1258":
        text = "".join(map(_vietnamese, text))
    return text.encode(encoding, "ignore").decode(encoding)


def _vietnamese(character: str) -> str:
    """A letter with its tone apart, as windows-1258 has it."""
    if character.encode("cp1258", "ignore"):
        return character
    base, *marks = unicodedata.normalize("NFD", character)
    for mark in marks:
        joined = unicodedata.normalize("NFC", base + mark)
        if len(joined) == 1 and joined.encode("cp1258", "ignore"):
            rest = "".join(other for other in marks if other != mark)
            return joined + rest
    return base + "".join(marks)
