"""Files that an export writes: their names, their cells, and their folder."""

import csv
import json
import os
import subprocess
import sys
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from docprogress.documents import Page, Table
from docprogress.errors import ExportError
from docprogress.exports.file_names import FileNames
from docprogress.exports.folder import ExportFolder, File
from docprogress.exports.spreadsheets import as_cell
from docprogress.exports.writers import WRITERS
from docprogress.structure.blocks import blocks
from docprogress.structure.tables import tables

HOSTILE = [
    "CON",
    "nul.txt",
    "COM1 .pdf",
    "lpt¹.md",
    "a/../../etc/passwd",
    "..\\..\\x",
    "C:\\x",
    ".hidden",
    "...",
    "",
    "ends with dot.",
    "new\nline\x00\x1b[31m",
    "\u202egnp.exe",
    'a?b*c<d>e|f"g:h',
    "é" * 400,
    "𝄞" * 300,
    "\udc80",
    "manifest.json",
    "unfinished.jsonl",
    "-rf",
]


def key(name):
    return unicodedata.normalize("NFD", name.casefold())


def test_each_document_has_a_file_name_of_its_own_that_any_file_system_takes():
    names = FileNames()
    wanted = [*HOSTILE, *HOSTILE, *(name.upper() for name in HOSTILE)]
    wanted += ["x-3", "x", "x", "X", unicodedata.normalize("NFD", "é"), "é", "ﬁ", "fi"]

    given = [names.add(name, ".md", number=n) for n, name in enumerate(wanted, 1)]

    assert len({key(name) for name in given}) == len(wanted)
    for name in given:
        assert len(name.encode()) < 255
        assert name == Path(name).name
        assert not set(name) & set('/\\:*?"<>|\x00\n\x1b\u202e\udc80')
        assert name.partition(".")[0].strip().casefold() not in ("con", "nul", "com1")
        assert not name.startswith(".")


def test_names_that_were_given_before_an_interruption_are_not_given_again():
    first = FileNames()
    name = first.add("a.txt", ".md", number=1)

    assert FileNames([name]).add("A.txt", ".md", number=2) == "A.txt-2.md"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("http://example.org")',
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "-Sheet2!A1",
        "+WEBSERVICE(A1)",
        "\uff1d1+1",
    ],
)
def test_formulas_are_exported_as_text(text):
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["-5", "+49 30 1234", "- an item", "a=b", "", "1,234.50", "'=1", "\u22123"]
)
def test_other_cells_stay_as_they_are(text):
    assert as_cell(text) == text


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_csv_file_has_no_formulas_and_keeps_numbers(tmp_path):
    record = {
        "document_id": "=id",
        "document": "=a.txt",
        "number": -1,
        "title": None,
        "text": "=1\nsecond",
        "markdown": None,
        "confidence": -0.5,
    }
    writer = WRITERS["csv"](tmp_path / "a.csv", "pages", dimensions=None)
    writer.write([record])
    writer.close()

    header, row = rows_of(tmp_path / "a.csv")
    assert header == list(record)
    assert row == ["'=id", "'=a.txt", "-1", "", "'=1\nsecond", "", "-0.5"]


def test_arrow_arrays_are_those_that_pyarrow_makes():
    pa = pytest.importorskip("pyarrow")
    from docprogress.exports.arrow import array

    def vector(*numbers):
        return np.array(numbers, np.float32)

    moment = datetime(2026, 1, 1, 2, 3, 4, 567891, tzinfo=UTC)
    for values, kind in [
        (["a", None, "ü", "", "𝄞"], pa.string()),
        ([], pa.string()),
        ([None, None], pa.string()),
        ([1, None, 3], pa.int32()),
        ([0.5, None], pa.float64()),
        ([["a", "b"], None, []], pa.list_(pa.string())),
        ([[["a", "b"], ["c"]], [], None], pa.list_(pa.list_(pa.string()))),
        ([vector(1, 2), None, vector(3, 4)], pa.list_(pa.float32(), 2)),
        ([vector(1, 2), None, vector(3)], pa.list_(pa.float32())),
        ([None, None], pa.list_(pa.float32())),
        ([], pa.list_(pa.float32(), 3)),
        ([moment, None], pa.timestamp("us", tz="UTC")),
    ]:
        made = array(values, kind)
        made.validate(full=True)
        assert made.equals(pa.array(values, kind))


def saved(folder, name, *, after, left_out=()):
    (folder.path / name).write_text("content")
    folder.save(
        [File(name=name, records=2)],
        list(left_out),
        documents={"completed": 1, "failed": len(left_out)},
        after=after,
        digest=f"digest {after}",
    )


def test_an_entry_that_was_written_in_part_is_written_again(tmp_path):
    target = tmp_path / "out"
    with ExportFolder(target, {"run": "a"}) as folder:
        saved(folder, "0.csv", after=3)
        saved(folder, "1.csv", after=5)
    journal = next(folder.path.glob("*.jsonl"))
    journal.write_bytes(journal.read_bytes()[:-7])

    with ExportFolder(target, {"run": "a"}) as folder:
        assert folder.state.after == 3
        saved(folder, "1.csv", after=5, left_out=[{"document": "b"}])
        folder.publish({"docprogress": "1"})

    manifest = json.loads((target / "manifest.json").read_text())
    assert manifest["files"] == {"0.csv": 2, "1.csv": 2}
    assert manifest["left_out"] == [{"document": "b"}]
    assert sorted(path.name for path in target.iterdir()) == [
        "0.csv",
        "1.csv",
        "manifest.json",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_of_something_else_starts_over(tmp_path):
    with ExportFolder(tmp_path / "out", {"run": "a"}) as folder:
        saved(folder, "0.csv", after=3)

    with ExportFolder(tmp_path / "out", {"run": "b"}) as folder:
        assert folder.state.after == 0
        assert not (folder.path / "0.csv").exists()


def test_two_exports_into_one_folder_do_not_mix(tmp_path):
    with ExportFolder(tmp_path / "out", {}):
        with pytest.raises(ExportError, match="another process is exporting"):
            ExportFolder(tmp_path / "out", {})


def test_an_earlier_export_is_back_if_the_process_was_killed_as_it_replaced_it(
    tmp_path, monkeypatch
):
    with ExportFolder(tmp_path / "out", {}) as folder:
        saved(folder, "0.csv", after=1)
        folder.publish({"docprogress": "1"})
    (tmp_path / "out").rename(tmp_path / ".out.replaced")

    with ExportFolder(tmp_path / "out", {}):
        assert (tmp_path / "out" / "0.csv").read_text() == "content"


def test_a_folder_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match=r"file/out cannot be written \(Not a dir"):
        ExportFolder(tmp_path / "file" / "out", {})
    with pytest.raises(ExportError, match="is a mount point"):
        ExportFolder(Path("/"), {})


FULL = """
import os, resource, signal, sys
from pathlib import Path
from docprogress.errors import ExportError
from docprogress.exports.folder import ExportFolder
from docprogress.exports.writers import WRITERS
suffix, target = sys.argv[1:]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with ExportFolder(Path(target), {}) as folder:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    record = {"document_id": "a", "document": "a", "number": 1, "title": None}
    record |= {"markdown": None, "confidence": None}
    try:
        with folder.errors():
            writer = WRITERS[suffix](folder.path / "a", "pages", dimensions=None)
            for number in range(200):
                writer.write([record | {"text": os.urandom(500).hex()}])
            writer.close()
    except ExportError as error:
        print(error)
"""


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_a_file_that_cannot_grow_is_an_error_that_says_what_to_do(suffix, tmp_path):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    done = subprocess.run(
        [sys.executable, "-c", FULL, suffix, tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "File too large" in done.stdout, done.stderr
    assert "choose a file system that takes larger files" in done.stdout


def pages(*markdown):
    return [
        Page(number=n, text="", markdown=each, document_id="a")
        for n, each in enumerate(markdown, 1)
    ]


def test_tables_have_numbers_pages_and_the_title_above():
    first = "# Costs\n\n| a |\n|---|\n| 1 |\n\nTable 3: Prices\n\n| b |\n|---|"
    second = "Text\n\n| c | d |\n|---|---|\n| 2 |"

    found = list(tables(pages(first, None, second)))

    assert [(t.number, t.page, t.title) for t in found] == [
        (1, 1, "Costs"),
        (2, 1, "Table 3: Prices"),
        (3, 3, "Costs"),
    ]
    assert found[2].rows == (("c", "d"), ("2", ""))
    assert {t.document_id for t in found} == {"a"}


def test_a_table_becomes_a_frame_with_a_name_for_each_column():
    header = ("Price", "Price", "", "Price.1")
    table = Table(number=1, page=1, rows=(header, ("1", "2", "3\n4", "5")))

    frame = table.to_frame()

    assert list(frame.columns) == ["Price", "Price.2", "Unnamed: 2", "Price.1"]
    assert frame.iloc[0].tolist() == ["1", "2", "3\n4", "5"]
    assert table.shape == (1, 4)


@pytest.mark.parametrize("rows", [(), (("", ""), ("1", "2")), (("a", "b"),)])
def test_a_table_without_header_or_rows_becomes_a_frame_as_well(rows):
    frame = Table(number=1, page=1, rows=rows).to_frame()

    assert frame.shape == (max(len(rows) - 1, 0), len(rows[0]) if rows else 0)


def test_the_markdown_of_a_table_is_read_as_the_same_table():
    rows = (("a|b", "*c*"), ("1\n2", "`|`"), ("<b>", "\\|"), ("_x_ [y](z)", "&amp;"))
    table = Table(number=1, page=1, rows=rows)

    [block] = blocks(table.markdown)

    assert block.rows == rows


def test_pages_chunks_and_tables_are_shown_in_a_line():
    table = Table(number=2, page=3, title="Prices", rows=(("a\x1b[31m", "b"),) * 4)

    assert repr(table) == (
        "<Table 2, page 3, 'Prices', 3 rows, 2 columns: 'a\\x1b[31m, b'>"
    )
    page = Page(number=1, text="word " * 1000, title="Intro")
    assert repr(page).startswith("<Page 1 'Intro': 'word word")
    assert len(repr(page)) < 100


@pytest.mark.parametrize("batches", [1, 3])
def test_cells_of_a_csv_file_are_read_back_as_they_were(tmp_path, batches):
    texts = ["", "a,b", 'say "no"', "two\r\nlines", "old\rmac", "plain", "漢字 ,"]
    chunks = [
        {
            "document_id": "d",
            "document": text,
            "number": number,
            "text": text,
            "start": 0,
            "end": 12_345_678_901,
            "first_page": None,
            "last_page": 2,
            "headings": [text, "=1"],
            "kind": "text",
            "vector": np.array([0.5, -1e-30, number], np.float32) if number else None,
        }
        for number, text in enumerate(texts)
    ]
    target = tmp_path / "chunks.csv"
    writer = WRITERS["csv"](target, "chunks", dimensions=3)
    for first in range(0, len(chunks), 7 // batches):
        writer.write(chunks[first : first + 7 // batches])
    writer.close()

    with target.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) == len(chunks)
    for row, chunk in zip(rows, chunks, strict=True):
        assert row["text"] == chunk["text"]
        assert (row["first_page"], row["end"]) == ("", "12345678901")
        assert json.loads(row["headings"]) == chunk["headings"]
        if chunk["vector"] is None:
            assert row["vector"] == ""
        else:
            found = np.array(json.loads(row["vector"]), np.float32)
            assert found.tolist() == chunk["vector"].tolist()


def test_pandas_reads_the_folder_of_an_export(tmp_path):
    pandas = pytest.importorskip("pandas")
    with ExportFolder(tmp_path / "out", {"run": "r"}) as output:
        for number in range(3):
            name = f"tables-{number:05d}.parquet"
            writer = WRITERS["parquet"](output.path / name, "tables", dimensions=None)
            place = {"document_id": "d", "document": "a.md", "page": 1, "title": ""}
            writer.write([{**place, "number": number, "rows": [["a"], ["1"]]}])
            writer.close()
            output.save(
                [File(name=name, records=1)], [], documents={}, after=1, digest=""
            )
        output.publish({"docprogress": "1", "records": 3})

    frame = pandas.read_parquet(tmp_path / "out", ignore_prefixes=["manifest"])

    assert frame["number"].tolist() == [0, 1, 2]


def test_the_allocator_of_arrow_is_chosen_for_a_process_that_has_not_chosen_one():
    code = """if True:
        import os, sys
        from docprogress.exports import arrow
        arrow.schema("chunks")
        import pyarrow
        assert "ARROW_DEFAULT_MEMORY_POOL" not in os.environ or sys.argv[1:]
        print(pyarrow.default_memory_pool().backend_name)
    """

    def pool(*chosen):
        environment = {**os.environ, **dict(chosen)}
        if not chosen:
            environment.pop("ARROW_DEFAULT_MEMORY_POOL", None)
        command = [sys.executable, "-c", code, *(name for name, _ in chosen)]
        return subprocess.check_output(command, text=True, env=environment).strip()

    assert pool() == "system"
    assert pool(("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")) != "system"
