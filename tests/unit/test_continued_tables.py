"""A PDF table that continues on the next page is one; two tables stay two."""

import pytest

from docprogress.documents import Page
from docprogress.structure.tables import tables

HEAD = ["| Item | Coins |", "| --- | --- |"]
EMPTY = ["|  |  |", "| --- | --- |"]


def rows(*names, head=HEAD):
    return "\n".join([*head, *(f"| {name} | {len(name)} |" for name in names)])


def found(*markdown, media_type="application/pdf"):
    pages = [
        Page(number=number, text="x", markdown=text, document_id="d")
        for number, text in enumerate(markdown, 1)
    ]
    return list(tables(pages, media_type=media_type))


def items(table):
    return [row[0] for row in table.rows]


def test_a_table_whose_header_is_repeated_is_one_table_over_its_pages():
    one, other = found(
        f"# Prices\n\n{rows('bread', 'butter')}",
        rows("salt", "oil"),
        f"{rows('tea', 'jam')}\n\nThat is all.\n\n{rows('pen')}",
    )

    assert items(one) == ["Item", "bread", "butter", "salt", "oil", "tea", "jam"]
    assert (one.number, one.page, one.title) == (1, 1, "Prices")
    assert (other.number, other.page, items(other)) == (2, 3, ["Item", "pen"])


@pytest.mark.parametrize(
    ("below", "above", "end"),
    [
        ("7", "8", ""),
        ("Page 1 of 9", "- 2 -", ""),
        ("A report, page 1", "A report, page 2", "8"),
        ("report.html 1/2", "", "report.html 2/2"),
        ("", "Table 1 (continued)", "Notes"),
    ],
)
def test_running_titles_and_page_numbers_do_not_divide_a_table(below, above, end):
    [table] = found(
        f"A report, page 1\n\n{rows('bread')}\n\n{below}",
        f"A report, page 2\n\n{above}\n\n{rows('salt')}\n\n{end}",
    )

    assert items(table) == ["Item", "bread", "salt"]


def test_columns_that_agree_go_on_without_a_header():
    [table] = found(
        rows("bread", "butter", "milk"),
        rows("oil", head=["| salt | 4 |", "| --- | --- |"]),
        rows("tea", head=EMPTY),
    )

    assert items(table) == ["Item", "bread", "butter", "milk", "salt", "oil", "tea"]


@pytest.mark.parametrize(
    "second",
    [
        "Some more words about it.\n\n" + rows("salt"),
        "## Other prices\n\n" + rows("salt"),
        "Table 2: Others\n\n" + rows("salt"),
        rows("salt", head=["| Name | Age |", "| --- | --- |"]),
        rows("salt", head=["| Item | Coins | |", "| --- | --- | --- |"]),
        "| oil | cold |\n| --- | --- |\n| tea | hot |",
    ],
)
def test_tables_that_only_resemble_each_other_stay_two(second):
    assert len(found(rows("bread", "butter"), second)) == 2


def test_only_the_pages_of_pdfs_continue_each_other():
    parts = rows("bread"), rows("salt")

    assert len(found(*parts)) == 1
    assert len(found(*parts, media_type="application/vnd.ms-excel")) == 2
    assert len(found(parts[0], "Nothing here.", parts[1])) == 2


def test_a_long_table_is_put_together_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("docprogress.structure.continued_tables.MOST_ROWS", 7)

    assert [len(table.rows) for table in found(*[rows("a", "b")] * 5)] == [5, 5, 3]
