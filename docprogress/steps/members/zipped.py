"""The members of ZIP archives."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from docprogress.documents import Document
from docprogress.errors import Unreadable
from docprogress.settings import Settings
from docprogress.steps.containers import Member

#: The bit of an entry's flags that says that its name is UTF-8.
_UTF8_FLAG = 0x800

#: The host system whose attributes are a Unix file mode, and the mode's type.
_UNIX = 3
_TYPE_MASK, _REGULAR = 0o170000, 0o100000


def members(
    document: Document,
    *,
    settings: Settings,  # noqa: ARG001
    stack: ExitStack,
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
            yield Member(
                name=_name(entry),
                size=entry.file_size,
                open=partial(archive.open, entry),  # type: ignore[arg-type]
            )


def _is_file(entry: zipfile.ZipInfo) -> bool:
    if entry.is_dir():
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
