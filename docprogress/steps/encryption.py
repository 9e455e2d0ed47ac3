"""Decrypt Office documents that have a password, so that any reader can read them."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from docprogress.documents import Document
from docprogress.errors import DocProgressError, PasswordNeeded, Unreadable
from docprogress.settings import Settings

INSTALL = "pip install 'docprogress[formats]' to open it with its password"

#: The stream of an encrypted DOCX, XLSX or PPTX, as a directory of the file names it.
_PACKAGE = "EncryptedPackage".encode("utf-16-le")

#: How the stream `Current User` of an encrypted PPT begins, after its record's header.
_ENCRYPTED_SLIDES = b"\x14\0\0\0\xdf\xc4\xd1\xf3"

#: What Excel encrypts with where a workbook is only protected against changes.
_EXCEL_DEFAULT = "VelvetSweatshop"

#: Where open files have a path of their own, also once they are deleted.
_OPEN_FILES = Path("/proc/self/fd")


def decrypted(document: Document, settings: Settings, stack: ExitStack) -> Document:
    """An OLE document itself, or a decrypted copy that ends with `stack`.

    Raises:
        PasswordNeeded: It is an encrypted Office document, and no password opens it.
        Unreadable: It is one, and what decrypts it is not installed.
        OSError: It cannot be opened.
    """
    with document.path.open("rb") as file:
        office = _encrypted(document, file)
        if office is None:
            return document
        for password in ("", _EXCEL_DEFAULT, *settings.passwords):
            copy, path = _temporary_file(stack)
            if _decrypt(office, password, copy):
                copy.flush()
                return replace(document, path=path, size=path.stat().st_size)
    raise PasswordNeeded(f"{document.name}: the document")


def has_encrypted_slides(path: Path) -> bool:
    """Whether a file is an old PowerPoint file that is encrypted."""
    with path.open("rb") as file:
        return any(_ENCRYPTED_SLIDES in block for block in _overlapping(file))


def _encrypted(document: Document, file: BinaryIO) -> Any:
    """The file as the library opens it; None if it is not encrypted."""
    file.seek(0)
    if find_spec("msoffcrypto") is None:
        if any(_PACKAGE in block for block in _overlapping(file)):
            raise Unreadable(
                f"{document.name}: an encrypted Office document; {INSTALL}"
            )
        return None
    import msoffcrypto

    file.seek(0)
    try:
        office: Any = msoffcrypto.OfficeFile(file)
        if not office.is_encrypted():
            return None
        _check_chain(getattr(office, "ole", None), document)
    except (DocProgressError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - a damaged file can raise anything at all
        return None  # whoever reads it says what is wrong
    return office


def _check_chain(ole: Any, document: Document) -> None:
    """Check that the chain of small streams ends: writing them follows it to its end.

    Raises:
        Unreadable: It is a circle.
    """
    if ole is None:
        return
    sector, table = ole.root.isectStart, ole.fat
    for _ in range(len(table) + 1):
        if sector >= len(table):
            return
        sector = table[sector]
    raise Unreadable(
        f"{document.name}: a damaged encrypted Office document; save it again"
    )


def _decrypt(office: Any, password: str, copy: BinaryIO) -> bool:
    """Whether the password opens the document, which is then in `copy`."""
    try:
        options = {"verify_password": True} if office.format == "ooxml" else {}
        office.load_key(password=password, **options)
        office.decrypt(copy)
    except (DocProgressError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - a wrong password can raise anything at all
        return False
    return True


def _temporary_file(stack: ExitStack) -> tuple[BinaryIO, Path]:
    """A file that no other user can open, and its path while it is open."""
    if sys.platform == "linux" and _OPEN_FILES.exists():
        # It has no name, so that nothing is left of it even if the process is killed.
        anonymous: Any = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        return anonymous, _OPEN_FILES / str(anonymous.fileno())
    folder = tempfile.TemporaryDirectory(prefix="docprogress-")
    path = Path(stack.enter_context(folder), "document")
    return stack.enter_context(path.open("w+b")), path


def _overlapping(file: BinaryIO, size: int = 1 << 20) -> Iterator[bytes]:
    """A file's blocks, each with the end of the one before."""
    end = b""
    while block := file.read(size):
        yield end + block
        end = block[-len(_PACKAGE) :]
