"""Old Office files are read where the extra is installed; otherwise they say so."""

import struct
import sys
from types import ModuleType, SimpleNamespace

import pytest

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


class PanicException(BaseException):
    """What a panic in native code becomes."""


@pytest.fixture
def kreuzberg(monkeypatch):
    """A stand-in for the library, whose `result` is returned or raised."""
    module = ModuleType("kreuzberg")
    module.result = SimpleNamespace(content="text", metadata={})
    module.calls = []

    def extract_file_sync(path, *, mime_type, config):
        module.calls.append((mime_type, config))
        if isinstance(module.result, BaseException):
            raise module.result
        return module.result

    module.extract_file_sync = extract_file_sync
    module.ExtractionConfig = dict
    monkeypatch.setitem(sys.modules, "kreuzberg", module)
    return module


@pytest.fixture
def read(tmp_path):
    def read(stream, name, **settings):
        path = tmp_path / "document"
        path.write_bytes(OLE + stream.encode("utf-16-le") + b"\0" * 600)
        document = Document(id="d", name=name, path=path, size=1)
        with extract(document, settings=load(**settings)) as extraction:
            return list(extraction), extraction.facts

    return read


@pytest.mark.parametrize(
    ("stream", "name", "media_type"),
    [
        ("WordDocument", "a.doc", "application/msword"),
        ("PowerPoint Document", "a.ppt", "application/vnd.ms-powerpoint"),
        ("WordDocument", "a.docx", "application/msword"),
    ],
)
def test_old_files_are_read_by_their_content(read, kreuzberg, stream, name, media_type):
    kreuzberg.result.metadata = {"title": "Minutes", "authors": ["Ada", ""]}

    (page,), facts = read(stream, name)

    assert (page.text, facts["engine"]) == ("text", "kreuzberg")
    assert (facts["title"], facts["author"]) == ("Minutes", "Ada")
    assert kreuzberg.calls == [
        (media_type, {"use_cache": False, "disable_ocr": True}),
    ]


def test_without_the_extra_the_error_says_what_to_install(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "kreuzberg", None)

    with pytest.raises(
        Unreadable, match=r"^a\.doc: an old Word .*docprogress\[legacy\]"
    ):
        read("WordDocument", "a.doc")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("/tmp/x: bad"), r"^a\.doc: .*damaged[^/]*$"),
        (PanicException("overflow"), r"^a\.doc: .*damaged"),
        (ValueError("file is Encrypted"), "password"),
    ],
)
def test_failures_and_panics_of_the_library_are_refusals(
    read, kreuzberg, error, expected
):
    kreuzberg.result = error

    with pytest.raises(Unreadable, match=expected):
        read("WordDocument", "a.doc")


def test_a_signal_is_not_taken_for_a_damaged_file(read, kreuzberg):
    kreuzberg.result = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        read("WordDocument", "a.doc")


def test_slides_with_a_password_are_named_before_anything_is_read_of_them(
    read, kreuzberg
):
    user = struct.pack("<HHIII", 0, 0x0FF6, 20, 20, 0xF3D1C4DF).decode("utf-16-le")

    with pytest.raises(
        Unreadable, match=r"^a\.ppt: the document is encrypted and needs"
    ):
        read(f"PowerPoint Document Current User {user}", "a.ppt")
    assert not kreuzberg.calls


def test_old_files_hold_to_the_limit_of_characters(read, kreuzberg):
    kreuzberg.result.content = "x" * 101

    with pytest.raises(LimitExceeded, match="max_characters"):
        read("PowerPoint Document", "a.ppt", max_characters=100)
