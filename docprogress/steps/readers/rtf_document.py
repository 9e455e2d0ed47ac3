"""Follow the groups and control words of an RTF file."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from mmap import mmap

from docprogress.errors import Unreadable
from docprogress.steps.markdown.inline import BOLD, CODE, ITALIC
from docprogress.steps.readers.docx_fields import field_link
from docprogress.steps.readers.names_of_styles import monospaced
from docprogress.steps.readers.rtf_parts import RtfParts
from docprogress.steps.readers.rtf_target import ABOVE, LEFT, Target
from docprogress.steps.readers.rtf_text import RtfText
from docprogress.steps.readers.rtf_words import (
    BOXES,
    CHARACTERS,
    KNOWN,
    LABELS,
    SKIPPED,
    SYMBOLS,
    code_page,
)

#: Groups within groups that are followed.
MAX_DEPTH = 10_000

#: Characters of what is kept besides the text.
MAX_KEPT = 1_000

_TOKEN = re.compile(
    rb"(?P<text>[^\\{}\r\n\0]+)"
    rb"|\\(?P<word>[A-Za-z]{1,40})(?P<number>-?[0-9]{1,10})? ?"
    rb"|\\'(?P<hex>[0-9A-Fa-f]{2})"
    rb"|(?P<brace>[{}])"
    rb"|\\(?P<symbol>[^A-Za-z'])"
    rb"|(?P<junk>[\r\n\0]+|\\'|\\)",
    re.DOTALL,
)
#: What can be passed over in a group without text.
_PASSED = re.compile(rb"[^\\{}]+")

_INFO = ("title", "author")
#: Groups whose text is kept besides the document's.
_KEPT = ("fonttbl", "info", "atnauthor", "creatim", "fldinst", *_INFO)
_DATES = {"yr": 4, "mo": 2, "dy": 2, "hr": 2, "min": 2}


@dataclass(slots=True)
class _Group:
    """The state of a group until it ends."""

    #: `text`, `skip`, `fonts`, `label`, `info`, `author`, or a property's name.
    destination: str = "text"
    font: int = -1
    fallback: int = 1
    hidden: bool = False
    deleted: bool = False
    style: int = 0
    #: Where the text of a field leads to.
    link: str = ""
    #: Whether the next group says in a code page what the one after says in Unicode.
    twice: bool = False
    #: What to do when it ends.
    ends: Callable[[], None] | None = None


class RtfDocument:
    """Reads an RTF file into flows.

    Args:
        data: The file.
        parts: Where its text goes.
        name: The document's name, for errors.
    """

    def __init__(self, data: mmap | bytes, parts: RtfParts, *, name: str) -> None:
        self._data = data
        self._parts = parts
        self._name = name
        #: Whether it has text that it does not show.
        self.hides = False
        #: The title, the author and parts of the date.
        self.properties: dict[str, list[str]] = {}
        #: Whether the file ends before its outermost group does.
        self.cut_short = False
        self._target = Target(parts.body)
        self._targets: list[Target] = []
        self._groups: list[_Group] = []
        self._group = _Group()
        self._decoder = RtfText()
        # The code of the last field, and the fonts for code.
        self._code: list[str] = []
        self._font_read = -1
        self._code_fonts: set[int] = set()
        self._ignorable = False
        self._done = False
        self._words = _handlers(self)

    def read(self) -> None:
        """Read the whole file."""
        place, end = 0, len(self._data)
        while place < end and not self._done:
            skipping = self._group.destination == "skip"
            if skipping and (passed := _PASSED.match(self._data, place)):
                place = passed.end()
            elif token := _TOKEN.match(self._data, place):
                place = token.end() + self._take(token)
            else:
                place += 1
        self.cut_short = bool(self._groups)
        while self._groups:
            self._close()
        self._flush()
        self._target.finish()

    def _take(self, token: re.Match[bytes]) -> int:
        """Act on a token; the number of bytes after it that are binary data."""
        kind = token.lastgroup
        if kind == "text":
            self._text(self._decoder.add_bytes(token["text"]))
        elif kind == "hex":
            self._text(self._decoder.add_bytes(bytes([int(token["hex"], 16)])))
        elif kind == "brace":
            self._brace(token["brace"])
        elif kind == "symbol":
            self._symbol(token["symbol"])
        elif kind != "junk":
            number = None if token["number"] is None else int(token["number"])
            if token["word"] == b"bin":
                return max(0, number or 0)
            self._word(token["word"].decode(), number)
        return 0

    # Groups.

    def _brace(self, brace: bytes) -> None:
        if brace == b"{":
            self._open()
        elif self._groups:
            self._close()
        else:
            self._done = True

    def _open(self) -> None:
        self._flush()
        self._decoder.ignored = 0
        self._ignorable = False
        if len(self._groups) >= MAX_DEPTH:
            raise Unreadable(
                f"{self._name}: an RTF document with more than {MAX_DEPTH:,} nested "
                "groups; save it again"
            )
        outer = self._group
        self._groups.append(outer)
        self._group = replace(outer, ends=None, twice=False)
        if outer.twice:
            outer.twice = False
            self._group.destination = "skip"

    def _close(self) -> None:
        self._flush()
        self._decoder.ignored = 0
        self._ignorable = False
        ends = self._group.ends
        self._group = self._groups.pop()
        if ends is not None:
            ends()

    def _begin_destination(self, word: str) -> bool:
        """Begin what a group is for; False if the word is none of these."""
        group = self._group
        if word in SKIPPED or (word[0] == "m" and word.endswith("Pr")):
            group.destination = "skip"
        elif word in LABELS:
            group.destination = "label"
        elif word in _KEPT:
            group.destination = word if self._in_info or word not in _INFO else "skip"
            if word == "atnauthor":
                self._parts.author = []
            elif word == "fldinst":
                self._begin_field()
        elif word == "upr":
            group.twice = True
        elif word == "ud":
            group.destination = self._groups[-1].destination if self._groups else "text"
        else:
            return self._begin_part(word)
        return True

    def _begin_field(self) -> None:
        """Begin the code of a field, which may be that of a link."""
        code = self._code = []

        def finish() -> None:
            self._group.link = field_link("".join(code)) or self._group.link

        self._group.ends = finish

    def _begin_part(self, word: str) -> bool:
        """Begin a part with its own text; False if the word begins none."""
        if not self._parts.begins(word):
            return False
        flow = self._parts.begin(word)
        if flow is None or (word in BOXES and self._group.hidden):
            self._group.destination = "skip"
            return True
        outer = self._target
        self._targets.append(outer)
        self._target = target = Target(flow)
        self._group.destination = "text"

        def finish() -> None:
            target.finish()
            self._target = self._targets.pop()
            self._parts.end(word, flow, outer.asides)

        self._group.ends = finish
        return True

    @property
    def _in_info(self) -> bool:
        return bool(self._groups) and self._groups[-1].destination == "info"

    # Words and characters.

    def _word(self, word: str, number: int | None) -> None:
        if word == "u" and number is not None:
            self._unicode(number)
            return
        self._flush()
        ignorable, self._ignorable = self._ignorable, False
        if self._group.destination == "skip" and word != "ud":
            return
        if ignorable and word not in KNOWN and word not in LABELS:
            self._group.destination = "skip"
            return
        if self._begin_destination(word):
            return
        if character := CHARACTERS.get(word):
            if self._decoder.ignored:
                self._decoder.ignored -= 1
            else:
                self._text(character)
            return
        handle = self._words.get(word)
        if handle is not None:
            handle(number)

    def _symbol(self, mark: bytes) -> None:
        if mark == b"*":
            self._flush()
            self._ignorable = True
        elif mark in b"\r\n":
            self._word("par", None)
        elif mark == b"\t":
            self._word("tab", None)
        elif mark in SYMBOLS:
            if self._decoder.ignored:
                self._decoder.ignored -= 1
                return
            self._flush()
            self._text(SYMBOLS[mark])

    def _unicode(self, number: int) -> None:
        fallback = self._group.fallback
        self._text(self._decoder.add_unit(number, self._font, fallback=fallback))

    def _flush(self) -> None:
        self._text(self._decoder.take(self._font))

    @property
    def _font(self) -> int | None:
        """The font of the text; a font's own name is in none."""
        return None if self._group.destination == "fonttbl" else self._group.font

    @property
    def _style(self) -> int:
        group = self._group
        return group.style | (CODE if group.font in self._code_fonts else 0)

    def _name_font(self, text: str) -> None:
        if monospaced(text) and len(self._code_fonts) < MAX_KEPT:
            self._code_fonts.add(self._font_read)

    def _text(self, text: str) -> None:
        if not text:
            return
        group = self._group
        match group.destination:
            case "text":
                if not group.hidden and not group.deleted:
                    self._target.write(text, self._style, group.link)
                self.hides = self.hides or (group.hidden and not text.isspace())
            case "label":
                if not group.hidden:
                    _keep(self._target.label, text)
            case "fonttbl":
                self._decoder.name_font(text)
                self._name_font(text)
            case "fldinst":
                _keep(self._code, text)
            case "atnauthor":
                _keep(self._parts.author, text)
            case "title" | "author" as name:
                _keep(self.properties.setdefault(name, []), text)

    # Control words.

    def end_paragraph(self, _: int | None) -> None:
        if self._group.destination == "text" and not self._group.deleted:
            self._target.end_paragraph()

    def set_font(self, number: int | None) -> None:
        if self._group.destination == "fonttbl":
            self._decoder.begin_font(number or 0)
            self._font_read = number or 0
        else:
            self._group.font = number or 0

    def set_charset(self, number: int | None) -> None:
        self._decoder.set_charset(number or 0)

    def set_font_page(self, number: int | None) -> None:
        if self._group.destination == "fonttbl" and number:
            self._decoder.set_font_page(number)

    def set_page(self, number: int | None) -> None:
        self._decoder.encoding = code_page(number or 0)

    def set_fallback(self, number: int | None) -> None:
        self._group.fallback = min(max(number or 0, 0), 100)

    def set_hidden(self, number: int | None) -> None:
        self._group.hidden = number != 0

    def set_deleted(self, number: int | None) -> None:
        self._group.deleted = number != 0

    def set_plain(self, _: int | None) -> None:
        self._group.hidden = self._group.deleted = False
        self._group.style = 0

    def set_bold(self, number: int | None) -> None:
        self._set_style(BOLD, number)

    def set_italic(self, number: int | None) -> None:
        self._set_style(ITALIC, number)

    def _set_style(self, style: int, number: int | None) -> None:
        group = self._group
        group.style = group.style & ~style if number == 0 else group.style | style

    def set_heading(self, number: int | None) -> None:
        level = number or 0
        self._target.heading = level + 1 if 0 <= level < 9 else 0  # noqa: PLR2004

    def set_level(self, number: int | None) -> None:
        self._target.level = min(max(number or 0, 0), 9)

    def set_date(self, name: str) -> Callable[[int | None], None]:
        """The handler of a part of a date."""

        def keep(number: int | None) -> None:
            if self._group.destination == "creatim" and number and number > 0:
                self.properties[name] = [f"{number:0{_DATES[name]}d}"]

        return keep

    def reset_paragraph(self, _: int | None) -> None:
        # A label's own paragraph properties are not those of its paragraph, which goes
        # on with those of the one before.
        if self._group.destination != "label":
            self._target.reset_paragraph()

    def begin_row(self, _: int | None) -> None:
        self._target.begin_row()

    def merge_above(self, _: int | None) -> None:
        self._target.merge(ABOVE)

    def merge_left(self, _: int | None) -> None:
        self._target.merge(LEFT)

    def define_cell(self, _: int | None) -> None:
        self._target.define_cell()

    def set_in_table(self, _: int | None) -> None:
        self._target.depth = max(self._target.depth, 1)

    def set_depth(self, number: int | None) -> None:
        self._target.depth = max(number or 0, 0)

    def end_cell(self, _: int | None) -> None:
        self._target.end_cell(1)

    def end_row(self, _: int | None) -> None:
        self._target.end_row(1)

    def end_nested_cell(self, _: int | None) -> None:
        self._target.end_cell(max(self._target.depth, 2))

    def end_nested_row(self, _: int | None) -> None:
        self._target.end_row(max(self._target.depth, 2))


def _keep(kept: list[str], text: str) -> None:
    if len(kept) < MAX_KEPT:
        kept.append(text[:MAX_KEPT])


def _handlers(rtf: RtfDocument) -> dict[str, Callable[[int | None], None]]:
    return {
        "par": rtf.end_paragraph,
        "sect": rtf.end_paragraph,
        "pard": rtf.reset_paragraph,
        "plain": rtf.set_plain,
        "f": rtf.set_font,
        "fcharset": rtf.set_charset,
        "cpg": rtf.set_font_page,
        "ansicpg": rtf.set_page,
        "mac": lambda _: rtf.set_page(10000),
        "pc": lambda _: rtf.set_page(437),
        "pca": lambda _: rtf.set_page(850),
        "uc": rtf.set_fallback,
        "v": rtf.set_hidden,
        "deleted": rtf.set_deleted,
        "b": rtf.set_bold,
        "i": rtf.set_italic,
        "outlinelevel": rtf.set_heading,
        "ilvl": rtf.set_level,
        "trowd": rtf.begin_row,
        "clvmrg": rtf.merge_above,
        "clmrg": rtf.merge_left,
        "cellx": rtf.define_cell,
        "intbl": rtf.set_in_table,
        "itap": rtf.set_depth,
        "cell": rtf.end_cell,
        "row": rtf.end_row,
        "nestcell": rtf.end_nested_cell,
        "nestrow": rtf.end_nested_row,
        **{name: rtf.set_date(name) for name in _DATES},
    }
