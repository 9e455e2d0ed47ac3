"""Chunks of a run know their headings and kind, whoever made them."""

import pytest

from docprogress import Pipeline

GUIDE = b"""# Lease

## Rent

Due monthly.

| Month | Rent |
| --- | --- |
| May | 5 |
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chunkers")
    (folder / "chunkers_of_a_test.py").write_text(
        "from docprogress import Chunk\n"
        "def whole(pages):\n"
        "    text = ' '.join(page.text for page in pages)\n"
        "    yield Chunk(number=1, text=text, start=0, end=len(text),\n"
        "        first_page=1, last_page=1, kind='own', headings=('All',))\n"
        "def wrong(pages):\n"
        "    for page in pages:\n"
        "        yield Chunk(number=0, text='', start=0, end=0,\n"
        "            first_page=1, last_page=1)\n"
        "whole.__annotations__ = {'return': list[Chunk]}\n"
        "wrong.__annotations__ = {'return': list[Chunk]}\n"
    )
    return folder


def submit(home, **settings):
    with Pipeline(home=home, **settings) as pipeline:
        return pipeline.submit([("guide.md", GUIDE)]).wait()


def test_stored_chunks_keep_headings_kind_and_vector(shared_home):
    document = submit(shared_home)["guide.md"]

    text, table = document.chunks
    assert (text.kind, text.headings) == ("text", ("Lease", "Rent"))
    assert (table.kind, table.headings) == ("table", ("Lease", "Rent"))
    assert table.text == document.text[table.start : table.end]
    assert text.vector is not None


def test_structure_can_be_left_out(shared_home):
    [chunk] = submit(shared_home, structure="off")["guide.md"].chunks

    assert (chunk.kind, chunk.headings) == ("text", ())


def test_chunks_measured_in_tokens_are_stored(shared_home):
    chunks = submit(shared_home, chunk_unit="tokens", chunk_tokens=16)[
        "guide.md"
    ].chunks

    assert "".join(chunk.text for chunk in chunks).count("Due monthly.") == 1


def test_a_chunker_of_ones_own_makes_the_chunks(shared_home, folder, monkeypatch):
    monkeypatch.chdir(folder)

    run = submit(shared_home, chunker="chunkers_of_a_test:whole")

    [chunk] = run["guide.md"].chunks
    assert (chunk.kind, chunk.headings) == ("own", ("All",))
    assert chunk.vector is not None


def test_what_a_chunker_does_wrong_is_the_document_s_error(
    shared_home, folder, monkeypatch
):
    monkeypatch.chdir(folder)

    [row] = submit(shared_home, chunker="chunkers_of_a_test:wrong").documents()

    assert row.status == "failed"
    assert "chunk 0: its number must be an integer above 0" in row.error
    assert "chunkers_of_a_test:wrong" in row.error
