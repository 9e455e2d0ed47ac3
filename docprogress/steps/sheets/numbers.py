"""Write numbers by the digits of a number format."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from docprogress.steps.sheets.tokens import Token

#: The characters of a number in the format "General", decimal point included.
GENERAL_WIDTH = 11

#: Digits that a spreadsheet keeps of a number.
PRECISION = 15

#: From here on, a whole number is written with an exponent.
LARGE = 1e15

#: Below this, a number is written with an exponent.
SMALL = 1e-4

_SHOWN = ("text", "percent", "slash")

_EXACT = Context(prec=400)


def show_general(value: float) -> str:
    """A number without a format: up to ten digits, whole numbers in full."""
    if not math.isfinite(value):
        return "#NUM!"
    size = abs(value)
    if value == int(value) and size < LARGE:
        return str(int(value))
    if size >= LARGE or size < SMALL:
        mantissa, exponent = f"{value:.5E}".split("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}"
    whole = len(str(int(size)))
    text = f"{value:.{max(0, GENERAL_WIDTH - 1 - whole)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show_number(value: float, tokens: Sequence[Token]) -> str:
    """A number that is not negative, by a section of a number format."""
    if not math.isfinite(value):
        return "#NUM!"
    kinds = [token.kind for token in tokens]
    if "digit" not in kinds:
        return "".join(token.value for token in tokens if token.kind == "text")
    number = Decimal(f"{value:.{PRECISION}g}").scaleb(
        2 * kinds.count("percent"), _EXACT
    )
    if "exponent" in kinds:
        return _scientific(number, tokens, kinds.index("exponent"))
    if "slash" in kinds and (shown := _fraction(number, tokens, kinds.index("slash"))):
        return shown
    last = len(kinds) - 1 - kinds[::-1].index("digit")
    point = kinds.index("point") if "point" in kinds else None
    if point is not None and point > last:
        last = point
    thousands = 0
    whole_end = last + 1 if point is None else point
    for place in (last, whole_end - 1):
        while place + 1 < len(kinds) and kinds[place + 1] == "comma":
            thousands += 1
            place += 1  # noqa: PLW2901
        if point is None or last == whole_end - 1:
            break
    return _fixed(number.scaleb(-3 * thousands, _EXACT), tokens, point)


def _fixed(number: Decimal, tokens: Sequence[Token], point: int | None) -> str:
    """A number with a fixed number of decimals."""
    before = tokens if point is None else tokens[:point]
    after = [] if point is None else tokens[point + 1 :]
    decimals = sum(token.kind == "digit" for token in after)
    whole, fraction = _rounded(number, decimals)
    digits = [place for place, token in enumerate(before) if token.kind == "digit"]
    grouped = bool(digits) and any(
        token.kind == "comma" for token in before[digits[0] : digits[-1]]
    )
    text = _whole(whole, before, grouped=grouped)
    if point is None:
        return text
    shown = _after(fraction, after)
    return text + ("." if shown[:1].isdigit() or not after else "") + shown


def _rounded(number: Decimal, decimals: int) -> tuple[str, str]:
    """The digits before and after the point, rounded half away from zero."""
    quantum = Decimal(1).scaleb(-decimals)
    text = f"{number.quantize(quantum, rounding=ROUND_HALF_UP, context=_EXACT):f}"
    whole, _, fraction = text.partition(".")
    return whole.lstrip("0"), fraction


def _whole(digits: str, tokens: Sequence[Token], *, grouped: bool) -> str:
    """The digits before the point, and what stands between and around them."""
    first = next((n for n, token in enumerate(tokens) if token.kind == "digit"), None)
    left = list(digits)
    pieces: list[str] = []
    count = 0
    if first is None:
        pieces.extend(reversed(left))
    for place in range(len(tokens) - 1, -1, -1):
        token = tokens[place]
        if token.kind == "digit":
            # The first placeholder stands for all digits that are left.
            taken = len(left) if place == first else 1
            shown = [left.pop() for _ in range(min(taken, len(left)))]
            for digit in shown or {"0": ["0"], "?": [" "]}.get(token.value, []):
                pieces.append("," if grouped and count and count % 3 == 0 else "")
                pieces.append(digit)
                count += 1
        elif token.kind in _SHOWN:
            pieces.append(token.value[::-1])
    return "".join(pieces)[::-1]


def _after(digits: str, tokens: Sequence[Token]) -> str:
    """The digits after the point, and what stands between and around them."""
    kept = len(digits.rstrip("0"))
    pieces, place = [], 0
    for token in tokens:
        if token.kind == "digit":
            if place < kept or token.value == "0":
                pieces.append(digits[place])
            elif token.value == "?":
                pieces.append(" ")
            place += 1
        elif token.kind in _SHOWN:
            pieces.append(token.value)
    return "".join(pieces)


def _scientific(number: Decimal, tokens: Sequence[Token], place: int) -> str:
    """A number with an exponent."""
    mantissa = tokens[:place]
    kinds = [token.kind for token in mantissa]
    point = kinds.index("point") if "point" in kinds else None
    before = kinds[:point].count("digit") or 1
    decimals = 0 if point is None else kinds[point:].count("digit")
    exponent = number.adjusted() if number else 0
    exponent -= exponent % before if before > 1 else 0
    scaled = number.scaleb(-exponent, _EXACT)
    if scaled and before == 1:
        whole, _ = _rounded(scaled, decimals)
        if len(whole) > 1:  # 9.99 has become 10
            exponent += 1
            scaled = number.scaleb(-exponent, _EXACT)
    sign = "-" if exponent < 0 else "+" if tokens[place].value[1] == "+" else ""
    width = sum(t.kind == "digit" and t.value == "0" for t in tokens[place:])
    rest = "".join(t.value for t in tokens[place:] if t.kind in ("text", "percent"))
    shown = _fixed(scaled, mantissa, point)
    return f"{shown}E{sign}{abs(exponent):0{max(width, 1)}d}{rest}"


def _fraction(number: Decimal, tokens: Sequence[Token], slash: int) -> str | None:
    """A number as a fraction; None if the format is not that of one."""
    below = "".join(
        token.value for token in tokens[slash + 1 :] if token.kind in ("digit", "text")
    ).strip()
    numerator = slash
    while numerator and tokens[numerator - 1].kind == "digit":
        numerator -= 1
    if not below or numerator == slash:
        return None
    mixed = any(token.kind == "digit" for token in tokens[:numerator])
    value = Fraction(number)
    whole = int(value) if mixed else 0
    rest = value - whole
    if below.isdigit() and int(below):
        bottom = int(below)
        top = int(rest * bottom + Fraction(1, 2))
    else:
        digits = min(max(below.count("?") + below.count("#") + below.count("0"), 1), 5)
        near = rest.limit_denominator(10**digits - 1)
        top, bottom = near.numerator, near.denominator
    if mixed and top == bottom:
        whole, top = whole + 1, 0
    if not mixed:
        return f"{top}/{bottom}"
    if not top:
        return str(whole)
    return f"{whole} {top}/{bottom}" if whole else f"{top}/{bottom}"
