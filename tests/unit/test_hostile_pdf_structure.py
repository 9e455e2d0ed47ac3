"""PDFs whose tags, drawings or places are absurd are read in bounded time."""

import random

import pytest
from support.pdfs import line, one_page, stream
from support.reader import Reader

TEXT = "".join(line(50, 700 - 14 * n, f"(Row {n} of the text)") for n in range(20))


@pytest.fixture(scope="module")
def reader():
    reader = Reader()
    yield reader
    reader.close()


@pytest.fixture
def read(reader, tmp_path):
    def outcome(content):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        return reader.read(path, "a.pdf").kind

    return outcome


def test_a_million_drawn_lines_are_left_alone(read):
    drawn = "".join(f"{n % 500} 0 m {n % 500} 700 l S\n" for n in range(300_000))

    assert read(one_page(drawn + TEXT)) == "pages"


def test_one_path_of_a_million_lines_is_left_alone(read):
    drawn = "0 0 m\n" + "".join(f"{n % 500} {n % 700} l\n" for n in range(500_000))

    assert read(one_page(drawn + "S\n" + TEXT)) == "pages"


def test_a_grid_of_many_cells_is_left_alone(read):
    lines = [f"0 {2 * n} m 600 {2 * n} l S\n" for n in range(400)]
    lines += [f"{1.5 * n} 0 m {1.5 * n} 800 l S\n" for n in range(400)]

    assert read(one_page("".join(lines) + TEXT)) == "pages"


@pytest.mark.parametrize(
    "number", ["1e38", "-1e38", "99999999999999999999", "0.0000001", "nan", "-0"]
)
def test_absurd_positions_and_sizes_are_harmless(read, number):
    places = f"{number} {number} m 100 {number} l S {number} 0 0 {number} 5 5 cm\n"
    text = f"BT /F {number} Tf 1 0 0 1 {number} 50 Tm (far away) Tj ET\n"

    assert read(one_page(TEXT + text + places + TEXT)) == "pages"


def tagged(elements, kids):
    """A PDF whose structure tree has these elements, numbered from 6."""
    marked = "".join(
        f"/P <</MCID {n}>> BDC {line(50, 700 - 14 * n, f'(Row {n})')} EMC\n"
        for n in range(20)
    )
    count = len(elements)
    parents = " ".join(f"{6 + n % count} 0 R" for n in range(20))
    root, tree = 6 + count, 7 + count
    return one_page(
        marked,
        more=[
            *elements,
            f"<</Type/StructTreeRoot/K[{kids}]/ParentTree {tree} 0 R>>",
            f"<</Nums[0[{parents}]]>>",
        ],
        page="/StructParents 0",
        catalog=f"/MarkInfo<</Marked true>>/StructTreeRoot {root} 0 R",
    )


def test_tags_that_contain_each_other_are_read_once(read):
    first = "<</Type/StructElem/S/Table/P 7 0 R/K[7 0 R 0 1]/Pg 3 0 R>>"
    second = "<</Type/StructElem/S/TR/P 6 0 R/K[6 0 R 7 0 R 2 3]/Pg 3 0 R>>"

    assert read(tagged([first, second], "6 0 R 7 0 R")) == "pages"


def test_tags_nested_thousands_deep_are_read(read):
    depth = 5_000
    elements = [
        f"<</Type/StructElem/S/L/P {max(5 + n, 6)} 0 R/K[{7 + n} 0 R {n % 20}]/Pg 3 0 R>>"
        for n in range(depth - 1)
    ]
    elements.append("<</Type/StructElem/S/P/P 6 0 R/K[0]/Pg 3 0 R>>")

    assert read(tagged(elements, "6 0 R")) == "pages"


def test_cells_that_span_millions_of_others_are_read(read):
    cells = "".join(
        f"<</Type/StructElem/S/TD/P 7 0 R/K {n}/Pg 3 0 R"
        "/A<</O/Table/RowSpan 99999999/ColSpan 99999999>>>>"
        for n in range(20)
    )
    table = "<</Type/StructElem/S/Table/P 8 0 R/K[7 0 R]/Pg 3 0 R>>"
    row = f"<</Type/StructElem/S/TR/P 6 0 R/K[{cells}]/Pg 3 0 R>>"

    assert read(tagged([table, row], "6 0 R")) == "pages"


def test_an_outline_that_goes_round_is_read(read):
    entries = [
        "<</Type/Outlines/First 7 0 R/Last 8 0 R>>",
        "<</Title(Row 1)/Parent 6 0 R/Next 8 0 R/First 8 0 R/Dest[3 0 R/Fit]>>",
        "<</Title(Row 2)/Parent 6 0 R/Next 7 0 R/First 7 0 R/Dest[3 0 R/Fit]>>",
    ]

    assert read(one_page(TEXT, more=entries, catalog="/Outlines 6 0 R")) == "pages"


def test_thousands_of_aligned_rows_are_read(read):
    rows = "".join(
        line(20 + 60 * column, 799 - 0.2 * row, f"(c{row})", size=6)
        for row in range(3_900)
        for column in range(6)
    )

    assert read(one_page(rows)) == "pages"


def test_a_long_text_in_a_cell_that_is_merged_often_is_not_repeated_often(read):
    flat = "".join(f"0 {n} m 600 {n} l S\n" for n in range(0, 800, 20))
    upright = "".join(f"{n} 0 m {n} 40 l S\n" for n in range(0, 600, 20))
    text = "".join(
        line(5, 795 - 0.1 * n, f"({'x' * 2_000})", size=1) for n in range(99)
    )

    assert read(one_page(flat + upright + text)) == "pages"


@pytest.mark.parametrize("seed", range(12))
def test_random_drawings_and_texts_are_read(read, seed):
    chance = random.Random(seed)

    def number():
        return round(chance.choice((1, 1, 1, 30)) * chance.uniform(-50, 700), 1)

    content = ""
    for _ in range(400):
        x, y, u, v = number(), number(), number(), number()
        content += chance.choice(
            (
                f"{x} {y} m {x} {v} l S\n",
                f"{x} {y} m {u} {y} l S\n",
                f"{x} {y} {u} {v} re S\n",
                f"{x} {y} {u} 1 re f\n",
                line(x, y, f"({chance.choice(['1.', '-', 'A b', '|', '9'])} word)"),
                f"q {u / 99} {v / 99} {x / 99} {y / 99} 0 0 cm {TEXT} Q\n",
            )
        )

    assert read(one_page(content)) == "pages"


def test_streams_of_tags_without_an_end_are_read(read):
    broken = [stream("x"), "<</Type/StructElem/S 5/K[null 7 (a)]/P 99 0 R>>"]

    assert read(tagged(broken, "6 0 R 7 0 R 99 0 R null")) == "pages"
