"""The text of documents as pandoc's tests write them: Haskell values in `.native`."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_TOKEN = re.compile(
    r'\s*(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<name>[A-Za-z][\w.]*)|(?P<number>-?[\d.e-]+)'
    r"|(?P<mark>[\[\](),{}=]))",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(&|\d+|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "&": ""}

_BLOCKS = frozenset(
    (
        *("Plain", "Para", "LineBlock", "CodeBlock", "BlockQuote", "OrderedList"),
        *("BulletList", "DefinitionList", "Header", "HorizontalRule", "Table", "Div"),
        *("Cell", "Caption", "Note", "MetaInlines", "MetaBlocks"),
    )
)
#: What pandoc writes where it does not read what is there, or has nothing to say of it.
_PLACEHOLDERS = ("image", "[DIAGRAM]", "[CHART]")

#: What is not read by default: what was deleted, and comments.
_LEFT_OUT = {"deletion", "comment-start", "comment-end", "paragraph-deletion"}


class Node(NamedTuple):
    """A constructor with its arguments."""

    name: str
    arguments: list[Any]


def text(native: str, *, properties: bool = False) -> str:
    """The text that a document shows, without formulas, which are in LaTeX.

    Args:
        native: The file.
        properties: Whether the document's properties belong to what it shows.
    """
    tokens = list(_tokens(native))
    values = []
    while tokens:
        values.append(_application(tokens))
    return "".join(_walk(values, properties=properties))


def _tokens(native: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(native):
        kind = found.lastgroup or ""
        value = found[kind]
        yield kind, _ESCAPE.sub(_unescaped, value) if kind == "text" else value


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code)) if code.isdecimal() else _ESCAPED.get(code, code)


def _application(tokens: list[tuple[str, str]]) -> Any:
    """A value, or a constructor with all of its arguments."""
    tokens.reverse()
    try:
        return _applied(tokens)
    finally:
        tokens.reverse()


def _applied(tokens: list[tuple[str, str]]) -> Any:
    first = _atom(tokens)
    if not isinstance(first, Node):
        return first
    while tokens and (tokens[-1][0] != "mark" or tokens[-1][1] in "[({"):
        first.arguments.append(_atom(tokens))
    return first


def _atom(tokens: list[tuple[str, str]]) -> Any:
    kind, value = tokens.pop()
    if kind == "name":
        # A record belongs to its constructor.
        record = bool(tokens) and tokens[-1] == ("mark", "{")
        return Node(value, [_atom(tokens)] if record else [])
    if kind != "mark" or value not in "[({":
        return value if kind == "text" else None
    items = []
    while tokens and tokens[-1] not in (("mark", end) for end in "])}"):
        if tokens[-1] in (("mark", ","), ("mark", "=")):
            tokens.pop()
        else:
            items.append(_applied(tokens))
    if tokens:
        tokens.pop()
    if value == "[":
        return items
    return items[0] if len(items) == 1 else tuple(items)


def _walk(value: Any, *, properties: bool) -> Iterator[str]:
    if isinstance(value, Node):
        yield from _of_node(value, properties=properties)
    elif isinstance(value, list | tuple) and not _is_attribute(value):
        apart = isinstance(value, tuple) or any(isinstance(one, list) for one in value)
        for one in value:
            yield from _walk(one, properties=properties)
            yield "\n" if apart else ""


def _is_attribute(value: list[Any] | tuple[Any, ...]) -> bool:
    """Whether it is an identifier with classes, or an address with a title."""
    if not isinstance(value, tuple):
        return False
    return not any(
        isinstance(one, Node)
        or (
            isinstance(one, list)
            and any(isinstance(inner, Node | list) for inner in one)
        )
        for one in value
    )


def _of_node(node: Node, *, properties: bool) -> Iterator[str]:
    name, given = node
    if name == "Str":
        yield "" if given[0] in _PLACEHOLDERS[1:] else given[0]
    elif name in ("Space", "SoftBreak", "LineBreak"):
        yield " "
    elif name in ("Code", "CodeBlock"):
        yield f"\n{given[-1]}\n" if name == "CodeBlock" else given[-1]
    elif name in ("Math", "RawInline", "RawBlock"):
        yield " "
    elif (name == "Meta" and not properties) or (
        name == "Span" and _LEFT_OUT & set(given[0][1])
    ):
        return
    elif name == "Image":
        described = "".join(_walk(given[1], properties=properties))
        yield "" if described in _PLACEHOLDERS else described
    else:
        yield "\n" if name in _BLOCKS else ""
        for one in given:
            yield from _walk(one, properties=properties)
        yield "\n" if name in _BLOCKS else ""
