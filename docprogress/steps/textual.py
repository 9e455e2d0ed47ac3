"""Detect which kind of text a file has: HTML, mail, JSON, or plain text.

The content decides where it is unmistakable; the name's suffix where it is not.
"""

import re

HTML = "text/html"
XHTML = "application/xhtml+xml"
MHTML = "multipart/related"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
EML = "message/rfc822"
MBOX = "application/mbox"
#: Not text, but mail as well.
MSG = "application/vnd.ms-outlook"
TNEF = "application/vnd.ms-tnef"
NOTEBOOK = "application/x-ipynb+json"
JSON = "application/json"
JSON_LINES = "application/jsonl"
XML = "application/xml"
RST = "text/x-rst"
ORG = "text/org"
ASCIIDOC = "text/asciidoc"
TEX = "application/x-tex"
CALENDAR = "text/calendar"
VCARD = "text/vcard"

#: The types of text files that are read as they are, by suffix.
_BY_SUFFIX = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": XHTML,
    ".xht": XHTML,
    ".json": JSON,
    ".geojson": JSON,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".xml": XML,
    ".rst": RST,
    ".org": ORG,
    ".adoc": ASCIIDOC,
    ".asciidoc": ASCIIDOC,
    ".tex": TEX,
    ".ltx": TEX,
}
_MHTML_SUFFIXES = (".mht", ".mhtml")
_MAIL_SUFFIXES = (".eml", ".mht", ".mhtml")
_MBOX_SUFFIXES = (".mbox", ".mbx")

#: The suffixes of files that are text, whatever their first bytes look like.
SUFFIXES = (".txt", ".text", *_BY_SUFFIX)

#: Suffixes of files whose first bytes are text, with binary data in later ones.
MIXED_SUFFIXES = (*_MAIL_SUFFIXES, *_MBOX_SUFFIXES, ".ipynb")

#: Types whose first lines may look like HTML or XML.
_SOURCES = (MARKDOWN, RST, ORG, ASCIIDOC, TEX, JSON, JSON_LINES, XML)

_BEGINS = rb"(?:\s|<!--.{0,4096}?-->|<\?xml[^>]{0,512}>)*"
_HTML = re.compile(
    rb"(?is)"
    + _BEGINS
    + rb"<(?:!doctype\s+html|html|head|body|title|meta|script|style|div|table|h1|p)"
    rb"[\s>]"
)
_PAGE = re.compile(rb"(?is)" + _BEGINS + rb"<(?:!doctype\s+html|html)[\s>]")
_XML_DECLARATION = re.compile(rb"\s*<\?xml\s")
_XHTML_NAMESPACE = re.compile(
    rb"(?is)<html\s[^>]{0,512}?xmlns\s*=\s*[\"']http://www\.w3\.org/1999/xhtml"
)
#: How every file begins that is something else than plain text.
_FIRST = re.compile(rb"\s*[<{%\\Bb]|[!-9;-~]{1,76}:|From ")
_CARDS = re.compile(rb"(?i)\s{0,64}BEGIN:V(CALENDAR|CARD)[ \t]*\r?\n")
_TEX = re.compile(rb"(?:\s|%[^\n]*\n)*\\documentclass\b")

#: A header field, with its continuation lines.
_FIELD = re.compile(rb"([!-9;-~]{1,76}):[^\n]*\n(?:[ \t][^\n]*\n)*")
#: Fields that every message has some of, and those that only mail programs write.
_COMMON_FIELDS = {b"from", b"to", b"cc", b"subject", b"date", b"sender", b"reply-to"}
_MAIL_FIELDS = {
    *(b"message-id", b"received", b"return-path", b"mime-version", b"delivered-to"),
    *(b"x-mailer", b"x-received", b"dkim-signature", b"thread-index", b"in-reply-to"),
}
_SAVED_PAGE = re.compile(
    rb"(?im)^(?:snapshot-content-location:|from:\s*\"?<?saved by )"
)
_RELATED = re.compile(rb"(?im)^content-type:\s*multipart/related\b")
_MBOX = re.compile(
    rb"From [^\n]{0,200}\d{4}[^\n]{0,40}\n(?:[!-9;-~]{1,76}:[ \t\r\n]|(\r?\n))"
)


def detect(suffix: str, head: bytes) -> str:
    """The media type of a text file, or of a binary file that no other type fits.

    Args:
        suffix: Of the file's name, in lower case, with its dot.
        head: The first bytes of the file.
    """
    # Removing zeros turns ASCII in UTF-16 into plain ASCII.
    begins = head.lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\0", b"")
    named = _BY_SUFFIX.get(suffix)
    first = _FIRST.match(begins)
    if first is None and named is None and suffix not in _MAIL_SUFFIXES:
        return PLAIN
    if named not in _SOURCES:
        if mail := _mail(suffix, begins):
            return mail
        if _is_notebook(suffix, begins):
            return NOTEBOOK
    if _PAGE.match(begins) or (_HTML.match(begins) and named not in _SOURCES):
        return _html(named, begins)
    return named or _unnamed(begins)


def _unnamed(begins: bytes) -> str:
    """The type of a text whose name does not say it."""
    if cards := _CARDS.match(begins):
        return CALENDAR if len(cards[1]) > len(b"CARD") else VCARD
    if _XML_DECLARATION.match(begins):
        return XML
    return TEX if _TEX.match(begins) else PLAIN


def _html(named: str | None, begins: bytes) -> str:
    """HTML, or XHTML if the page is XML."""
    if named == XHTML:
        return XHTML
    if _XML_DECLARATION.match(begins) and _XHTML_NAMESPACE.search(begins, 0, 8192):
        return XHTML
    return HTML


def _mail(suffix: str, begins: bytes) -> str | None:
    mailbox = _MBOX.match(begins)
    if mailbox and suffix not in _MAIL_SUFFIXES:
        # Without any header field, it takes the name to be sure.
        return None if mailbox[1] and suffix not in _MBOX_SUFFIXES else MBOX
    if mailbox:
        begins = begins[begins.index(b"\n") + 1 :]
    names = _field_names(begins)
    known = names & (_COMMON_FIELDS | _MAIL_FIELDS)
    if suffix in _MAIL_SUFFIXES:
        mail = bool(names) and (bool(known) or b"content-type" in names)
    else:
        mail = bool(names & _MAIL_FIELDS) and len(known) > 1
    if not mail:
        return None
    header = begins[: _header_end(begins)]
    saved = suffix in _MHTML_SUFFIXES or _SAVED_PAGE.search(header)
    return MHTML if saved and _RELATED.search(header) else EML


def _field_names(begins: bytes) -> set[bytes]:
    """The names of the header fields at the beginning of a message."""
    names = set()
    place = 0
    while field := _FIELD.match(begins, place):
        names.add(field[1].lower())
        place = field.end()
    return names


def _header_end(begins: bytes) -> int:
    end = re.search(rb"\n\r?\n", begins)
    return end.end() if end else len(begins)


def _is_notebook(suffix: str, begins: bytes) -> bool:
    begins = begins.lstrip()
    cells = b'"cell_type"' in begins and b'"cells"' in begins
    return begins.startswith(b"{") and (suffix == ".ipynb" or cells)
