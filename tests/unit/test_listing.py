import pytest
from rich.cells import cell_len
from rich.text import Text

from docprogress.terminal.listing import Column, Row, indented, labelled, listing

COLUMNS = (
    Column("NAME"),
    Column("STATUS"),
    Column("STEP", rank=2),
    Column("NEVER", rank=1),
    Column("PAGES", rank=1, right=True),
)

ROWS = [
    Row([Text("a-long-name-of-a-contract-2026.pdf"), *map(Text, ("completed", "x"))]),
    Row(
        [Text("契約書.pdf"), *map(Text, ("failed", "extraction"))],
        note=Text("the PDF is encrypted and needs a password; save it without one"),
    ),
]
ROWS = [
    Row([*row.cells, Text(""), Text(pages)], note=row.note)
    for row, pages in zip(ROWS, ("12", "1,204"), strict=True)
]


def listed(width):
    return [line.plain for line in listing(COLUMNS, ROWS, width)]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_a_list_is_as_wide_as_the_terminal_at_most(width):
    lines = listed(width)

    assert all(cell_len(line) <= width for line in lines)
    assert "completed" in lines[1]
    assert " ".join(line.strip() for line in lines[3:]) == ROWS[1].note.plain


def test_the_least_important_columns_are_left_out_first():
    assert listed(80)[0].split() == ["NAME", "STATUS", "STEP", "PAGES"]
    assert listed(40)[0].split() == ["NAME", "STATUS", "PAGES"]
    assert listed(30)[0].split() == ["NAME", "STATUS"]


def test_names_are_cut_only_if_no_column_can_be_left_out():
    assert listed(80)[1].startswith("a-long-name-of-a-contract-2026.pdf ")
    assert listed(30)[1].startswith("a-long-na…-2026.pdf ")


def test_columns_are_aligned_beside_wide_characters():
    heading, first, second, *_ = listed(80)

    ends = {cell_len(line) for line in (heading, first, second)}
    assert len(ends) == 1


def test_without_a_terminal_each_row_is_one_line():
    lines = listed(None)

    assert len(lines) == 3
    assert lines[2].endswith("1,204  " + ROWS[1].note.plain)


def test_a_text_is_beside_its_label_or_below_it():
    text = Text("not running in /data/someone/.docprogress; they start when needed")

    def shown(width):
        label = Text("Services       ")
        return [line.plain for line in labelled(label, text.copy(), width)]

    assert shown(None) == ["Services       " + text.plain]
    assert shown(70) == [
        "Services       not running in /data/someone/.docprogress; they start",
        "               when needed",
    ]
    assert shown(40) == [
        "Services",
        "  not running in",
        "  /data/someone/.docprogress; they start",
        "  when needed",
    ]


def test_nothing_is_wrapped_to_nothing():
    assert list(indented(Text(), 80, indent=2)) == []
