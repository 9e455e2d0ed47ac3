"""Chunks measured in tokens never exceed the limit or the model's window."""

import sys

import pytest
import tiktoken
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.marked_pages import check, marked_pages

from docprogress.documents import Page
from docprogress.errors import SettingsError
from docprogress.settings import load
from docprogress.steps.chunk import chunk
from docprogress.steps.embed import embedder
from docprogress.steps.embedders.token_counter import bounded_tokens, token_counter

SCRIPTS = {
    "Latin": "The tenant pays the rent on the first day of every month. ",
    "Cyrillic": "Арендатор вносит плату в первый день каждого месяца. ",
    "Arabic": "يدفع المستأجر الأجرة في اليوم الأول من كل شهر. ",
    "Chinese": "承租人应于每月第一日支付租金。",
    "Thai": "ผู้เช่าชำระค่าเช่าในวันแรกของทุกเดือน",
    "emoji": "👩\u200d👩\u200d👧\u200d👦😀🇩🇪",
    "marks": "e" + "\u0301" * 40,
    "signs": "—·…!?%§¶\n",
    "one word": "wordwithoutanyend",
}
EMBEDDERS = ["hashing", "openai:of-someone-else"]


@pytest.mark.parametrize("name", EMBEDDERS)
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("most", [16, 100])
def test_no_chunk_has_more_tokens_than_the_limit_in_any_script(name, script, most):
    settings = load(embedder=name, chunk_unit="tokens", chunk_tokens=most)
    text = SCRIPTS[script]
    given = [Page(number=1, text=text * 60), Page(number=2, text=f"{text}\n\n" * 20)]

    made = list(chunk(given, settings=settings))

    check(given, made, size=embedder(settings).count_tokens, most=most)


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(pages=marked_pages(), most=st.integers(16, 200), name=st.sampled_from(EMBEDDERS))
def test_nothing_is_lost_of_any_structure_in_tokens(pages, most, name):
    settings = load(embedder=name, chunk_unit="tokens", chunk_tokens=most)

    made = list(chunk(pages, settings=settings))

    check(pages, made, size=embedder(settings).count_tokens, most=most)


def test_the_window_of_the_embedder_limits_chunks():
    settings = load(
        embedder="openai:of-someone-else",
        embedding_tokens=40,
        chunk_unit="tokens",
        chunk_tokens=500,
    )
    given = [Page(number=1, text="some words " * 200)]

    made = list(chunk(given, settings=settings))

    check(given, made, size=bounded_tokens, most=40)


def test_neighbours_share_a_twelfth_of_the_tokens():
    settings = load(chunk_unit="tokens", chunk_tokens=120)
    words = " ".join(f"word{number}" for number in range(400))

    first, second, *_ = chunk([Page(number=1, text=words)], settings=settings)

    assert len(words[second.start : first.end].split()) == 10


def test_tokens_of_openai_models_are_counted_by_tiktoken(monkeypatch):
    made = tiktoken.Encoding(
        "made",
        pat_str=r"\w+|\W",
        mergeable_ranks={bytes([byte]): byte for byte in range(256)} | {b"aa": 256},
        special_tokens={},
    )
    monkeypatch.setattr(tiktoken, "encoding_for_model", {"made": made}.__getitem__)
    token_counter.cache_clear()

    assert token_counter("made")("aa é") == 1 + 1 + 2 + 2
    assert token_counter("other")("aa é") == 2 + 1 + 2 + 2
    token_counter.cache_clear()


@pytest.mark.parametrize("error", [OSError("no network"), ValueError("damaged")])
def test_bytes_bound_the_tokens_where_tiktoken_has_no_vocabulary(monkeypatch, error):
    def download(_):
        raise error

    monkeypatch.setattr(tiktoken, "encoding_for_model", download)
    token_counter.cache_clear()

    assert token_counter("text-embedding-3-small") is bounded_tokens
    token_counter.cache_clear()


def test_bytes_bound_the_tokens_without_tiktoken(monkeypatch):
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    token_counter.cache_clear()

    assert token_counter("text-embedding-3-small") is bounded_tokens
    token_counter.cache_clear()


def test_overlap_is_less_than_a_chunk_in_its_unit():
    with pytest.raises(SettingsError, match="less than chunk_tokens"):
        load(chunk_unit="tokens", chunk_tokens=50, chunk_overlap=50)
    with pytest.raises(SettingsError, match="less than chunk_characters"):
        load(chunk_characters=50, chunk_overlap=50)

    assert load(chunk_characters=50).chunk_overlap is None
