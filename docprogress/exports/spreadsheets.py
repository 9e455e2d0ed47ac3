"""Cells that spreadsheet programs show as they are.

A cell that begins with a sign such as `=` is a formula, which may send the sheet's
content away or start a program when the file is opened. An apostrophe in front makes
it text. Numbers and list dashes, which only look like formulas, stay as they are.
"""

import re

#: Always formulas, also with the signs of East Asian keyboards; and white space that a
#: program drops before it looks.
_FORMULA = re.compile(
    r"[=@\t\r\n\uff1d\uff20]|[-+\uff0d\uff0b](?=.*[(|!=\[])", re.DOTALL
)


def as_cell(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet would compute it."""
    return f"'{text}" if _FORMULA.match(text) else text
