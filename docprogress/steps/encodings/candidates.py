"""The encodings that are tried, how frequent they are, and the languages they serve."""

import codecs
from collections.abc import Sequence
from typing import NamedTuple

_WESTERN = "en de fr es it pt nl sv da no fi ca is gl eu af sq ga id sw"
_CENTRAL = "pl cs sk hu sl hr ro sq de"
_EVERY = "zh ja ko zh-tw ru uk bg el he ar fa th tr vi pl en de fr"
_CYRILLIC = "ru uk bg sr mk be"


class Candidate(NamedTuple):
    """An encoding, and the logarithm of how likely it is before a text is seen."""

    encoding: str
    prior: float
    languages: tuple[str, ...]
    #: Whether characters have more than one byte.
    wide: bool = False


def _of(
    encoding: str, prior: float, languages: str, *, wide: bool = False
) -> Candidate:
    return Candidate(encoding, prior, tuple(languages.split()), wide)


CANDIDATES = (
    _of("cp1252", 0, _WESTERN),
    _of("iso8859-15", -5, _WESTERN),
    _of("mac_roman", -6, _WESTERN),
    _of("cp850", -5, _WESTERN),
    _of("cp437", -6, _WESTERN),
    _of("cp858", -8, _WESTERN),
    _of("cp1250", -1, _CENTRAL),
    _of("iso8859-2", -2, _CENTRAL),
    _of("cp852", -5, _CENTRAL),
    _of("mac_latin2", -8, _CENTRAL),
    _of("iso8859-16", -6, "ro pl hu hr sl"),
    _of("cp1251", -1, _CYRILLIC),
    _of("koi8-r", -2, "ru bg"),
    _of("koi8-u", -2.5, "uk be ru"),
    _of("iso8859-5", -4, _CYRILLIC),
    _of("cp866", -3, "ru bg be uk"),
    _of("cp855", -7, _CYRILLIC),
    _of("cp1125", -6, "uk"),
    _of("mac_cyrillic", -6, _CYRILLIC),
    _of("cp1253", -1, "el"),
    _of("iso8859-7", -2, "el"),
    _of("cp737", -5, "el"),
    _of("cp869", -6, "el"),
    _of("mac_greek", -7, "el"),
    _of("cp1254", -1.5, "tr"),
    _of("iso8859-9", -2, "tr"),
    _of("cp857", -5, "tr"),
    _of("mac_turkish", -7, "tr"),
    _of("iso8859-3", -7, "tr"),
    _of("cp1255", -1, "he"),
    _of("iso8859-8", -2, "he"),
    _of("cp862", -5, "he"),
    _of("cp1256", -1, "ar fa ur"),
    _of("iso8859-6", -2, "ar"),
    _of("cp864", -8, "ar"),
    _of("cp1257", -1.5, "lt lv et"),
    _of("iso8859-13", -2.5, "lt lv et"),
    _of("iso8859-4", -4, "lt lv et"),
    _of("iso8859-10", -7, "lt lv et is no"),
    _of("cp775", -6, "lt lv et"),
    _of("iso8859-14", -7, "cy ga"),
    _of("mac_iceland", -8, "is"),
    _of("cp861", -6, "is"),
    _of("cp865", -6, "no da"),
    _of("cp860", -7, "pt"),
    _of("cp863", -7, "fr"),
    _of("cp1258", -2, "vi"),
    _of("cp874", -1, "th"),
    _of("cp932", -1, "ja", wide=True),
    _of("euc_jis_2004", -2, "ja", wide=True),
    _of("gb18030", -1, "zh zh-tw", wide=True),
    _of("big5hkscs", -2, "zh-tw", wide=True),
    _of("cp950", -1.5, "zh-tw", wide=True),
    _of("cp949", -1, "ko", wide=True),
    _of("johab", -8, "ko", wide=True),
)

#: UTF-16 without a byte order mark is compared with these.
WIDE = (
    _of("utf-16-le", -6, _EVERY, wide=True),
    _of("utf-16-be", -7, _EVERY, wide=True),
)

#: Encodings by their supersets, which are the ones that are tried.
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "tis_620": "cp874",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_jp": "euc_jis_2004",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "euc_kr": "cp949",
    "utf-16": "utf-16-le",
}


def candidates_for(expected: Sequence[str]) -> tuple[list[Candidate], set[str]]:
    """Candidates for the encodings that are expected, and the names of all of these."""
    names = set()
    for name in expected:
        known = codecs.lookup(name).name
        names.add(_SUPERSETS.get(known, known))
    tried = {one.encoding for one in (*CANDIDATES, *WIDE)}
    return [_of(name, 0, _EVERY) for name in sorted(names - tried)], names
