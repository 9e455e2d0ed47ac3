"""Which files a folder has, and by which names."""

import os
import zipfile
from pathlib import Path

import fsspec
import pytest

from docprogress.client.folders import LocalFolder
from docprogress.client.remote_folders import open_folder, public_url
from docprogress.errors import SubmitError
from docprogress.store.source_rows import key_path, path_key


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


def write(path: Path, text: str = "text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def paths(folder) -> list[str]:
    return [found.path for found in folder.files()]


def test_files_come_in_the_order_of_their_keys_however_folders_are_named(root):
    names = ["a.txt", "a/b.txt", "a-b.txt", "a/ä.txt", "a0.txt", "ä.txt", "Z.txt"]
    names += [
        "a/c/d.txt",
        "a/c.txt",
        "a\\b.txt",
        "日本.txt",
        "a b.txt",
        "\U0001f600.txt",
    ]
    for name in names:
        write(root / name)

    found = list(LocalFolder(str(root)).files())

    keys = [file.key for file in found]
    assert keys == sorted(keys, key=str.encode)
    assert sorted(file.path for file in found) == sorted(names)
    assert [key_path(key) for key in keys] == [file.path for file in found]


@pytest.mark.parametrize(
    "name",
    ["line\nbreak.txt", "e\u0301.txt", "\u00e9.txt", " .txt", "a'\"b.txt", "\t.txt"],
)
def test_any_name_is_an_identity_of_its_own(root, name):
    write(root / name)

    [found] = LocalFolder(str(root)).files()

    assert found.path == name
    assert key_path(found.key) == name
    source = LocalFolder(str(root)).source(found.path)
    assert source.path == root / name
    assert source.name.isprintable()


def test_names_that_are_not_utf8_have_keys_that_differ(root):
    for name in (b"\xff.txt", b"\xfe.txt", rb"\xff.txt"):
        Path(os.fsdecode(bytes(root) + b"/" + name)).write_text("text")

    found = list(LocalFolder(str(root)).files())

    assert len({file.key for file in found}) == 3
    assert all(file.key.isprintable() for file in found)
    assert [LocalFolder(str(root)).digest(file.path) for file in found]


def test_names_in_two_normal_forms_are_two_files(root):
    write(root / "e\u0301.txt")
    write(root / "\u00e9.txt")

    assert len(paths(LocalFolder(str(root)))) == 2


def test_hidden_and_temporary_files_are_left_out_and_others_are_named(root):
    for name in (".hidden.txt", ".git/a.txt", "~$open.docx", "__MACOSX/a.txt"):
        write(root / name)
    write(root / "program.exe")
    write(root / "a.txt")
    folder = LocalFolder(str(root))

    assert paths(folder) == ["a.txt"]
    assert folder.skipped == ["program.exe"]


def test_a_link_counts_as_what_it_leads_to_unless_that_is_found_anyway(root, tmp_path):
    outside = write(tmp_path / "outside" / "b.txt").parent
    write(root / "a.txt")
    (root / "link.txt").symlink_to(root / "a.txt")
    (root / "linked").symlink_to(outside)
    (root / "again").symlink_to(outside)
    (root / "file.txt").symlink_to(outside / "b.txt")

    assert paths(LocalFolder(str(root))) == ["a.txt", "again/b.txt", "file.txt"]


def test_links_in_circles_end(root, tmp_path):
    outside = write(tmp_path / "outside" / "b.txt").parent
    (outside / "back").symlink_to(root)
    (outside / "self").symlink_to(outside)
    (root / "linked").symlink_to(outside)
    (root / "up").symlink_to(root.parent)
    (root / "here").symlink_to(root)
    write(root / "a.txt")

    found = paths(LocalFolder(str(root)))

    assert found[:2] == ["a.txt", "linked/b.txt"]
    assert len(found) == len(set(found)) < 6


def test_what_a_broken_link_led_to_is_unreadable_rather_than_gone(root):
    (root / "archive").symlink_to("/mnt/not-mounted")
    (root / "a.txt").symlink_to("/mnt/not-mounted/a.txt")
    (root / "itself.txt").symlink_to("itself.txt")
    write(root / "b.txt")
    folder = LocalFolder(str(root))

    assert paths(folder) == ["b.txt"]
    assert folder.is_unreadable(path_key("itself.txt"))
    assert folder.is_unreadable(path_key("archive/2020/b.txt"))
    assert folder.is_unreadable(path_key("a.txt"))
    assert not folder.is_unreadable(path_key("archive2/b.txt"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_named(root):
    write(root / "closed" / "a.txt")
    (root / "closed").chmod(0)
    folder = LocalFolder(str(root))

    assert paths(folder) == []
    assert "permission" in folder.unreadable["closed"]
    (root / "closed").chmod(0o700)


def test_a_pipe_is_no_file(root):
    os.mkfifo(root / "pipe.txt")

    assert paths(LocalFolder(str(root))) == []


@pytest.mark.parametrize("name", ["missing", "a.txt"])
def test_a_path_that_is_not_a_folder_is_refused(root, name):
    write(root / "a.txt")

    with pytest.raises(SubmitError, match=r"no such file|not a folder"):
        paths(LocalFolder(str(root / name)))


def test_a_folder_of_another_file_system_is_listed_in_the_same_order():
    system = fsspec.filesystem("memory")
    system.rm("/listed", recursive=True) if system.exists("/listed") else None
    for name in ("b.txt", "a/c.txt", "a-b.txt", ".hidden.txt", "d.exe"):
        system.pipe(f"/listed/{name}", name.encode())
    folder = open_folder("memory://listed", {})

    found = list(folder.files())

    assert [file.path for file in found] == ["a-b.txt", "a/c.txt", "b.txt"]
    assert [file.state.size for file in found] == [7, 7, 5]
    assert all(file.state.mtime for file in found)
    assert folder.skipped == ["d.exe"]
    assert b"".join(folder.blocks("a/c.txt")) == b"a/c.txt"
    with pytest.raises(OSError, match=r"nothing\.txt"):
        folder.digest("nothing.txt")


def test_a_folder_in_an_archive_is_listed_with_its_folders(root):
    with zipfile.ZipFile(root / "all.zip", "w") as box:
        box.writestr("a.txt", "One.")
        box.writestr("inside/b.txt", "Two.")
    folder = open_folder(f"zip://::{root}/all.zip", {})

    assert paths(folder) == ["a.txt", "inside/b.txt"]
    assert b"".join(folder.blocks("inside/b.txt")) == b"Two."


@pytest.mark.parametrize(
    "url", ["memory://nothing-here", "no-such-scheme://x", "s3://"]
)
def test_a_url_that_is_no_folder_is_refused(url):
    with pytest.raises(SubmitError):
        paths(open_folder(url, {}))


def test_a_url_of_a_file_is_a_path(root):
    assert open_folder(root.as_uri(), {}).root == str(root)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("ftp://user:secret@host/a/", "ftp://host/a"),
        ("https://token@host/a", "https://host/a"),
        ("https://host/a?token=secret&page=2", "https://host/a?token=***&page=2"),
        ("s3://bucket/a", "s3://bucket/a"),
    ],
)
def test_a_root_has_no_secrets(url, public):
    assert public_url(url) == public
