"""PDFs that are open in pypdf, which is slow, and reads some that PDFium does not."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pypdf
from pypdf.errors import DependencyError

from docprogress.errors import DocProgressError, PasswordNeeded, Unreadable
from docprogress.steps.readers.pdf_hyphens import SOFT_HYPHEN
from docprogress.steps.readers.pdf_page import (
    DAMAGED,
    NO_PAGES,
    UNKNOWN_CIPHER,
    PageText,
)
from docprogress.steps.text import TooLong, clean_title

if TYPE_CHECKING:
    from docprogress.steps.ocr.engine import Picture

# pypdf logs every repair, thousands of lines for a damaged file. A level that was set
# elsewhere is kept.
if logging.getLogger("pypdf").level == logging.NOTSET:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)

#: How a soft hyphen is written in a page's content.
_SOFT_HYPHENS = (b"\xad", rb"\255")


class PypdfDocument:
    """A PDF that is open in pypdf.

    It cannot draw a page: the largest image of a page stands for it.
    """

    engine = "pypdf"
    unmapped = False

    def __init__(self, name: str, path: Path, *, passwords: Sequence[str] = ()) -> None:
        self._file = path.open("rb")
        try:
            self._reader, self._pages = _open(name, self._file, passwords)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._pages

    def metadata(self, name: str) -> str:
        try:
            metadata = self._reader.metadata
            return str((metadata and metadata.get(f"/{name}")) or "")
        except (DocProgressError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - broken metadata is no reason to reject a document
            return ""

    @property
    def language(self) -> str:
        try:
            return str(self._reader.root_object.get("/Lang") or "")
        except (DocProgressError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - as above
            return ""

    def page(self, index: int, *, most: int) -> PageText | None:
        text = self.text(index, most=most)
        if text is None:
            return None
        return PageText(text.replace(f"{SOFT_HYPHEN}\n", "").replace(SOFT_HYPHEN, ""))

    def text(self, index: int, *, most: int) -> str | None:
        """The text of a page with its soft hyphens; None if it cannot be read.

        Raises:
            TooLong: It has more than `most` characters.
        """
        try:
            found = self._reader.pages[index].extract_text()
        except (DocProgressError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a damaged page can raise anything at all
            return None
        if len(found) > most:
            raise TooLong
        return found

    def may_have_soft_hyphens(self, index: int) -> bool:
        """Whether a page's content has the code that soft hyphens have in a font."""
        try:
            contents = self._reader.pages[index].get_contents()
            data = contents.get_data() if contents is not None else b""
        except (DocProgressError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a damaged page can raise anything at all
            return False
        return any(code in data for code in _SOFT_HYPHENS)

    def render(self, index: int, dpi: int) -> "Picture | None":  # noqa: ARG002
        from docprogress.steps.ocr.pictures import as_picture, pillow_limits

        try:
            with pillow_limits():
                images = [each.image for each in self._reader.pages[index].images]
                largest = max(
                    (each for each in images if each is not None),
                    key=lambda each: each.width * each.height,
                    default=None,
                )
                return None if largest is None else as_picture(largest)
        except (DocProgressError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - as above
            return None

    def is_image(self, index: int) -> bool:  # noqa: ARG002
        return False

    def close(self) -> None:
        self._file.close()


def _open(
    name: str, file: BinaryIO, passwords: Sequence[str]
) -> tuple[pypdf.PdfReader, int]:
    try:
        reader = pypdf.PdfReader(file, strict=False)
        locked = reader.is_encrypted and not any(
            reader.decrypt(password) for password in ("", *passwords)
        )
        pages = 0 if locked else len(reader.pages)
    except (DocProgressError, MemoryError):
        raise
    except DependencyError as error:
        raise Unreadable(f"{name}: {UNKNOWN_CIPHER} ({reason(error)})") from error
    except Exception as error:  # a damaged file can raise anything at all
        raise Unreadable(f"{name}: {DAMAGED} ({reason(error)})") from error
    if locked:
        raise PasswordNeeded(f"{name}: the PDF")
    if not pages:
        raise Unreadable(f"{name}: {NO_PAGES}")
    return reader, pages


def reason(error: BaseException) -> str:
    """The message of a parser's exception, shortened."""
    if isinstance(error, RecursionError):
        return "its parts refer to each other in a circle"
    message = clean_title(str(error)).removeprefix("Failed to load document ")
    return message.strip("().") or type(error).__name__
