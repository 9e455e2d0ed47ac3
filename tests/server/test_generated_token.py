"""The token that a server generates and stores, on any filesystem."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docprogress.errors import SettingsError
from docprogress.server.token import (
    generate_token,
    load_or_create_token,
    token_path,
)


@pytest.fixture
def no_permissions(monkeypatch, tmp_path):
    """A filesystem such as a Windows drive under WSL: every file has mode 777."""
    stat = os.stat

    def without_mode(path, *arguments, **options):
        found = stat(path, *arguments, **options)
        if isinstance(path, int) or tmp_path not in Path(path).parents:
            return found
        return os.stat_result((found.st_mode | 0o777, *found[1:]))

    def link(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "stat", without_mode)
    monkeypatch.setattr(os, "link", link)


def test_token_is_the_same_at_each_start_and_readable_by_its_owner_only(tmp_path):
    token = load_or_create_token(tmp_path)

    assert load_or_create_token(tmp_path) == token
    assert token_path(tmp_path).stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [token_path(tmp_path)]


def test_token_that_others_may_have_read_is_replaced(tmp_path):
    token = load_or_create_token(tmp_path)
    token_path(tmp_path).chmod(0o640)

    replaced = load_or_create_token(tmp_path)

    assert replaced != token
    assert load_or_create_token(tmp_path) == replaced
    assert token_path(tmp_path).stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("no_permissions")
def test_token_is_kept_on_a_filesystem_without_permissions(tmp_path, caplog):
    token = load_or_create_token(tmp_path)
    assert "cannot be protected" in caplog.text
    caplog.clear()

    assert load_or_create_token(tmp_path) == token
    assert "cannot be protected" in caplog.text
    assert token not in caplog.text
    assert list(tmp_path.iterdir()) == [token_path(tmp_path)]


def test_processes_that_start_together_use_one_token(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        tokens = set(pool.map(load_or_create_token, [tmp_path / "home"] * 64))

    assert len(tokens) == 1


def test_file_that_was_never_written_is_replaced(tmp_path):
    token_path(tmp_path).touch(mode=0o600)

    token = load_or_create_token(tmp_path)

    assert token
    assert load_or_create_token(tmp_path) == token


def test_token_of_a_folder_that_cannot_be_written_is_used(tmp_path, monkeypatch):
    token = generate_token()
    token_path(tmp_path).write_text(token)
    token_path(tmp_path).chmod(0o600)
    monkeypatch.setattr(os, "open", None)

    assert load_or_create_token(tmp_path) == token


def test_home_that_is_no_folder_cannot_hold_a_token(tmp_path):
    (tmp_path / "home").touch()

    with pytest.raises(SettingsError, match="writable"):
        load_or_create_token(tmp_path / "home")
