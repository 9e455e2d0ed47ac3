"""What errors suggest is said in the words of the terminal where they are shown."""

import inspect
import re
import shlex

import pytest

from docprogress.cli.app import app
from docprogress.cli.argv import service_options
from docprogress.errors import PasswordNeeded, RunNotFound
from docprogress.settings import Settings
from docprogress.terminal.shell_words import OPTIONS, in_shell_words

HOME = ["--home", "my home"]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("2,001 pages, the limit is 2,000 (max_pages)", "(DOCPROGRESS_MAX_PAGES)"),
        ("set embedding_api_key", "set DOCPROGRESS_EMBEDDING_API_KEY"),
        ("storage_url: no such scheme", "--storage-url: no such scheme"),
        ("or set ocr_engine='rapidocr'", "or set --ocr-engine rapidocr"),
        ("more than max_delete='20%' allows", "more than --max-delete 20% allows"),
        ("choose another with Pipeline(home=…)", "choose another with --home"),
        ("with Pipeline(max_pages=…)", "with DOCPROGRESS_MAX_PAGES"),
        ("must be the last one, and needs `sink=…`", "and needs --sink"),
        ("`run.wait()` waits", "`docprogress watch r1 --home 'my home'` waits"),
        ("cancel it first: run.cancel()", "docprogress cancel r1 --home 'my home'"),
    ],
)
def test_settings_and_calls_are_options_variables_and_commands(error, shown):
    assert shown in in_shell_words(error, run_id="r1", options=HOME)


@pytest.mark.parametrize(
    "error",
    ["the file is empty", "max_pages.pdf: damaged", "a/max_pages", "no max_things"],
)
def test_unknown_settings_stay_unchanged(error):
    assert in_shell_words(error) == error


def test_a_password_is_asked_for_by_a_command_unless_that_is_named_elsewhere():
    error = str(PasswordNeeded("a.pdf: the PDF"))

    shown = in_shell_words(error, run_id="r1", options=HOME)
    command = re.search(r"docprogress (.*)", shown)[1]
    assert shlex.split(command) == ["retry", "r1", "--ask-password", *HOME]
    assert in_shell_words(error) == "a.pdf: the PDF is encrypted and needs a password"


def test_a_suggested_command_names_the_services_of_the_one_that_failed():
    options = service_options(["runs", "--home=my home", "-n", "--", "--home", "x"])

    shown = in_shell_words(str(RunNotFound("x")), options=options)

    assert "`docprogress runs --home 'my home'` lists them" in shown


def test_options_of_settings_are_options_of_commands():
    given = {
        option
        for command in app.registered_commands
        for option in re.findall(r"--[a-z-]+", _help(command.callback))
    }
    assert {f"--{name.replace('_', '-')}" for name in OPTIONS} <= given
    assert OPTIONS - set(Settings.model_fields) == {
        "max_delete",
        "skip_existing",
        "rerank",
    }


def _help(callback):
    names = inspect.signature(callback).parameters
    return " ".join(f"--{name.replace('_', '-')}" for name in names)
