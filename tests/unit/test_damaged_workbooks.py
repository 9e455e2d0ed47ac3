"""Old Excel workbooks whose container is damaged."""

import struct
from contextlib import closing

from support.ole_files import ole_file
from support.reader import Reader

SECTOR = 512


def test_a_circular_chain_of_sectors_ends(tmp_path):
    content = bytearray(ole_file({"Workbook": b"\x09\x08" + bytes(9000)}))
    (table,) = struct.unpack_from("<I", content, 76)
    # The stream's last sector is followed by its first one.
    fat = (table + 1) * SECTOR
    entries = struct.unpack_from(f"<{SECTOR // 4}I", content, fat)
    end = next(n for n, entry in enumerate(entries) if entry == 0xFFFFFFFE and n > 8)
    struct.pack_into("<I", content, fat + 4 * end, end - 9)
    path = tmp_path / "circular.xls"
    path.write_bytes(content)

    with closing(Reader()) as reader:
        outcome = reader.read(path, "circular.xls")

    assert outcome.kind == "refused", outcome
    assert "damaged" in outcome.detail


def test_a_table_of_sectors_that_points_outside_the_file_is_damage(tmp_path):
    content = bytearray(ole_file({"Workbook": b"\x09\x08" + bytes(9000)}))
    struct.pack_into("<I", content, 76, 0x7FFFFFF0)
    path = tmp_path / "outside.xls"
    path.write_bytes(content)

    with closing(Reader()) as reader:
        outcome = reader.read(path, "outside.xls")

    assert outcome.kind == "refused", outcome
