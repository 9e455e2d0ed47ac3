"""A container's members join its run, whatever happens meanwhile."""

import bz2
import gzip
import lzma
import tarfile
import zipfile

import pytest
from support.archives import tarred, zipped
from support.bench import Bench

from docprogress.errors import LimitExceeded
from docprogress.events import Status


class Killed(BaseException):
    """What a killed worker does to the code that it ran: nothing after it happens."""


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def finished(bench, run_id="run"):
    [summary] = bench.store.runs.find(run_id=run_id)
    return summary.finished_at is not None


def test_members_of_nested_archives_become_documents_of_the_run(bench):
    inner = zipped([("deep/c.txt", "the text of c")])
    packed = tarred([("x.md", b"# the text of x")], mode="w:gz")
    bench.submit(("a.zip", zipped([("b.zip", inner), ("t.tgz", packed)])))

    bench.work()

    assert bench.texts() == {
        "a.zip/b.zip/deep/c.txt": "the text of c",
        "a.zip/t.tgz/x.md": "# the text of x",
    }
    rows = bench.rows()
    assert rows["a.zip/b.zip/deep/c.txt"].parent_id == rows["a.zip/b.zip"].id
    assert rows["a.zip/b.zip"].parent_id == rows["a.zip"].id
    assert {row.case_id for row in rows.values()} == {"case"}
    assert bench.store.runs.get("run").expected == len(rows) == 5
    assert finished(bench)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_has_one_member(bench, pack):
    suffix = {"gzip": "gz", "bz2": "bz2", "lzma": "xz"}[pack.__module__]
    bench.submit((f"note.txt.{suffix}", pack(b"a short note")))

    bench.work()

    assert bench.texts() == {f"note.txt.{suffix}/note.txt": "a short note"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_archive_is_opened_however_it_is_compressed(bench, mode):
    bench.submit(("t.bin", tarred([("a.txt", b"one"), ("b.txt", b"two")], mode=mode)))

    bench.work()

    assert bench.texts() == {"t.bin/a.txt": "one", "t.bin/b.txt": "two"}


def test_an_archive_completes_with_a_list_of_its_members_and_no_text(bench):
    bench.submit(("a.zip", zipped([("one.txt", "1"), ("two.txt", "2")])))

    bench.work()

    row = bench.rows()["a.zip"]
    assert (row.message, row.note) == ("Completed: 2 members", "2 members")
    assert (row.pages, row.chunks, row.media_type) == (0, 0, "application/zip")
    assert row.metadata["members"] == ["a.zip/one.txt", "a.zip/two.txt"]


def test_an_empty_archive_completes(bench):
    bench.submit(("a.zip", zipped([])))

    bench.work()

    assert bench.rows()["a.zip"].message == "Completed: 0 members"
    assert finished(bench)


def test_an_archive_that_begins_with_a_pdf_is_an_archive(bench):
    content = b"%PDF-1.4 not really"
    bench.submit(
        ("a.zip", zipped([("x.pdf", content)], method=zipfile.ZIP_STORED)),
        ("t.tar", tarred([("x.pdf", content)])),
    )

    bench.process("run-0001")
    bench.process("run-0002")

    assert bench.rows()["a.zip"].message == "Completed: 1 member"
    assert bench.rows()["t.tar"].message == "Completed: 1 member"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_are_made_safe_and_different(bench):
    latin = zipfile.ZipInfo("caf\xe9.txt")
    bench.submit(
        (
            "a.zip",
            zipped(
                [
                    ("../../etc/passwd.txt", "1"),
                    ("/absolute.txt", "2"),
                    ("C:\\Users\\me\\win.txt", "3"),
                    ("same.txt", "4"),
                    ("same.txt", "5"),
                    ("new\nline.txt", "6"),
                    (latin, "7"),
                    ("..", "8"),
                ]
            ),
        )
    )

    bench.work()

    assert bench.texts() == {
        "a.zip/etc/passwd.txt": "1",
        "a.zip/absolute.txt": "2",
        "a.zip/Users/me/win.txt": "3",
        "a.zip/same.txt": "4",
        "a.zip/same (2).txt": "5",
        "a.zip/new\\u000aline.txt": "6",
        "a.zip/café.txt": "7",
        "a.zip/unnamed": "8",
    }


def test_names_in_utf_8_are_read_though_the_archive_does_not_say_so(bench):
    data = zipped([("uebersicht.txt", "x")])
    raw = "übersicht.txt".encode()
    assert len(raw) == len("uebersicht.txt")

    bench.submit(("a.zip", data.replace(b"uebersicht.txt", raw)))
    bench.work()

    assert bench.texts() == {"a.zip/übersicht.txt": "x"}


def test_links_devices_folders_and_files_of_operating_systems_are_left_out(bench):
    link = zipfile.ZipInfo("link.txt")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    entries = [
        ("folder/", ""),
        (link, "/etc/passwd"),
        ("__MACOSX/._a.txt", "x"),
        (".DS_Store", "x"),
        ("pictures/Thumbs.db", "x"),
        ("~$contract.docx", "x"),
        ("kept.txt", "kept"),
    ]
    special = []
    for name, kind in (("sym", tarfile.SYMTYPE), ("dev", tarfile.CHRTYPE)):
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        special.append((entry, b""))
    bench.submit(
        ("a.zip", zipped(entries)), ("t.tar", tarred([*special, ("k.txt", b"k")]))
    )

    bench.work()

    assert bench.texts() == {"a.zip/kept.txt": "kept", "t.tar/k.txt": "k"}
    assert bench.rows()["a.zip"].metadata["left_out"] == 4


def failure(bench, content, name="a.zip", **settings):
    bench.submit((name, content), **settings)
    bench.work()
    row = bench.rows()[name]
    assert row.status is Status.FAILED
    assert finished(bench)
    return row.error


def test_the_number_of_members_is_limited(bench):
    files = [(f"{n}.txt", "x") for n in range(4)]

    error = failure(bench, zipped(files), max_members=3)

    assert error == "a.zip: more than 3 members, which is the limit (max_members)"
    assert len(bench.rows()) == 1


def test_the_number_of_members_of_nested_archives_is_limited_together(bench):
    inner = zipped([(f"{n}.txt", "x") for n in range(3)])
    bench.submit(("a.zip", zipped([("b.zip", inner), ("c.zip", inner)])), max_members=6)

    bench.work()

    rows = bench.rows()
    assert rows["a.zip/b.zip"].status is Status.COMPLETED
    assert rows["a.zip/c.zip"].error == (
        "a.zip/c.zip: a.zip: 8 members, the limit is 6 (max_members)"
    )
    assert len(rows) == 6
    assert finished(bench)


def test_the_depth_of_nesting_is_limited(bench):
    content = zipped([("c.txt", "deep")])
    for name in ("3.zip", "2.zip", "1.zip"):
        content = zipped([(name, content)])
    bench.submit(("0.zip", content), max_depth=2)

    bench.work()

    error = bench.rows()["0.zip/1.zip/2.zip"].error
    assert error == "0.zip/1.zip/2.zip: nested 3 deep, the limit is 2 (max_depth)"
    assert finished(bench)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_the_bytes_of_members_are_limited_together(bench, mode):
    files = [(f"{n}.txt", bytes(range(256)) * 4) for n in range(5)]

    error = failure(bench, tarred(files, mode=mode), max_unpacked_bytes=4096)

    assert error == (
        "a.zip: its members have more than 4,096 bytes together, which is the limit "
        "(max_unpacked_bytes)"
    )


def test_bytes_are_limited_where_no_size_is_announced(bench):
    bench.submit(("a.gz", gzip.compress(bytes(range(256)) * 40)), max_unpacked_bytes=99)

    bench.work()

    assert "99" in bench.rows()["a.gz/a"].error
    assert finished(bench)


def test_a_zip_bomb_is_refused(bench):
    error = failure(bench, zipped([("bomb.txt", bytes(80 << 20))]))

    assert error.endswith("times its size (a ZIP bomb?)")


def test_a_gzip_bomb_is_refused(bench):
    bench.submit(("bomb.gz", gzip.compress(bytes(80 << 20))))

    bench.work()

    error = bench.rows()["bomb.gz/bomb"].error
    assert "unpacks to more than 250 times its size" in error


def test_a_tar_whose_header_claims_to_be_huge_is_refused(bench):
    entry = tarfile.TarInfo("x" * 100)
    entry.type = tarfile.XHDTYPE
    entry.size = 1 << 40
    huge = entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024)

    assert "a header of" in failure(bench, huge)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_an_archive_that_is_cut_short_fails_and_adds_nothing(bench, mode, cut):
    files = [(f"{n}.txt", b"%d" % n * 3000) for n in range(5)]
    content = tarred(files, mode=mode).rstrip(b"\0")

    error = failure(bench, content[: int(len(content) * cut)], name="t.tar")

    assert "damaged" in error
    assert len(bench.rows()) == 1


def test_a_damaged_member_fails_alone(bench):
    content = zipped([("a.txt", "first" * 9), ("b.txt", "second" * 9)])
    at = content.index(b"a.txt") + len("a.txt")

    bench.submit(("a.zip", content[:at] + b"\xff\xff" + content[at + 2 :]))
    bench.work()

    assert bench.texts() == {"a.zip/b.txt": "second" * 9}
    row = bench.rows()["a.zip/a.txt"]
    assert row.error.startswith("a.zip/a.txt: it cannot be unpacked: ")
    assert finished(bench)


CONTENT = zipped([(f"{n}.txt", f"text {n}") for n in range(5)])
TEXTS = {f"a.zip/{n}.txt": f"text {n}" for n in range(5)}


def kill_at(monkeypatch, owner, name, call):
    """Kill the worker at the start of a call of a method, counted from 1."""
    method = getattr(owner, name)
    calls = iter(range(1, call + 1))

    def killed(*args, **options):
        if next(calls, None) == call:
            monkeypatch.setattr(owner, name, method)
            raise Killed
        return method(*args, **options)

    monkeypatch.setattr(owner, name, killed)


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("publish_rows", 1),
        ("incoming", 1),
        ("incoming", 3),
        ("set_stored", 1),
        ("send", 1),
        ("finish_steps", 1),
    ],
)
def test_each_member_is_added_once_wherever_the_worker_is_killed(
    bench, monkeypatch, what, call
):
    owner = {
        "publish_rows": bench,
        "send": bench,
        "incoming": bench.files,
        "set_stored": bench.store.members,
        "finish_steps": bench.store.attempts,
    }[what]
    bench.submit(("a.zip", CONTENT))
    kill_at(monkeypatch, owner, what, call)

    with pytest.raises(Killed):
        bench.work()
    assert not finished(bench)
    assert bench.store.runs.get("run").expected == 6
    bench.store.attempts.next_attempt(
        "run-0001", 1, error="its worker was lost", delay=0, lost=True, tries=3
    )
    bench.sent = ["run-0001"]
    bench.work()

    assert bench.texts() == TEXTS
    assert len(bench.rows()) == bench.store.runs.get("run").expected == 6
    assert finished(bench)


def test_a_member_that_was_never_stored_is_unpacked_by_its_own_worker(
    bench, monkeypatch
):
    bench.submit(("a.zip", CONTENT))
    kill_at(monkeypatch, bench.files, "incoming", 3)
    with pytest.raises(Killed):
        bench.work()

    for row in bench.rows().values():
        if row.parent_id:
            bench.process(row.id)

    assert bench.texts() == TEXTS
    sizes = {row.size for row in bench.rows().values() if row.parent_id}
    assert sizes == {6}


def test_nothing_is_added_once_the_run_is_cancelled(bench):
    bench.submit(("a.zip", CONTENT))
    claim = bench.store.attempts.claim("run-0001", 1, worker="w")
    bench.store.documents.cancel(run_id="run")

    bench.processor.process(claim)

    assert bench.rows()["a.zip"].status is Status.CANCELLED
    assert len(bench.rows()) == bench.store.runs.get("run").expected == 1


def test_members_are_cancelled_with_the_run_while_they_are_stored(bench, monkeypatch):
    bench.submit(("a.zip", CONTENT))
    incoming = bench.files.incoming

    def cancel(*args, **options):
        monkeypatch.setattr(bench.files, "incoming", incoming)
        bench.store.documents.cancel(run_id="run")
        return incoming(*args, **options)

    monkeypatch.setattr(bench.files, "incoming", cancel)
    bench.work()

    rows = bench.rows()
    assert len(rows) == 6
    assert {row.status for row in rows.values()} == {Status.CANCELLED}
    assert finished(bench)


def test_cancelled_members_are_read_when_they_are_retried(bench, monkeypatch):
    test_members_are_cancelled_with_the_run_while_they_are_stored(bench, monkeypatch)

    bench.sent = [row.id for row in bench.store.documents.retry(run_id="run")]
    bench.work()

    assert bench.texts() == TEXTS
    assert len(bench.rows()) == 6


def test_a_run_deleted_in_the_meantime_leaves_no_file(bench, monkeypatch, tmp_path):
    bench.submit(("a.zip", CONTENT))
    set_stored = bench.store.members.set_stored

    def delete(stored, **options):
        bench.store.documents.cancel(run_id="run")
        ids = [row.id for row in bench.rows().values() if row.parent_id]
        bench.store.documents.delete(ids)
        return set_stored(stored, **options)

    monkeypatch.setattr(bench.store.members, "set_stored", delete)
    bench.work()

    files = [path.name for path in (tmp_path / "files").rglob("run-*")]
    assert files == ["run-0001"]


def test_a_container_that_is_skipped_brings_its_members(bench):
    bench.submit(("a.zip", CONTENT))
    bench.work()

    bench.submit(("again.zip", CONTENT), run_id="second", skip_existing=True)
    bench.work()

    assert bench.texts("second") == {
        name.replace("a.zip", "again.zip"): text for name, text in TEXTS.items()
    }
    member = bench.rows("second")["again.zip/0.txt"]
    assert member.message == "Same content as a.zip/0.txt, already processed"
    assert finished(bench, "second")


def test_members_of_a_container_that_is_retried_whole_are_not_added_again(bench):
    bench.submit(("a.zip", CONTENT))
    bench.work()

    again = bench.store.documents.retry(run_id="run", failed_only=False)
    bench.sent = [row.id for row in again]
    bench.work()

    assert len(again) == len(bench.rows()) == 6
    assert bench.texts() == TEXTS
    assert bench.rows()["a.zip"].unpacked_members == 5


def test_limits_are_named_in_the_error_of_the_store(bench):
    bench.submit(("a.zip", CONTENT))
    claim = bench.store.attempts.claim("run-0001", 1, worker="w")
    from docprogress.store.members import NewMember

    with pytest.raises(LimitExceeded, match="max_unpacked_bytes"):
        bench.store.members.add(
            claim.document,
            [NewMember(1, "a.zip/x", 100)],
            root_id="run-0001",
            step="extraction",
            max_members=10,
            max_bytes=99,
        )
    assert bench.store.runs.get("run").expected == 1


@pytest.mark.slow
def test_members_that_unpack_themselves_unpack_their_archive_once(bench, monkeypatch):
    from docprogress.steps.members import compressed

    files = [(f"{n}.txt", f"text {n} ".encode() * 40_000) for n in range(20)]
    bench.submit(("t.tgz", tarred(files, mode="w:gz")))
    kill_at(monkeypatch, bench.files, "incoming", 1)
    with pytest.raises(Killed):
        bench.work()
    unpacked = 0
    readinto = compressed._Bounded.readinto

    def counted(file, buffer):
        nonlocal unpacked
        count = readinto(file, buffer)
        unpacked += count
        return count

    monkeypatch.setattr(compressed._Bounded, "readinto", counted)
    members = [row for row in bench.rows().values() if row.parent_id]
    # One that is in the middle comes first.
    for row in members[7:] + members[:7]:
        bench.process(row.id)

    assert bench.texts() == {f"t.tgz/{n}": data.decode() for n, data in files}
    assert unpacked < 1.5 * sum(len(data) for _, data in files)


def test_a_damaged_sibling_fails_by_itself_when_members_unpack_themselves(
    bench, monkeypatch
):
    content = zipped([("a.txt", "first" * 9), ("b.txt", "second" * 9), ("c.txt", "3")])
    at = content.index(b"b.txt") + len("b.txt")
    bench.submit(("a.zip", content[:at] + b"\xff\xff" + content[at + 2 :]))
    kill_at(monkeypatch, bench.files, "incoming", 1)
    with pytest.raises(Killed):
        bench.work()

    for row in bench.rows().values():
        if row.parent_id:
            bench.process(row.id)

    assert bench.texts() == {"a.zip/a.txt": "first" * 9, "a.zip/c.txt": "3"}
    assert "it cannot be unpacked" in bench.rows()["a.zip/b.txt"].error
