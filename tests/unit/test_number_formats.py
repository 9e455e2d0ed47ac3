"""Numbers and dates are shown as a spreadsheet shows them."""

import pytest

from docprogress.steps.sheets.number_formats import number_format

ACCOUNTING = '_(* #,##0_);_(* \\(#,##0\\);_(* "-"??_);_(@_)'


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.256, "0.0%", "25.6%"),
        (0.05, "0%", "5%"),
        (0, "0.00%", "0.00%"),
        (1234.5, '#,##0.00 "€"', "1,234.50 €"),
        (-1234.5, "#,##0.00;[Red]-#,##0.00", "-1,234.50"),
        (1500, "[$£-809]#,##0", "£1,500"),
        (1500, "$#,##0.00", "$1,500.00"),
        (1234.5, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', "1,234.50 €"),
        (-3, ACCOUNTING, "(3)"),
        (0, ACCOUNTING, "-"),
        (-5, "0", "-5"),
        (-0.001, "0.00", "0.00"),
        (1.005, "0.00", "1.01"),
        (2.5, "0", "3"),
        (5, "000", "005"),
        (5551234567, "000-000-0000", "555-123-4567"),
        (1234567, "#,##0,", "1,235"),
        (1234567, '0.0,,"M"', "1.2M"),
        (12345.678, "#,##0.###", "12,345.678"),
        (1234, '[>1000]#,##0,"K";0', "1K"),
        (5, '[>1000]#,##0,"K";0', "5"),
        (1.75, "# ?/?", "1 3/4"),
        (0.75, "# ?/?", "3/4"),
        (12345, "0.00E+00", "1.23E+04"),
        (1, '"yes";;"no"', "yes"),
        (0, '"yes";;"no"', "no"),
        (7, ";;;", ""),
        (0.1 + 0.2, "General", "0.3"),
        (3.14159265358979, "General", "3.141592654"),
        (123456789012, "General", "123456789012"),
        (1e20, "General", "1E+20"),
        (float("inf"), "0.00", "#NUM!"),
    ],
)
def test_a_number_is_shown_by_its_format(value, code, shown):
    assert number_format(code).show(value) == shown


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (45292, "dd.mm.yyyy", "01.01.2024"),
        (45292.75, "yyyy-mm-dd hh:mm:ss", "2024-01-01 18:00:00"),
        (45292, "[$-407]d. mmmm yyyy", "1. January 2024"),
        (45352, "dddd, mmmm dd, yyyy", "Friday, March 01, 2024"),
        (45292, 'yyyy"年"m"月"d"日"', "2024年1月1日"),
        (45292.999999, "dd/mm/yyyy", "01/01/2024"),
        (0.5, "h:mm AM/PM", "12:00 PM"),
        (1.5, "[h]:mm", "36:00"),
        (45292.123456, "mm:ss.000", "57:46.598"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (3e6, "yyyy-mm-dd", "3000000"),
        (-1, "yyyy-mm-dd", "-1"),
    ],
)
def test_a_date_is_shown_by_its_format(value, code, shown):
    assert number_format(code).show(value) == shown


def test_dates_may_count_from_1904():
    assert number_format("yyyy-mm-dd").show(0, since_1904=True) == "1904-01-01"


@pytest.mark.parametrize(
    "code",
    ["0" * 100_000, "[" * 300, '"', "\\", "0.0.0.0", "/?", "E+", "[>x]0", ";" * 9],
)
def test_a_senseless_format_shows_something(code):
    for value in (0, -1.5, 1e300, 45000.5):
        assert isinstance(number_format(code).show(value), str)
