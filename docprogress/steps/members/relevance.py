"""Decide which members of a container are left out, since they are no documents.

A member whose name or content promises a document never is: if it cannot be read, it
fails, so that nothing that a person misses is lost silently.
"""

from collections.abc import Callable
from importlib.util import find_spec

from docprogress.settings import Settings
from docprogress.steps import formats, image_types, suffixes
from docprogress.steps.containers import DAMAGES, Member
from docprogress.steps.ocr import engine

#: Why members are left out, as in "left out: 2 files that are no documents".
NO_DOCUMENT = "file that is no document", "files that are no documents"
NO_OCR = (
    f"image, whose text is not read: {engine.INSTALL}",
    f"images, whose text is not read: {engine.INSTALL}",
)
OCR_OFF = (
    "image, whose text is not read: ocr is 'never'",
    "images, whose text is not read: ocr is 'never'",
)
NO_HEIF = (
    "HEIF image, whose text is not read: pip install pillow-heif",
    "HEIF images, whose text is not read: pip install pillow-heif",
)

#: The singular and the plural of a reason.
Reason = tuple[str, str]

_HEIF = "image/heic"
_IMAGE_SUFFIXES = suffixes.suffixes_of("image/")

#: ZIP and OLE files that are programs.
_PACKAGES = frozenset(
    (
        *(".jar", ".war", ".ear", ".apk", ".aab", ".ipa", ".msi", ".msp", ".msix"),
        *(".appx", ".xpi", ".crx", ".vsix", ".nupkg"),
    )
)

#: The kind of an encrypted member, by its name.
_BY_NAME = _PACKAGES | frozenset(
    (
        *(".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus", ".wma", ".mid"),
        *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".mpg", ".3gp"),
        *(".exe", ".dll", ".so", ".dylib", ".class", ".pyc", ".o", ".a", ".bin"),
        *(".db", ".sqlite", ".sqlite3", ".mdb", ".accdb", ".parquet", ".p7s"),
        *(".ttf", ".otf", ".woff", ".woff2", ".ico", ".iso", ".dmg", ".psd", ".blend"),
    )
)


def reason_to_leave_out(member: Member, settings: Settings) -> Reason | None:
    """Why a member does not become a document; None if it does.

    Its first bytes are read only if its name does not say what it is.
    """
    suffix = suffixes.suffix_of(member.name.replace("\\", "/").rpartition("/")[2])
    if member.whole:
        return None
    image = suffix in _IMAGE_SUFFIXES and _unread(_named_type(suffix), settings)
    if suffixes.promise(suffix) and not image:
        return None
    if member.sealed:
        return image or (NO_DOCUMENT if suffix in _BY_NAME else None)
    try:
        with member.open() as file:
            head = file.read(formats.HEAD)
    except DAMAGES:
        return None  # it fails when it is stored
    return _judged(head, suffix, lambda kind: _unread(kind, settings), image or None)


def _judged(
    head: bytes,
    suffix: str,
    unread: Callable[[str], Reason | None],
    image: Reason | None,
) -> Reason | None:
    """The kind of a member by its first bytes, if its name does not tell."""
    if not head:
        return image or NO_DOCUMENT
    kind = formats.signed_type(head)
    if kind in image_types.TYPES:
        return unread(kind)
    if kind is not None or formats.is_package(head):
        return NO_DOCUMENT if suffix in _PACKAGES else None
    if formats.is_no_document(head) or formats.is_binary(head):
        return image or NO_DOCUMENT
    return None


def _unread(media_type: str, settings: Settings) -> Reason | None:
    """Why the text of images of a type is not read; None if it is."""
    if settings.ocr == "never":
        return OCR_OFF
    if not engine.wanted(settings):
        return NO_OCR
    if media_type == _HEIF and find_spec("pillow_heif") is None:
        return NO_HEIF
    return None


def _named_type(suffix: str) -> str:
    return _HEIF if suffix in (".heic", ".heif") else "image/*"
