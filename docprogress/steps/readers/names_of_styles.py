"""The meaning of names of styles and fonts, for documents without other information."""

import re

#: The highest level of a heading that a name can give.
_LEVELS = 9

#: "Heading" as programs name their styles, by language.
_HEADINGS = (
    *("heading", "überschrift", "titre", "título", "titulo", "titolo", "kop"),
    *("rubrik", "overskrift", "otsikko", "nagłówek", "naglowek", "nadpis", "címsor"),
    *(
        "ba\u015fl\u0131k",
        "titlu",
        "naslov",
        "заголовок",
        "επικεφαλίδα",
        "כותרת",
        "عنوان",
    ),
    *("หัวเรื่อง", "หัวข้อ", "見出し", "标题", "標題", "제목", "शीर्षक", "tiêu đề"),
)
_HEADING = re.compile(rf"(?:{'|'.join(dict.fromkeys(_HEADINGS))})[ _]?([1-9])(?: .*)?")
_LIST = re.compile(r"list(?: bullet| number| continue)? ([2-9])")
_CODE = re.compile(
    r"(?:html )?(?:code|preformatted)(?: text| block)?|source (?:code|text)"
    r"|verbatim(?: char)?|plain text|program(?:ming)? code|code ?(?:zeile|line)?"
    r"|quelltext|quellcode|listing|html (?:sample|typewriter|keyboard)"
)
_MONOSPACED = re.compile(
    r"(?i)\b(?:courier|consolas|mono|monospace|menlo|monaco|inconsolata|fira ?code"
    r"|source ?code|cascadia|lucida console|andale mono|terminal|typewriter)"
)


def heading_level(name: str) -> int:
    """The level that a style's name gives, from 1; 0 if it names no heading."""
    found = _HEADING.fullmatch(name.strip().lower())
    return int(found[1]) if found else 0


def list_level(name: str) -> int:
    """The level of a list that a style's name gives, from 0."""
    found = _LIST.fullmatch(name.strip().lower())
    return int(found[1]) - 1 if found else 0


def names_code(name: str) -> bool:
    """Whether a style is for code by its name."""
    return _CODE.fullmatch(name.strip().lower()) is not None


def monospaced(font: str) -> bool:
    """Whether all letters of a font have the same width, by its name."""
    return _MONOSPACED.search(font) is not None
