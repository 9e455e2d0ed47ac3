"""Write numbers of lists: roman, letters, words, circles, and other scripts' digits."""

import unicodedata
from collections.abc import Callable

_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc")),
    *((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
_HEBREW = "אבגדהוזחטיכלמנסעפצקרשת"
_ARABIC = "أبتثجحخدذرزسشصضطظعغفقكلمنهوي"
_ABJAD = "أبجدهوزحطيكلمنسعفصقرشتثخذضظغ"
_AIUEO = (
    "アイウエオカキクケコサシスセソタチツテトナニヌ"
    "ネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
)
_IROHA = (
    "イロハニホヘトチリヌルヲワカヨタレソツネナラムウ"
    "ヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
)
_GANADA = "가나다라마바사아자차카타파하"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_CHICAGO = "*†‡§"
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen"),
)
_TENS = (
    *("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty"),
    "ninety",
)
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_HAN = "〇一二三四五六七八九"
_FORMAL = "零壹貳參肆伍陸柒捌玖"
_HUNDRED = 100
_TEEN = range(10, 20)

#: The maximum number of repetitions of a letter and the largest roman number that is
#: written out.
MOST_REPEATED = 20
LARGEST_ROMAN = 32_767


def counted(number: int, style: str) -> str:
    """A number as Word's style of that name writes it; decimal if it is unknown."""
    write = _STYLES.get(style)
    if number <= 0 and style not in ("decimalZero", "numberInDash", "none"):
        return str(number)
    return write(number) if write else str(number)


def letters(number: int, alphabet: str) -> str:
    """a, b, …, z, aa, bb, …: Word repeats the letter."""
    times = (number - 1) // len(alphabet) + 1
    if times > MOST_REPEATED:
        return str(number)
    return alphabet[(number - 1) % len(alphabet)] * times


def combined_letters(number: int, alphabet: str = _LETTERS) -> str:
    """a, b, …, z, aa, ab, …: as columns of a sheet are counted."""
    found = ""
    while number > 0:
        number, place = divmod(number - 1, len(alphabet))
        found = alphabet[place] + found
    return found


def roman(number: int) -> str:
    """Write i, ii, iii, iv, and so on."""
    if number > LARGEST_ROMAN:
        return str(number)
    found = []
    for value, text in _ROMAN:
        times, number = divmod(number, value)
        found.append(text * times)
    return "".join(found)


def _english(number: int) -> str:
    if number < len(_ONES):
        return _ONES[number]
    if number < _HUNDRED:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    return str(number)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % _HUNDRED in _TEEN else ending}"


def _ordinal_words(number: int) -> str:
    words = _english(number)
    if words.isdigit():
        return _ordinal(number)
    begin, _, last = words.rpartition("-")
    last = _ORDINALS.get(last) or (
        f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    )
    return f"{begin}-{last}" if begin else last


def _han(number: int) -> str:
    """Chinese numbers with their powers of ten, up to 99."""
    if number >= _HUNDRED:
        return "".join(_HAN[int(digit)] for digit in str(number))
    tens, ones = divmod(number, 10)
    begin = "" if not tens else "十" if tens == 1 else f"{_HAN[tens]}十"
    return begin + (_HAN[ones] if ones else "")


def _digits(zero: str, number: int) -> str:
    return "".join(chr(ord(zero) + int(digit)) for digit in str(number))


def _enclosed(name: str, number: int) -> str:
    words = _english(number).upper().replace("-", " ")
    try:
        return unicodedata.lookup(f"{name} {words}")
    except KeyError:
        return f"({number})"


_STYLES: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda n: f"{n:02d}",
    "lowerLetter": lambda n: letters(n, _LETTERS),
    "upperLetter": lambda n: letters(n, _LETTERS).upper(),
    "lowerRoman": roman,
    "upperRoman": lambda n: roman(n).upper(),
    "ordinal": _ordinal,
    "cardinalText": lambda n: _english(n).capitalize(),
    "ordinalText": lambda n: _ordinal_words(n).capitalize(),
    "hex": lambda n: f"{n:X}",
    "chicago": lambda n: letters(n, _CHICAGO),
    "numberInDash": lambda n: f"- {n} -",
    "none": lambda _: "",
    "decimalEnclosedCircle": lambda n: (
        _enclosed("CIRCLED DIGIT", n)
        if n < 10  # noqa: PLR2004 - Unicode's names
        else _enclosed("CIRCLED NUMBER", n)
    ),
    "decimalEnclosedCircleChinese": lambda n: counted(n, "decimalEnclosedCircle"),
    "decimalEnclosedParen": lambda n: f"({n})",
    "decimalEnclosedFullstop": lambda n: f"{n}.",
    "decimalFullWidth": lambda n: _digits("\uff10", n),
    "decimalFullWidth2": lambda n: _digits("\uff10", n),
    "ideographDigital": lambda n: "".join(_HAN[int(d)] for d in str(n)),
    "japaneseDigitalTenThousand": lambda n: "".join(_HAN[int(d)] for d in str(n)),
    "taiwaneseDigital": lambda n: "".join(_HAN[int(d)] for d in str(n)),
    "chineseCounting": _han,
    "chineseCountingThousand": _han,
    "japaneseCounting": _han,
    "taiwaneseCounting": _han,
    "taiwaneseCountingThousand": _han,
    "chineseLegalSimplified": lambda n: "".join(_FORMAL[int(d)] for d in str(n)),
    "ideographTraditional": lambda n: letters(n, _STEMS),
    "aiueo": lambda n: letters(n, _AIUEO),
    "aiueoFullWidth": lambda n: letters(n, _AIUEO),
    "iroha": lambda n: letters(n, _IROHA),
    "irohaFullWidth": lambda n: letters(n, _IROHA),
    "ganada": lambda n: letters(n, _GANADA),
    "hebrew1": lambda n: letters(n, _HEBREW),
    "hebrew2": lambda n: letters(n, _HEBREW),
    "arabicAlpha": lambda n: letters(n, _ARABIC),
    "arabicAbjad": lambda n: letters(n, _ABJAD),
    "russianLower": lambda n: letters(n, _RUSSIAN),
    "russianUpper": lambda n: letters(n, _RUSSIAN).upper(),
    "greekLower": lambda n: letters(n, _GREEK),
    "hindiNumbers": lambda n: _digits("\u0966", n),
    "thaiNumbers": lambda n: _digits("\u0e50", n),
    "arabicIndic": lambda n: _digits("\u0660", n),
}
