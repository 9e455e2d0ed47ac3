"""Results of a run: pages, chunks, vectors, metadata."""

import io
import zipfile

import pytest
from support.rows import (
    CHUNKS,
    PAGES,
    add_document,
    add_run,
    finish_step,
)
from typer.testing import CliRunner

from docprogress import Pipeline
from docprogress.cli.app import app
from docprogress.client.results import DocumentHandle
from docprogress.documents import PAGE_SEPARATOR
from docprogress.errors import DocumentNotFound, ResultsUnavailable
from docprogress.store import Store


@pytest.fixture(scope="module")
def run(shared_home):
    letters = [(f"letter-{n}.txt", f"Letter number {n}.".encode()) for n in range(5)]
    page = (
        b"<title>Prices</title><h1>Prices</h1><p>Bread costs two coins.</p>"
        b"<table><tr><th>What<th>Coins<tr><td>Bread<td>2</table>"
    )
    others = [("prices.html", page), ("empty.txt", b""), ("letter-0.txt", b"Two")]
    with Pipeline(home=shared_home) as pipeline:
        yield pipeline.submit([*letters, *others]).wait()


def test_a_document_gives_its_text_pages_chunks_and_metadata(run):
    document = run["prices.html"]

    assert document.text.startswith("Prices\n\nBread costs two coins.")
    assert [page.number for page in document.pages] == [1]
    assert document.metadata["title"] == "Prices"
    assert document.metadata["media_type"] == "text/html"
    assert document.metadata["page_count"] == 1
    for chunk in document.chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.document_id == document.id
        assert chunk.vector is not None
    (table,) = document.tables
    assert table.title == "Prices"
    assert table.rows == (("What", "Coins"), ("Bread", "2"))
    assert [each.rows for each in run.tables()] == [table.rows]
    assert "Bread costs two coins" in document.markdown


def test_a_document_is_found_by_its_id_and_by_a_name_that_only_it_has(run):
    first, *_, last = run.documents()

    assert run[first.id].text == "Letter number 0."
    assert run[last.id].text == "Two"
    with pytest.raises(DocumentNotFound, match="2 documents are named"):
        run["letter-0.txt"]
    with pytest.raises(DocumentNotFound, match=r"no document of run .*nothing\.txt"):
        run["nothing.txt"]


def test_a_run_gives_the_pages_and_chunks_of_its_completed_documents_in_order(run):
    names = {row.id: row.name for row in run.documents()}
    completed = [name for name in names.values() if name != "empty.txt"]

    assert [names[page.document_id] for page in run.pages()] == completed
    chunks = list(run.chunks())
    found = [names[chunk.document_id] for chunk in chunks if chunk.number == 1]
    assert found == completed
    assert {chunk.vector is None for chunk in chunks} == {True}


def test_chunks_come_with_the_vectors_that_search_compares(run):
    for chunk in run.chunks(vectors=True):
        document = run[chunk.document_id]
        assert (chunk.vector == document.chunks[chunk.number - 1].vector).all()
        assert PAGE_SEPARATOR.join(p.text for p in document.pages) == document.text


@pytest.mark.parametrize("what", ["text", "markdown", "pages", "tables", "chunks"])
def test_asking_a_failed_document_for_its_results_raises_its_error(run, what):
    document = run["empty.txt"]

    with pytest.raises(ResultsUnavailable, match=r"^empty\.txt has no .* is empty"):
        getattr(document, what)
    assert document.metadata["name"] == "empty.txt"
    assert "failed, empty.txt: the file is empty" in repr(document)


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def test_a_document_that_is_not_finished_is_read_again_once_it_is(store):
    run = add_run(store)
    row = add_document(store, run, name="a.txt")
    document = DocumentHandle(store, row)
    with pytest.raises(ResultsUnavailable, match=r"a\.txt has no pages: it is queued"):
        _ = document.text

    claim = store.attempts.claim(row.id, row.attempt, worker="worker")
    finish_step(store, claim.document, 0, pages=PAGES)
    assert document.text == "The first page.\n\nThe second."
    with pytest.raises(ResultsUnavailable, match=r"a\.txt has no chunks: it is proc"):
        _ = document.chunks
    finish_step(store, claim.document, 1, chunks=CHUNKS)

    assert [chunk.text for chunk in document.chunks] == ["The first", "The second."]
    assert "processing" in repr(document)


def test_the_command_line_prints_a_document_of_the_latest_run_or_by_its_id(
    shared_home, run
):
    def show(*arguments):
        given = ["show", *arguments, "--home", str(shared_home)]
        return CliRunner().invoke(app, given)

    by_id = show(run.documents()[0].id)
    by_name = show("prices.html", "--run", run.id, "--markdown")
    tables = show("prices.html", "--run", run.id, "--tables")
    no_tables = show("letter-1.txt", "--run", run.id, "--tables")
    failed = show("empty.txt", "--run", run.id)

    assert (by_id.exit_code, by_id.stdout) == (0, "Letter number 0.\n")
    assert "Bread costs two coins." in by_name.stdout
    assert tables.stdout == (
        "Table 1, page 1: Prices\n\n| What | Coins |\n| --- | --- |\n| Bread | 2 |\n"
    )
    assert (no_tables.exit_code, no_tables.stdout) == (0, "")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "the file is empty" in failed.stderr


def test_a_query_becomes_a_vector_like_those_of_the_chunks(run):
    vector = run.embed("What bread costs in coins")

    [bread, letter] = (run[n].chunks[0].vector for n in ("prices.html", "letter-3.txt"))
    assert vector.shape == bread.shape
    assert vector @ bread > vector @ letter


def test_a_member_of_a_container_is_found_by_both_names(pipeline):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("in/contract.txt", "Signed.")
    run = pipeline.submit([("a.zip", archive.getvalue())]).wait()

    assert run["a.zip/in/contract.txt"].text == "Signed."
    assert run["a.zip"].text == ""
