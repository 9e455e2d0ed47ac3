"""A model of sentence-transformers cuts texts off; its embedder does not.

Where the library is not installed, a stand-in takes its place that cuts off as it does.
"""

import importlib.util
import sys
import types

import numpy as np
import pytest

from docprogress.steps.chunking.sizes import Sizes
from docprogress.steps.chunking.spans import spans
from docprogress.steps.embedders.sentence_transformers import (
    SentenceTransformerEmbedder,
)

WINDOW = 32
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CHINESE = "".join(map(chr, range(0x4E00, 0x4E80)))
INSTALLED = importlib.util.find_spec("sentence_transformers") is not None


class _StandIn:
    """A model whose tokens are characters, and whose vectors count them."""

    max_seq_length = WINDOW
    default_prompt_name = None

    def __init__(self, _):
        self.prompts = {"query": "q: "}

    def get_embedding_dimension(self):
        return len(LETTERS + CHINESE)

    def tokenizer(self, text, *, truncation, verbose):
        assert not truncation
        assert not verbose
        return {"input_ids": [0, *map(ord, text.replace(" ", "")), 0]}

    def encode(self, texts, *, convert_to_numpy=True, show_progress_bar=False):
        assert convert_to_numpy
        assert not show_progress_bar
        cut = [text.replace(" ", "")[: WINDOW - 2] for text in texts]
        return np.array(
            [[text.count(sign) for sign in LETTERS + CHINESE] for text in cut], float
        )


@pytest.fixture(scope="module")
def real_model(tmp_path_factory):
    """A tiny model with random weights, made here and saved."""
    if not INSTALLED:
        pytest.skip("sentence-transformers is not installed")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    signs = [*LETTERS, *(f"##{letter}" for letter in LETTERS), *CHINESE]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs]
    tokenizer = BertTokenizerFast(vocab={w: n for n, w in enumerate(vocabulary)})
    tokenizer.save_pretrained(folder / "bert")
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=WINDOW)
    model = SentenceTransformer(modules=[transformer, Pooling(16)])
    model.save(str(folder / "model"))
    return str(folder / "model")


@pytest.fixture(params=["stand-in", "real"])
def made(request, monkeypatch):
    if request.param == "real":
        return SentenceTransformerEmbedder(request.getfixturevalue("real_model"))
    library = types.ModuleType("sentence_transformers")
    library.SentenceTransformer = _StandIn
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    return SentenceTransformerEmbedder("some-model")


def test_text_longer_than_the_window_is_not_truncated(made):
    begin, rest = CHINESE[:30], CHINESE[30:] * 5

    cut = made._model.encode([begin, begin + rest])
    assert np.allclose(cut[0], cut[1], atol=1e-5), "the model itself does not cut off"
    whole, same, short = made.embed([begin + rest, begin + rest, begin])

    assert np.allclose(whole, same, atol=1e-5)
    assert not np.allclose(whole, short, atol=1e-3)
    assert np.allclose(np.linalg.norm([whole, short], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [CHINESE * 8, "a" * 300, "word " * 100, f"{LETTERS} " * 9, CHINESE[:30], "x"],
)
def test_every_part_fits_into_the_window_and_none_is_missing(made, text):
    parts = made._split(text)

    assert "".join(part for part, _ in parts) == text
    assert all(made.count_tokens(part) == count <= WINDOW for part, count in parts)


def test_texts_that_fit_are_embedded_as_the_model_does(made):
    texts = ["contract", CHINESE[5:20], "a b c"]
    expected = np.asarray(made._model.encode(texts), np.float32)

    vectors = made.embed(texts)

    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(vectors, expected, atol=1e-5)


def test_prompt_that_the_model_puts_before_a_text_counts(made):
    made._prompt = "abc "

    assert made.count_tokens("x") == made.count_tokens("abc x") - 3


@pytest.mark.parametrize(
    "text", [CHINESE * 8, "a" * 300, "word " * 100, f"{LETTERS}\n\n" * 9, "x"]
)
def test_chunks_of_tokens_fit_into_the_window(made, text):
    sizes = Sizes(most=made.window, overlap=4, count=made.count_tokens)

    found = list(spans(text, sizes))

    assert made.window == WINDOW
    assert all(made.count_tokens(text[start:end]) <= WINDOW for start, end in found)
    covered = {place for span in found for place in range(*span)}
    assert {place for place, sign in enumerate(text) if not sign.isspace()} <= covered
