"""Files that a page uploads in chunks, and the runs made of them."""

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from support.kernels import Kernel, Message
from support.patience import patient
from support.services import eventually

from docprogress import Pipeline, Status, Uploader
from docprogress.documents import LONGEST_NAME
from docprogress.errors import SubmitError
from docprogress.events import now
from docprogress.formatting import byte_size
from docprogress.notebook.upload.receiver import (
    CHUNK,
    FOLDER,
    Announced,
    IncomingFile,
    Receiver,
    State,
)

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def arrivals(tmp_path: Path) -> Iterator[Receiver]:
    arrivals = Receiver(max_bytes=8 * CHUNK, max_files=20, folder=tmp_path)
    yield arrivals
    arrivals.close()


@pytest.fixture
def uploader(tmp_path: Path) -> Iterator[Uploader]:
    with Uploader(folder=tmp_path / "uploads") as uploader:
        yield uploader


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(tmp_path) as kernel:
        yield kernel


def announced(name: str, data: bytes) -> Announced:
    return Announced(key=f"{name} {random.random()}", name=name, size=len(data))


def expect(arrivals: Receiver, name: str, data: bytes) -> IncomingFile:
    [arrival] = arrivals.expect("a drop", [announced(name, data)])
    return arrival


def chunks(data: bytes) -> list[tuple[int, bytes]]:
    return [
        (offset, data[offset : offset + CHUNK]) for offset in range(0, len(data), CHUNK)
    ]


def kept(folder: Path) -> list[str]:
    """The uploads that lie in a folder, whole or not."""
    return sorted(path.name for path in folder.glob(f"{FOLDER}*/0*"))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What the disk says that is full, for any file of this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_chunks_in_any_order_twice_and_on_many_threads_are_one_file(arrivals):
    data = random.randbytes(7 * CHUNK + 12_345)
    arrival = expect(arrivals, "a.pdf", data)
    sent = chunks(data) * 2
    random.shuffle(sent)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda chunk: arrival.write(*chunk), sent))

    [file] = arrivals.files()
    assert (file.name, file.size) == ("a.pdf", len(data))
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert file.path.read_bytes() == data
    assert "path" not in repr(file)


@pytest.mark.parametrize(
    ("offset", "length"),
    [(1, CHUNK), (0, CHUNK - 1), (0, CHUNK + 1), (CHUNK, 1), (-CHUNK, CHUNK)],
)
def test_a_chunk_that_cannot_be_of_the_file_fails_it(
    arrivals, tmp_path, offset, length
):
    arrival = expect(arrivals, "a.pdf", bytes(2 * CHUNK))
    arrival.write(CHUNK, bytes(CHUNK)) if offset != CHUNK else None

    arrival.write(offset, bytes(length))

    assert (arrival.status, arrivals.files()) == (State.FAILED, [])
    assert "does not match the announced size" in (arrival.error or "")
    assert kept(tmp_path) == []


def test_nothing_is_left_of_a_file_that_is_cancelled(arrivals, tmp_path):
    data = bytes(3 * CHUNK)
    arrival = expect(arrivals, "a.pdf", data)
    arrival.write(0, data[:CHUNK])
    assert kept(tmp_path) == ["000001.pdf"]

    arrival.end(State.CANCELLED)
    arrival.write(CHUNK, data[:CHUNK])

    assert arrival.status is State.CANCELLED
    assert kept(tmp_path) == []
    assert arrivals.files() == []


def test_a_disk_that_is_full_fails_the_file_and_no_other(arrivals, tmp_path):
    data = bytes(3 * CHUNK)
    arrival, other = expect(arrivals, "a.pdf", data), expect(arrivals, "b.pdf", b"b")

    with files_of_at_most(CHUNK + 100):
        for chunk in chunks(data):
            arrival.write(*chunk)
    other.write(0, b"b")

    assert arrival.status is State.FAILED
    assert "cannot be stored: file too large" in (arrival.error or "")
    assert [file.name for file in arrivals.files()] == ["b.pdf"]
    assert kept(tmp_path) == ["000002.pdf"]


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (0, "the file is empty"),
        (-1, "the file is empty"),
        (8 * CHUNK + 1, "too large: the limit is 8.4 MB"),
    ],
)
def test_refused_files_are_listed_with_the_reason(arrivals, size, reason):
    [arrival] = arrivals.expect("a drop", [Announced("key", "a.pdf", size)])

    assert (arrival.status, arrival.error) == (State.FAILED, reason)


def test_more_files_than_there_may_be_are_refused_until_some_are_gone(arrivals):
    many = [announced(f"{number}.txt", b"x") for number in range(22)]
    expected = arrivals.expect("a drop", many)

    assert [each.status for each in expected[-2:]] == [State.FAILED] * 2
    assert expected[-1].error == "too many: the limit is 20 files"
    expected[0].end(State.CANCELLED)
    assert expect(arrivals, "one more", b"x").status is State.ARRIVING


def test_more_bytes_than_the_disk_has_are_refused_before_they_are_sent(tmp_path):
    huge = 1 << 60
    arrivals = Receiver(max_bytes=huge, max_files=9, folder=tmp_path)

    [arrival] = arrivals.expect("a drop", [Announced("key", "a.pdf", huge)])

    assert "no space" in (arrival.error or "")
    arrivals.close()


def test_dropped_files_fail_if_their_folder_cannot_be_created(tmp_path):
    (tmp_path / "file").touch()
    arrivals = Receiver(max_bytes=9, max_files=9, folder=tmp_path / "file" / "folder")

    arrival = expect(arrivals, "a.pdf", b"x")

    assert arrival.error == "it cannot be stored: not a directory"
    arrivals.close()


def test_files_of_one_name_are_all_kept_under_different_names(arrivals):
    names = ["a.pdf", "b/a.pdf", "a.pdf", "a (2).pdf", "a", "a", "x" * 300, "x" * 300]
    found = [expect(arrivals, name, b"x") for name in names]
    for number, arrival in enumerate(found):
        arrival.write(0, b"%d" % number)

    files = arrivals.files()
    names_given = [file.name for file in files]
    assert names_given[:6] == [
        *("a.pdf", "a (2).pdf", "a (3).pdf", "a (2) (2).pdf", "a", "a (2)"),
    ]
    assert len(set(names_given)) == len(names)
    assert max(map(len, names_given)) <= LONGEST_NAME
    assert [file.path.read_bytes() for file in files] == [
        b"%d" % number for number in range(len(names))
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc/passwd", "/etc/passwd", r"C:\windows\a.pdf", "..", "", ".", "/"),
        *("a\0b.pdf", "a\nb.pdf", "\u202efdp.exe", "x" * 5000, "x." + "y" * 5000),
        *("\ud800.pdf", "a.p\N{FULLWIDTH SOLIDUS}df", "a.%2f", "lock", "COM1"),
    ],
)
def test_a_name_is_for_people_and_decides_no_path(arrivals, tmp_path, name):
    arrival = expect(arrivals, name, b"x")
    arrival.write(0, b"x")

    [file] = arrivals.files()
    assert file.path.parents[1] == tmp_path
    assert file.path.stem == "000001"
    assert file.path.read_bytes() == b"x"
    assert len(file.path.name) < 20
    assert "/" not in file.name
    assert file.name.isprintable()
    file.name.encode()


def test_files_are_gone_when_the_uploader_is_closed_or_the_interpreter_ends(tmp_path):
    ending = (
        "import sys\nfrom pathlib import Path\nfrom docprogress import Uploader\n"
        f"uploader = Uploader(folder={str(tmp_path)!r})\n"
        "uploader.add(('a.txt', b'a'))\n"
        "print(uploader.files[0].path.read_text())\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", ending], check=True, capture_output=True, text=True
    )
    assert printed.stdout == "a\n"
    assert list(tmp_path.iterdir()) == []

    uploader = Uploader(folder=tmp_path)
    uploader.add(("b.txt", b"b"))
    assert kept(tmp_path) == ["000001.txt"]
    uploader.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SubmitError, match="the uploader is closed"):
        uploader.add(("c.txt", b"c"))


def test_what_a_process_left_that_was_killed_is_removed_and_nothing_else(tmp_path):
    dying = (
        "import os, signal\nfrom docprogress import Uploader\n"
        f"uploader = Uploader(folder={str(tmp_path)!r})\n"
        "uploader.add(('a.txt', b'a'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", dying], check=False)
    assert ended.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    with Uploader(folder=tmp_path) as used:
        used.add(("b.txt", b"b"))
        for folder in tmp_path.iterdir():
            os.utime(folder, (0, 0))

        with Uploader(folder=tmp_path) as uploader:
            uploader.add(("c.txt", b"c"))

            assert not left.exists()
            assert [file.path.read_bytes() for file in used.files] == [b"b"]


def test_an_uploader_says_the_same_of_the_same_files(uploader):
    assert repr(uploader) == "No file has been uploaded"
    uploader.add(("minutes.docx", b"x" * 1_234_567))
    uploader.add(("<b>bold.txt", b"y"))
    with pytest.raises(SubmitError, match=r"empty\.pdf: the file is empty"):
        uploader.add(("empty.pdf", b""))

    assert (
        repr(uploader)
        == uploader.summary()
        == (
            "2 files uploaded, 1.2 MB; 1 failed\n"
            "minutes.docx      1.2 MB\n"
            "<b>bold.txt       1 byte\n"
            "empty.pdf        0 bytes  failed: the file is empty"
        )
    )
    assert "&lt;b&gt;bold" in uploader._repr_html_()


def test_files_of_this_machine_are_taken_as_if_they_were_dropped(
    uploader, tmp_path, samples
):
    (tmp_path / "empty.txt").touch()
    with pytest.raises(SubmitError, match=r"no/where: no such file"):
        uploader.add(samples / "price-list.html", "no/where")
    assert uploader.files == []

    with pytest.raises(SubmitError, match=r"^empty\.txt: the file is empty$"):
        uploader.add(tmp_path / "empty.txt", samples / "price-list.html")

    [file] = uploader.files
    content = (samples / "price-list.html").read_bytes()
    assert (file.name, file.path.read_bytes()) == ("price-list.html", content)


def test_sizes_have_three_digits():
    sizes = [1, 999, 1_000, 99_940, 99_960, 536_870_912, 1_500_000_000]

    assert [byte_size(size) for size in sizes] == [
        *("1 byte", "999 bytes", "1.0 kB", "99.9 kB", "100 kB", "537 MB", "1.5 GB"),
    ]


def test_what_has_arrived_is_submitted_by_its_name(uploader, pipeline, samples):
    with pytest.raises(SubmitError, match="nothing has been uploaded"):
        uploader.submit(pipeline)
    letter = (samples / "welcome-letter.pdf").read_bytes()
    uploader.add(("letter.pdf", letter), ("letter.pdf", letter))

    run = uploader.submit(pipeline, case_id="a case").wait(patient(60))

    assert [row.name for row in run.documents()] == ["letter.pdf", "letter (2).pdf"]
    assert {row.status for row in run.documents()} == {Status.COMPLETED}
    assert {row.sha256 for row in run.documents()} == {
        hashlib.sha256(letter).hexdigest()
    }
    assert run.case_id == "a case"
    again = pipeline.submit(uploader.files).wait(patient(60))
    assert len(again) == 2
    uploader.close()
    with pytest.raises(SubmitError, match="closed"):
        uploader.submit(pipeline)


def test_unfinished_uploads_are_reported_when_files_are_used(uploader, pipeline):
    uploader.add(("here.txt", b"here"))
    uploader._receiver.expect("a drop", [Announced("key", "coming.txt", 3 * CHUNK)])

    with pytest.raises(SubmitError, match=r"1 file still uploading \(0 bytes of 3.1"):
        uploader.submit(pipeline)


def test_what_was_dropped_together_is_one_run(pipeline, samples):
    with pipeline.upload(case_id="a case") as uploader:
        files = uploader._receiver.expect(
            "a drop",
            [
                Announced("1", "one.txt", 3),
                Announced("2", "two.txt", 3),
                Announced("3", "huge.txt", 1 << 60),
            ],
        )
        files[0].write(0, b"one")
        uploader._session.advance(files)
        assert uploader.runs == []
        files[1].write(0, b"two")
        uploader._session.advance(files)
        uploader.add(("three.txt", b"three"))

        uploader.wait(patient(60))

        assert [len(run) for run in uploader.runs] == [2, 1]
        assert {run.case_id for run in uploader.runs} == {"a case"}
        assert "3 files uploaded, 11 bytes; 1 failed" in repr(uploader)
        assert "2 documents: 2 completed" in repr(uploader)
        eventually(lambda: not uploader._session.working, what="its thread has ended")
    with pytest.raises(TypeError, match="cse_id"):
        pipeline.upload(cse_id="a case")


def test_a_failed_submission_is_reported_and_can_be_repeated(
    server, short_path, tmp_path
):
    with Pipeline(redis_url=server.url, home=short_path / "home") as pipeline:
        with pipeline.upload() as uploader:
            server.kill()
            uploader.add(("one.txt", b"one"))
            with pytest.raises(Exception, match=r"[Rr]edis"):
                uploader.wait(patient(60))
            assert uploader.runs == []
            server.start()

            uploader.add(("two.txt", b"two"))
            eventually(lambda: len(uploader.runs) == 2, what="both are submitted")


@pytest.mark.parametrize(
    "value",
    [
        ({"name": "a.pdf", "size": 12_000_000, "content": memoryview(b"")},),
        ({"name": "a.pdf", "size": 12_000_000, "content": memoryview(b"half")},),
        {"name": "a.pdf", "size": 12_000_000, "content": None},
        {"a.pdf": {"metadata": {"size": 12_000_000}, "content": b""}},
        (),
        {},
        ipywidgets.FileUpload(),
    ],
)
def test_what_jupyter_s_own_upload_lost_is_missed(pipeline, value):
    with pytest.raises(SubmitError, match=r"(?s)10 MB .*docprogress\.Uploader"):
        pipeline.submit(value)


def test_what_jupyter_s_own_upload_has_taken_is_taken(pipeline):
    upload = ipywidgets.FileUpload(multiple=True)
    upload.value = tuple(
        {
            "name": name,
            "type": "text/plain",
            "size": 4,
            "last_modified": now(),
            "content": memoryview(b"text"),
        }
        for name in ("a.txt", "b.txt")
    )

    for what in (upload.value, upload, list(upload.value)):
        run = pipeline.submit(what)
        assert [row.name for row in run.documents()] == ["a.txt", "b.txt"]
    upload.close()


class Page:
    """Plays the page of the newest uploader of a kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def say(self, content: Message, block: bytes | None = None) -> None:
        """Say something in a subshell, as JupyterLab does."""
        session = self.kernel._client.session
        message = session.msg(
            "comm_msg",
            {
                "comm_id": self.kernel.model(),
                "data": {"method": "custom", "content": content},
            },
        )
        message["header"]["subshell_id"] = self.kernel._aside()
        message["buffers"] = [] if block is None else [block]
        self.kernel._client.shell_channel.send(message)

    def drop(self, name: str, data: bytes) -> None:
        files = [{"key": name, "name": name, "size": len(data)}]
        self.say({"type": "drop", "drop": name, "files": files})
        self.wait(name, "arriving")

    def send(self, name: str, data: bytes) -> None:
        for offset, block in chunks(data):
            self.say({"type": "chunk", "key": name, "offset": offset}, block)

    def wait(self, name: str, status: str) -> Message:
        def found() -> Message | None:
            for message in self.kernel.view_messages():
                for file in [message.get("file"), *message.get("files", [])]:
                    if file and (file["key"], file["status"]) == (name, status):
                        return file
            return None

        return eventually(found, what=f"the page shows that {name} is {status}")


def test_files_arrive_while_a_cell_is_busy_and_the_table_remains_after_it(
    kernel, shared_home, pipeline
):
    data = random.randbytes(5 * CHUNK + 1)
    home = str(shared_home)
    kernel.run("from docprogress import Pipeline, Uploader\nu = Uploader()\nu")
    busy = kernel.begin("import time\nwhile not u.files: time.sleep(0.01)")
    page = Page(kernel)
    page.drop("a.bin", data)

    page.send("a.bin", data)

    assert page.wait("a.bin", "arrived")["received"] == len(data)
    assert kernel.end(busy).status == "ok"
    assert kernel.run("u.files[0].sha256") == repr(hashlib.sha256(data).hexdigest())
    # Half a file is no file: its place is empty when it is given up.
    page.drop("b.bin", data)
    page.say(
        {"type": "chunk", "key": "b.bin", "offset": CHUNK}, data[CHUNK : 2 * CHUNK]
    )
    eventually(
        lambda: any(
            message.get("key") == "b.bin" for message in kernel.view_messages("got")
        ),
        what="a chunk has arrived",
    )
    page.say({"type": "ask", "asked": 7, "keys": ["b.bin", "unknown"]})
    state = eventually(
        lambda: kernel.view_messages("state"), what="the kernel answers"
    )[0]
    assert [(f["key"], f["have"]) for f in state["files"]] == [("b.bin", [CHUNK])]
    page.say({"type": "cancel", "keys": ["b.bin"]})
    page.wait("b.bin", "cancelled")
    names = "[p.name for p in u.files[0].path.parent.iterdir() if p.name != 'lock']"
    assert kernel.run(names) == "['000001.bin']"

    kernel.run(f"run = u.submit(Pipeline(home={home!r}))")

    first, last = kernel.last_display()
    assert WIDGET in first
    assert set(last) == {"text/plain", "text/html"}
    assert last["text/plain"].startswith("1 file uploaded, 5.2 MB; 1 cancelled\n")
    assert "a.bin" in last["text/html"]
    assert kernel.comms() == set()
    place = kernel.run("str(u.files[0].path.parent)").strip("'")
    assert Path(place).is_dir()
    kernel._manager.shutdown_kernel()
    assert not Path(place).exists()


def test_what_makes_no_sense_harms_nothing(kernel):
    kernel.run("from docprogress import Uploader\nu = Uploader(max_bytes=100)\nu")
    page = Page(kernel)
    nonsense: list[Any] = [
        {},
        {"type": "drop", "drop": 1, "files": []},
        {"type": "drop", "drop": "d", "files": [1, {}, {"key": "k"}, None]},
        {
            "type": "drop",
            "drop": "d",
            "files": [{"key": "k" * 999, "name": "", "size": 1}],
        },
        {"type": "chunk", "key": "unknown", "offset": 0},
        {"type": "chunk", "key": [], "offset": "0"},
        {"type": "cancel", "keys": [None, {}, "unknown"]},
        {"type": "forget", "keys": [1]},
        {"type": "lost", "key": None, "error": ""},
        {"type": "hold", "seconds": -1e300},
        {"type": "ask", "asked": 1, "keys": [[]]},
    ]
    for content in nonsense:
        page.say(content)
        page.say(content, b"bytes")

    page.drop("a.txt", b"text")
    page.send("a.txt", b"text")

    page.wait("a.txt", "arrived")
    assert kernel.run("len(list(u._receiver)), u.close()") == "(1, None)"
    assert kernel.comms() == set()


def test_an_upload_into_a_pipeline_is_alive_until_its_runs_have_ended(
    kernel, shared_home, pipeline
):
    kernel.run(
        "from docprogress import Pipeline\n"
        f"u = Pipeline(home={str(shared_home)!r}).upload()\nu"
    )
    page = Page(kernel)
    page.drop("a.txt", b"Some words.")
    page.send("a.txt", b"Some words.")

    # As a page does, and as one that executes a notebook without looking.
    kernel.run(f"_ = u.wait({patient(60)})")

    shown = next(iter(kernel.displays().values()))
    assert WIDGET in shown[0]
    assert set(shown[-1]) == {"text/plain", "text/html"}
    assert "1 document: 1 completed" in shown[-1]["text/plain"]
    assert "Run the cell again" in shown[-1]["text/html"]
    eventually(lambda: kernel.comms() == set(), what="no comm is left")

    kernel.run("_ = u.runs[0].retry(failed_only=False)")
    kernel.run(f"_ = u.runs[0].wait({patient(60)})\nu.close()")
    shown = next(iter(kernel.displays().values()))
    assert [WIDGET in data for data in shown].count(True) == 2
    assert WIDGET not in shown[-1]
    eventually(lambda: kernel.comms() == set(), what="no comm is left")
    ours = "[t.name for t in threading.enumerate() if t.name.startswith('docprogress')]"
    assert kernel.run(f"import threading\n{ours}") == "[]"
