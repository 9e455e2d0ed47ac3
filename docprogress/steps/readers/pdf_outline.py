"""The outline of a PDF: its bookmarks, which are usually its headings."""

from ctypes import addressof, c_ushort

from pypdfium2 import raw as pdfium

from docprogress.steps.readers import pdf_native as native

#: The maximum number of bookmarks, how deep they may be nested, and the maximum number
#: of bytes of a title.
MOST_BOOKMARKS = 5_000
DEEPEST = 8
MOST_TITLE = 1_000

#: The depths at which each title stands, outermost 1, by the page it leads to, from 0.
Outline = dict[int, dict[str, int]]


def read_outline(pdf: object) -> Outline:
    """The outline of an open PDF."""
    found: Outline = {}
    seen: set[int] = set()
    first = pdfium.FPDFBookmark_GetFirstChild(pdf, None)
    waiting = [(first, 1)] if first else []
    while waiting and len(seen) < MOST_BOOKMARKS:
        bookmark, depth = waiting.pop()
        address = native.address(bookmark)
        if not address or address in seen:
            continue
        seen.add(address)
        if following := pdfium.FPDFBookmark_GetNextSibling(pdf, bookmark):
            waiting.append((following, depth))
        if depth < DEEPEST and (
            child := pdfium.FPDFBookmark_GetFirstChild(pdf, bookmark)
        ):
            waiting.append((child, depth + 1))
        title = _title(bookmark)
        destination = pdfium.FPDFBookmark_GetDest(pdf, bookmark)
        if not destination:
            action = pdfium.FPDFBookmark_GetAction(bookmark)
            destination = action and pdfium.FPDFAction_GetDest(pdf, action)
        if title and destination:
            page = pdfium.FPDFDest_GetDestPageIndex(pdf, destination)
            found.setdefault(page, {}).setdefault(key_of(title), depth)
    return found


def key_of(title: str) -> str:
    """A title without its number, in lower case, letters and digits only."""
    letters = "".join(filter(str.isalnum, title.casefold()))
    return letters.lstrip("0123456789") or letters


def _title(bookmark: object) -> str:
    size = pdfium.FPDFBookmark_GetTitle(bookmark, None, 0)
    if not size or size > MOST_TITLE:
        return ""
    buffer = (c_ushort * (size // 2 + 1))()
    pdfium.FPDFBookmark_GetTitle(bookmark, addressof(buffer), size)
    return bytes(buffer).decode("utf-16-le", "ignore").strip("\0").strip()
