"""The members of ZIP archives."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from typing import Any, BinaryIO, cast

from docprogress.documents import Document
from docprogress.errors import DocProgressError, PasswordNeeded, Unreadable
from docprogress.settings import Settings
from docprogress.steps.containers import BLOCK, Member

#: Bits of an entry's flags: it is encrypted, and its name is UTF-8.
_ENCRYPTED_FLAG, _UTF8_FLAG = 0x1, 0x800

#: The compression method of entries that are encrypted with AES.
_AES = 99

#: The host system whose attributes are a Unix file mode, and the mode's type.
_UNIX = 3
_TYPE_MASK, _REGULAR = 0o170000, 0o100000


def members(
    document: Document, *, settings: Settings, stack: ExitStack
) -> Iterator[Member]:
    """Yield the files of a ZIP archive, in the order of its directory."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(document.path))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise Unreadable(
            f"{document.name}: a ZIP archive that is damaged or cut short ({error})"
        ) from error
    for entry in archive.infolist():
        if _is_file(entry):
            opener = partial(archive.open, entry)
            sealed = bool(entry.flag_bits & _ENCRYPTED_FLAG)
            if sealed:
                passwords = settings.passwords
                opener = partial(_open, archive, entry, document, passwords, stack)
            yield Member(
                name=_name(entry),
                size=entry.file_size,
                open=cast("type[BinaryIO]", opener),
                sealed=sealed,
            )


def _open(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    document: Document,
    passwords: list[str],
    stack: ExitStack,
) -> Any:
    """Open an encrypted member with the first password that fits.

    Raises:
        PasswordNeeded: None does.
        Unreadable: What decrypts it is not installed.
    """
    opened: Any = archive
    if entry.compress_type == _AES and passwords:
        if find_spec("pyzipper") is None:
            raise Unreadable(
                "it is encrypted with AES; pip install 'docprogress[formats]' to open "
                "it with its password"
            )
        import pyzipper

        opened = stack.enter_context(pyzipper.AESZipFile(document.path))
    for password in passwords:
        for encoding in ("utf-8", "cp437", "cp1252"):
            try:
                secret = password.encode(encoding)
            except UnicodeError:
                continue
            if _fits(opened, entry, secret):
                return opened.open(entry.filename, pwd=secret)
            if password.isascii():
                break
    raise PasswordNeeded("it")


def _fits(archive: Any, entry: zipfile.ZipInfo, secret: bytes) -> bool:
    """Whether a password decrypts a member, all of it.

    The archive keeps one byte to tell, which a wrong password in 256 passes.
    """
    try:
        with archive.open(entry.filename, pwd=secret) as file:
            while file.read(BLOCK):
                pass
    except (DocProgressError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - pyzipper has errors of its own
        return False
    return True


def _is_file(entry: zipfile.ZipInfo) -> bool:
    if entry.filename.endswith("/"):
        return False
    kind = entry.external_attr >> 16 & _TYPE_MASK
    return entry.create_system != _UNIX or kind in (0, _REGULAR)


def _name(entry: zipfile.ZipInfo) -> str:
    """The name, also if its program wrote UTF-8 without saying so."""
    if entry.flag_bits & _UTF8_FLAG:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename
