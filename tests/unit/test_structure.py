import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.patience import patient

from docprogress.structure import Block, blocks, escaped, escaped_begin, plain
from docprogress.structure.rows import MAX_ADDED


def shown(markdown: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks(markdown)]


def only(markdown: str) -> Block:
    (block,) = blocks(markdown)
    return block


def test_headings_have_their_level_and_no_markup():
    found = blocks("# Title *one* #\n\nSetext `x`\n===\n\nlower\n---\n###### F")

    assert [(block.level, block.text) for block in found] == [
        (1, "Title one"),
        (1, "Setext x"),
        (2, "lower"),
        (6, "F"),
    ]


def test_a_hash_without_a_space_is_no_heading():
    assert shown("#5 of 7\n\n\\# no") == [("text", "#5 of 7"), ("text", "# no")]


def test_a_list_is_one_block_with_the_lists_in_it():
    markdown = "- one\n- two\n  goes on\n  1. inner\n     - [x] done\n\n- last\n\nafter"

    assert shown(markdown) == [
        ("list", "one\ntwo goes on\n1. inner\ndone\nlast"),
        ("text", "after"),
    ]


def test_a_number_within_a_paragraph_begins_no_list():
    assert shown("It was in\n2020. A year") == [("text", "It was in 2020. A year")]


def test_cells_have_bars_line_ends_and_no_markup():
    markdown = "| A | B\\|c |\n| :-- | --: |\n| 1<br>2 | **x** |\n| `a\\|b` | C:\\\\ |"

    block = only(markdown)

    assert block.kind == "table"
    assert block.rows == (("A", "B|c"), ("1\n2", "x"), ("a|b", "C:\\"))
    assert block.text == "A\tB|c\n1 2\tx\na|b\tC:\\"


def test_rows_have_the_columns_of_the_header_and_lose_nothing():
    assert only("|a|b|\n|-|-|\n|1|\n|1|2|3|").rows == (
        ("a", "b"),
        ("1", ""),
        ("1", "2 | 3"),
    )


def test_a_table_ends_with_an_empty_line_or_another_block():
    markdown = "intro\n| a |\n|---|\n| 1 |\n# H\n| b |\n|---|\n\n| no |"

    assert shown(markdown) == [
        ("text", "intro"),
        ("table", "a\n1"),
        ("heading", "H"),
        ("table", "b"),
        ("text", "| no |"),
    ]


def test_code_is_kept_as_it_is():
    markdown = "```py\n# *x*\n\n  y\n```\n\n    indented\n      more\n\n~~~\n```\n~~~"

    assert shown(markdown) == [
        ("code", "# *x*\n\n  y"),
        ("code", "indented\n  more"),
        ("code", "```"),
    ]


def test_code_and_tables_in_items_are_blocks_of_their_own():
    markdown = (
        "1. a\n   ```\n   x\n     y\n   ```\n2. b\n\n   | h |\n   |---|\n   | c |"
    )

    assert shown(markdown) == [
        ("list", "1. a"),
        ("code", "x\n  y"),
        ("list", "2. b"),
        ("table", "h\nc"),
    ]


def test_quotes_are_read_as_if_they_were_not_quoted():
    markdown = "> one\n> two\n>> deeper\n> - item\n\n> # Said"

    assert shown(markdown) == [
        ("text", "one two"),
        ("text", "deeper"),
        ("list", "item"),
        ("text", "Said"),
    ]


def test_hard_line_breaks_are_kept_and_soft_ones_are_spaces():
    assert only("a  \nb\\\nc\nd").text == "a\nb\nc d"


def test_front_matter_is_no_heading():
    assert shown("---\ntitle: T\n---\n# H") == [("text", "title: T"), ("heading", "H")]


def test_thematic_breaks_and_empty_headings_are_left_out():
    assert shown("a\n\n---\n***\n- - -\n#\n\nb") == [("text", "a"), ("text", "b")]


def test_blocks_know_their_source():
    markdown = "# H\n\n- a\n- b\n\n| x |\n|---|\n| 1 |"

    for block in blocks(markdown):
        assert markdown[block.start : block.end].rstrip("\n") == (
            block.markdown.rstrip("\n")
        )
    assert [block.markdown.strip() for block in blocks(markdown)] == [
        "# H",
        "- a\n- b",
        "| x |\n|---|\n| 1 |",
    ]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**bold** and _it_", "bold and it"),
        ("***both*** ~~gone~~", "both gone"),
        ("snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4"),
        ("[a *b*](http://x/(y) 'title')", "a b"),
        ("![alt](<a b.png>)", "alt"),
        ("a[i][j] [x]", "a[i][j] [x]"),
        ("<https://x.org> <b>bold</b><br/>line", "https://x.org bold\nline"),
        ("`` a`b `` \\`c\\`", "a`b `c`"),
        ("AT&amp;T &#65; &c", "AT&T A &c"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        ("unclosed `code and **bold", "unclosed `code and **bold"),
    ],
)
def test_inline_markup_is_removed(markdown, text):
    assert plain(markdown) == text


@given(
    st.text(alphabet=st.sampled_from(list("ab1 \\`*_~[]()<>&;#|!/br.é日")), max_size=40)
)
@example("&#35; &amp; ~~x~~ _a_ <br>")
def test_escaped_text_is_read_as_it_was(text):
    assert plain(escaped(text)) == text


@given(
    st.text(alphabet=st.sampled_from(list("ab1. \t\n\\`*_~[]<>&#|:-+=é")), max_size=200)
)
def test_any_text_has_blocks_in_order_with_their_words(text):
    place = 0
    for block in blocks(text):
        assert place <= block.start <= block.end <= len(text)
        place = block.end
        assert block.text.strip()
        assert bool(block.rows) == (block.kind == "table")
        assert (block.level > 0) == (block.kind == "heading")


_MANY = 100_000


@pytest.mark.parametrize(
    "markdown",
    [
        "> " * _MANY,
        "- " * _MANY,
        "- " * _MANY + "x",
        "[](" * _MANY,
        '](a "' * _MANY,
        "[a](<" * _MANY,
        " ".join("`" * size for size in range(500)),
        "*a " * _MANY,
        "a*" * _MANY + "_a" * _MANY,
        "<a" * _MANY,
        "|" * _MANY + "\n" + "|-" * _MANY + "|\n" + "|\n" * _MANY,
        "#" + " " * _MANY + "#" + " " * _MANY + "x",
        "".join(" " * (2 * depth) + "- a\n" for depth in range(400)),
        "```\na\n" * _MANY,
        "a\n|-|-|\n" * _MANY,
        "- a\n" + "b\n" * _MANY,
        "- a\n\n" * _MANY,
        "a  \n" * _MANY,
        "\t" * _MANY + "- a",
        "---\n" + "a\n" * _MANY,
    ],
    ids=lambda markdown: repr(markdown[:8]),
)
def test_hostile_markdown_takes_time_in_proportion_to_its_length(markdown):
    started = time.process_time()

    cells = sum(len(row) for block in blocks(markdown) for row in block.rows)

    assert time.process_time() - started < patient(1)
    assert cells <= len(markdown) + MAX_ADDED


@pytest.mark.parametrize(
    "text",
    [
        "# a",
        "- a",
        "+",
        "> a",
        ">a",
        "1. a",
        "12) a",
        "---",
        "==",
        "#hash",
        "-5",
        "1.5",
    ],
)
def test_a_paragraph_is_not_taken_for_another_block(text):
    block = only(f"{escaped_begin(escaped(text))}\n")

    assert (block.kind, block.text) == ("text", text)
