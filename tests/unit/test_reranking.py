"""A function or a model orders passages again; what it does wrong is named."""

import sys

import pytest

from docprogress.errors import SearchError, SettingsError
from docprogress.search.reranking import rerank_scores, reranker


def by_length(query, texts):
    return [len(text) for text in texts]


def test_functions_and_their_import_paths_are_found(tmp_path, monkeypatch):
    (tmp_path / "own_order.py").write_text(
        "class Model:\n    @staticmethod\n    def f(query, texts):\n"
        "        return [len(t) for t in texts]\nnothing = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    for given in (by_length, "own_order:Model.f"):
        name, function = reranker(given)
        assert rerank_scores(name, function, "q", ["a", "bbb"]) == [1, 3]
    for missing in ("own_order:none", "own_order:nothing", "no_module_so:f"):
        with pytest.raises(SearchError, match=missing):
            reranker(missing)
    for wrong in (7, "", " "):
        with pytest.raises(SearchError, match="rerank"):
            reranker(wrong)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ([1.0], "returned 1 for 2 texts"),
        ([[1.0], [2.0]], "shape"),
        ([1.0, float("nan")], "not a finite number"),
        (["a", "b"], "ValueError"),
        (None, "TypeError"),
    ],
)
def test_scores_that_cannot_be_used_name_the_function(returned, said):
    def own(query, texts):
        return returned

    name, function = reranker(own)
    with pytest.raises(SearchError, match=said) as caught:
        rerank_scores(name, function, "q", ["a", "b"])
    assert "own" in str(caught.value)


def test_an_error_of_the_function_is_named_with_its_cause():
    def broken(query, texts):
        raise KeyError("nothing here")

    with pytest.raises(SearchError, match=r"broken.*KeyError: 'nothing here'"):
        rerank_scores(*reranker(broken), "q", ["a"])


def test_a_model_without_its_library_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)

    with pytest.raises(SettingsError, match=r"pip install 'docprogress\[sentence-tr"):
        reranker("cross-encoder/none-of-this-name")
