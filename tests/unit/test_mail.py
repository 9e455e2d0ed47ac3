"""Messages are read once, whoever wrote them, and their attachments are found."""

import base64
from email.message import EmailMessage

import pytest

from docprogress.documents import Document
from docprogress.errors import LimitExceeded
from docprogress.settings import load
from docprogress.steps import containers
from docprogress.steps.extract import extract


def document(path):
    return Document(id="d", name=path.name, path=path, size=path.stat().st_size)


@pytest.fixture
def write(tmp_path):
    def writing(content, name="a.eml"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return document(path)

    return writing


def read(found, **settings):
    with extract(found, settings=load(**settings)) as extraction:
        pages = list(extraction)
    return pages, extraction.facts


def text_of(found):
    return read(found)[0][0].text


def attachments(found, media_type="message/rfc822"):
    with containers.members(found, settings=load(), media_type=media_type) as members:
        contents = []
        for member in members:
            with member.open() as file:
                contents.append((member.name, file.read()))
    return contents


def message(**fields):
    made = EmailMessage()
    made["From"] = "Jane Müller <jane@example.org>"
    made["To"] = "Tom <tom@example.org>"
    made["Date"] = "Tue, 03 Mar 2026 09:30:00 +0100"
    made["Subject"] = "Größe & more"
    for name, value in fields.items():
        made[name] = value
    return made


def multipart(kind, *parts, header="From: a@example.org\nSubject: s\n"):
    body = "".join(f"--b\n{part}\n" for part in parts)
    return (
        f"{header}Content-Type: multipart/{kind}; boundary=b\n\npreamble\n{body}--b--\n"
    )


RUSSIAN = "Договор аренды"
PLAIN = "Content-Type: text/plain\n\nplain text"
HTML = "Content-Type: text/html\n\n<p>html text</p>"


def test_a_message_is_its_fields_and_its_text(write):
    made = message(Cc="Ann <ann@example.org>")
    made.set_content("Dear Tom,\n\nyes.\n\n> quoted reply\n")

    pages, facts = read(write(made.as_bytes()))

    assert len(pages) == 1
    assert pages[0].text == (
        "From: Jane Müller <jane@example.org>\n"
        "To: Tom <tom@example.org>\n"
        "Cc: Ann <ann@example.org>\n"
        "Date: Tue, 03 Mar 2026 09:30:00 +0100\n"
        "Subject: Größe & more\n\n"
        "Dear Tom,\n\nyes.\n\n> quoted reply"
    )
    assert facts["title"] == "Größe & more"
    assert facts["author"] == "Jane Müller <jane@example.org>"
    assert facts["created"] == "2026-03-03T09:30:00+01:00"
    assert facts["media_type"] == "message/rfc822"


@pytest.mark.parametrize("name", ["a.eml", "a.txt", "a", "a.pdf"])
def test_a_message_is_known_by_its_content(write, name):
    made = message(**{"Message-ID": "<1@example.org>"})
    made.set_content("yes")

    assert read(write(made.as_bytes(), name))[1]["media_type"] == "message/rfc822"


@pytest.mark.parametrize(
    "text", ["From: me\nTo: you\nSubject: a memo\n\nHello", "Note: this\n\nThat"]
)
def test_text_that_looks_like_a_letter_is_text(write, text):
    assert read(write(text, "a.txt"))[1]["media_type"] == "text/plain"


@pytest.mark.parametrize(
    ("structure", "body"),
    [
        (multipart("alternative", PLAIN, HTML), "html text"),
        (multipart("alternative", HTML, PLAIN), "plain text"),
        (multipart("alternative", PLAIN, "Content-Type: text/html\n\n<p></p>"), "plain text"),
        (multipart("alternative", PLAIN, "Content-Type: text/calendar\n\nBEGIN"), "plain text"),
        (multipart("related", HTML, "Content-Type: image/png\nContent-ID: <i>\n\nx"), "html text"),
        (multipart("mixed", PLAIN, HTML), "plain text\n\nhtml text"),
        (multipart("mixed", PLAIN) + "epilogue", "plain text"),
        (multipart("signed", PLAIN, "Content-Type: application/pgp-signature\n\nx"), "plain text"),
        (multipart("report", PLAIN, "Content-Type: message/delivery-status\n\nAction: failed"),
         "plain text\n\nAction: failed"),
        (multipart("digest", "\nSubject: inner\n\ninner text"), "Subject: inner\n\ninner text"),
        (multipart("mixed", PLAIN, "Content-Type: message/rfc822\n\nSubject: inner\n\ninner text"),
         "plain text\n\nSubject: inner\n\ninner text"),
        ("From: a@example.org\nSubject: s\n\njust text", "just text"),
        ("From: a@example.org\nSubject: s\nno header\nat all", "no header\nat all"),
        ("From: a@example.org\nSubject: s\nContent-Type: multipart/mixed\n\nno boundary", "no boundary"),
        ("From: a@example.org\nSubject: s\nContent-Type: nonsense\n\nstill text", "still text"),
    ],
)  # fmt: skip
def test_the_text_is_read_once(write, structure, body):
    assert text_of(write(structure)) == f"From: a@example.org\nSubject: s\n\n{body}"


@pytest.mark.parametrize(
    ("charset", "encoded"),
    [
        ("windows-1251", RUSSIAN.encode("cp1251")),
        ("koi8-r", RUSSIAN.encode("koi8-r")),
        ("WINDOWS-1251", RUSSIAN.encode()),
        ("us-ascii", RUSSIAN.encode()),
        ("no-such-charset", RUSSIAN.encode()),
        ("utf-16", RUSSIAN.encode("utf-16")),
        ("utf-16le", RUSSIAN.encode("utf-16-le")),
        ("utf-7", RUSSIAN.encode("utf-7")),
    ],
)
@pytest.mark.parametrize("transfer", ["base64", "BASE64 ", "8bit"])
def test_text_is_decoded_as_declared_or_as_what_it_is(
    write, charset, encoded, transfer
):
    if transfer == "8bit" and charset.startswith("utf-16"):
        pytest.skip("mail never contains it")
    data = encoded if transfer == "8bit" else base64.encodebytes(encoded)
    header = (
        f"From: a@example.org\nContent-Type: text/plain; charset={charset}\n"
        f"Content-Transfer-Encoding: {transfer}\n\n"
    )

    assert text_of(write(header.encode() + data)).split("\n\n")[1:] == [RUSSIAN]


def test_japanese_mail_is_decoded(write):
    header = "From: a@example.org\nContent-Type: text/plain; charset=ISO-2022-JP\n\n"

    found = write(header.encode() + "会議室の予約".encode("iso-2022-jp"))

    assert text_of(found).endswith("\n\n会議室の予約")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("=?utf-8?q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        ("=?utf-8?b?R3LDtsOf?= =?utf-8?b?ZQ==?=", "Größe"),
        ("=?utf-8?b?R3LDtsM=?=\n =?utf-8?b?n2U=?=", "Größe"),
        ("=?nonsense?q?Gr=C3=B6=C3=9Fe?= yes", "Größe yes"),
        ("Re: =?iso-8859-1?q?Gr=F6=DFe?= (2)", "Re: Größe (2)"),
        ("=?utf-8?b?!!!?=", "=?utf-8?b?!!!?="),
        ("Größe", "Größe"),
        ("folded\n  over\n\tlines", "folded over lines"),
    ],
)
def test_subjects_are_decoded(write, written, shown):
    found = write(f"From: a@example.org\nSubject: {written}\n\ntext")

    assert read(found)[1]["title"] == shown


def test_flowed_lines_are_joined_and_quotes_stay_apart(write):
    body = "one \ntwo\n> quoted \n> text\n>> deeper\n \nthree \nfour \n\n-- \nsignature"
    found = write(
        "From: a@example.org\nContent-Type: text/plain; format=flowed\n\n" + body
    )

    assert text_of(found).split("\n\n", 1)[1] == (
        "one two\n> quoted text\n>> deeper\n\nthree four\n\n-- \nsignature"
    )


def test_attachments_are_named_and_given_out(write):
    made = message()
    made.set_content("see the files")
    made.add_attachment(
        b"%PDF-1.4", maintype="application", subtype="pdf", filename="Verträge 1.pdf"
    )
    made.add_attachment("a,b\n", subtype="csv", filename="b.csv")
    made.add_attachment(b"\0" * 100_000, maintype="application", subtype="octet-stream")
    inner = message()
    inner.set_content("inner text")
    made.add_attachment(inner)
    found = write(made.as_bytes())

    pages, facts = read(found)
    given = attachments(found)

    names = ["Verträge 1.pdf", "b.csv", "attachment.bin", "Größe & more.eml"]
    assert facts["attachments"] == names
    assert [name for name, _ in given] == names
    assert [content for _, content in given[:3]] == [
        b"%PDF-1.4",
        b"a,b\n",
        b"\0" * 100_000,
    ]
    assert b"inner text" in given[3][1]
    assert f"Attachments: {', '.join(names)}" in pages[0].text
    assert "inner text" not in pages[0].text


@pytest.mark.parametrize(
    "disposition",
    [
        "attachment; filename*=utf-8''%C3%BCber.pdf",
        "attachment; filename*0*=utf-8''%C3%BC; filename*1*=ber.pdf",
        'attachment; filename="=?utf-8?q?=C3=BCber=2Epdf?="',
        'attachment; filename="über.pdf"',
    ],
)
def test_names_of_attachments_are_decoded(write, disposition):
    part = f"Content-Type: application/pdf\nContent-Disposition: {disposition}\n\nx"

    assert attachments(write(multipart("mixed", PLAIN, part))) == [("über.pdf", b"x")]


@pytest.mark.parametrize(
    ("transfer", "body", "content"),
    [
        ("base64", "aGVs\r\nbG8=\r\n", b"hello"),
        ("base64", "aGVs*bG8", b"hello"),
        ("base64", "a", b""),
        ("quoted-printable", "h=65llo=\r\n there", b"hello there"),
        ("x-uuencode", "begin 644 a\r\n%:&5L;&\\\r\n`\r\nend", b"hello"),
        ("8bit", "h\xe9", "h\xe9".encode()),
        ("nonsense", "hello", b"hello"),
    ],
)
def test_attachments_are_decoded(write, transfer, body, content):
    part = f"Content-Type: a/b; name=x\nContent-Transfer-Encoding: {transfer}\n\n{body}"

    assert attachments(write(multipart("mixed", PLAIN, part))) == [("x", content)]


def test_inline_images_and_signatures_are_no_attachments(write):
    page = multipart(
        "mixed",
        HTML,
        "Content-Type: image/png; name=logo.png\nContent-ID: <i>\n\nx",
        "Content-Type: image/png\nContent-Disposition: inline; filename=a.png\n\nx",
        "Content-Type: application/pkcs7-signature; name=smime.p7s\n\nx",
        "Content-Type: image/jpeg; name=photo.jpg\n\nx",
    )

    assert attachments(write(page)) == [("photo.jpg", b"x")]


def test_a_mailbox_has_a_page_for_each_message(write):
    made = message()
    made.set_content("one\n\n>From the beginning\n")
    mailbox = b"".join(
        b"From jane@example.org Tue Mar  3 09:30:00 2026\n" + one + b"\n"
        for one in (made.as_bytes(), multipart("mixed", PLAIN, HTML).encode())
    )

    with extract(write(mailbox, "a.txt"), settings=load()) as extraction:
        assert (extraction.total, extraction.unit) == (2, "message")
        pages = list(extraction)

    assert [page.title for page in pages] == ["Größe & more", "s"]
    assert pages[0].text.endswith("one\n\nFrom the beginning")
    assert pages[1].text.endswith("plain text\n\nhtml text")


def test_a_mailbox_with_a_damaged_first_line_is_one_message(write):
    mailbox = "From j@example.org Tue 2026\0\nFrom: a@example.org\n\ntext\n"

    for line in (mailbox, mailbox.replace("2026", "2026" + "x" * 40)):
        assert text_of(write(line, "a.mbox")).endswith("text")


def test_attachments_of_a_mailbox_are_in_a_folder_for_each_message(write):
    part = "Content-Type: application/pdf; name=a.pdf\n\nx"
    one = f"From j@example.org Tue Mar  3 09:30:00 2026\n{multipart('mixed', part)}\n"

    assert attachments(write(one * 2, "a.mbox"), "application/mbox") == [
        ("1/a.pdf", b"x"),
        ("2/a.pdf", b"x"),
    ]


def test_a_mailbox_has_no_more_messages_than_the_limit(write):
    one = "From j@example.org Tue Mar  3 09:30:00 2026\nSubject: s\n\nx\n\n"

    with pytest.raises(LimitExceeded, match="4 messages, the limit is 3"):
        read(write(one * 9, "a.mbox"), max_pages=3)


def test_the_limit_of_characters_holds_for_messages(write):
    for page in (multipart("mixed", PLAIN, HTML), multipart("alternative", HTML)):
        with pytest.raises(LimitExceeded, match="more than 35 characters"):
            read(write(page), max_characters=35)


@pytest.mark.parametrize(
    "content",
    [
        "".join(
            f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"
            for n in range(10_000)
        ),
        "Content-Type: message/rfc822\n\n" * 10_000,
        "From: a\nContent-Type: multipart/mixed; boundary=b\n\n" + "--b\n\n" * 100_000,
    ],
    ids=lambda content: content[:30],
)
def test_messages_with_too_many_parts_are_refused(write, content):
    with pytest.raises(LimitExceeded, match=r"^a\.eml: a message with more parts"):
        read(write(content))


@pytest.mark.parametrize(
    "content",
    [
        "From: a\n" + "X-Header: x\n" * 1_000_000 + "\ntext",
        "From: " + "a@example.org, " * 200_000 + "\n\ntext",
        "Subject: " + "=?utf-8?q?a?= " * 200_000 + "\n\ntext",
        "Subject: " + "=?" * 500_000 + "\n\ntext",
        "From: a\nContent-Type: text/plain" + ";" * 500_000 + "\n\ntext",
        "From: a\nContent-Type: text/plain;" + ' a="' * 500_000 + "\n\ntext",
        "From: a\nContent-Disposition: x" + "; filename*1*=x" * 100_000 + "\n\ntext",
        "From: a\n" + " folded\n" * 500_000 + "\ntext",
        "From: a\nContent-Type: text/plain; format=flowed\n\n"
        + "> a \n>> b \n" * 100_000,
        multipart("mixed", PLAIN) + "--x\n" * 500_000,
        multipart("mixed", PLAIN) + "--" * 2_000_000,
        "From: a\nContent-Transfer-Encoding: base64\n\n" + "=" * 3_000_000,
        "From: a\nContent-Transfer-Encoding: quoted-printable\n\n" + "=" * 3_000_000,
    ],
    ids=lambda content: content[:30],
)
@pytest.mark.timeout(60)
def test_messages_take_time_in_proportion_to_their_size(write, content):
    read(write(content))
