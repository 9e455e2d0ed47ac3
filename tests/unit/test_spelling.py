"""Mistyped words of a query find what they were meant to be, and the result says so."""

import random

import numpy as np
import pytest
from support.searched import add_searched, searched, texts

from docprogress.store import Store, word_filter, word_sources
from docprogress.store.search_filter import SearchFilter
from docprogress.words import hashed
from docprogress.words.murmur import hashed_rows
from docprogress.words.spelling import spellings


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    with Store(url) as store:
        yield store


TEXTS = (
    "The contract ends with a notice of three months.",
    "Die Kündigungsfrist beträgt drei Monate, Verträge sind schriftlich.",
    "договор аренды квартиры",
    "الإشعار المسبق ضروري",
    "Η σύμβαση λήγει τον Μάιο.",  # noqa: RUF001 - Greek
    "Device AX-400, part 12345678, and § 12345.",
    "本合同由甲乙双方签订",
)

MISTYPED = {
    "contarct": ("contract",),
    "cotract": ("contract",),
    "contrract": ("contract",),
    "contxact": ("contract",),
    "contarcts": ("contract",),
    "ocntract": ("contract",),
    "noitce": ("notice",),
    "Kündigunsfrsit": ("Kündigungsfrist",),
    "kuendigungsfirst": ("Kündigungsfrist",),
    "Vertärge": ("Verträge",),
    "договро": ("договор",),
    "الاشعر": ("الإشعار",),
    "συμβσαη": ("σύμβαση",),
}

AS_WRITTEN = (
    *("AX-500", "AX400B", "AX-40", "12345679", "§ 12346", "4000"),
    *("ntoe", "nitce x", "xyzzyqqq", '"contarct"', "„contarct“", "双方鉴订"),
    *("contract", "contracts", "what is it", "a" * 10_000),
)


def corrections(store, query, **scope):
    found = store.words.rank(query, SearchFilter(**scope), correct=True)
    return {each.word: each.used for each in found.corrections}


def test_mistyped_words_are_corrected_in_any_state_of_the_index(store, monkeypatch):
    add_searched(store, *TEXTS, case_id="a")
    add_searched(store, "The harbour is closed.", case_id="b")

    def check():
        assert {q: corrections(store, q).get(q) for q in MISTYPED} == MISTYPED
        assert [q for q in AS_WRITTEN if corrections(store, q)] == []
        # Of other cases, nothing is told.
        assert corrections(store, "contarct", case_id="b") == {}
        assert corrections(store, "harbour", case_id="a") == {}
        assert corrections(store, "harbuor", case_id="b") == {"harbuor": ("harbour",)}

    check()
    monkeypatch.setattr(word_sources, "MOST_ENTRIES", 2)
    assert store.words.merge()
    check()


def test_results_say_what_was_searched_for_instead(store):
    add_searched(store, *TEXTS)

    found = searched(store, "notice in the contarct")

    assert texts(found)[0] == TEXTS[0]
    marked = [found[0].text[start:end] for start, end in found[0].marks]
    assert marked == ["contract", "notice"]
    assert "searched for contract instead of contarct" in repr(found)
    assert "<strong>contract</strong> instead of" in found._repr_html_()
    assert found[:1].corrections == found.corrections
    alone = searched(store, "contarct", spelling=False)
    assert (texts(alone), alone.corrections) == ([], ())


def test_word_of_a_few_texts_is_searched_for_beside_a_frequent_one(store):
    add_searched(store, "the contarct", *["a contract"] * 250)

    found = searched(store, "contarct")

    assert texts(found)[:2] == ["the contarct", "a contract"]
    assert "searched for contract as well as contarct" in repr(found)


def test_a_part_that_nobody_writes_is_no_correction(store):
    add_searched(store, "Die Übereinstimmung mit der Ausschreibung ist nicht nötig.")

    assert corrections(store, "stimmnug") == {}
    add_searched(store, "Heating is on.")
    assert corrections(store, "heart") == {}
    assert corrections(store, "haeting") == {"haeting": ("Heating",)}


def test_spellings_are_all_within_an_error_and_their_hashes_are_those_of_terms():
    made = {
        each.word(at): int(each.hashes[at])
        for each in spellings("notice", 1)
        for at in range(len(each.hashes))
    }

    assert {"notce", "noticce", "notive", "noitce", "nxotice", "noticez"} <= set(made)
    assert "otice" not in made
    assert all(hashed(word) == number for word, number in made.items())
    assert not list(spellings("note", 1)) + list(spellings("notices", 2))
    draw = random.Random(3)
    for length in (0, 1, 8, 9, 15, 16, 17, 31, 32, 47):
        word = "".join(draw.choices("abcdefgh", k=length))
        rows = np.frombuffer(word.encode(), np.uint8)[None]
        assert int(hashed_rows(rows)[0]) == hashed(word)


def test_filter_has_its_terms_and_hardly_any_others():
    draw = np.random.default_rng(1)
    terms = draw.integers(0, 1 << 63, 20_000)
    others = draw.integers(0, 1 << 63, 200_000)

    packed = word_filter.packed(terms)

    assert len(word_filter.contained(packed, terms)) == len(terms)
    assert len(word_filter.contained(packed, others)) < 20
    assert len(word_filter.contained(word_filter.packed(terms[:0]), others)) == 0
