"""What is planned for each file of a folder."""

from collections.abc import Iterator

import pytest

from docprogress.client.folders import Folder, FoundFile
from docprogress.client.sync_plan import Planner, SyncPlan
from docprogress.events import Status
from docprogress.storage import Source
from docprogress.store.source_rows import (
    FileState,
    KnownDocument,
    KnownFile,
)

LONG_AGO, NOW = 1_000.0, 2_000.0


class Listed(Folder):
    """A folder of these files: their content, and when it was changed."""

    def __init__(self, **files: tuple[str, float]) -> None:
        super().__init__("/listed")
        self._files = files
        self.read: list[str] = []
        self.denied: set[str] = set()

    def files(self) -> Iterator[FoundFile]:
        for name in sorted(self._files):
            yield FoundFile(name, name, self.state(name))

    def state(self, path: str) -> FileState:
        text, changed_at = self._files[path]
        return FileState(len(text), int(changed_at * 1e9), None, NOW)

    def source(self, path: str) -> Source:
        return Source(name=path, data=b"".join(self.blocks(path)))

    def blocks(self, path: str) -> Iterator[bytes]:
        self.read.append(path)
        yield self._files[path][0].encode()

    def digest(self, path: str) -> str:
        return b"".join(self.blocks(path)).decode()

    def why_unreadable(self, path: str) -> str | None:
        return "no permission" if path in self.denied else None


def known(
    name: str,
    content: str,
    changed_at: float = LONG_AGO,
    *,
    status: Status = Status.COMPLETED,
    ready: bool = True,
    seen_at: float = LONG_AGO + 100,
    pending: bool = False,
) -> KnownFile:
    document = KnownDocument(
        id=f"document of {name}",
        run_id="run",
        name=name,
        status=status,
        ready=ready,
        # The fake's digest of a content is the content.
        sha256=content,
        note=None,
        media_type="text/plain",
        ocr_pages=None,
        unpacked_members=None,
        error="broken" if status is Status.FAILED else None,
    )
    state = FileState(len(content), int(changed_at * 1e9), None, seen_at)
    newest = (None, document) if pending else (document, None)
    return KnownFile(name, state, *newest)


def plan(
    folder: Folder, *files: KnownFile, stale: int | None = None, **options
) -> SyncPlan:
    choices = {"checksum": False, "retry_failed": False} | options
    return Planner(folder, lambda _: stale, **choices).plan(iter(files))


def kinds(found: SyncPlan) -> dict[str, str]:
    return {change.path: change.kind for change in found.changes}


def test_a_file_that_looks_the_same_is_not_read():
    folder = Listed(a=("text", LONG_AGO))

    found = plan(folder, known("a", "text"))

    assert (found.unchanged, folder.read, found.touched) == (1, [], [])


def test_a_file_of_another_size_is_changed_without_being_read():
    folder = Listed(a=("longer text", LONG_AGO))

    assert kinds(plan(folder, known("a", "text"))) == {"a": "changed"}
    assert folder.read == []


@pytest.mark.parametrize(("text", "kind"), [("text", None), ("TEXT", "changed")])
def test_a_file_of_another_time_is_read(text, kind):
    folder = Listed(a=(text, NOW - 100))

    found = plan(folder, known("a", "text"))

    assert kinds(found).get("a") == kind
    assert folder.read == ["a"]
    assert [key for key, _ in found.touched] == ([] if kind else ["a"])


def test_a_file_that_was_changed_just_before_it_was_seen_is_read_once_more():
    just_now = known("a", "text", LONG_AGO, seen_at=LONG_AGO + 1)

    changed = Listed(a=("TEXT", LONG_AGO))
    assert kinds(plan(changed, just_now)) == {"a": "changed"}
    same = Listed(a=("text", LONG_AGO))
    found = plan(same, just_now)

    assert (found.unchanged, same.read) == (1, ["a"])
    # From now on its time decides.
    assert found.touched == [("a", same.state("a"))]


def test_a_checksum_reads_all_files():
    folder = Listed(a=("TEXT", LONG_AGO))

    assert kinds(plan(folder, known("a", "text"), checksum=True)) == {"a": "changed"}


def test_a_moved_file_is_distinguished_from_others_of_its_size_by_content():
    folder = Listed(new=("text", NOW), other=("TEXT", NOW))

    found = plan(folder, known("old", "text"), known("older", "Text"))

    assert kinds(found) == {"new": "moved", "other": "added"}
    assert found.moves == [("old", "new")]
    assert [file.path for file in found.removed] == ["older"]


def test_one_of_two_files_with_a_content_that_moves_is_a_copy():
    folder = Listed(one=("text", NOW), two=("text", NOW))

    found = plan(folder, known("old", "text"))

    assert sorted(kinds(found).values()) == ["added", "moved"]
    assert found.removed == []


@pytest.mark.parametrize(
    ("status", "ready", "kind"),
    [
        (Status.QUEUED, True, None),
        (Status.PROCESSING, True, None),
        # The process that submitted it was killed.
        (Status.QUEUED, False, "added"),
        (Status.CANCELLED, False, "added"),
        (Status.CANCELLED, True, "added"),
        (Status.FAILED, False, "added"),
        (Status.FAILED, True, None),
    ],
)
def test_interrupted_files_are_submitted_again(status, ready, kind):
    file = known("a", "text", status=status, ready=ready, pending=True)

    found = plan(Listed(a=("text", LONG_AGO)), file)

    assert kinds(found).get("a") == kind
    assert found.failed == (["a"] if status is Status.FAILED and ready else [])


def test_failed_files_are_repeated_only_on_request_or_with_other_settings():
    folder = Listed(a=("text", LONG_AGO))
    file = known("a", "text", status=Status.FAILED, pending=True)

    assert plan(folder, file).reasons == {"a": "broken"}
    assert kinds(plan(folder, file, retry_failed=True)) == {"a": "added"}
    assert kinds(plan(folder, file, stale=2)) == {"a": "stale"}


def test_a_stale_document_begins_with_the_first_step_that_is_affected():
    [change] = plan(Listed(a=("text", LONG_AGO)), known("a", "text"), stale=2).changes

    assert (change.kind, change.first_step) == ("stale", 2)
    assert change.current.id == change.replaces == "document of a"


def test_files_that_cannot_be_read_stay_as_they_are():
    folder = Listed(a=("TEXT", NOW), b=("new", NOW))
    folder.denied = {"a", "b"}
    folder.unreadable["closed"] = "it is on another machine"

    found = plan(folder, known("a", "text"), known("closed/c", "text"))

    assert found.changes == found.removed == []
    assert sorted(found.failed) == ["a", "b", "closed/c"]
    assert found.reasons == {
        "a": "no permission",
        "b": "no permission",
        "closed": "it is on another machine",
    }
