"""Read images by recognising their text; a TIFF may have several pages."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from docprogress.documents import Document, Page
from docprogress.errors import DocProgressError, LimitExceeded, Unreadable
from docprogress.events import NO_TEXT
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts, check_pages, too_long
from docprogress.steps.metadata import add_warning, numbered
from docprogress.steps.ocr.engine import INSTALL
from docprogress.steps.ocr.pages import Recognition, recognition
from docprogress.steps.ocr.pictures import (
    TooLarge,
    as_picture,
    check_size,
    pillow_limits,
)
from docprogress.steps.text import clean_title

if TYPE_CHECKING:
    from PIL.Image import Image

    from docprogress.steps.ocr.engine import Picture

#: What Pillow calls each type, and people.
_FORMATS = {
    "image/png": ("PNG", "a PNG image"),
    "image/jpeg": ("JPEG", "a JPEG image"),
    "image/tiff": ("TIFF", "a TIFF image"),
    "image/webp": ("WEBP", "a WebP image"),
    "image/bmp": ("BMP", "a BMP image"),
    "image/gif": ("GIF", "a GIF image"),
    "image/heic": ("HEIF", "a HEIF image"),
    "image/avif": ("AVIF", "an AVIF image"),
}

#: Only a TIFF has pages; the others have the frames of an animation.
_PAGED = "image/tiff"

# Tags of EXIF data.
_DESCRIPTION, _DATE, _ARTIST, _EXIF, _TAKEN = 0x010E, 0x0132, 0x013B, 0x8769, 0x9003

#: Pixels of a picture that fits into any memory.
SMALL_PIXELS = 4_000_000

#: The resolution of an image that does not state a likely one.
USUAL_DPI = 200
_LIKELY_DPI = range(50, 1201)


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read an image."""
    kind = facts["media_type"]
    what = _FORMATS[kind][1]
    ocr = recognition(document, settings, facts)
    if ocr is None:
        reason = (
            "ocr is 'never'" if settings.ocr == "never" else f"OCR needed; {INSTALL}"
        )
        raise Unreadable(f"{document.name}: {what}, whose text is not read: {reason}")
    image = _open(document, kind, what)
    try:
        total = _count(image, settings) if kind == _PAGED else 1
        check_pages(document, total, settings)
    except BaseException:
        image.close()
        raise
    facts |= {"width": image.width, "height": image.height, **_taken(image)}
    ocr.left = total
    pages = _pages(
        image, document, total=total, settings=settings, facts=facts, ocr=ocr
    )
    return Extraction(
        pages, total=total, facts=facts, close=image.close, recognition=ocr
    )


def _open(document: Document, kind: str, what: str) -> "Image":
    try:
        from PIL import Image
    except ImportError as error:
        raise Unreadable(
            f"{document.name}: {what}, which needs Pillow; {INSTALL}"
        ) from error
    if kind == "image/heic":
        try:
            from pillow_heif import register_heif_opener
        except ImportError as error:
            raise Unreadable(
                f"{document.name}: {what}; pip install pillow-heif"
            ) from error
        register_heif_opener()
    with _translated(document, what):
        image = Image.open(document.path, formats=[_FORMATS[kind][0]])
        try:
            check_size(image)
        except TooLarge:
            image.close()
            raise
        return image


def _taken(image: "Image") -> dict[str, str]:
    """Who took the picture, and when, as its EXIF data say."""
    said: dict[str, object] = {}
    with suppress(Exception), pillow_limits():  # they are no reason to reject it
        exif = image.getexif()
        said = {"title": exif.get(_DESCRIPTION), "author": exif.get(_ARTIST)}
        taken = exif.get_ifd(_EXIF).get(_TAKEN) or exif.get(_DATE)
        # Colons separate the parts of the day, too.
        said["created"] = str(taken or "").replace(":", "-", 2)
    texts = {name: clean_title(str(value or "")) for name, value in said.items()}
    return {name: text for name, text in texts.items() if text}


def _count(image: "Image", settings: Settings) -> int:
    """How many pages a TIFF has, as far as the limit and one more.

    Finding them takes time, and a damaged file may have millions.
    """
    count = 1
    with pillow_limits():
        try:
            while count <= settings.max_pages:
                image.seek(count)
                count += 1
        except (DocProgressError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - the pages before the damage can be read
            return count
        finally:
            image.seek(0)
    return count


def _pages(
    image: "Image",
    document: Document,
    *,
    total: int,
    settings: Settings,
    facts: Facts,
    ocr: Recognition,
) -> Iterator[Page]:
    what = _FORMATS[facts["media_type"]][1]
    left = settings.max_characters
    blank = True
    unread: list[int] = []

    def picture(index: int) -> "Picture | None":
        try:
            with _translated(document, what):
                if index:
                    image.seek(index)
                found = _loaded(image, document, what)
        except Unreadable:
            if total == 1:
                raise
            unread.append(index + 1)
            return None
        return None if found.min() == found.max() else found

    dpi = _dpi(image)
    for index in range(total):
        page = ocr.recognise(index + 1, partial(picture, index), dpi=dpi)
        ocr.count(page)
        left -= len(page.text)
        if left < 0:
            raise too_long(document, settings)
        blank = blank and not page.text.strip()
        yield page
    if len(unread) == total:
        raise Unreadable(_damaged(document, what))
    if unread:
        facts["note"] = f"{len(unread)} of {plural(total, 'page')} could not be read"
        add_warning(facts, f"{numbered('page', unread)} could not be read")
    elif blank:
        facts["note"] = NO_TEXT


def _loaded(image: "Image", document: Document, what: str) -> "Picture":
    try:
        return as_picture(image)
    except MemoryError:
        # A part of the file claims a size that nothing of this picture could have.
        if image.width * image.height < SMALL_PIXELS:
            raise Unreadable(_damaged(document, what)) from None
        raise


@contextmanager
def _translated(document: Document, what: str) -> Iterator[None]:
    """Translate all exceptions of Pillow."""
    try:
        with pillow_limits():
            yield
    except TooLarge as error:
        raise LimitExceeded(
            f"{document.name}: {what} that is too large ({error}); scale it down"
        ) from error
    except MemoryError as error:
        # Pillow allocates whatever a damaged file promises.
        raise LimitExceeded(
            f"{document.name}: {what} that needs more memory than there is"
        ) from error
    except (DocProgressError, FileNotFoundError):
        raise
    except Exception as error:
        raise Unreadable(_damaged(document, what)) from error


def _damaged(document: Document, what: str) -> str:
    return f"{document.name}: {what} that is damaged or cut short; fetch it again"


def _dpi(image: "Image") -> int:
    try:
        stated = round(float(image.info["dpi"][0]))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return USUAL_DPI
    return stated if stated in _LIKELY_DPI else USUAL_DPI
