"""Find the main content of a page: without navigation, sidebars and footers."""

import logging

from docprogress.errors import DocProgressError, Unreadable
from docprogress.steps.markup.page import PageReader
from docprogress.steps.markup.text import Text

#: The longest page whose main content is looked for, in characters. A tree of it takes
#: about a hundred times the space.
LONGEST_PAGE = 5_000_000


def main_content(name: str, page: str) -> str | None:
    """The main content as HTML; None if none is found.

    Args:
        name: The document's name, for errors.
        page: The page.

    Raises:
        Unreadable: trafilatura is not installed.
    """
    try:
        import trafilatura
    except ImportError:
        raise Unreadable(
            f"{name}: reading the main content (html_content) needs trafilatura; "
            "run `pip install 'docprogress[html]'`"
        ) from None
    if len(page) > LONGEST_PAGE:
        return None
    # It logs each page in which it finds nothing.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    try:
        found: str | None = trafilatura.extract(
            _without_hidden(page),
            output_format="html",
            include_comments=False,
            favor_recall=True,
        )
    except DocProgressError:
        raise
    except Exception:  # noqa: BLE001 - damaged pages make it raise errors of many kinds
        return None
    return found


def _without_hidden(page: str) -> str:
    reader = PageReader(page, Text(len(page) * 10))
    reader.read()
    pieces = []
    place = 0
    for begin, end in reader.hidden:
        pieces.append(page[place:begin])
        place = end if end >= 0 else len(page)
    pieces.append(page[place:])
    return "".join(pieces)
