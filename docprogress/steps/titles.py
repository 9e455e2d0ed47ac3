"""The title of a text file: what its format calls so, or its first heading."""

import re

from docprogress.steps import textual
from docprogress.steps.text import clean_title

#: Characters at the beginning of a text in which its title is looked for.
_BEGINNING = 20_000

_WORD = re.compile(r"\w")
_FRONT_MATTER = re.compile(r"(?ms)\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$")
_YAML_TITLE = re.compile(r"(?mi)^title:[ \t]*(.+?)[ \t]*$")
_FENCED = re.compile(r"(?ms)^ {0,3}(```|~~~).*?^ {0,3}\1")

_ATX = r"^ {0,3}#{1,2}[ \t]+(\S.*?)[ \t#]*$"
_UNDERLINED = r"^(\S[^\n]*)\n(?:={3,}|-{3,})[ \t]*$"
_PATTERNS = {
    textual.MARKDOWN: re.compile(f"(?m){_ATX}|{_UNDERLINED}"),
    textual.RST: re.compile(
        r"(?m)^[ \t]*(\S[^\n]*)\n(?:([=\-~#*^\"'`+_:.])\2{2,})[ \t]*$"
    ),
    textual.ORG: re.compile(r"(?mi)^#\+TITLE:[ \t]*(\S.*?)[ \t]*$|^\*+[ \t]+(\S.*)$"),
    textual.ASCIIDOC: re.compile(r"(?m)^={1,2}[ \t]+(\S.*?)[ \t]*$"),
    textual.TEX: re.compile(r"\\title(?:\[[^\]]*\])?\{([^{}]{1,500})\}"),
}


def text_title(media_type: str, text: str) -> str:
    """The title of a text file; empty if it has none."""
    pattern = _PATTERNS.get(media_type)
    if pattern is None:
        return ""
    text = text[:_BEGINNING].replace("\r\n", "\n")
    if media_type == textual.MARKDOWN:
        if matter := _FRONT_MATTER.match(text):
            if title := _YAML_TITLE.search(matter[1]):
                return clean_title(_unquoted(title[1]))
            text = text[matter.end() :]
        text = _FENCED.sub("", text)
    titles = (next(filter(None, found.groups())) for found in pattern.finditer(text))
    return next((clean_title(one) for one in titles if _WORD.search(one)), "")


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
