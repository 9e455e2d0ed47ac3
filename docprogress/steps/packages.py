"""Detect the type of a ZIP-based document from the type that its main part declares."""

import contextlib
import re
import zipfile
import zlib

#: Bytes of the declaration that are examined.
MAX_DECLARATION = 1024 * 1024

_OFFICE = re.compile(
    r"application/vnd\.(?:openxmlformats-officedocument\.|ms-)"
    r"([\w.-]+?)\.main(?:\+xml)?[\"']"
)
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_MANIFEST = "META-INF/manifest.xml"
_ROOT = re.compile(
    r"""full-path=["']/["'][^>]*?media-type=["']([^"']+)"""
    r"""|media-type=["']([^"']+)["'][^>]*?full-path=["']/["']"""
)
#: Macros, templates and slide shows are read like the documents themselves.
_MAIN_PARTS = {
    "wordprocessingml.document": _DOCX,
    "wordprocessingml.template": _DOCX,
    "word.document.macroEnabled": _DOCX,
    "word.template.macroEnabledTemplate": _DOCX,
    "presentationml.presentation": _PPTX,
    "presentationml.slideshow": _PPTX,
    "presentationml.template": _PPTX,
    "powerpoint.presentation.macroEnabled": _PPTX,
    "powerpoint.slideshow.macroEnabled": _PPTX,
    "powerpoint.template.macroEnabled": _PPTX,
    "spreadsheetml.sheet": (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ),
    "spreadsheetml.template": (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ),
    "excel.sheet.macroEnabled": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "excel.template.macroEnabled": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "excel.addin.macroEnabled": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "excel.sheet.binary.macroEnabled": (
        "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
    ),
}
#: Where a declaration is missing or unusual: the names of parts.
_NAMED = (
    (r"(?i)word/document\d*\.xml", _DOCX),
    (r"(?i)ppt/presentation\d*\.xml", _PPTX),
    (
        r"(?i)xl/workbook\d*\.xml",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        r"(?i)xl/workbook\d*\.bin",
        "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ),
    (r"META-INF/container\.xml", "application/epub+zip"),
)


def package_type(archive: zipfile.ZipFile) -> str | None:
    """The media type that a ZIP-based document declares; None if it declares none."""
    declared = _read(archive, "mimetype").strip()
    if not declared and (found := _ROOT.search(_read(archive, _MANIFEST))):
        declared = found[1] or found[2]
    if re.fullmatch(r"application/[\w.+-]{1,120}", declared):
        return declared.removesuffix("-template")
    for kind in _OFFICE.findall(_read(archive, "[Content_Types].xml")):
        if kind in _MAIN_PARTS:
            return _MAIN_PARTS[kind]
    for pattern, media_type in _NAMED:
        if any(re.fullmatch(pattern, name) for name in archive.NameToInfo):
            return media_type
    return None


def _read(archive: zipfile.ZipFile, part: str) -> str:
    """The beginning of a part; nothing if it is missing or damaged."""
    failures = (KeyError, RuntimeError, OSError, ValueError, EOFError)
    with contextlib.suppress(*failures, zipfile.BadZipFile, zlib.error):
        with archive.open(part) as file:
            return file.read(MAX_DECLARATION).decode("utf-8", "replace")
    return ""
