"""What commands print about a run besides its progress."""

import io
import json
import re

import pytest
import typer
from support.clock import Clock
from support.events import event_at

from docprogress.cli import github
from docprogress.cli.app import app
from docprogress.cli.ci_log import without_commands
from docprogress.cli.help import text_width
from docprogress.cli.next_steps import next_steps
from docprogress.cli.progress_mode import Display, ProgressMode, choose
from docprogress.cli.source_files import SourceFiles
from docprogress.events import Status
from docprogress.progress.fold import Progress
from docprogress.terminal.capabilities import obeys_commands

LINKS = {"TERM": "xterm-kitty"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def progress():
    clock = Clock()
    return Progress(clock=clock, now=clock.today)


@pytest.fixture
def end(progress):
    clock = Clock()

    def end_document(name, error=None, status=None):
        status = status or (Status.FAILED if error else Status.COMPLETED)
        progress.apply(
            event_at(
                clock,
                f"id-{len(name)}-{progress.total}",
                status,
                name=name,
                error=error,
            )
        )

    return end_document


def reported(progress, tmp_path, **env):
    notices = io.StringIO()
    summary = tmp_path / "summary.md"
    github.report(
        progress,
        run_id="20260101-1",
        closing=["3 documents in 2.0 s: 1 completed, 2 failed", "7 pages"],
        notices=notices,
        env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)} | env,
    )
    return notices.getvalue(), summary.read_text() if summary.exists() else None


def test_github_gets_one_annotation_for_all_failures(progress, end, tmp_path):
    end("a.pdf", "a.pdf: it is 50% damaged")
    end("good.pdf")
    end("b::error::.pdf", "the file is empty\n::set-output name=x::y")

    annotation, _ = reported(progress, tmp_path)

    assert annotation == (
        "::error title=2 of 3 documents failed::a.pdf: it is 50%25 damaged%0A"
        "b::error::.pdf: the file is empty ::set-output name=x::y\n"
    )


def test_github_gets_a_summary_that_no_name_can_change(progress, end, tmp_path):
    end("[x](http://evil)|</td><img src=x>.pdf", "**no** `@someone` <script>")
    end("good.pdf")

    _, summary = reported(progress, tmp_path)
    again = reported(progress, tmp_path)[1]

    assert again == summary * 2
    assert "20260101-1" in summary
    assert "1 completed, 2 failed · 7 pages" in summary
    table = summary.strip().splitlines()[-1]
    assert re.fullmatch(r"<table>(<tr>(<t[dh]>.*?</t[dh]>)+</tr>)+</table>", table)
    assert "[x](http://evil)|&lt;/td&gt;&lt;img src=x&gt;.pdf" in table
    assert "&lt;script&gt;" in table


def test_github_gets_no_annotation_if_nothing_failed(progress, end, tmp_path):
    end("good.pdf")

    annotation, summary = reported(progress, tmp_path)

    assert annotation == ""
    assert "20260101-1" in summary


def test_nothing_is_written_outside_github(progress, end, tmp_path):
    end("a.pdf", "it is empty")

    assert reported(progress, tmp_path, GITHUB_ACTIONS="") == ("", None)


def test_a_summary_stays_below_what_github_accepts(progress, end, tmp_path):
    for number in range(4000):
        end(f"{number}.pdf", f"{number} " + "&" * 400)

    annotation, summary = reported(progress, tmp_path)

    assert len(summary.encode()) < github.MOST_SUMMARY_BYTES
    assert re.search(r"… and [\d,]+ more", summary)
    assert annotation.count("\n") == 1
    assert "%0A… and 3,980 more" in annotation
    (tmp_path / "summary.md").write_text("x" * github.MOST_SUMMARY_BYTES)
    assert reported(progress, tmp_path)[1] == "x" * github.MOST_SUMMARY_BYTES


def commands(progress, width=120, options=()):
    lines = next_steps(progress, run_id="run-1", width=width, options=options)
    return [line.plain.strip() for line in lines]


def test_the_commands_after_a_run_are_those_that_make_sense(progress, end):
    end("a.pdf", "it is empty")
    assert [line.split("  ")[0] for line in commands(progress)] == [
        "docprogress retry run-1"
    ]

    end("two words.pdf")
    assert [re.split(r" {2,}", line)[0] for line in commands(progress)] == [
        "docprogress show 'two words.pdf' --run run-1",
        "docprogress search QUERY --run run-1",
        "docprogress retry run-1",
    ]


def test_suggested_commands_name_the_same_services(progress, end):
    end("a.pdf", "it is empty")

    assert commands(progress, options=["--home", "/a b"])[0].startswith(
        "docprogress retry run-1 --home '/a b'  "
    )


def test_suggested_commands_fit_a_narrow_terminal(progress, end):
    end("a.pdf")

    assert "print the text" in commands(progress, width=100)[0]
    assert commands(progress, width=50) == [
        "docprogress show a.pdf --run run-1",
        "docprogress search QUERY --run run-1",
    ]
    lines = commands(progress, width=30)
    assert max(map(len, lines)) <= 30
    joined = "\n".join(lines).replace(" \\\n", " ")
    assert joined.splitlines() == commands(progress, width=50)


def test_an_encrypted_document_suggests_to_give_its_password(progress, end):
    end("a.pdf", "the PDF is encrypted and needs a password")

    assert commands(progress)[-1].startswith("docprogress retry run-1 --ask-password ")


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
@pytest.mark.parametrize("name", ["", "run", "serve", "status"])
def test_help_fits_the_terminal_and_names_no_types(monkeypatch, capsys, columns, name):
    command = typer.main.get_command(app)
    arguments = [*filter(None, [name]), "--help"]
    monkeypatch.setenv("COLUMNS", str(columns))

    command.main(arguments, standalone_mode=False, terminal_width=text_width())

    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= min(columns, 80)
    assert not re.search(r"<\w+|range>|\w<=\w|\.\.\.$", shown.replace("PATH...", ""))


@pytest.mark.parametrize("name", ["-rf.pdf", "two\nlines.pdf", "\u202egpj.pdf"])
def test_a_name_that_cannot_be_typed_is_replaced_by_the_id(progress, end, name):
    end(name)

    assert "id-" in commands(progress)[0]


def test_files_are_linked_by_the_names_of_their_documents(tmp_path):
    folder = tmp_path / "a folder"
    (folder / "below").mkdir(parents=True)
    for path in ("one.pdf", "below/two.pdf", "below/one.pdf", "\x1b[2J.pdf"):
        (folder / path).touch()

    files = SourceFiles([str(folder)], out=Terminal(), env=LINKS)

    assert files.link("two.pdf") == (folder / "below/two.pdf").as_uri()
    assert " " not in files.link("two.pdf")
    # Two files have this name.
    assert files.link("one.pdf") is None
    assert files.link("\x1b[2J.pdf") is None
    assert files.link("mail.eml/contract.pdf") is None
    below = SourceFiles([str(folder)], relative=True, out=Terminal(), env=LINKS)
    assert below.link("below/one.pdf") == (folder / "below/one.pdf").as_uri()
    given = SourceFiles([f"{folder}/*.pdf"], out=Terminal(), env=LINKS)
    assert given.link("one.pdf") == (folder / "one.pdf").as_uri()
    assert SourceFiles([str(folder)], out=io.StringIO(), env=LINKS).link("two.pdf") is (
        None
    )


@pytest.mark.parametrize(
    ("mode", "as_json", "out", "env", "display"),
    [
        ("auto", False, Terminal(), {"TERM": "xterm"}, Display.LIVE),
        ("auto", False, Terminal(), {"TERM": "dumb"}, Display.PLAIN),
        ("auto", False, Terminal(), {"CI": "true"}, Display.PLAIN),
        ("auto", False, Terminal(), {"GITHUB_ACTIONS": "true"}, Display.PLAIN),
        ("auto", False, io.StringIO(), {"FORCE_COLOR": "1"}, Display.PLAIN),
        ("auto", True, Terminal(), {}, Display.JSON),
        ("json", True, Terminal(), {}, Display.JSON),
        ("json", False, Terminal(), {}, Display.JSON),
        ("plain", False, Terminal(), {}, Display.PLAIN),
        ("quiet", False, Terminal(), {}, Display.QUIET),
    ],
)
def test_progress_is_shown_as_requested_and_as_the_output_allows(
    mode, as_json, out, env, display
):
    assert choose(ProgressMode(mode), as_json=as_json, out=out, env=env) is display


def test_json_contradicts_other_kinds_of_progress():
    with pytest.raises(typer.BadParameter, match="--json"):
        choose(ProgressMode.QUIET, as_json=True)


HOSTILE_LINES = [
    "::error::boom",
    "  ::add-mask::a",
    "completed  ##[error]boom.txt",
    "##vso[task.complete result=Failed]x",
    "##teamcity[buildProblem]",
    "a\n::stop-commands::x",
    "\u3000::error::b",
]


@pytest.mark.parametrize("line", HOSTILE_LINES)
def test_a_log_of_continuous_integration_obeys_no_name_of_a_document(line):
    shown = without_commands(f"{line}\n")

    assert not re.search(r"(?m)^\s*::|##(vso|teamcity)?\[", shown)
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", line)


def test_json_in_a_log_is_the_same_json():
    names = {"name": "##[error]::x\n::y", "path": ["##vso[a]b"]}

    shown = without_commands(json.dumps(names))

    assert "##" not in shown
    assert json.loads(shown) == names


def test_only_logs_that_obey_commands_are_guarded():
    assert obeys_commands({"GITHUB_ACTIONS": "true"})
    assert obeys_commands({"TF_BUILD": "True"})
    assert obeys_commands({"TEAMCITY_VERSION": "2026.1"})
    assert not obeys_commands({"CI": "true", "GITLAB_CI": "true"})
