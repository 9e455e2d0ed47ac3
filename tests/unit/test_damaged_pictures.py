"""Pictures with a part that claims an impossible size."""

import struct
from contextlib import closing

import pytest
from support.format_mutants import picture
from support.reader import Reader


def test_a_small_picture_whose_data_claims_gigabytes_is_damaged(tmp_path):
    pytest.importorskip("rapidocr")
    content = bytearray(picture("PNG"))
    place = content.index(b"IDAT")
    # Where the size of the next part stands, which a reader skips to the end of.
    (size,) = struct.unpack_from(">I", content, place - 4)
    struct.pack_into(">I", content, place + size + 8, 0xF0000000)
    content[place + size + 12 : place + size + 16] = b"IDAT"
    path = tmp_path / "small.png"
    path.write_bytes(content)

    with closing(Reader()) as reader:
        outcome = reader.read(path, "small.png")

    assert outcome.kind in ("refused", "pages"), outcome
