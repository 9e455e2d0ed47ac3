"""Find the tags of a page, as the HTML standard defines them."""

import re

from docprogress.steps.markup.elements import RAW

NAME = re.compile(r"/?([a-zA-Z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s/>][^\s/>=]*)(\s*+=\s*+)?")
_BARE_VALUE = re.compile(r"[^\s>]*")
_BETWEEN = re.compile(r"[\s/]*")
_COMMENT_END = re.compile(r"--!?>")
_RAW_END = {name: re.compile(rf"(?i)</{name}(?=[\s/>])") for name in RAW}

#: Attributes that text extraction needs, and those that structure needs besides.
_KEPT = frozenset(
    "hidden style class id alt value type media "  # noqa: SIM905
    "href colspan rowspan start role aria-level".split()
)


def after_name(page: str, place: int) -> tuple[int, dict[str, str], bool]:
    """Read the attributes of a tag.

    Args:
        page: The page.
        place: The position after the tag's name.

    Returns:
        The position after the tag, -1 if it does not end; its attributes; and whether
        it is written like an element without content, `<br/>`.
    """
    attributes: dict[str, str] = {}
    while True:
        attribute = _ATTRIBUTE.match(page, place)
        if attribute is None:
            place = _BETWEEN.match(page, place).end()  # type: ignore[union-attr]
            if place >= len(page):
                return -1, attributes, False
            return place + 1, attributes, page[place - 1] == "/"
        place = attribute.end()
        value = ""
        if attribute[2]:
            quote = page[place : place + 1]
            if quote in ('"', "'"):
                end = page.find(quote, place + 1)
                if end < 0:
                    return -1, attributes, False
                value, place = page[place + 1 : end], end + 1
            else:
                bare = _BARE_VALUE.match(page, place)
                assert bare is not None
                value, place = bare[0], bare.end()
        name = attribute[1].lower()
        if name in _KEPT:
            attributes.setdefault(name, value)


def after_comment(page: str, tag: int) -> int | None:
    """The position after a comment or declaration, -1 if it does not end.

    None if the `<` at `tag` is text.
    """
    if page.startswith("<!--", tag):
        if page.startswith((">", "->"), tag + 4):
            return page.index(">", tag) + 1
        end = _COMMENT_END.search(page, tag + 4)
        return end.end() if end else -1
    if page.startswith(("<!", "<?", "</"), tag):
        return page.find(">", tag) + 1 or -1
    return None


def raw_content(page: str, place: int, name: str) -> tuple[str, int]:
    """The content of an element without markup, and the position after its end tag.

    The position is -1 if the element does not end, which then has no content.
    """
    end = _RAW_END[name].search(page, place) if place >= 0 else None
    if end is None:
        return "", -1
    return page[place : end.start()], after_name(page, end.end())[0]
