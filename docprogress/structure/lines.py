"""The kinds of lines in Markdown: indented, a fence, a thematic break."""

import re

#: Columns of white space that make a line code.
CODE_INDENT = 4

_FENCE = re.compile(r"[ \t]*(?:(`{3,})[^`]*|(~{3,}).*)")


def indent(line: str) -> int:
    """The columns of white space at the begin of a line."""
    if line[:1] not in (" ", "\t"):
        return 0
    blank = line[: len(line) - len(line.lstrip(" \t"))]
    return len(blank.expandtabs(CODE_INDENT))


def fence(line: str) -> str:
    """The fence with which a line begins code; empty if it does not."""
    if "```" not in line and "~~~" not in line:
        return ""
    found = _FENCE.fullmatch(line)
    return found[1] or found[2] if found else ""


def closes(line: str, fence: str) -> bool:
    """Whether a line ends the code that a fence began."""
    if fence not in line:
        return False
    found = line.strip()
    return len(found) >= len(fence) and found == fence[0] * len(found)


def is_break(line: str) -> bool:
    """Whether a line that is not blank is a thematic break, and not code."""
    return line[0] in " -*_" and indent(line) < CODE_INDENT and thematic_break(line)


def thematic_break(line: str) -> bool:
    """Whether a line is a thematic break: `---`."""
    sign = line.lstrip()[:1]
    if sign not in ("-", "*", "_"):
        return False
    signs = line.replace(" ", "").replace("\t", "").rstrip()
    return len(signs) > 2 and signs == sign * len(signs)  # noqa: PLR2004
