"""The expected type of a file by its suffix, and the note about a different one."""

from typing import NamedTuple

from docprogress.steps import textual

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."


class _Kind(NamedTuple):
    label: str
    suffixes: tuple[str, ...]
    #: Beginnings of the media types that keep the promise.
    types: tuple[str, ...]


def _kind(label: str, suffixes: str, *types: str) -> _Kind:
    return _Kind(label, tuple(suffixes.split()), types)


_KINDS = (
    _kind("a PDF", ".pdf", "application/pdf"),
    _kind(
        "a Word document",
        ".docx .docm .dotx .dotm .doc .dot",
        *(_OFFICE + "wordprocessingml", "application/vnd.ms-word"),
        "application/msword",
    ),
    _kind(
        "a spreadsheet",
        ".xlsx .xlsm .xltx .xltm .xlsb .xls .xlt .ods .ots",
        *(_OFFICE + "spreadsheetml", "application/vnd.ms-excel"),
        _OPEN_DOCUMENT + "spreadsheet",
    ),
    _kind(
        "a presentation",
        ".pptx .pptm .ppsx .ppsm .potx .potm .ppt .pps .pot .odp .otp .fodp",
        *(_OFFICE + "presentationml", "application/vnd.ms-powerpoint"),
        _OPEN_DOCUMENT + "presentation",
    ),
    _kind("an OpenDocument text", ".odt .ott .fodt .odm", _OPEN_DOCUMENT + "text"),
    _kind("a drawing", ".odg .otg .fodg", _OPEN_DOCUMENT + "graphics"),
    _kind("an RTF document", ".rtf", "application/rtf", "text/rtf"),
    _kind("HTML", ".html .htm .xhtml .xht", textual.HTML, textual.XHTML),
    _kind("a saved web page", ".mht .mhtml", textual.MHTML),
    _kind(
        "mail",
        ".eml .msg .mbox .mbx .tnef",
        *(textual.EML, textual.MBOX, textual.MSG, textual.TNEF),
    ),
    _kind("a calendar", ".ics .ical", textual.CALENDAR),
    _kind("contacts", ".vcf .vcard", textual.VCARD),
    _kind("an EPUB book", ".epub", "application/epub+zip"),
    _kind("a notebook", ".ipynb", textual.NOTEBOOK),
    _kind(
        "an image",
        ".png .jpg .jpeg .tif .tiff .webp .bmp .gif .heic .heif .avif",
        "image/",
    ),
    _kind(
        "an archive",
        ".zip .tar .gz .tgz .bz2 .tbz2 .xz .txz",
        *("application/zip", "application/x-tar", "application/gzip"),
        *("application/x-bzip2", "application/x-xz"),
    ),
    _kind(
        "plain text",
        " ".join((".csv", ".tsv", *textual.SUFFIXES)),
        *("text/", "application/json", textual.JSON_LINES, textual.XML, textual.TEX),
    ),
)

_BY_SUFFIX = {suffix: kind for kind in reversed(_KINDS) for suffix in kind.suffixes}

#: Suffixes of files that are submitted from folders. Any file can be named itself.
SUFFIXES = frozenset(_BY_SUFFIX)

#: What the message calls a type that has a name of its own.
_LABELS = {
    textual.EML: "a message",
    textual.MBOX: "a mailbox",
    textual.TNEF: "a winmail.dat",
    textual.JSON: "JSON",
    textual.XML: "XML",
    textual.MARKDOWN: "Markdown",
    "text/csv": "CSV",
}


def suffix_of(name: str) -> str:
    """A file name's suffix in lower case, with its dot; empty if it has none."""
    return "." + name.rsplit(".", 1)[-1].lower() if "." in name else ""


def promise(suffix: str) -> str | None:
    """The expected type of a file with this suffix; None if unknown."""
    kind = _promised(suffix)
    return kind and kind.label


def suffixes_of(media_type: str) -> frozenset[str]:
    """The suffixes that promise a media type, or types that begin so."""
    return frozenset(
        suffix
        for kind in _KINDS
        if media_type in kind.types
        for suffix in kind.suffixes
    )


def misnamed(name: str, media_type: str) -> str | None:
    """The note about a file that is not what its suffix promises."""
    suffix = suffix_of(name)
    kind = _promised(suffix)
    if kind is None or media_type.startswith(kind.types):
        return None
    return f"named {suffix}, read as {label(media_type)}"


def _promised(suffix: str) -> _Kind | None:
    return _BY_SUFFIX.get(suffix)


def label(media_type: str) -> str:
    """What people call a media type: `a Word document`."""
    if found := _LABELS.get(media_type):
        return found
    return next(
        (kind.label for kind in _KINDS if media_type.startswith(kind.types)),
        media_type,
    )
