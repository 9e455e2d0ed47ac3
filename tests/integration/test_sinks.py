"""Documents stored in vector stores by workers: each once, whatever happens."""

import lancedb
import pytest
from support.patience import patient

from docprogress import Pipeline
from docprogress.errors import SettingsError
from docprogress.events import Status

FILES = [
    (f"letter-{n}.txt", f"Letter {n}. {'Words. ' * 400}".encode()) for n in range(6)
]

OWN_SINK = """
import json, time
from pathlib import Path
from docprogress.errors import ServiceUnavailable

FOLDER = Path(__file__).parent

class Sink:
    def upsert(self, document, chunks):
        if (FOLDER / "away").exists():
            raise ServiceUnavailable("gone", service="my store", reason="no network")
        for done, chunk in enumerate(chunks):
            yield done
            while (FOLDER / "stopped").exists():
                (FOLDER / "storing").touch()
                time.sleep(0.01)
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


class LanceFolder:
    """What is in a LanceDB folder."""

    def __init__(self, folder):
        self.sink = f"lancedb://{folder}/vectors?table=chunks"
        self._folder = folder / "vectors"

    def rows(self):
        table = lancedb.connect(self._folder).open_table("chunks").to_arrow()
        columns = ("document_id", "number", "text")
        return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True))


def chunks_of(*runs):
    """What sinks must have of runs."""
    return sorted(
        (chunk.document_id, chunk.number, chunk.text)
        for run in runs
        for chunk in run.chunks()
    )


@pytest.fixture
def lance(tmp_path):
    return LanceFolder(tmp_path)


@pytest.fixture
def sink_module(tmp_path, monkeypatch):
    (tmp_path / "own_sink.py").write_text(OWN_SINK)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_run_is_stored_in_lancedb_with_its_vectors(pipeline_with, lance):
    with pipeline_with(sink=lance.sink) as pipeline:
        run = pipeline.submit(FILES, case_id="case-1").wait(patient(60))

        assert run.progress().counts[Status.COMPLETED] == len(FILES)
        assert lance.rows() == chunks_of(run)
        assert len(lance.rows()) > 2 * len(FILES)
        row = lancedb.connect(lance._folder).open_table("chunks").search().to_list()[0]
        chunk = run[row["document_id"]].chunks[row["number"] - 1]
        assert row["vector"] == pytest.approx(chunk.vector)
        assert (row["run_id"], row["case_id"]) == (run.id, "case-1")
        assert (row["start"], row["end"]) == (chunk.start, chunk.end)
        assert (row["first_page"], row["last_page"], row["headings"]) == (1, 1, [])
        assert row["media_type"] == "text/plain"
        assert row["name"].startswith("letter-")


def test_a_deleted_run_leaves_nothing_and_another_one_stays(pipeline_with, lance):
    with pipeline_with(sink=lance.sink) as pipeline:
        first = pipeline.submit(FILES).wait(patient(60))
        second = pipeline.submit(FILES[:2]).wait(patient(60))
        assert lance.rows() == chunks_of(first, second)

        first.delete()

        assert lance.rows() == chunks_of(second)


def test_a_run_that_is_repeated_is_stored_once(pipeline_with, lance):
    with pipeline_with(sink=lance.sink) as pipeline:
        run = pipeline.submit(FILES).wait(patient(60))

        assert run.retry(failed_only=False) == len(FILES)
        run.wait(patient(60))

        assert lance.rows() == chunks_of(run)


def test_results_that_are_used_again_are_stored_as_well(pipeline_with, lance):
    with pipeline_with() as pipeline:
        pipeline.submit(FILES).wait(patient(60))
    with pipeline_with(sink=lance.sink) as pipeline:
        run = pipeline.submit(FILES, skip_existing=True).wait(patient(60))

        assert run.documents()[0].engine == "text"
        assert run.to_frame().extraction_seconds.isna().all()
        assert lance.rows() == chunks_of(run)
        assert len(lance.rows()) > 0


def test_a_sink_of_ones_own_is_a_class(pipeline_with, sink_module):
    with pipeline_with(sink="own_sink:Sink") as pipeline:
        run = pipeline.submit(FILES).wait(patient(60))

        stored = {path.stem for path in sink_module.glob("*.json")}
        assert stored == {row.id for row in run.documents()}
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
