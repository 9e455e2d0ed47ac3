"""What a run has made, in files and in other libraries' types."""

import csv
import json

import pytest
from typer.testing import CliRunner

from docprogress import Pipeline
from docprogress.cli.app import app
from docprogress.client import export_files, reading
from docprogress.errors import ExportError

NAMES = [f"letter-{n}.txt" for n in range(7)]


@pytest.fixture(scope="module")
def run(shared_home):
    letters = [(name, f"This is {name}, or “Brief”.".encode()) for name in NAMES]
    others = [("empty.txt", b""), ("a/b:c?.txt", b"Odd name")]
    with Pipeline(home=shared_home) as pipeline:
        yield pipeline.submit([*letters, *others]).wait()


@pytest.fixture
def small_files(monkeypatch):
    """Three documents at a time, each of which fills a file."""
    monkeypatch.setattr(reading, "BATCH_DOCUMENTS", 3)
    monkeypatch.setattr(export_files, "RECORDS_PER_FILE", 1)


def lines(folder):
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def test_an_export_has_all_chunks_with_their_vectors_and_says_what_it_left_out(
    run, tmp_path
):
    pytest.importorskip("pyarrow")
    import pandas as pd

    folder = run.export(tmp_path / "out")

    frame = pd.read_parquet(folder / "chunks-00000.parquet")
    chunks = list(run.chunks(vectors=True))
    assert list(frame["text"]) == [chunk.text for chunk in chunks]
    assert all(
        (row == c.vector).all() for row, c in zip(frame["vector"], chunks, strict=True)
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["records"] == len(chunks)
    (missing,) = manifest["left_out"]
    assert missing["document"] == "empty.txt"
    assert "the file is empty" in missing["reason"]


def test_an_export_is_written_in_files_of_whole_documents(run, tmp_path, small_files):
    folder = run.export(tmp_path / "out", format="jsonl")

    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"] == {
        f"chunks-0000{n}.jsonl": n_ for n, n_ in [(0, 3), (1, 3), (2, 2)]
    }
    assert [line["document"] for line in lines(folder)] == [*NAMES, "b:c?.txt"]
    assert isinstance(lines(folder)[0]["vector"], list)


def test_an_interrupted_export_continues_and_appears_only_once_it_is_complete(
    run, tmp_path, small_files
):
    target = tmp_path / "out"
    written = []

    def interrupt(done, total):
        written.append((done, total))
        assert not target.exists()
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.export(target, format="jsonl", progress=interrupt)
    assert not target.exists()
    seen = []
    run.export(target, format="jsonl", progress=lambda done, _: seen.append(done))

    assert written[0] == (3, 9)
    assert seen[0] == 6  # not 3: the finished file is kept
    assert [line["document"] for line in lines(target)] == [*NAMES, "b:c?.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_replaces_an_earlier_one_and_nothing_else(run, tmp_path):
    target = tmp_path / "out"
    run.export(target, format="csv", what="documents")
    run.export(target, format="csv", what="pages")
    with (target / "pages-00000.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["text"] == f"This is {NAMES[0]}, or “Brief”."
    assert sorted(path.name for path in target.iterdir()) == [
        "manifest.json",
        "pages-00000.csv",
    ]

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="not an export"):
        run.export(tmp_path / "other", format="csv")
    with pytest.raises(ExportError, match="is a file"):
        run.export(tmp_path / "other" / "thesis.txt", format="csv")
    assert (tmp_path / "other" / "thesis.txt").read_text() == "years of work"


def test_markdown_is_a_file_for_each_document_with_a_name_that_every_disk_takes(
    run, tmp_path
):
    folder = run.export(tmp_path / "out", format="markdown")

    names = sorted(path.name for path in folder.glob("*.md"))
    assert names == sorted([*(f"{name}.md" for name in NAMES), "b_c_.txt.md"])
    assert (
        folder / "letter-0.txt.md"
    ).read_text() == "This is letter-0.txt, or “Brief”.\n"


def test_unknown_formats_and_kinds_are_named_with_those_that_there_are(run, tmp_path):
    with pytest.raises(
        ExportError, match="unknown format 'xml': choose one of parquet"
    ):
        run.export(tmp_path / "out", format="xml")
    with pytest.raises(ExportError, match="unknown kind of records 'words'"):
        run.export(tmp_path / "out", what="words")
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_an_arrow_table_of_chunks_pages_or_documents(run):
    pytest.importorskip("pyarrow")

    assert run.to_arrow().num_rows == len(NAMES) + 1
    assert run.to_arrow("pages").column("text")[0].as_py().startswith("This is")
    statuses = run.to_arrow("documents").column("status").to_pylist()
    assert statuses.count("failed") == 1


def test_chunks_become_langchain_documents_with_their_places(run):
    pytest.importorskip("langchain_core")

    first, *_ = found = run.to_langchain()

    assert len(found) == len(NAMES) + 1
    assert first.metadata["document"] == first.metadata["source"] == NAMES[0]
    assert first.metadata["first_page"] == 1
    assert first.page_content.startswith("This is letter-0.txt")


def test_chunks_become_llama_index_nodes_with_their_vectors(run):
    pytest.importorskip("llama_index.core")
    from llama_index.core.schema import MetadataMode

    first, *_ = run.to_llama_index()

    chunk = next(run.chunks(vectors=True))
    assert first.text == chunk.text
    assert first.embedding == chunk.vector.tolist()
    assert first.ref_doc_id == chunk.document_id
    # Identifiers and offsets are no text for a model.
    assert chunk.document_id not in first.get_content(MetadataMode.EMBED)
    assert NAMES[0] in first.get_content(MetadataMode.EMBED)


def test_the_command_line_exports_a_run_and_says_what_is_left_out(
    shared_home, run, tmp_path
):
    def export(*arguments):
        given = ["export", run.id, *arguments, "--home", str(shared_home)]
        return CliRunner().invoke(app, given)

    done = export(str(tmp_path / "out"), "--format", "csv", "--what", "documents")

    assert done.exit_code == 0
    assert done.stdout == f"1 file in {tmp_path / 'out'}\n"
    assert "1 document left out; manifest.json gives the reasons" in done.stderr


def test_the_command_writes_the_report_of_a_run(run, shared_home, tmp_path):
    written = tmp_path / "run.html"
    given = ["report", run.id, "-o", str(written), "--home", str(shared_home)]

    done = CliRunner().invoke(app, given)

    assert done.exit_code == 0
    assert done.stdout == f"{written}\n"
    page = written.read_text()
    assert all(name in page for name in NAMES)
    assert "The file is empty" in page
