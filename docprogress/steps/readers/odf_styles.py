"""The styles of an OpenDocument file, which hide or format text."""

from dataclasses import dataclass
from typing import NamedTuple

from docprogress.steps.markdown.inline import BOLD, CODE, ITALIC
from docprogress.steps.readers.names_of_styles import (
    heading_level,
    monospaced,
    names_code,
)
from docprogress.steps.readers.odf import name
from docprogress.steps.readers.odf_lists import OUTLINE, Lists, whole

#: Parents of a style that are followed.
MAX_CHAIN = 50


@dataclass(slots=True)
class _Style:
    parent: str = ""
    hidden: bool | None = None
    bold: bool | None = None
    italic: bool | None = None
    code: bool | None = None
    list_style: str | None = None
    outline: int | None = None


class Resolved(NamedTuple):
    """A style with its inherited properties."""

    hidden: bool | None = None
    bold: bool = False
    italic: bool = False
    code: bool = False
    list_style: str | None = None
    #: From 1; 0 for no heading.
    heading: int = 0

    @property
    def marks(self) -> int:
        """The style of its text in Markdown."""
        style = (BOLD if self.bold else 0) | (ITALIC if self.italic else 0)
        return style | (CODE if self.code else 0)


class Styles:
    """Reads styles and list styles, and resolves a style by family and name."""

    def __init__(self) -> None:
        self.lists = Lists()
        #: Pages' styles that hide them, and the master pages that styles begin.
        self.hidden_pages: set[str] = set()
        #: Pages' styles that hide what their master pages show.
        self.bare_pages: set[str] = set()
        self.masters: list[str] = []
        self._common: dict[tuple[str, str], _Style] = {}
        self._automatic: dict[tuple[str, str], _Style] = {}
        self._resolved: dict[tuple[str, str], Resolved] = {}
        self._style: _Style | None = None
        self._key = ("", "")
        self._reading = self._common

    def begin_part(self) -> None:
        """Forget the automatic styles: each part has its own."""
        self._automatic = {}
        self._resolved = {}
        self._reading = self._common
        self.masters = []

    def resolve(self, family: str, style: str) -> Resolved:
        """A style's properties; none for an unknown one."""
        key = (family, style)
        found = self._resolved.get(key)
        if found is None:
            found = self._resolved[key] = self._resolve(family, style)
        return found

    def start_office_automatic_styles(self, _: dict[str, str]) -> None:
        self._reading = self._automatic

    def end_office_automatic_styles(self) -> None:
        self._reading = self._common

    def start_style_style(self, attributes: dict[str, str]) -> None:
        family = attributes.get(name("style:family"), "")
        self._key = (family, attributes.get(name("style:name"), ""))
        self._style = self._reading[self._key] = _Style(
            parent=attributes.get(name("style:parent-style-name"), ""),
            list_style=attributes.get(name("style:list-style-name")),
            outline=whole(attributes.get(name("style:default-outline-level"))),
        )
        if master := attributes.get(name("style:master-page-name")):
            self.masters.append(master)

    def end_style_style(self) -> None:
        self._style = None

    def start_style_text_properties(self, attributes: dict[str, str]) -> None:
        if self._style is None:
            return
        display = attributes.get(name("text:display"))
        if display is not None:
            self._style.hidden = display == "none"
        if weight := attributes.get(name("fo:font-weight")):
            self._style.bold = weight in ("bold", "600", "700", "800", "900")
        if slope := attributes.get(name("fo:font-style")):
            self._style.italic = slope in ("italic", "oblique")
        font = attributes.get(name("style:font-name")) or attributes.get(
            name("fo:font-family")
        )
        if font:
            self._style.code = monospaced(font)

    def start_style_drawing_page_properties(self, attributes: dict[str, str]) -> None:
        if attributes.get(name("presentation:visibility")) == "hidden":
            self.hidden_pages.add(self._key[1])
        shown = attributes.get(name("presentation:background-objects-visible"))
        if shown == "false":
            self.bare_pages.add(self._key[1])

    def start_text_list_style(self, attributes: dict[str, str]) -> None:
        self.lists.begin_style(attributes.get(name("style:name"), ""))

    def end_text_list_style(self) -> None:
        self.lists.end_style()

    def start_text_outline_style(self, _: dict[str, str]) -> None:
        self.lists.begin_style(OUTLINE)

    def end_text_outline_style(self) -> None:
        self.lists.end_style()

    def start_text_list_level_style_number(self, attributes: dict[str, str]) -> None:
        self.lists.begin_level(attributes, bullet=False)

    start_text_outline_level_style = start_text_list_level_style_number

    def start_text_list_level_style_bullet(self, attributes: dict[str, str]) -> None:
        self.lists.begin_level(attributes, bullet=True)

    start_text_list_level_style_image = start_text_list_level_style_bullet

    def start_style_list_level_label_alignment(
        self, attributes: dict[str, str]
    ) -> None:
        self.lists.align(attributes)

    def _resolve(self, family: str, style: str) -> Resolved:
        chain: list[_Style] = []
        seen: list[str] = []
        while style not in seen and len(chain) < MAX_CHAIN:
            seen.append(style)
            key = (family, style)
            found = self._automatic.get(key) or self._common.get(key)
            if found is None:
                break
            chain.append(found)
            style = found.parent
        heading = next((s.outline for s in chain if s.outline is not None), 0)
        names = [one.replace("_20_", " ") for one in seen]
        if not heading and family == "paragraph":
            heading = next(filter(None, map(heading_level, names)), 0)
        code = next((s.code for s in chain if s.code is not None), False)
        if not heading and "Title" in seen[:2]:
            heading = 1
        return Resolved(
            hidden=next((s.hidden for s in chain if s.hidden is not None), None),
            bold=next((s.bold for s in chain if s.bold is not None), False),
            italic=next((s.italic for s in chain if s.italic is not None), False),
            code=not heading and (code or any(map(names_code, names))),
            list_style=next((s.list_style for s in chain if s.list_style), None),
            heading=heading,
        )
