"""Fields and equations of Word documents: what of them is shown."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from docprogress.steps.markdown.inline import LONGEST_LINK, safe_link
from docprogress.steps.readers.ooxml import attribute

_BOXES = {True: "☒", False: "☐"}
_HYPERLINK = re.compile(r'(?i)\s*HYPERLINK\s+(?:"([^"]+)"|([^\s"\\]\S*))')
_OFF = ("0", "false", "off")

#: Pieces of a field's code that are kept.
MOST_PIECES = 100

#: Entries of a form field's list that are kept; Word allows 25.
MOST_ENTRIES = 100


@dataclass(slots=True)
class _Field:
    coding: bool = True
    link: str = ""
    code: list[str] = field(default_factory=list)


def field_link(code: str) -> str:
    """The address that a field's code leads to; empty if it is no link."""
    found = _HYPERLINK.match(code)
    return safe_link(found[1] or found[2]) if found else ""


class Fields:
    """The fields that are open, each in its code or in its result."""

    def __init__(self) -> None:
        #: How many of them are in their codes, where no text is shown.
        self.coding = 0
        #: The address that the text of the innermost link leads to.
        self.link = ""
        self._open: list[_Field] = []

    def begin_simple(self, code: str) -> None:
        """Begin a field that is one element, whose code is known."""
        self._open.append(_Field(coding=False, link=field_link(code)))
        self._update()

    def add_code(self, code: str) -> None:
        """Add a piece of the innermost field's code."""
        if self._open and len(self._open[-1].code) < MOST_PIECES:
            self._open[-1].code.append(code[:LONGEST_LINK])

    def mark(self, kind: str | None) -> None:
        """Begin, separate or end a field."""
        if kind == "begin":
            self._open.append(_Field())
        elif kind == "separate" and self._open:
            last = self._open[-1]
            last.coding, last.link = False, field_link("".join(last.code))
        elif kind == "end" and self._open:
            self._open.pop()
        self._update()

    def end_paragraph(self) -> None:
        """Abandon fields without a result, whose end may be missing."""
        if self.coding:
            self._open = [one for one in self._open if not one.coding]
            self._update()

    def _update(self) -> None:
        self.coding = sum(one.coding for one in self._open)
        links = (one.link for one in reversed(self._open))
        self.link = next(filter(None, links), "")


class Forms:
    """Writes what lists and check boxes show; text fields have it in their result."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._form: dict[str, str] = {}
        self._entries: list[str] = []
        self.start_ddList = self._noting("ddList")
        self.start_checkBox = self._noting("checkBox")
        self.start_checked = self._noting("checked")
        self.start_default = self._noting("default")
        self.start_result = self._noting("result")

    def start_ffData(self, _: dict[str, str]) -> None:  # noqa: N802
        self._form, self._entries = {}, []

    def start_listEntry(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if len(self._entries) < MOST_ENTRIES:
            self._entries.append(attribute(attributes, "val") or "")

    def end_ffData(self) -> None:  # noqa: N802
        form = self._form
        chosen = form.get("result", form.get("default", "0"))
        if "checkBox" in form:
            checked = form.get("checked", form.get("default", "0")) not in _OFF
            self._write(_BOXES[checked])
        elif "ddList" in form and chosen.isdecimal() and len(chosen) < 4:  # noqa: PLR2004
            for entry in self._entries[int(chosen) : int(chosen) + 1]:
                self._write(entry)

    def _noting(self, name: str) -> Callable[[dict[str, str]], None]:
        def note(attributes: dict[str, str]) -> None:
            value = attribute(attributes, "val")
            self._form[name] = "1" if value is None else value

        return note


class Equations:
    """Writes what equations show between their texts: bars, brackets, powers."""

    NAMES: ClassVar[str] = "t d begChr endChr e den sup sub chr"

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._brackets: list[list[str]] = []

    def start_math_d(self, _: dict[str, str]) -> None:
        self._brackets.append(["(", ")"])

    def end_math_d(self) -> None:
        if self._brackets and (end := self._brackets.pop()[1]):
            self._write(end)

    def start_math_begChr(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self._brackets:
            self._brackets[-1][0] = attribute(attributes, "val") or ""

    def start_math_endChr(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self._brackets:
            self._brackets[-1][1] = attribute(attributes, "val") or ""

    def start_math_e(self, _: dict[str, str]) -> None:
        """Open the brackets, once, where what they enclose begins."""
        if self._brackets and self._brackets[-1][0]:
            self._write(self._brackets[-1][0])
            self._brackets[-1][0] = ""

    def start_math_chr(self, attributes: dict[str, str]) -> None:
        if value := attribute(attributes, "val"):
            self._write(value[:1])

    def start_math_den(self, _: dict[str, str]) -> None:
        self._write("/")

    def start_math_sup(self, _: dict[str, str]) -> None:
        self._write("^")

    def start_math_sub(self, _: dict[str, str]) -> None:
        self._write("_")
