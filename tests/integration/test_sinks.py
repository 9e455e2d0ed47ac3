"""Documents stored in vector stores by workers: each once, whatever happens."""

import pytest
from support.patience import patient
from support.services import eventually
from support.sinks import LanceFolder, QdrantFolder, QdrantServer, chunks_of

from docprogress import Pipeline
from docprogress.cli.diagnosis import State, check_sink
from docprogress.errors import SettingsError
from docprogress.events import Status
from docprogress.settings import load

FILES = [
    (f"letter-{n}.txt", f"Letter {n}. {'Words. ' * 400}".encode()) for n in range(6)
]

OWN_SINK = """
import json
from pathlib import Path
from docprogress.errors import ServiceUnavailable

FOLDER = Path(__file__).parent

class Sink:
    def upsert(self, document, chunks):
        if (FOLDER / "away").exists():
            raise ServiceUnavailable("gone", service="my store", reason="no network")
        yield 0
        rows = [[chunk.number, chunk.text, len(chunk.vector)] for chunk in chunks]
        path = FOLDER / f"{document.id}.json"
        path.with_suffix(".new").write_text(json.dumps(rows))
        path.with_suffix(".new").rename(path)
        yield len(chunks)

    def delete(self, document_ids):
        if (FOLDER / "away").exists():
            raise ServiceUnavailable("gone", service="my store", reason="no network")
        for document_id in document_ids:
            (FOLDER / f"{document_id}.json").unlink(missing_ok=True)
"""


@pytest.fixture
def sink_module(tmp_path, monkeypatch):
    (tmp_path / "own_sink.py").write_text(OWN_SINK)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_sink_has_the_run_until_it_is_deleted(pipeline_with, vector_store):
    with pipeline_with(sink=vector_store.sink) as pipeline:
        run = pipeline.submit(FILES).wait(patient(60))
        assert run.progress().counts[Status.COMPLETED] == len(FILES)
        assert vector_store.rows() == chunks_of(run)
        assert len(vector_store.rows()) > 2 * len(FILES)

        assert run.retry(failed_only=False) == len(FILES)
        run.wait(patient(60))
        again = pipeline.submit(FILES[:2], skip_existing=True).wait(patient(60))

        assert again.to_frame().extraction_seconds.isna().all()
        assert vector_store.rows() == chunks_of(run, again)
        run.delete()
        assert vector_store.rows() == chunks_of(again)


def test_a_row_says_where_it_is_from_and_its_vector_finds_it(pipeline_with, tmp_path):
    folder = LanceFolder(tmp_path)
    page = b"<h1>Prices</h1><p>Bread costs two coins.</p>"
    with pipeline_with(sink=folder.sink) as pipeline:
        files = [*FILES, ("prices.html", page)]
        run = pipeline.submit(files, case_id="case-1").wait(patient(60))
        query = pipeline.embed("bread and coins")

        import lancedb

        table = lancedb.connect(folder.folder).open_table("chunks")
        row = table.search(query).where("case_id = 'case-1'").limit(1).to_list()[0]
        chunk = run["prices.html"].chunks[0]
        assert row["vector"] == pytest.approx(chunk.vector)
        assert (row["name"], row["run_id"]) == ("prices.html", run.id)
        assert (row["start"], row["end"]) == (chunk.start, chunk.end)
        assert (row["first_page"], row["last_page"]) == (1, 1)
        assert tuple(row["headings"]) == chunk.headings
        assert (row["kind"], row["media_type"]) == (chunk.kind, "text/html")


def test_the_key_of_a_sink_reaches_workers_and_is_nowhere_in_plain(
    pipeline_with, shared_home, tmp_path, redis_client_of
):
    key = "hunter2-of-the-sink"
    with QdrantServer(tmp_path / "qdrant", key=key) as server:
        # The workers run already, and know nothing of it.
        with pipeline_with() as pipeline:
            pipeline.submit(FILES[:1]).wait(patient(60))
        with pipeline_with(sink=f"{server.sink}?api_key={key}") as pipeline:
            run = pipeline.submit(FILES).wait(patient(60))

            assert server.rows() == chunks_of(run)
            assert run.record.settings["sink"] == server.sink
            kept = [
                path.read_bytes() for path in shared_home.rglob("*") if path.is_file()
            ]
            assert not any(key.encode() in content for content in kept)
            assert not redis_client_of(pipeline, key)
            run.delete()
            assert server.rows() == []
        with pipeline_with(sink=f"{server.sink}?api_key=wrong") as pipeline:
            run = pipeline.submit(FILES[:1]).wait(patient(60))
            [row] = run.documents()
            assert "Qdrant rejected the chunks: Must provide an API key" in row.error


@pytest.fixture
def redis_client_of():
    """Whether a text is in any value of a pipeline's Redis."""

    def found(pipeline, text):
        client = pipeline.bus.redis
        return any(
            text.encode() in (client.dump(key) or b"") for key in client.scan_iter()
        )

    return found


def test_a_table_for_vectors_of_another_length_is_refused_with_the_way_out(
    pipeline_with, tmp_path
):
    import lancedb
    import pyarrow as pa

    folder = LanceFolder(tmp_path)
    fields = {name: pa.string() for name in ("id", "document_id", "text")}
    fields |= {"attempt": pa.int32(), "vector": pa.list_(pa.float32(), 3)}
    database = lancedb.connect(folder.folder)
    database.create_table("chunks", schema=pa.schema(list(fields.items())))
    with pipeline_with(sink=folder.sink) as pipeline:
        run = pipeline.submit(FILES[:1]).wait(patient(60))

        [row] = run.documents()
        assert "3 dimensions, but the embedder makes 1024: use another" in row.error
        assert row.attempt == 1


def test_the_doctor_says_whether_the_sink_can_be_reached(vector_store, tmp_path):
    settings = load(sink=vector_store.sink, home=tmp_path)

    [found] = check_sink(settings)
    assert (found.state, found.subject) == (State.OK, "sink")
    if not isinstance(vector_store, LanceFolder | QdrantFolder):
        with vector_store.away():
            [found] = check_sink(settings)
        assert found.state is State.BROKEN
        assert "cannot be used" in found.message


def test_a_sink_of_ones_own_is_a_class_and_waited_for(pipeline_with, sink_module):
    with pipeline_with(sink="own_sink:Sink") as pipeline:
        (sink_module / "away").touch()
        run = pipeline.submit(FILES)
        waiting = ("Waiting for the sink (own_sink:Sink)", "Waiting for my store until")
        eventually(
            lambda: any(m.startswith(waiting) for m in run.events().message),
            what="documents say what they wait for",
        )
        (sink_module / "away").unlink()
        run.wait(patient(60))

        stored = {path.stem for path in sink_module.glob("*.json")}
        assert stored == {row.id for row in run.documents()}
        assert {row.attempt for row in run.documents()} == {1}
        run.delete()
        assert not list(sink_module.glob("*.json"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("Sink = 1", "must be a class"),
        ("class Sink: pass", "no method `upsert`"),
        ("class Sink:\n def upsert(self, d, c): pass", "no method `delete`"),
        (
            "class Sink:\n def upsert(self, d): pass\n def delete(self, d): pass",
            r"must take \(document, chunks\)",
        ),
        ("import nothing_there", "nothing_there"),
    ],
)
def test_a_class_that_is_no_sink_is_refused_at_once(
    tmp_path, monkeypatch, source, message
):
    name = f"wrong_sink_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(SettingsError, match=message):
        Pipeline(home=tmp_path / "home", sink=f"{name}:Sink", start=False)


@pytest.mark.slow
def test_a_sink_is_in_sync_with_a_folder(pipeline_with, vector_store, tmp_path):
    folder = tmp_path / "contracts"
    folder.mkdir()
    for name in "abcde":
        (folder / f"{name}.txt").write_text(f"The first version of {name}. " * 90)

    def is_in_step():
        expected = sorted(path.read_text()[:20] for path in folder.iterdir())
        return sorted(t[:20] for _, n, t in vector_store.rows() if n == 1) == expected

    with pipeline_with(sink=vector_store.sink) as pipeline:
        options = {"case_id": vector_store.sink}
        pipeline.sync(folder, **options).wait(patient(60))
        assert is_in_step()

        (folder / "a.txt").write_text("Another version of a. " * 90)
        (folder / "b.txt").rename(folder / "moved.txt")
        (folder / "c.txt").unlink()
        run = pipeline.sync(folder, **options).wait(patient(60))

        assert str(run.changes) == "1 changed, 1 moved, 1 removed, 2 unchanged"
        eventually(is_in_step, what="the sink is in step")
        assert len({document_id for document_id, *_ in vector_store.rows()}) == 4
