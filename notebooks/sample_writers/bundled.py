"""Files with files inside: mail, mailboxes, books, web archives, archives."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.policy import SMTP

from .content import Content, escape, xml, zipped
from .plain import html, markdown

_DATE = "Fri, 14 Mar 2025 09:30:00 +0000"


def eml(content: Content, attachments: Mapping[str, bytes] | None = None) -> bytes:
    return _flat(_message(content, attachments or {}))


def mbox(contents: list[Content]) -> bytes:
    made = b""
    for content in contents:
        body = _flat(_message(content, {})).replace(b"\r\n", b"\n")
        escaped = body.replace(b"\nFrom ", b"\n>From ")
        made += b"From ida@example.org Fri Mar 14 09:30:00 2025\n" + escaped + b"\n\n"
    return made


def _message(content: Content, attachments: Mapping[str, bytes]) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{content.author} <ida@example.org>"
    message["To"] = "Jon Vale <jon@example.org>"
    message["Subject"] = content.title
    message["Date"] = _DATE
    message["Message-ID"] = "<1@example.org>"
    message.set_content(markdown(content).decode(), cte="quoted-printable")
    message.add_alternative(html(content).decode(), subtype="html", cte="base64")
    for name, data in attachments.items():
        message.add_attachment(
            data, maintype="application", subtype="octet-stream", filename=name
        )
    return message


def _flat(message: EmailMessage) -> bytes:
    """The message with boundaries that are always the same."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=-part-{number}-=")
    made = io.BytesIO()
    BytesGenerator(made, policy=SMTP).flatten(message)
    return made.getvalue()


def mhtml(content: Content) -> bytes:
    """A web page as a browser saves it."""
    message = EmailMessage(policy=SMTP)
    message["From"] = "<Saved by a browser>"
    message["Snapshot-Content-Location"] = "https://example.org/page"
    message["Subject"] = content.title
    message["Date"] = _DATE
    message["MIME-Version"] = "1.0"
    message["Content-Type"] = 'multipart/related; type="text/html"'
    page = EmailMessage(policy=SMTP)
    page.set_content(html(content).decode(), subtype="html", cte="quoted-printable")
    page["Content-Location"] = "https://example.org/page"
    message.attach(page)
    return _flat(message)


def epub(content: Content) -> bytes:
    """A book with a chapter for each section."""
    chapters = {
        # The names' order is not the reading order.
        f"chapter-{99 - number}": html(
            Content(title=title, blocks=tuple(blocks), language=content.language),
            xhtml=True,
        )
        .decode()
        .replace("<body>", f"<body><h1>{escape(title)}</h1>")
        for number, (title, blocks) in enumerate(content.sections(), 1)
    }
    items = "".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in sorted(chapters)
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": xml(
                '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:'
                'container"><rootfiles><rootfile full-path="OEBPS/book.opf" '
                'media-type="application/oebps-package+xml"/></rootfiles></container>'
            ),
            "OEBPS/book.opf": xml(
                '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
                'unique-identifier="id"><metadata '
                'xmlns:dc="http://purl.org/dc/elements/1.1/">'
                f"<dc:title>{escape(content.title)}</dc:title>"
                f"<dc:creator>{escape(content.author)}</dc:creator>"
                f"<dc:language>{content.language}</dc:language>"
                '<dc:identifier id="id">urn:example:1</dc:identifier></metadata>'
                f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
            ),
        }
        | {f"OEBPS/{name}.xhtml": page for name, page in chapters.items()},
        first="mimetype",
    )


def zip_(members: Mapping[str, bytes]) -> bytes:
    return zipped(members)


def tar_gz(members: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), 1741944600
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(made.getvalue(), mtime=0)
