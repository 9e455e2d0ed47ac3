# ruff: noqa: RUF001
"""Texts are decoded by the encoding that makes words of them."""

import random
import sys
from pathlib import Path

import pytest

from docprogress.errors import SettingsError
from docprogress.settings import load
from docprogress.steps.text import decode

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from encodings_detected import WANTED, ours, samples

RUSSIAN = "Квартирная плата вносится до пятого числа каждого месяца."


def decoded(text, encoding, **options):
    found = decode(text.encode(encoding), **options)
    return found and found.text


@pytest.mark.parametrize("band", WANTED)
@pytest.mark.parametrize("count", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_most_texts_of_every_encoding_are_decoded_exactly(band, count):
    tried = list(samples(band, count))

    exact = [ours(one.data, one.language) == one.text for one in tried]

    assert len(tried) > 50 * count
    assert sum(exact) >= WANTED[band] * len(tried)


@pytest.mark.parametrize(
    "encoding", ["cp1251", "koi8-r", "cp866", "iso8859-5", "mac_cyrillic"]
)
def test_russian_is_read_in_each_of_its_encodings(encoding):
    assert decoded(RUSSIAN, encoding) == RUSSIAN


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("会議室予約", "shift_jis"),
        ("合同甲方：𠮷田商事，乙方：㐂乐公司。金额：€1,000。有效期五年。", "gb18030"),
        ("本合同自签字之日起生效，有效期五年。双方各执一份。", "utf-16-le"),
        ("本合同自签字之日起生效，有效期五年。双方各执一份。", "utf-16-be"),
        ("契約書は二通作成する。", "iso2022_jp"),
        ("계약서는 두 통을 작성한다.", "iso2022_kr"),
        ("Żółć i gęś, ściśle biorąc, łączą się rzadko.", "iso8859-2"),
        ("Größe und Übermaß", "cp1252"),
        ("Ein kurzer Text: geïntegreerd", "cp1252"),
    ],
)
def test_short_texts_are_read(text, encoding):
    assert decoded(text, encoding, language="none") == text


def test_the_locale_decides_what_the_text_leaves_open(monkeypatch):
    # The same bytes are words of either encoding.
    text = "ПРИВЕТ"
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")

    assert decoded(text, "cp1251") == text


def test_an_expected_encoding_is_preferred_but_not_forced():
    ambiguous = "é à".encode("cp850")

    assert decode(ambiguous, expected=["cp850"]).text == "é à"
    assert decoded(RUSSIAN * 5, "koi8-r", expected=["cp1252"]) == RUSSIAN * 5
    assert decoded("Größe", "utf-8", expected=["cp1252"]) == "Größe"


def test_an_encoding_that_is_rare_is_read_where_it_is_expected():
    assert decoded("żółw", "cp1250", expected=["windows-1250"]) == "żółw"
    assert decoded("Țara", "mac_romanian", expected=["mac_romanian"]) == "Țara"


def test_an_encoding_that_does_not_exist_is_refused():
    with pytest.raises(SettingsError, match="encodings: unknown encoding 'klingon'"):
        load(encodings=["klingon"])


def test_a_utf8_text_that_is_cut_off_within_a_letter_stays_utf8():
    found = decode("Die Größe der Tür".encode()[:-2])

    assert found.encoding == "utf-8"
    assert found.errors == 1


@pytest.mark.parametrize("size", [60, 999, 70_000])
def test_binary_data_is_no_text(size):
    for seed in range(20):
        assert decode(random.Random(seed).randbytes(size)) is None
