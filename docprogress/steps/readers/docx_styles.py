"""The styles of a Word document, which hide, number, or mark as heading."""

from dataclasses import dataclass
from typing import NamedTuple

from docprogress.steps.readers.names_of_styles import (
    heading_level,
    list_level,
    monospaced,
    names_code,
)
from docprogress.steps.readers.ooxml import attribute, switched_on

#: Styles of a chain of `basedOn` that are followed.
MAX_CHAIN = 50

#: The outline levels that are headings; the tenth is text.
OUTLINE_LEVELS = 9


@dataclass(slots=True)
class Style:
    """A style, as it is written."""

    based_on: str | None = None
    name: str = ""
    vanish: bool | None = None
    bold: bool | None = None
    italic: bool | None = None
    code: bool | None = None
    outline: int | None = None
    num_id: str | None = None
    level: int | None = None


class Resolved(NamedTuple):
    """A style with its inherited properties."""

    vanish: bool = False
    bold: bool = False
    italic: bool = False
    #: From 1; 0 for no heading.
    heading: int = 0
    num_id: str | None = None
    level: int | None = None
    #: The level of a list that the style's name gives, from 0.
    depth: int = 0
    code: bool = False
    #: The style and those it is based on, which may number a level of a list.
    chain: tuple[str, ...] = ()


#: No style.
PLAIN = Resolved()


class Styles:
    """Reads `styles.xml`, and resolves a style by its id."""

    def __init__(self) -> None:
        self.styles: dict[str, Style] = {}
        self.default_paragraph: str | None = None
        self.vanish = False
        self._style: Style | None = None
        self._defaults = False
        self._skipped = 0
        self._resolved: dict[str | None, Resolved] = {}

    def resolve(self, style_id: str | None) -> Resolved:
        """A style's properties; none for an unknown one."""
        found = self._resolved.get(style_id)
        if found is None:
            found = self._resolved[style_id] = self._resolve(style_id)
        return found

    def paragraph(self, style_id: str | None) -> Resolved:
        """A paragraph's style; the default one if it names none or an unknown one."""
        known = style_id in self.styles
        return self.resolve(style_id if known else self.default_paragraph)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if self._skipped or local in ("tblStylePr", "pPrChange", "rPrChange"):
            self._skipped += 1
            return
        if local == "style":
            style_id = attribute(attributes, "styleId") or ""
            self._style = self.styles[style_id] = Style()
            default = attribute(attributes, "default")
            kind = attribute(attributes, "type")
            if default in ("1", "true", "on") and kind == "paragraph":
                self.default_paragraph = style_id
        elif local == "docDefaults":
            self._defaults = True
        elif self._defaults:
            if local == "vanish":
                self.vanish = switched_on(attributes)
        elif self._style is not None:
            self._property(self._style, local, attributes)

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        local = name.rpartition(" ")[2]
        if local == "style":
            self._style = None
        elif local == "docDefaults":
            self._defaults = False

    def characters(self, _: str) -> None: ...

    @staticmethod
    def _property(style: Style, local: str, attributes: dict[str, str]) -> None:
        match local:
            case "basedOn":
                style.based_on = attribute(attributes, "val")
            case "name":
                style.name = attribute(attributes, "val") or ""
            case "vanish":
                style.vanish = switched_on(attributes)
            case "b":
                style.bold = switched_on(attributes)
            case "i":
                style.italic = switched_on(attributes)
            case "rFonts":
                style.code = _is_code_font(attributes)
            case "outlineLvl":
                style.outline = number(attributes)
            case "numId":
                style.num_id = attribute(attributes, "val")
            case "ilvl":
                style.level = number(attributes)

    def _resolve(self, style_id: str | None) -> Resolved:
        chain: list[str] = []
        while style_id in self.styles and style_id is not None:
            if style_id in chain or len(chain) >= MAX_CHAIN:
                break
            chain.append(style_id)
            style_id = self.styles[style_id].based_on
        styles = [self.styles[one] for one in chain]
        outline = next((s.outline for s in styles if s.outline is not None), None)
        heading = 0
        if outline is not None and outline < OUTLINE_LEVELS:
            heading = outline + 1
        elif outline is None and styles and styles[0].name.lower() == "title":
            heading = 1
        elif outline is None:
            levels = (heading_level(style.name) for style in styles)
            heading = next(filter(None, levels), 0)
        code = next((s.code for s in styles if s.code is not None), False)
        return Resolved(
            vanish=next((s.vanish for s in styles if s.vanish is not None), False),
            bold=next((s.bold for s in styles if s.bold is not None), False),
            italic=next((s.italic for s in styles if s.italic is not None), False),
            heading=heading,
            num_id=next((s.num_id for s in styles if s.num_id is not None), None),
            level=next((s.level for s in styles if s.level is not None), None),
            depth=list_level(styles[0].name) if styles else 0,
            code=not heading and (code or any(names_code(s.name) for s in styles)),
            chain=tuple(chain),
        )


def _is_code_font(attributes: dict[str, str]) -> bool | None:
    font = attribute(attributes, "ascii") or attribute(attributes, "hAnsi")
    return None if font is None else monospaced(font)


def number(attributes: dict[str, str], most: int = 1_000_000) -> int | None:
    """The number in `val`, or None if it is none or absurd."""
    value = attribute(attributes, "val") or ""
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 9:  # noqa: PLR2004
        return None
    return int(value) if abs(int(value)) <= most else None
