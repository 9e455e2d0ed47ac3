"""Texts in other markup languages as Markdown: their headings, code and tables.

Other lines stay as they are, apart from what would be a heading or a rule by mistake.
Each line is examined once.
"""

import re
from collections.abc import Callable, Iterator

from docprogress.steps import textual
from docprogress.structure import escaped

_MATTER = re.compile(
    r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE
)
_MISTAKEN = re.compile(r"[ \t]{0,3}(?:#{1,6}(?:[ \t]|$)|[-=]+[ \t]*$|~~~|```)")

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*[ \t]*$")
_ORG_HEADING = re.compile(r"(\*{1,20})[ \t]+(\S.*)$")
_ORG_CODE = re.compile(r"(?i)[ \t]*#\+begin_(?:src|example)\b[ \t]*([\w+#.-]*)")
_ORG_CODE_END = re.compile(r"(?i)[ \t]*#\+end_(?:src|example)\b")
_ORG_RULE = re.compile(r"[ \t]*\|[-+]+\|?[ \t]*$")
_ASCIIDOC_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+=+)?$")
_ASCIIDOC_CODE = re.compile(r"(-{4,}|\.{4,})[ \t]*$")
_ASCIIDOC_LANGUAGE = re.compile(r"\[source,[ \t]*([\w+#.-]+)")
_TEX_HEADING = re.compile(
    r"[ \t]*\\(part|chapter|(?:sub){0,2}section|(?:sub)?paragraph)\*?"
    r"(?:\[[^\]]*\])?\{(.*?)\}[ \t]*(?:\\label\{[^{}]*\})?[ \t]*$"
)
_TEX_CODE = re.compile(r"[ \t]*\\begin\{(verbatim|lstlisting|minted)\}")
_TEX_CHAPTER = re.compile(r"(?m)^[ \t]*\\(?:part|chapter)\b")
_TEX_LEVELS = {
    "part": 0,
    "chapter": 0,
    "section": 1,
    "subsection": 2,
    "subsubsection": 3,
    "paragraph": 4,
    "subparagraph": 5,
}
_TICKS = re.compile(r"`{3,}")


def as_markdown(media_type: str, text: str) -> str | None:
    """The Markdown of a text; None if its type has no structure that is known."""
    if media_type == textual.MARKDOWN:
        return _without_matter(text)
    convert = _CONVERTERS.get(media_type)
    if convert is None:
        return None
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(convert(lines))


def _without_matter(text: str) -> str:
    """Markdown whose front matter is code: it would be a heading otherwise."""
    matter = _MATTER.match(text) if text.startswith("---") else None
    if matter is None:
        return text
    fence = _fence(matter[1])
    return f"{fence}yaml\n{matter[1]}{fence}\n{text[matter.end() :]}"


def _fence(code: str) -> str:
    longest = max((len(found) for found in _TICKS.findall(code)), default=2)
    return "`" * (longest + 1)


def _heading(level: int, title: str) -> Iterator[str]:
    yield ""
    yield f"{'#' * min(level, 6)} {title.strip()}"
    yield ""


def _plain(line: str) -> str:
    return f"\\{line.lstrip()}" if _MISTAKEN.match(line) else line


def _restructured(lines: list[str]) -> Iterator[str]:
    """Headings of reStructuredText; the order of its adornments gives their levels."""
    levels: dict[str, int] = {}
    place, last = 0, len(lines)
    while place < last:
        line = lines[place]
        following = lines[place + 1] if place + 1 < last else ""
        over = _adornment(line)
        if over and _adorned(following) and place + 2 < last:
            under = _adornment(lines[place + 2])
            if under == over and len(following.strip()) <= len(line.strip()):
                level = levels.setdefault(f"{over}{over}", len(levels) + 1)
                yield from _heading(level, following)
                place += 3
                continue
        under = _adornment(following)
        before = lines[place - 1] if place else ""
        fits = len(following.strip()) >= min(len(line.strip()), 3)
        if under and fits and _adorned(line) and not before.strip() and line[:1] != " ":
            level = levels.setdefault(under, len(levels) + 1)
            yield from _heading(level, line)
            place += 2
            continue
        yield _plain(line)
        place += 1


def _adornment(line: str) -> str:
    """The character that a line consists of; empty if it is no adornment."""
    found = _ADORNMENT.match(line)
    return found[1] if found and len(line.strip()) > 2 else ""  # noqa: PLR2004


def _adorned(line: str) -> bool:
    """Whether a line can be a title."""
    return bool(line.strip()) and not _ADORNMENT.match(line.strip())


def _org(lines: list[str]) -> Iterator[str]:
    code: list[str] | None = None
    in_table = False
    language = ""
    for line in lines:
        if code is not None:
            if _ORG_CODE_END.match(line):
                yield from _fenced(code, language)
                code = None
            else:
                code.append(line)
        elif found := _ORG_CODE.match(line):
            code, language = [], found[1]
        elif found := _ORG_HEADING.match(line):
            yield from _heading(len(found[1]), found[2])
        elif line.lstrip().startswith("|"):
            if not _ORG_RULE.match(line):
                yield line
                if not in_table:
                    yield "|" + " --- |" * max(
                        1, line.strip().strip("|").count("|") + 1
                    )
                in_table = True
            continue
        else:
            yield _plain(line)
        in_table = False
    if code is not None:
        yield from _fenced(code, language)


def _asciidoc(lines: list[str]) -> Iterator[str]:
    code: list[str] | None = None
    delimiter = language = ""
    for line in lines:
        if code is not None:
            if line.rstrip() == delimiter:
                yield from _fenced(code, language)
                code, language = None, ""
            else:
                code.append(line)
        elif found := _ASCIIDOC_CODE.match(line):
            code, delimiter = [], found[1]
        elif found := _ASCIIDOC_LANGUAGE.match(line):
            language = found[1]
            yield line
        elif found := _ASCIIDOC_HEADING.match(line):
            yield from _heading(len(found[1]), found[2])
        else:
            yield _plain(line)
    if code is not None:
        yield from _fenced(code, language)


def _tex(lines: list[str]) -> Iterator[str]:
    chapters = any(map(_TEX_CHAPTER.match, lines))
    code: list[str] | None = None
    end = ""
    for line in lines:
        if code is not None:
            if end in line:
                yield from _fenced(code, "")
                code = None
            else:
                code.append(line)
        elif found := _TEX_CODE.match(line):
            code, end = [], f"\\end{{{found[1]}}}"
        elif found := _TEX_HEADING.match(line):
            level = _TEX_LEVELS[found[1]] + chapters
            yield from _heading(max(level, 1), escaped(found[2]))
        else:
            yield _plain(escaped(line))
    if code is not None:
        yield from _fenced(code, "")


def _fenced(code: list[str], language: str) -> Iterator[str]:
    fence = _fence("\n".join(code))
    yield f"{fence}{language}"
    yield from code
    yield fence


_CONVERTERS: dict[str, Callable[[list[str]], Iterator[str]]] = {
    textual.RST: _restructured,
    textual.ORG: _org,
    textual.ASCIIDOC: _asciidoc,
    textual.TEX: _tex,
}
