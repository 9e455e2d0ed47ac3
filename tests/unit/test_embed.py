"""Embedding: the built-in hashing embedder and remote endpoints."""

import re
import ssl
import sys
import threading
import time
import unicodedata
from email.utils import formatdate

import numpy as np
import pytest
from support.embedding_endpoint import KEY, endpoint, good, meaning
from support.patience import patient
from support.services import Authority

from docprogress.documents import Chunk
from docprogress.errors import (
    DocumentError,
    ServiceUnavailable,
    SettingsError,
    TransientError,
)
from docprogress.settings import load
from docprogress.steps.embed import embed, embedder
from docprogress.steps.embedders import hashing, openai, openai_client, responses, words
from docprogress.steps.embedders.openai import EndpointEmbedder
from docprogress.steps.embedders.tokens import estimate_tokens, split


def chunks(*texts):
    return [
        Chunk(number=n, text=text, start=0, end=0, first_page=1, last_page=1)
        for n, text in enumerate(texts, 1)
    ]


def likeness(one, other):
    first, second = embedder(load()).embed([one, other])
    return float(first @ second)


def test_each_chunk_gets_a_vector_of_length_one():
    made = list(embed(chunks("a rental contract", "another text"), settings=load()))

    assert [each.number for each in made] == [1, 2]
    for each in made:
        assert each.vector.shape == (1024,)
        assert each.vector.dtype == np.float32
        assert np.linalg.norm(each.vector) == pytest.approx(1, abs=1e-6)


def test_embedding_counts_down_and_says_what_made_it():
    embedding = embed(chunks(*(f"text {n}" for n in range(100))), settings=load())

    assert embedding.unit == "chunk"
    assert embedding.__length_hint__() == 100
    next(embedding)
    assert embedding.__length_hint__() == 99
    assert len(list(embedding)) == 99
    assert embedding.facts == {"embedder": "hashing", "dimensions": 1024}


@pytest.mark.parametrize(
    ("word", "place", "sign"),
    [
        ("contract", 298, -1),
        ("rental", 643, -1),
        ("größe", 598, 1),
        ("ελληνικά", 296, 1),
        ("naïve", 469, 1),
        ("42", 970, -1),
    ],
)
def test_words_are_counted_where_scikit_learns_hashing_vectorizer_counts_them(
    word, place, sign
):
    [vector] = embedder(load()).embed([word])

    assert vector[place] == sign
    assert np.count_nonzero(vector) == 1


def test_signs_that_are_left_out_at_once_are_part_of_no_word():
    signs = [sign for sign in map(chr, range(0x10000)) if words._SYMBOLS.match(sign)]
    assert len(signs) > 400
    for sign in signs:
        text = f"Left{sign}Right one{sign} More"
        # A few become a space and a mark on it, which is no word either.
        folded = unicodedata.normalize("NFKC", text).casefold()
        expected = re.findall(r"[^\W_]{2,}", folded)
        assert words.words(text) == expected == ["left", "right", "one", "more"]


def test_the_number_of_cached_words_is_limited(monkeypatch):
    monkeypatch.setattr(hashing, "CACHED_WORDS", 10)
    made = hashing.HashingEmbedder()
    text = " ".join(f"word{n}" for n in range(95)) + " " + "long" * 500

    once = made.embed([text])

    assert 0 < len(made._dimension_of) <= 10
    assert not any(len(word) > hashing.LONGEST_CACHED for word in made._dimension_of)
    assert np.array_equal(once, made.embed([text]))
    assert np.array_equal(once, embedder(load()).embed([text]))


def test_no_chunks_make_no_vectors():
    assert list(embed([], settings=load())) == []
    assert embedder(load()).embed([]).shape == (0, 1024)


def test_vectors_do_not_depend_on_the_batch_or_the_process():
    texts = [f"text number {n} about contracts" for n in range(10)]

    alone = np.vstack([embedder(load()).embed([text]) for text in texts])
    together = embedder(load()).embed(texts)

    assert np.array_equal(alone, together)
    # Known from another process: hashes that changed would make stores worthless.
    places = np.flatnonzero(embedder(load()).embed(["contract"])[0])
    assert places.tolist() == [298]


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        ("Termination clause", "the TERMINATION clause of this lease", "red apples"),
        ("合同终止", "本合同终止后双方应当结算", "今天天气很好"),
        ("賃貸契約", "この賃貸契約は二年間有効です", "今日はいい天気です"),
        ("계약 해지", "이 계약의 해지는 서면으로", "오늘은 날씨가 좋다"),
        ("عَقْد الإيجار", "ينتهي عقد الإيجار في نهاية السنة", "الطقس جميل اليوم"),
        ("ﻋﻘﺪ", "هذا عقد بين الطرفين", "الطقس جميل اليوم"),
        ("किराया अनुबंध", "यह किराया अनुबंध दो वर्ष का है", "आज मौसम अच्छा है"),
        ("สัญญาเช่า", "คู่สัญญาตกลงทำสัญญาเช่าฉบับนี้", "วันนี้อากาศดีมาก"),
        ("Straße", "DIE STRASSE IST LANG", "Blumen im Garten"),
        ("дОгОвор", "этот договор заключён сторонами", "сегодня хорошая погода"),
    ],
)
def test_likeness_is_found_in_any_script(query, near, far):
    assert likeness(query, near) > likeness(query, far) + 0.1


def test_words_repeated_do_not_drown_the_others():
    query = "termination"

    assert likeness(query, "the " * 50 + query) > 0.1


def test_text_without_words_gets_a_vector_without_length():
    [vector] = embedder(load()).embed(["--- ... !"])

    assert not vector.any()


def test_one_embedder_serves_the_whole_process():
    assert embedder(load()) is embedder(load())


@pytest.mark.parametrize(
    "name",
    [
        "",
        "hash",
        "hashing:x",
        "wordllama:x",
        "openai",
        "openai:",
        "sentence-transformers:",
        "x:y",
    ],
)
def test_unknown_embedder_is_refused_with_the_choice(name):
    settings = load().model_copy(update={"embedder": name})

    with pytest.raises(SettingsError, match=r"hashing.*sentence-transformers.*openai"):
        embedder(settings)


def test_missing_library_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)

    with pytest.raises(SettingsError, match=r"docprogress\[sentence-transformers\]'"):
        embedder(load(embedder="sentence-transformers:no-such-model"))


def garbage(content):
    return 200, {}, content


def test_endpoint_is_called_according_to_its_protocol():
    with endpoint(good) as (made, server):
        vectors = made.embed(["four", "sevenxx"])
        dimensions = made.dimensions

    [(path, headers, body)] = server.asked
    assert path == "/v1/embeddings"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "some-model",
        "input": ["four", "sevenxx"],
        "encoding_format": "float",
    }
    assert dimensions == 3
    assert vectors.dtype == np.float32
    assert vectors[0] == pytest.approx([0.6, 0.8, 0])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])


def test_endpoint_without_a_key_is_sent_none():
    with endpoint(good, key=None) as (made, server):
        made.embed(["x"])

    assert "Authorization" not in server.asked[0][1]


def test_endpoint_is_called_in_batches():
    with endpoint(good, batch=2) as (made, server):
        vectors = made.embed(["a", "bb", "ccc", "dddd", "eeeee"])

    assert [len(body["input"]) for *_, body in server.asked] == [2, 2, 1]
    assert np.all(np.diff(vectors[:, 1]) > 0)


def test_unknown_dimensions_are_requested_from_the_endpoint():
    with endpoint(good) as (made, server):
        assert made.embed([]).shape == (0, 3)

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "trouble",
    [(429, {}, "slow down"), (500, {}, "oops"), (503, {}, ""), (None, {}, "")],
)
def test_endpoint_is_called_again_after_errors(trouble):
    with endpoint(trouble, trouble, good) as (made, server):
        vectors = made.embed(["four"])

    assert vectors[0] == pytest.approx([0.6, 0.8, 0])
    assert len(server.asked) == 3
    assert server.pauses == [0.5, 1.0]


def test_endpoint_says_how_long_to_wait():
    with endpoint((429, {"Retry-After": "2"}, ""), good) as (made, server):
        made.embed(["x"])
    assert server.pauses == [2.0]

    later = formatdate(time.time() + 3000, usegmt=True)
    for value, expected in (("45", 45), ("7200", 7200), (later, 3000)):
        with (
            endpoint((429, {"Retry-After": value}, ""), good) as (made, server),
            pytest.raises(ServiceUnavailable, match="429 Too Many Requests") as error,
        ):
            made.embed(["x"])
        assert server.pauses == []
        assert error.value.seconds == pytest.approx(expected, abs=60)
        assert error.value.reason == "rate limit"


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "Mon, 99 Foo 2020", "0"])
def test_endpoint_without_retry_after_is_called_again_soon(value):
    with endpoint((503, {"Retry-After": value}, ""), good) as (made, server):
        made.embed(["x"])

    assert server.pauses == [0.5]


@pytest.mark.parametrize("trouble", [(429, {}, ""), (502, {}, ""), (None, {}, "")])
def test_endpoint_in_lasting_trouble_may_be_tried_later(trouble):
    with (
        endpoint(trouble) as (made, server),
        pytest.raises(TransientError, match=r"embedding endpoint 127\.0\.0\.1"),
    ):
        made.embed(["x"])

    assert len(server.asked) == openai.ATTEMPTS


def test_endpoint_that_is_not_there_may_be_tried_later():
    with endpoint(good) as (made, _):
        pass
    made._client.close()

    with pytest.raises(ServiceUnavailable, match="does not answer") as error:
        made.embed(["x"])

    assert error.value.reason == "it cannot be reached"


def test_endpoint_whose_name_is_unknown_is_unavailable():
    made = EndpointEmbedder("m", url="http://no-such-host.invalid/v1", pause=abs)

    with pytest.raises(ServiceUnavailable) as error:
        made.embed(["x"])

    assert error.value.reason == "it cannot be reached"


def test_certificate_that_is_not_trusted_is_not_waited_for(tmp_path):
    certificate, key = Authority(tmp_path, "authority").signed("endpoint")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with endpoint(good) as (_, server):
        server.socket = context.wrap_socket(server.socket, server_side=True)
        made = EndpointEmbedder("m", url=f"https://127.0.0.1:{server.server_port}")

        with pytest.raises(DocumentError, match="certificate"):
            made.embed(["x"])


def test_endpoint_that_does_not_answer_is_given_less_at_a_time():
    """It is not asked again at once: that would take as long again."""
    over = threading.Event()

    def hang(body):
        if len(body["input"]) > 1:
            over.wait(patient(30))
            return None, {}, ""
        return good(body)

    with endpoint(hang, seconds=0.3) as (made, server):
        try:
            for left in (4, 2):
                with pytest.raises(ServiceUnavailable) as error:
                    made.embed(["a", "bb", "ccc", "dddd"])
                assert error.value.reason == "no response"
                assert len(server.asked[-1][2]["input"]) == left
            assert len(made.embed(["a", "bb", "ccc", "dddd"])) == 4
        finally:
            over.set()

    assert server.pauses == []


def test_endpoint_that_answers_again_is_given_more_at_a_time_again():
    over = threading.Event()
    away = [True]

    def hang(body):
        if away:
            over.wait(patient(30))
            return None, {}, ""
        return good(body)

    texts = [f"text {number}" for number in range(100)]
    with endpoint(hang, seconds=0.3, batch=8) as (made, server):
        try:
            for _ in range(4):
                with pytest.raises(ServiceUnavailable):
                    made.embed(texts)
            away.clear()
            assert len(made.embed(texts)) == 100
        finally:
            over.set()

    sizes = [len(body["input"]) for *_, body in server.asked[4:]]
    assert sizes[0] == 1
    assert max(sizes) == 4


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "set embedding_api_key"),
        (403, "set embedding_api_key"),
        (404, "some-model.*embedding_url"),
        (400, "too many tokens"),
        (413, "too many tokens"),
        (307, "embedding_url"),
    ],
)
def test_refusal_says_what_to_set_and_is_not_repeated(status, advice):
    answer = (status, {}, {"error": f"too many tokens for {KEY}"})
    with (
        endpoint(answer) as (made, server),
        pytest.raises(DocumentError, match=advice) as refused,
    ):
        made.embed(["x"])

    assert len(server.asked) == 1
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        b"<html>Bad gateway</html>",
        b"\xff\xfe",
        [],
        {},
        {"data": None},
        {"data": []},
        {"data": [1]},
        {"data": [{"embedding": [1, 2]}, {"embedding": [1, 2]}]},
        {"data": [{"embedding": "AAAA"}]},
        {"data": [{"embedding": []}]},
        {"data": [{"embedding": [None, 1]}]},
        {"data": [{"embedding": [[1.0]]}]},
        {"data": [{"embedding": [1e999, 1]}]},
        {"data": [{"index": 5, "embedding": [1.0]}]},
        {"data": [{"index": "x", "embedding": [1.0]}]},
    ],
    ids=str,
)
def test_nonsense_may_be_tried_later(content):
    with (
        endpoint(garbage(content)) as (made, _),
        pytest.raises(TransientError, match="endpoint") as error,
    ):
        made.embed(["x"])

    assert KEY not in str(error.value)


def test_a_repeated_index_is_invalid():
    twice = {"data": [{"index": 0, "embedding": [1.0, 2.0]}] * 2}
    with endpoint(garbage(twice)) as (made, _), pytest.raises(TransientError):
        made.embed(["x", "y"])


def test_dimensions_that_change_are_nonsense():
    first = garbage({"data": [{"index": 0, "embedding": [1.0, 2.0]}]})
    other = garbage({"data": [{"index": 0, "embedding": [1.0, 2.0, 3.0]}]})
    with endpoint(first, other) as (made, _):
        made.embed(["x"])
        with pytest.raises(TransientError, match="3 numbers after those of 2"):
            made.embed(["y"])


def test_key_is_shown_nowhere():
    made = EndpointEmbedder("m", url=f"http://user:{KEY}@host/v1", key=KEY)

    assert KEY not in repr(made)


@pytest.mark.parametrize("key", ["sk-\u2026", "sk-a b", "sk-a\nb", "sk-\0"])
def test_key_that_no_header_holds_is_refused_unseen(key):
    with pytest.raises(SettingsError, match="embedding_api_key") as refused:
        EndpointEmbedder("m", url="http://host", key=key)

    assert "sk-" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "host/v1", "ftp://host", "http://", "http://[::1"])
def test_invalid_url_is_refused(url):
    with pytest.raises(SettingsError, match="embedding_url"):
        EndpointEmbedder("m", url=url)


def test_settings_choose_the_endpoint():
    with endpoint(good) as (_, server):
        settings = load(
            embedder="openai:a-model", embedding_url=server.url, embedding_api_key=KEY
        )
        embedding = embed(chunks("x", "yy"), settings=settings)
        made = list(embedding)
        chosen = embedder(settings)
        chosen._client.close()

    assert embedding.facts == {"embedder": "openai:a-model", "dimensions": 3}
    assert [each.vector.shape for each in made] == [(3,), (3,)]
    assert embedder(settings) is chosen


def tokens(text):
    """What a model makes of a text, more or less: a token for each Chinese character."""
    return 2 + sum(-(-len(w) // 4) if w.isascii() else len(w) for w in text.split())


def limited(*, window=10_000, batch=10_000, count=10_000, status=400, says=None):
    """An endpoint that takes only so many tokens of a text, of all, and so many."""

    def answer(body):
        each = [tokens(text) for text in body["input"]]
        assert all(text.strip() for text in body["input"])
        if max(each) > window:
            complaint = f"maximum context length is {window} tokens, not {max(each)}"
        elif sum(each) > batch:
            complaint = f"{sum(each)} tokens are more than the limit of {batch} tokens"
        elif len(each) > count:
            complaint = f"batch size {len(each)} > maximum allowed batch size {count}"
        else:
            return meaning(body)
        return status, {}, {"error": {"message": complaint if says is None else says}}

    return answer


@pytest.mark.parametrize("says", [None, "", "bad request"])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_batch_that_is_too_large_is_halved_until_it_is_taken(status, says):
    texts = [f"{'word ' * 90}{n}" for n in range(37)]
    with endpoint(limited(batch=1000, status=status, says=says)) as (made, server):
        rows = list(made.batches(texts))
        asked = len(server.asked)
        again = made.embed(texts)

    assert sum(map(len, rows)) == 37
    assert np.array_equal(np.concatenate(rows), again)
    # It has learned: nothing of the second time is refused.
    sent = [len(body["input"]) for *_, body in server.asked]
    assert sum(sent[asked:]) == 37
    assert asked < 20


def test_number_of_texts_that_is_too_large_is_halved_too():
    with endpoint(limited(count=16, status=413)) as (made, server):
        assert len(made.embed([f"text {n}" for n in range(64)])) == 64

    assert [len(body["input"]) for *_, body in server.asked] == [64, 32, 16, 16, 16, 16]


def test_batches_are_made_by_tokens_so_that_nothing_is_refused():
    chinese = ["合同" * 500] * 20
    with endpoint(limited(batch=4000), batch_tokens=4000) as (made, server):
        assert len(made.embed(chinese)) == 20

    assert sum(len(body["input"]) for *_, body in server.asked) == 20


def test_vectors_made_before_a_refusal_are_passed_on():
    texts = [f"text {n}" for n in range(8)]
    late = (429, {"Retry-After": "45"}, "")
    with endpoint(limited(count=4), meaning, late, batch=8) as (made, _):
        rows = made.batches(texts)
        assert len(next(rows)) == 4
        with pytest.raises(ServiceUnavailable):
            next(rows)


@pytest.mark.parametrize("says", [None, "", "invalid input"])
@pytest.mark.parametrize("status", [400, 413, 500])
def test_text_longer_than_the_window_is_embedded_in_parts(status, says):
    if status == 500 and says is not None:
        pytest.skip("nothing says that it is the size")
    text = "合" * 900 + "a" * 300
    with endpoint(limited(window=512, status=status, says=says)) as (made, server):
        [long, short] = made.embed([text, "short"])
        asked = len(server.asked)
        [again] = made.embed([text])

    assert asked <= 12
    assert np.allclose(long, again)
    # Of the beginning alone, it would be [0, 1].
    assert long[0] > 0.1
    assert long[1] > long[0]
    assert short == pytest.approx([0.5 / 0.559, 0.25 / 0.559], abs=0.01)
    # Its window is known the second time.
    assert len(server.asked) == asked + 1
    assert "".join(server.asked[-1][2]["input"]) == text


def test_window_that_is_set_is_never_overrun():
    texts = ["合" * 1200, "word " * 240, "слово " * 200, "😀" * 400, "x" * 5000]
    answer = limited(window=512)
    with endpoint(answer, window=512) as (made, server):
        assert made.embed(texts).shape == (5, 2)

    sent = [text for *_, body in server.asked for text in body["input"]]
    assert max(map(tokens, sent)) <= 512
    assert sorted("".join(sent).replace(" ", "")) == sorted(
        "".join(texts).replace(" ", "")
    )


def test_parts_count_by_their_length():
    with endpoint(meaning, window=100) as (made, _):
        [vector] = made.embed(["a" * 500 + " " + "合" * 30])

    assert vector[0] > 2 * vector[1]


@pytest.mark.parametrize(
    "says",
    [
        {"error": {"message": "The model `some-model` does not exist"}},
        {"error": {"message": "no", "code": "model_not_found"}},
        {"detail": "Invalid API key"},
    ],
)
def test_refusal_for_another_reason_is_not_repeated(says):
    texts = ["word " * 200] * 30
    with (
        endpoint((400, {}, says)) as (made, server),
        pytest.raises(DocumentError, match=r"model|API key"),
    ):
        made.embed(texts)

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "says", "size", "window", "count"),
    [
        (400, "maximum context length is 512 tokens, not 1200", True, 512, False),
        (400, "'input[0]': maximum input length is 8192 tokens.", True, 8192, False),
        (422, "`inputs` must have less than 512 tokens. Given: 1200", True, 512, False),
        (413, "batch size 64 > maximum allowed batch size 32", True, 32, True),
        (
            500,
            "input is too large. increase the physical batch size",
            True,
            None,
            False,
        ),
        (500, "the input length exceeds the context length", True, None, False),
        (400, "The max allowed tokens per batch is 120000.", True, None, False),
        (400, "too many inputs, maximum 2048", True, 2048, True),
        (429, "Request too large on tokens per min: Limit 400", True, 400, False),
        (429, "Rate limit reached on tokens per min: Limit 400", False, 400, False),
        (500, "Internal server error", False, None, False),
        (400, "The model `nope` does not exist", False, None, False),
        (400, "bad request", None, None, False),
    ],
)
def test_refusals_of_known_endpoints_are_understood(status, says, size, window, count):
    refusal = DocumentError("refused")
    error = responses.TooLarge(refusal, says, texts=1, sure=True)

    assert responses.rejects_size(status, says) is size
    assert (error.window, error.too_many) == (window, count)


def test_refusal_of_everything_ends_soon_and_names_the_cause():
    texts = ["word " * 200] * 64
    with (
        endpoint((400, {}, {"error": "colourless green ideas"})) as (made, server),
        pytest.raises(DocumentError, match="colourless green ideas"),
    ):
        made.embed(texts)

    assert len(server.asked) < 15


def test_quota_that_is_used_up_is_not_waited_for():
    answer = {"error": {"message": "pay first", "code": "insufficient_quota"}}
    with (
        endpoint((429, {}, answer)) as (made, server),
        pytest.raises(DocumentError, match="pay first"),
    ):
        made.embed(["x"])

    assert len(server.asked) == 1


def test_page_of_a_proxy_is_shown_without_its_tags():
    page = b"<html><style>p {}</style><h1>Oops</h1><p>backend</p></html>"
    with (
        endpoint((500, {}, page)) as (made, _),
        pytest.raises(TransientError, match="Oops backend"),
    ):
        made.embed(["x"])


def test_answer_without_end_is_not_read(monkeypatch):
    monkeypatch.setattr(openai_client, "RESPONSE_BYTES", 1000)
    monkeypatch.setattr(openai_client, "TEXT_BYTES", 1000)
    with (
        endpoint(garbage(b" " * 5_000_000)) as (made, _),
        pytest.raises(TransientError, match="more than 2000 bytes"),
    ):
        made.embed(["x"])


def test_half_a_character_is_sent_as_a_question_mark():
    with endpoint(good) as (made, server):
        made.embed(["a\ud800b"])

    assert server.asked[0][2]["input"] == ["a?b"]


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\x1f", "\u3000"])
def test_blank_chunk_is_not_sent(blank):
    with endpoint(limited()) as (_, server):
        settings = load(embedder="openai:blank", embedding_url=server.url)
        made = list(embed(chunks(blank, "a", blank), settings=settings))
        embedder(settings)._client.close()

    assert [body["input"] for *_, body in server.asked] == [["a"]] * len(server.asked)
    assert [bool(each.vector.any()) for each in made] == [False, True, False]


def test_texts_are_split_without_losing_anything():
    for text in ("word " * 1000, "合" * 1000, "a" * 1000, "one. two. " * 300):
        for most in (16, 100, 512):
            found = split(text, most)
            assert "".join(part for part, _ in found) == text
            assert all(count == estimate_tokens(part) <= most for part, count in found)
    assert split("short", 100) == [("short", estimate_tokens("short"))]
