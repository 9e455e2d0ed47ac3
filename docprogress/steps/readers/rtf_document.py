"""Follow the groups and control words of an RTF file."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from mmap import mmap

from docprogress.errors import Unreadable
from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.rtf_target import Target
from docprogress.steps.readers.rtf_words import (
    BOXES,
    CHARACTERS,
    CHARSETS,
    DEFAULT_CODE_PAGE,
    FOOTERS,
    HEADERS,
    KNOWN,
    LABELS,
    SKIPPED,
    SYMBOL_CHARSET,
    SYMBOLS,
    code_page,
    decoded,
)
from docprogress.steps.readers.symbols import symbol

#: Groups within groups that are followed.
MAX_DEPTH = 10_000

#: Fonts that are told apart, and characters of what is kept besides the text.
MAX_FONTS = 10_000
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

_BOLD, _ITALIC = 1, 2
_INFO = ("title", "author")
#: Groups whose text is kept besides the document's.
_KEPT = ("fonttbl", "info", "atnauthor", "creatim", *_INFO)
_DATES = {"yr": 4, "mo": 2, "dy": 2, "hr": 2, "min": 2}


@dataclass(slots=True)
class _Group:
    """What holds until a group ends."""

    #: `text`, `skip`, `fonts`, `label`, `info`, `author`, or a property's name.
    destination: str = "text"
    font: int = -1
    fallback: int = 1
    hidden: bool = False
    deleted: bool = False
    style: int = 0
    #: Whether the next group says in a code page what the one after says in Unicode.
    twice: bool = False
    #: What to do when it ends.
    ends: Callable[[], None] | None = None


@dataclass(slots=True)
class _Font:
    encoding: str | None = None
    symbols: bool = False
    name: list[str] = field(default_factory=list)


class RtfDocument:
    """Reads an RTF file into flows.

    Args:
        data: The file.
        budget: Characters that may be read.
        name: The document's name, for errors.
        comments: Whether comments are read.
    """

    def __init__(
        self, data: mmap | bytes, budget: Budget, *, name: str, comments: bool
    ) -> None:
        self._data = data
        self._budget = budget
        self._name = name
        self._with_comments = comments
        self.body = Flow(budget)
        self.notes = Flow(budget)
        self.comments = Flow(budget)
        #: Headers and footers, each distinct one once.
        self.margins: dict[str, list[Flow]] = {"header": [], "footer": []}
        #: The title, the author and parts of the date.
        self.properties: dict[str, list[str]] = {}
        #: Whether the file ends before its outermost group does.
        self.cut_short = False
        self._target = Target(self.body)
        self._targets: list[Target] = []
        self._groups: list[_Group] = []
        self._group = _Group()
        self._fonts: dict[int, _Font] = {}
        self._font = _Font()
        self._encoding = DEFAULT_CODE_PAGE
        self._pending = bytearray()
        self._units: list[int] = []
        self._ignored = 0
        self._ignorable = False
        self._author: list[str] = []
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
            self._bytes(token["text"])
        elif kind == "hex":
            self._bytes(bytes([int(token["hex"], 16)]))
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
        self._ignored = 0
        self._ignorable = False
        if len(self._groups) >= MAX_DEPTH:
            raise Unreadable(
                f"{self._name}: an RTF document with more than {MAX_DEPTH:,} groups "
                "within each other; save it again"
            )
        outer = self._group
        self._groups.append(outer)
        self._group = replace(outer, ends=None, twice=False)
        if outer.twice:
            outer.twice = False
            self._group.destination = "skip"

    def _close(self) -> None:
        self._flush()
        self._ignored = 0
        self._ignorable = False
        ends = self._group.ends
        self._group = self._groups.pop()
        if ends is not None:
            ends()

    def _redirect(self, target: Target, ends: Callable[[], None]) -> None:
        """Send the group's text elsewhere."""
        self._targets.append(self._target)
        self._target = target
        self._group.destination = "text"

        def finish() -> None:
            target.finish()
            self._target = self._targets.pop()
            ends()

        self._group.ends = finish

    def _begin_destination(self, word: str) -> bool:
        """Begin what a group is for; False if the word is none of these."""
        group = self._group
        if word in SKIPPED or (word[0] == "m" and word.endswith("Pr")):
            group.destination = "skip"
        elif word in LABELS:
            group.destination = "label"
        elif word in _KEPT:
            group.destination = word if self._in_info or word not in _INFO else "skip"
            self._author = [] if word == "atnauthor" else self._author
        elif word == "upr":
            group.twice = True
        elif word == "ud":
            group.destination = self._groups[-1].destination if self._groups else "text"
        else:
            return self._begin_target(word)
        return True

    def _begin_target(self, word: str) -> bool:
        """Begin a group whose text goes elsewhere; False if it is none of these."""
        if word in HEADERS or word in FOOTERS:
            self._begin_margin("header" if word in HEADERS else "footer")
        elif word in BOXES:
            self._begin_box()
        elif word == "footnote":
            self._redirect(Target(self.notes), lambda: None)
        elif word == "annotation":
            self._begin_comment()
        else:
            return False
        return True

    @property
    def _in_info(self) -> bool:
        return bool(self._groups) and self._groups[-1].destination == "info"

    def _begin_margin(self, kind: str) -> None:
        flow = Flow(self._budget)

        def add() -> None:
            text = " ".join(str(flow).split())
            found = self.margins[kind]
            if text and all(" ".join(str(one).split()) != text for one in found):
                found.append(flow)

        self._redirect(Target(flow), add)

    def _begin_box(self) -> None:
        flow = Flow(self._budget)
        target = self._target
        if self._group.hidden:
            self._group.destination = "skip"
        else:
            self._redirect(Target(flow), lambda: target.asides.append(flow))

    def _begin_comment(self) -> None:
        flow = Flow(self._budget)
        author = " ".join("".join(self._author).split())
        if not self._with_comments:
            self._group.destination = "skip"
            return

        def add() -> None:
            if text := " ".join(str(flow).split()):
                self.comments.add_text(f"{author or 'Comment'}: {text}")

        self._redirect(Target(flow), add)

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
            if self._ignored:
                self._ignored -= 1
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
            if self._ignored:
                self._ignored -= 1
                return
            self._flush()
            self._text(SYMBOLS[mark])

    def _bytes(self, data: bytes) -> None:
        if self._ignored:
            ignored = min(self._ignored, len(data))
            self._ignored -= ignored
            data = data[ignored:]
        if data:
            self._flush_units()
            self._pending += data

    def _unicode(self, number: int) -> None:
        self._flush_bytes()
        self._units.append(number & 0xFFFF)
        self._ignored = self._group.fallback
        if not 0 <= number + 0x8000 <= 0x17FFF:  # noqa: PLR2004 - 16 bits, signed or not
            self._units[-1] = 0xFFFD

    def _flush(self) -> None:
        self._flush_bytes()
        self._flush_units()

    def _flush_bytes(self) -> None:
        if not self._pending:
            return
        data = bytes(self._pending)
        self._pending.clear()
        font = self._fonts.get(self._group.font)
        if font is not None and font.symbols and self._group.destination != "fonttbl":
            name = "".join(font.name).strip(" ;")
            self._text("".join(symbol(f"{byte:x}", name) for byte in data))
            return
        encoding = (font and font.encoding) or self._encoding
        self._text(decoded(data, encoding))

    def _flush_units(self) -> None:
        if not self._units:
            return
        data = b"".join(unit.to_bytes(2, "little") for unit in self._units)
        self._units.clear()
        text = data.decode("utf-16-le", "replace")
        # Symbol fonts' own codes: nothing else says what they are.
        self._text("".join("•" if c == "\uf0b7" else c for c in text))

    def _text(self, text: str) -> None:
        group = self._group
        match group.destination:
            case "text":
                if not group.hidden and not group.deleted:
                    self._target.write(text, group.style)
            case "label":
                if not group.hidden:
                    _keep(self._target.label, text)
            case "fonttbl":
                _keep(self._font.name, text)
            case "atnauthor":
                _keep(self._author, text)
            case "title" | "author" as name:
                _keep(self.properties.setdefault(name, []), text)

    # Control words.

    def end_paragraph(self, _: int | None) -> None:
        if self._group.destination == "text" and not self._group.deleted:
            self._target.end_paragraph()

    def set_font(self, number: int | None) -> None:
        if self._group.destination == "fonttbl":
            self._font = _Font()
            if len(self._fonts) < MAX_FONTS:
                self._fonts[number or 0] = self._font
        else:
            self._group.font = number or 0

    def set_charset(self, number: int | None) -> None:
        self._font.encoding = CHARSETS.get(number or 0)
        self._font.symbols = number == SYMBOL_CHARSET

    def set_font_page(self, number: int | None) -> None:
        if self._group.destination == "fonttbl" and number:
            self._font.encoding = code_page(number)

    def set_page(self, number: int | None) -> None:
        self._encoding = code_page(number or 0)

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
        self._set_style(_BOLD, number)

    def set_italic(self, number: int | None) -> None:
        self._set_style(_ITALIC, number)

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
        self._target.reset_paragraph()

    def begin_row(self, _: int | None) -> None:
        self._target.in_row = True

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
        "intbl": rtf.set_in_table,
        "itap": rtf.set_depth,
        "cell": rtf.end_cell,
        "row": rtf.end_row,
        "nestcell": rtf.end_nested_cell,
        "nestrow": rtf.end_nested_row,
        **{name: rtf.set_date(name) for name in _DATES},
    }
