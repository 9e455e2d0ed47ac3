import dataclasses
import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docprogress.documents import (
    LONGEST_NAME,
    PAGE_SEPARATOR,
    Chunk,
    Document,
    Page,
    display_name,
)
from docprogress.events import ProgressEvent, Status, decode, now


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("contract.pdf", "contract.pdf"),
        ("contracts/2025/contract.pdf", "contract.pdf"),
        ("../../etc/passwd", "passwd"),
        (r"C:\Users\me\contract.pdf", "contract.pdf"),
        ("contracts/", "contracts"),
        (b"contract.pdf", "contract.pdf"),
        (PurePosixPath("a/b.pdf"), "b.pdf"),
        ("договор №7.pdf", "договор №7.pdf"),
        ("👩‍👩‍👧 family.pdf", "👩‍👩‍👧 family.pdf"),
        (".hidden", ".hidden"),
        ("<b>bold</b>.pdf", "b>.pdf"),
        ("line\nbreak.pdf", "line\\u000abreak.pdf"),
        ("nul\0.pdf", "nul\\u0000.pdf"),
        ("\x1b[31mred.pdf", "\\u001b[31mred.pdf"),
        ("paragraph\u2029.pdf", "paragraph\\u2029.pdf"),
        ("fdp\u202exe.pdf", "fdp\\u202exe.pdf"),
        ("isolate\u2066.pdf", "isolate\\u2066.pdf"),
        (b"gr\xfcn.pdf", "gr\\xfcn.pdf"),
        ("lone\ud800.pdf", "lone\\ud800.pdf"),
        ("", "unnamed"),
        (".", "unnamed"),
        ("..", "unnamed"),
        ("/", "unnamed"),
        ("   ", "unnamed"),
    ],
)
def test_a_name_is_made_fit_to_be_shown(name, shown):
    assert display_name(name) == shown


def test_a_long_name_loses_its_middle_and_keeps_its_ending():
    shown = display_name("a" * 1000 + ".pdf")

    assert len(shown) == LONGEST_NAME
    assert shown.endswith("a.pdf")
    assert "…" in shown


def test_a_name_of_the_greatest_length_is_kept():
    name = "a" * (LONGEST_NAME - 4) + ".pdf"

    assert display_name(name) == name


@given(st.text() | st.binary())
def test_every_name_can_be_shown_stored_and_sent(name):
    shown = display_name(name)

    assert 0 < len(shown) <= LONGEST_NAME
    assert "/" not in shown
    assert not any(ord(character) < 32 for character in shown)
    event = ProgressEvent(
        document_id="1",
        status=Status.QUEUED,
        step="",
        progress=0.0,
        message=shown,
        timestamp=now(),
        name=shown,
    )
    assert decode(event.encode()).name == shown


@given(st.text(min_size=1))
def test_a_name_that_was_made_fit_once_stays_as_it_is(name):
    once = display_name(name)

    # The escapes are backslashes, and backslashes part folders.
    assert "\\" in once or display_name(once) == once


def test_a_file_on_disk_can_be_named(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xfe.txt"
    Path(os.fsdecode(path)).touch()

    (found,) = tmp_path.iterdir()

    assert display_name(found) == "\\xff\\xfe.txt"


@pytest.mark.parametrize(
    "value",
    [
        Document(id="1", name="a.pdf", path=Path("a.pdf"), size=3),
        Page(number=1, text="one"),
        Chunk(number=1, text="one", start=0, end=3, first_page=1, last_page=1),
    ],
)
def test_values_cannot_be_changed_in_place(value):
    field = dataclasses.fields(value)[0].name

    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, "other")


def test_pages_joined_by_the_separator_are_the_text_that_offsets_count_in():
    pages = [Page(number=1, text="one"), Page(number=2, text="two")]
    text = PAGE_SEPARATOR.join(page.text for page in pages)

    chunk = Chunk(number=1, text="two", start=5, end=8, first_page=2, last_page=2)

    assert text[chunk.start : chunk.end] == chunk.text
