"""Submitted files are found, fetched and stored, or nothing is."""

import errno
import gzip
import hashlib
import io
import os
import socket
import stat
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from support.patience import patient

from docprogress.client.sources import expand
from docprogress.errors import (
    Cancelled,
    DocumentNotFound,
    LimitExceeded,
    SettingsError,
    StoreError,
    SubmitError,
    TransientError,
    Unreadable,
)
from docprogress.storage import Files, Source
from docprogress.storage.files import ABANDONED_SECONDS, BLOCK_BYTES

MOST = 10_000_000


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, empty."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def fill(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def names(what):
    return [source.name for source in expand(what).sources]


# What is handed in


def test_file_is_taken_by_its_path(folder):
    fill(folder, "a.pdf")

    for what in ("a.pdf", Path("a.pdf"), str(folder / "a.pdf"), ["a.pdf"]):
        [source] = expand(what).sources
        assert source.name == "a.pdf"
        assert source.path == folder / "a.pdf"
        assert source.size == 5


def test_named_file_of_any_type_is_accepted(folder):
    fill(folder, "a.xyz", ".hidden")

    assert names(["a.xyz", ".hidden"]) == ["a.xyz", ".hidden"]


def test_home_is_found(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    fill(folder, "a.pdf")

    assert names("~/a.pdf") == names("~/*.pdf") == ["a.pdf"]


def test_pattern_is_filled_in(folder):
    fill(folder, "b.pdf", "a.pdf", "c.txt", "deep/d.pdf", "deep/er/e.pdf", ".f.pdf")

    assert names("*.pdf") == ["a.pdf", "b.pdf"]
    assert names("[ac].*") == ["a.pdf", "c.txt"]
    assert names("**/*.pdf") == ["a.pdf", "b.pdf", "d.pdf", "e.pdf"]
    assert names("deep/**") == ["d.pdf", "e.pdf"]
    assert names(f"{folder}/*/?.pdf") == ["d.pdf"]
    assert names(".*.pdf") == [".f.pdf"]


def test_name_that_looks_like_a_pattern_is_a_name_if_it_is_there(folder):
    fill(folder, "a[1].pdf", "a1.pdf", "[b]/c.pdf")

    assert names("a[1].pdf") == ["a[1].pdf"]
    assert names("[b]") == ["c.pdf"]


def test_folder_gives_its_documents_and_says_what_it_left(folder):
    fill(
        folder, "d/b.PDF", "d/a.txt", "d/c/x.docx", "d/z.mp4", "d/.git/x.md", "d/.h.md"
    )

    found = expand("d")

    assert [source.name for source in found.sources] == ["a.txt", "b.PDF", "x.docx"]
    assert found.skipped == ["d/z.mp4"]


def test_links_that_go_in_circles_end(folder):
    fill(folder, "d/a.pdf", "e/b.pdf")
    (folder / "d/self").symlink_to(folder / "d")
    (folder / "d/other").symlink_to(folder / "e")
    (folder / "e/back").symlink_to(folder / "d")
    (folder / "d/me").symlink_to("me")
    (folder / "d/gone.pdf").symlink_to("nothing")

    found = expand("d")

    assert [source.name for source in found.sources] == ["a.pdf", "b.pdf"]
    assert sorted(found.skipped) == ["d/gone.pdf", "d/me"]
    assert names("d/**/*.pdf") == ["a.pdf"]


def test_same_file_is_taken_once(folder):
    fill(folder, "a.pdf", "b.pdf")
    (folder / "link.pdf").symlink_to("a.pdf")

    assert names(["a.pdf", ".", "*.pdf", folder / "b.pdf"]) == ["a.pdf", "b.pdf"]
    assert names(["http://host/a.pdf"] * 2) == ["a.pdf"]


def test_order_is_kept(folder):
    fill(folder, "z.pdf", "a.pdf")

    assert names(["z.pdf", b"x", "a.pdf"]) == ["z.pdf", "bytes-1", "a.pdf"]


def test_bytes_are_taken_with_and_without_a_name():
    assert names([b"one", bytearray(b"two"), memoryview(b"three")]) == [
        "bytes-1",
        "bytes-2",
        "bytes-3",
    ]
    [source] = expand(("folder/a.pdf", b"content")).sources
    assert (source.name, source.data, source.size) == ("a.pdf", b"content", 7)
    assert names([("a.pdf", b"x"), ("b.pdf", io.BytesIO(b"y"))]) == ["a.pdf", "b.pdf"]


def test_file_objects_are_taken_by_their_names(folder):
    fill(folder, "a.pdf")

    with (folder / "a.pdf").open("rb") as file:
        [source] = expand(file).sources
        assert (source.name, source.size) == ("a.pdf", 5)
        assert names([file, io.BytesIO(b"x")]) == ["a.pdf", "file-1"]


@pytest.mark.parametrize(
    "value",
    [
        ({"name": "a.pdf", "content": memoryview(b"x"), "size": 1, "type": ""},),
        {"name": "a.pdf", "content": b"x"},
        {"a.pdf": {"metadata": {}, "content": b"x"}},
    ],
)
def test_uploads_of_jupyter_are_taken(value):
    [source] = expand(value).sources

    assert (source.name, source.data) == ("a.pdf", b"x")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/a.pdf", "a.pdf"),
        ("http://host/x/a%20b%C3%A9.pdf?token=1#2", "a bé.pdf"),
        ("http://host/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("http://host", "host"),
        ("http://host:8080/folder/", "folder"),
        ("HTTP://host/%00%0a.pdf", r"\u0000\u000a.pdf"),
    ],
)
def test_url_is_named_by_its_end(url, name):
    [source] = expand(url).sources

    assert (source.name, source.url, source.size) == (name, url, None)


def test_password_of_a_url_is_kept_and_never_shown():
    found = expand("https://user:geheim@host/a.pdf")

    [source] = found.sources
    assert source.url == "https://user:geheim@host/a.pdf"
    assert "geheim" not in repr(found) + repr(source)
    with pytest.raises(SubmitError) as refused:
        expand("ftp://user:geheim@host/a.pdf")
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("contarct.pdf", "contarct.pdf: no such file or folder; .*'contract.pdf'"),
        ("contract.pdf/x", "no such file or folder"),
        ("no/where.pdf", "no such file or folder"),
        ("*.docx", "no file matches"),
        ("no/**/*.pdf", "no file matches"),
        ("a**b", "not a pattern"),
        ("empty", "empty: no documents"),
        ("images", "no documents .* only 1 other file"),
        ("pipe", "neither a file nor a folder"),
        ("/dev/null", "neither a file nor a folder"),
        ("", "not a path"),
        ("a\0b", "not a path"),
        ("x" * 5000, "too long"),
        ("ftp://host/a.pdf", "only http:// and https://"),
        ("s3://bucket/a.pdf", "only http:// and https://"),
        ("http://", "it has no host"),
        ("http://[::1/a.pdf", "it has no host"),
        (io.StringIO("text"), "open in text mode; .*'rb'"),
        (7, "int cannot be read"),
        (None, "NoneType cannot be read"),
        ({"a": 1}, "FileUpload"),
        ([], "nothing to submit"),
        (iter(()), "nothing to submit"),
    ],
)
def test_missing_paths_are_refused_with_the_reason(folder, what, reason):
    fill(folder, "contract.pdf", "images/a.svg")
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe")

    with pytest.raises(SubmitError, match=reason):
        expand(what)


def test_all_unreadable_inputs_are_reported_at_once(folder):
    fill(folder, "good.pdf")

    with pytest.raises(SubmitError) as refused:
        expand(["one.pdf", "good.pdf", "two.pdf", "*.docx", 3])

    lines = str(refused.value).splitlines()
    assert lines[0] == "4 items cannot be read:"
    for line, what in zip(
        lines[1:], ["one.pdf", "two.pdf", "*.docx", "int"], strict=True
    ):
        assert line.startswith(f"- {what}")


def test_file_that_may_not_be_read_is_refused(folder):
    fill(folder, "a.pdf", "d/b.pdf")
    (folder / "a.pdf").chmod(0)
    (folder / "d").chmod(0)
    try:
        if os.access(folder / "a.pdf", os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(SubmitError, match=r"a\.pdf: no permission"):
            expand("a.pdf")
        with pytest.raises(SubmitError, match="d: permission denied"):
            expand("d")
    finally:
        (folder / "d").chmod(0o700)


def test_closed_and_write_only_files_are_refused(folder):
    closed = io.BytesIO(b"x")
    closed.close()

    with (folder / "out").open("wb") as writing:
        for what in (closed, writing):
            with pytest.raises(SubmitError, match="the file cannot be read"):
                expand(what)


def test_asynchronous_files_are_refused():
    class Upload:
        async def read(self, _):
            return b""

    with pytest.raises(SubmitError, match="asynchronous"):
        expand(Upload())


def test_strange_names_are_shown_on_one_line(folder):
    (folder / "a\nb.pdf").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.pdf")).write_bytes(b"x")

    assert set(names(".")) == {r"a\u000ab.pdf", r"\xff.pdf"}
    with pytest.raises(SubmitError) as refused:
        expand("no\nsuch.pdf")
    assert "\n" not in str(refused.value)
    str(refused.value).encode("utf-8")


# Where it is kept


@pytest.fixture(params=["path", "url", "memory"])
def files(request, tmp_path):
    """Files kept in a folder, in one with a space in its name, and elsewhere."""
    return Files(
        {
            "path": str(tmp_path / "kept"),
            "url": (tmp_path / "kept there").as_uri(),
            "memory": f"memory://{tmp_path.name}/kept",
        }[request.param]
    )


def read(files, document_id):
    with files.local(document_id) as path:
        return path.read_bytes()


def of(data, name="a.pdf"):
    return Source(name=name, data=data, size=len(data))


def left(folder):
    """Every file that is there."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 1])
def test_bytes_are_kept_as_they_are(files, size):
    data = os.urandom(size)

    stored = files.add("abc123", of(data), max_bytes=MOST)

    assert stored.size == size
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert read(files, "abc123") == data


def test_every_kind_of_source_is_kept(files, folder):
    fill(folder, "a.pdf")
    started = io.BytesIO(b"a.pdf")
    started.read(3)

    for source in expand(["a.pdf", b"a.pdf", started]).sources:
        assert files.add("abc", source, max_bytes=MOST).size == 5
        assert read(files, "abc") == b"a.pdf"


def test_pipe_is_kept_though_it_cannot_be_rewound(files):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as sink:
        sink.write(b"through a pipe")
    with os.fdopen(reading, "rb") as file:
        [source] = expand(file).sources
        files.add("abc", source, max_bytes=MOST)

    assert source.size is None
    assert read(files, "abc") == b"through a pipe"


def test_second_file_replaces_the_first(files):
    files.add("abc", of(b"first"), max_bytes=MOST)
    files.add("abc", of(b"second"), max_bytes=MOST)

    assert read(files, "abc") == b"second"


def test_deleted_file_is_gone(files):
    files.add("abc", of(b"x"), max_bytes=MOST)

    files.delete("abc")
    files.delete("abc")

    with pytest.raises(Unreadable, match="not in the storage; submit it again"):
        read(files, "abc")


def test_temporary_copy_is_removed(tmp_path):
    files = Files(f"memory://{tmp_path.name}")
    files.add("abc", of(b"x"), max_bytes=MOST)

    with files.local("abc") as path:
        assert path.exists()

    assert not path.exists()


def test_file_over_the_limit_is_refused_and_nothing_is_left(tmp_path):
    files = Files(str(tmp_path))
    declared = of(b"x" * 11, "big.pdf")
    lying = Source(name="big.pdf", file=io.BytesIO(b"x" * 11), size=3)

    with pytest.raises(LimitExceeded, match=r"^big\.pdf: 11 bytes.*10 \(max_bytes\)"):
        files.add("abc", declared, max_bytes=10)
    with pytest.raises(LimitExceeded, match=r"^big\.pdf: .*10 \(max_bytes\)"):
        files.add("abc", lying, max_bytes=10)

    assert left(tmp_path) == []
    assert files.add("abc", of(b"x" * 10), max_bytes=10).size == 10


def test_source_that_breaks_off_leaves_nothing(tmp_path):
    class Broken(io.BytesIO):
        def read(self, _=-1):
            raise OSError(errno.EIO, "Input/output error")

    files = Files(str(tmp_path))

    with pytest.raises(Unreadable, match=r"^a\.pdf: .*Input/output error"):
        files.add("abc", Source(name="a.pdf", file=Broken()), max_bytes=MOST)

    assert left(tmp_path) == []


def test_source_that_vanished_is_named(tmp_path):
    source = Source(name="a.pdf", path=tmp_path / "a.pdf", size=1)

    with pytest.raises(Unreadable, match=r"^a\.pdf: .*No such file"):
        Files(str(tmp_path / "kept")).add("abc", source, max_bytes=MOST)


def test_full_disk_may_have_room_later(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no disk that is always full")
    files = Files(str(tmp_path))

    with pytest.raises(TransientError, match=r"^a\.pdf: .*the disk is full"):
        with files.incoming("abc", "a.pdf", max_bytes=MOST) as incoming:
            os.dup2(os.open("/dev/full", os.O_WRONLY), incoming._file.fileno())
            incoming.write(b"x")

    assert left(tmp_path) == []


def test_storage_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    files = Files(str(tmp_path / "file" / "kept"))

    with pytest.raises(TransientError, match="cannot be stored"):
        files.add("abc", of(b"x"), max_bytes=MOST)
    with pytest.raises(StoreError, match="set storage_url"):
        files.check()


def test_only_the_owner_may_look(tmp_path):
    files = Files(str(tmp_path / "kept"))
    files.add("abc", of(b"x"), max_bytes=MOST)

    for path in (tmp_path / "kept").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077


@pytest.mark.parametrize(
    "document_id",
    ["", ".", "..", "../x", "a/b", "/etc/passwd", ".x", "a\0", "é", "x" * 201],
)
def test_id_cannot_lead_elsewhere(files, document_id):
    with pytest.raises(DocumentNotFound):
        files.add(document_id, of(b"x"), max_bytes=MOST)
    with pytest.raises(DocumentNotFound):
        read(files, document_id)
    with pytest.raises(DocumentNotFound):
        files.delete(document_id)


def test_storage_is_checked_without_a_trace(files, tmp_path):
    files.check()

    assert left(tmp_path) == []


def test_check_removes_what_a_killed_process_left(tmp_path):
    files = Files(str(tmp_path))
    files.check()
    old, new = tmp_path / "incoming" / "old", tmp_path / "incoming" / "new"
    for path in (old, new):
        path.write_bytes(b"x")
    long_ago = time.time() - ABANDONED_SECONDS - 60
    os.utime(old, (long_ago, long_ago))

    files.check()

    assert left(tmp_path) == [new]


def test_unknown_storage_is_refused():
    with pytest.raises(SettingsError, match="storage_url"):
        Files("nosuch://bucket").check()


def test_remote_storage_that_is_unavailable_may_come_back():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    files = Files(f"ftp://user:geheim@127.0.0.1:{port}/x", retry_timeout=0)

    with pytest.raises(TransientError, match="cannot be used") as error:
        files.add("abc", of(b"x"), max_bytes=MOST)

    assert "geheim" not in str(error.value)
    assert "geheim" not in repr(files)


# What is fetched


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.close_connection = True
        # The client may have had enough, which is what these tests are about.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.server.answer(self)

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        length = {"Content-Length": str(len(body)), "Connection": "close"}
        headers = length | headers
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def serving(answer):
    """A web server that answers like this; `over` ends its endless answers."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answer, server.asked, server.over = answer, [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def kept(tmp_path):
    return Files(str(tmp_path / "kept"))


def fetch(files, url, *, name="a.pdf", max_bytes=MOST, seconds=60, on_progress=None):
    return files.fetch(
        "abc",
        url,
        name=name,
        max_bytes=max_bytes,
        seconds=seconds,
        on_progress=on_progress,
    )


def test_a_download_stores_the_document_and_reports_progress(files):
    data = os.urandom(300_000)
    reported = []

    with serving(lambda to: to.reply(200, data)) as server:
        stored = fetch(
            files,
            f"{server.url}/{quote('ä b')}.pdf",
            on_progress=lambda done, total: reported.append((done, total)),
        )

    assert stored.size == len(data)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert read(files, "abc") == data
    assert reported[-1] == (300_000, 300_000)
    assert reported == sorted(reported)
    [(path, headers)] = server.asked
    assert path == "/%C3%A4%20b.pdf"
    assert headers["User-Agent"].startswith("docprogress/")


def test_password_of_a_url_is_sent(kept):
    with serving(lambda to: to.reply(200, b"x")) as server:
        fetch(kept, server.url.replace("://", "://user:word@"))

    assert server.asked[0][1]["Authorization"] == "Basic dXNlcjp3b3Jk"


def test_length_that_is_not_declared_is_unknown(kept):
    def answer(to):
        to.send_response(200)
        to.send_header("Transfer-Encoding", "chunked")
        to.end_headers()
        to.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")

    reported = []
    with serving(answer) as server:
        fetch(kept, server.url, on_progress=lambda *counts: reported.append(counts))

    assert reported == [(5, None)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Unreadable),
        (401, Unreadable),
        (403, Unreadable),
        (404, Unreadable),
        (410, Unreadable),
        (304, Unreadable),
        (408, TransientError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
    ],
)
def test_server_that_refuses_is_quoted(kept, tmp_path, status, kind):
    with serving(lambda to: to.reply(status)) as server:
        with pytest.raises(kind, match=rf"^a\.pdf: the server answered {status} \w+"):
            fetch(kept, server.url)

    assert left(tmp_path) == []


def test_nothing_is_no_document(kept, tmp_path):
    for status in (200, 204):
        with serving(lambda to, status=status: to.reply(status)) as server:
            with pytest.raises(Unreadable, match=r"^a\.pdf: the server sent nothing"):
                fetch(kept, server.url)

    assert left(tmp_path) == []


@pytest.mark.parametrize(("name", "wanted"), [("a.pdf", "PDF"), ("a.DOCX", "DOCX")])
def test_login_page_is_no_document(kept, name, wanted):
    page = b"\n  <!DOCTYPE html><html><title>Log in</title>"
    with serving(lambda to: to.reply(200, page)) as server:
        with pytest.raises(
            Unreadable, match=rf"HTML page instead of a {wanted} \(a login page\?\)"
        ):
            fetch(kept, server.url, name=name)
        assert fetch(kept, server.url, name="page.html").size == len(page)


def test_declared_size_over_the_limit_is_not_even_fetched(kept, tmp_path):
    def answer(to):
        to.send_response(200)
        to.send_header("Content-Length", "99999")
        to.end_headers()
        to.server.over.wait(patient(60))

    with serving(answer) as server:
        with pytest.raises(LimitExceeded, match=r"99999 bytes, the limit is 1000"):
            fetch(kept, server.url, max_bytes=1000)

    assert left(tmp_path) == []


def test_endless_answer_is_cut_off_at_the_limit(kept, tmp_path):
    def answer(to):
        to.send_response(200)
        to.end_headers()
        while not to.server.over.is_set():
            to.wfile.write(b"x" * 1000)

    with serving(answer) as server:
        with pytest.raises(LimitExceeded, match="max_bytes"):
            fetch(kept, server.url, max_bytes=100_000)

    assert left(tmp_path) == []


def test_packed_answer_is_counted_unpacked(kept):
    bomb = gzip.compress(b"\0" * 50_000_000)
    with serving(lambda to: to.reply(200, bomb, Content_Encoding="gzip")) as server:
        with pytest.raises(LimitExceeded, match="max_bytes"):
            fetch(kept, server.url, max_bytes=1_000_000)


def test_answer_that_breaks_off_may_be_whole_later(kept, tmp_path):
    with serving(
        lambda to: to.reply(200, b"only this", Content_Length="1000")
    ) as server:
        with pytest.raises(TransientError, match=r"^a\.pdf: the download failed"):
            fetch(kept, server.url)

    assert left(tmp_path) == []


def never(to):
    to.server.over.wait(patient(60))


def trickling_body(to):
    to.send_response(200)
    to.end_headers()
    while not to.server.over.wait(0.05):
        to.wfile.write(b"x")


def trickling_head(to):
    to.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not to.server.over.wait(0.05):
        to.wfile.write(b"x")


@pytest.mark.parametrize("answer", [never, trickling_body, trickling_head])
def test_slow_server_runs_into_the_limit(kept, tmp_path, answer):
    started = time.monotonic()

    with serving(answer) as server:
        with pytest.raises(
            LimitExceeded, match=r"^a\.pdf: .* longer than 0\.5 seconds \(download_sec"
        ):
            fetch(kept, server.url, seconds=0.5)
        assert time.monotonic() - started < patient(20)

    assert left(tmp_path) == []


def test_server_that_hangs_up_may_answer_later(kept):
    with serving(lambda to: None) as server:
        with pytest.raises(TransientError, match="the download failed"):
            fetch(kept, server.url)


def test_server_that_is_not_there_may_come_back(kept):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(TransientError, match="the download failed"):
        fetch(kept, f"http://127.0.0.1:{port}/a.pdf")


def test_name_that_does_not_resolve_may_resolve_later(kept):
    with pytest.raises(TransientError, match="the download failed"):
        fetch(kept, "http://no-such-host.invalid/a.pdf")


def test_redirects_are_followed(kept):
    def answer(to):
        if to.path == "/end":
            to.reply(200, b"arrived")
        else:
            to.reply(302, Location="/end")

    with serving(answer) as server:
        fetch(kept, server.url)

    assert read(kept, "abc") == b"arrived"


def test_redirects_in_a_circle_end(kept):
    with serving(lambda to: to.reply(302, Location="/again")) as server:
        with pytest.raises(Unreadable, match="redirects more than 5 times"):
            fetch(kept, server.url)

    assert len(server.asked) == 6


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://host/x", "gopher://x"])
def test_redirects_lead_to_web_servers_only(kept, to):
    with serving(lambda handler: handler.reply(302, Location=to)) as server:
        with pytest.raises(Unreadable, match=r"^a\.pdf: not a URL that can be fetched"):
            fetch(kept, server.url)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://", "http://[::1/x", "x"])
def test_invalid_urls_are_refused(kept, url):
    with pytest.raises(Unreadable, match=r"^a\.pdf: not a URL that can be fetched"):
        fetch(kept, url)


def test_server_that_speaks_something_else_is_refused_or_tried_later(kept):
    with serving(lambda to: to.wfile.write(b"SSH-2.0-OpenSSH\r\n" * 3)) as server:
        with pytest.raises(TransientError, match="the download failed"):
            fetch(kept, server.url)


def test_password_of_a_url_is_in_no_error(kept):
    with serving(lambda to: to.reply(404)) as server:
        with pytest.raises(Unreadable) as refused:
            fetch(kept, server.url.replace("://", "://user:geheim@"))

    assert "geheim" not in str(refused.value)


def test_the_progress_callback_may_end_the_download(kept, tmp_path):
    def on_progress(done, total):
        raise Cancelled("abc")

    with serving(lambda to: to.reply(200, b"x" * 100)) as server:
        with pytest.raises(Cancelled):
            fetch(kept, server.url, on_progress=on_progress)

    assert left(tmp_path) == []
