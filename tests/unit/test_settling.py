"""Files that are still being written are told from complete ones."""

import sys

import pytest

from docprogress.client import settling
from docprogress.client.folder_events import is_remote
from docprogress.client.settling import SettledFiles, open_for_writing
from docprogress.store.source_rows import FileState


def state(size, mtime=1):
    return FileState(size=size, mtime=mtime, etag=None, seen_at=0.0)


@pytest.fixture
def writing():
    """The files that somebody has open for writing."""
    return set()


@pytest.fixture
def files(writing, clock):
    return SettledFiles(lambda path: path in writing, clock)


def test_a_file_is_complete_when_it_looked_the_same_for_a_while(files, clock):
    assert not files.settled("a", state(5))
    clock.advance(settling.QUIET_SECONDS - 0.1)
    assert not files.settled("a", state(5))
    assert files.pending == {"a"}

    clock.advance(0.2)

    assert files.settled("a", state(5))
    assert files.pending == set()


def test_a_copy_of_ten_seconds_is_complete_at_its_end(files, clock):
    for size in range(1, 11):
        assert not files.settled("a", state(size))
        clock.advance(1.0)
    assert not files.settled("a", state(10))
    clock.advance(1.6)

    assert files.settled("a", state(10))


def test_a_file_that_is_open_for_writing_is_waited_for_but_not_for_ever(
    files, writing, clock
):
    writing.add("a")
    assert not files.settled("a", state(5))
    clock.advance(10)
    assert not files.settled("a", state(5))

    clock.advance(settling.OPEN_SECONDS)

    assert files.settled("a", state(5))


def test_an_empty_file_is_waited_for_longer(files, clock):
    assert not files.settled("a", state(0))
    clock.advance(settling.QUIET_SECONDS + 0.1)
    assert not files.settled("a", state(0))
    clock.advance(settling.EMPTY_SECONDS)
    assert files.settled("a", state(0))


def test_a_file_that_is_replaced_was_never_gone(files, clock):
    assert not files.settled("a", None)
    clock.advance(0.1)
    assert not files.settled("a", state(5))
    clock.advance(5)
    assert files.settled("a", state(5))

    assert not files.settled("b", None)
    clock.advance(settling.GONE_SECONDS + 0.1)
    assert files.settled("b", None)


def test_complete_files_are_forgotten_once_taken(files, clock):
    files.settled("a", state(5))
    clock.advance(2)
    assert files.settled("a", state(5))
    files.forget()

    # Its next change is not the continuation of a copy.
    clock.advance(10)
    assert not files.settled("a", state(6))
    clock.advance(settling.QUIET_SECONDS + 0.1)
    assert files.settled("a", state(6))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says it")
def test_linux_says_whether_a_file_is_open_for_writing(tmp_path):
    is_written = open_for_writing(str(tmp_path))
    path = tmp_path / "a.txt"
    assert is_written("a.txt") is None

    with path.open("w") as file:
        file.write("some")
        file.flush()
        written = is_written("a.txt")
    if written is None:
        pytest.skip("this file system grants no leases")
    assert written is True
    assert is_written("a.txt") is False
    with path.open() as _, path.open() as _:
        assert is_written("a.txt") is False
    assert is_written("missing.txt") is None


MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /mnt/shared rw shared:2 - nfs4 server:/export rw
31 22 0:31 / /mnt/with\040space rw - cifs //server/share rw
32 30 8:2 / /mnt/shared/local rw - xfs /dev/sdb1 rw
33 22 8:3 / /mnt/disk rw - fuseblk /dev/sdc1 rw
34 22 0:34 / /mnt/fs rw - fuse.sshfs host:/ rw
"""


@pytest.mark.parametrize(
    ("root", "remote"),
    [
        ("/srv/documents", False),
        ("/mnt/shared", True),
        ("/mnt/shared/deep/inside", True),
        ("/mnt/sharedother", False),
        ("/mnt/shared/local/x", False),
        ("/mnt/with space/x", True),
        ("/mnt/disk/x", False),
        ("/mnt/fs/x", True),
    ],
)
def test_a_network_drive_is_recognised_by_its_file_system(root, remote):
    assert is_remote(root, MOUNTS.strip) is remote
