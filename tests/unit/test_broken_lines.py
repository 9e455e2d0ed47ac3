"""Lines that PDFium breaks between the letters of a word are joined."""

from docprogress.steps.readers.pdf_broken_lines import may_be_broken, rejoined
from docprogress.steps.readers.pdf_pieces import Piece

WIDE = {"1": 4, ".": 2, "m": 8, " ": 3}


def line(text, left=0.0, bottom=0.0):
    """A line of letters of 10 points, with a point beside each."""
    pieces = []
    for letter in text:
        right = left + WIDE.get(letter, 5)
        top = bottom + (1 if letter in "._" else 7)
        pieces.append(Piece(letter, left, right, bottom, top))
        left = right + 1
    return pieces


def spread(text, left=0.0, bottom=0.0):
    """The same text with each letter as a line; spaces are not written."""
    return [[piece] for piece in line(text, left, bottom) if not piece.blank]


def words(lines):
    return ["".join(piece.text for piece in line) for line in lines]


def test_letters_of_a_line_are_words_again():
    lines = [line("Item 7"), *spread("11/30/26, 4.48 PM", bottom=-20)]

    assert words(rejoined(lines)) == ["Item 7", "11/30/26, 4.48 PM"]


def test_lines_and_columns_stay_apart():
    lines = [
        *(line("one"), line("two", bottom=-11), line("three", left=60, bottom=-11)),
        *(line("1", left=300), line("2", left=320), line("3", bottom=-30)),
    ]

    assert rejoined(lines) is None


def test_only_pages_with_many_short_lines_are_looked_at():
    assert may_be_broken("Item\r\n1\r\n1\r\n/\r\n3\r\n0")
    assert not may_be_broken("Item 1\r\n1 word\r\nand another\r\n7\r\n8\r\nthe end")
