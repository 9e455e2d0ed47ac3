"""The command line in real processes, with real services."""

import io
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pypdf
import pytest
from reportlab.pdfgen import canvas
from support.patience import patient
from support.services import eventually

from docprogress import Pipeline, __version__, events, local
from docprogress.cli import main
from docprogress.cli.argv import without_passwords
from docprogress.steps import step

SECONDS = patient(30)

STEPS = """
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from docprogress import Page


def endless(pages: Iterable[Page]) -> Iterator[Page]:
    for page in pages:
        for number in range(1, 100_000):
            time.sleep(0.01)
            yield Page(number=number, text=page.text)


def gated(pages: Iterable[Page]) -> Iterator[Page]:
    for page in pages:
        deadline = time.monotonic() + 60
        while not Path(r"{gate}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield page
"""


@pytest.fixture
def folder(tmp_path):
    """Where commands are run: three small documents, and steps of somebody's own."""
    for number in range(3):
        text = f"Clause {number}. Either party may terminate for convenience. " * 20
        (tmp_path / f"contract-{number}.txt").write_text(text)
    (tmp_path / "own_steps.py").write_text(STEPS.format(gate=tmp_path / "gate"))
    return tmp_path


@pytest.fixture
def start(folder, shared_home):
    """Start a command; whatever it left running is killed after the test."""
    started = []

    def command(*arguments, home=shared_home, **options):
        local = ["--home", str(home)] if home else []
        process = subprocess.Popen(
            [sys.executable, "-m", "docprogress", *arguments, *local],
            cwd=folder,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        )
        started.append(process)
        return process

    yield command
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def do(folder, shared_home, monkeypatch, capsys):
    """Run a command to its end, in this process: that is much faster."""
    monkeypatch.chdir(folder)
    # Each test has steps of its own in a module of the same name.
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_steps", raising=False)

    def command(*arguments, status=0, home=shared_home):
        local = ["--home", str(home)] if home else []
        monkeypatch.setattr(sys, "argv", ["docprogress", *arguments, *local])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == status, (out, err)
        return out, err

    return command


def lines(text):
    return text.splitlines()


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize(
    "name",
    [
        *("run", "sync", "watch", "runs", "status", "search", "cancel", "retry"),
        *("up", "down", "worker", "doctor"),
    ],
)
def test_help_names_every_command(do, name):
    out, _ = do("--help", home=None)

    assert re.search(rf"^  {name} ", out, re.MULTILINE)


def test_version_is_the_packages(do):
    assert do("--version", home=None)[0] == f"docprogress {__version__}\n"


def test_help_loads_nothing_heavy():
    heavy = "celery redis sqlalchemy pandas numpy pydantic mmh3 rich fastapi"
    code = (
        "import sys, docprogress.cli\n"
        f"print(*(set('{heavy}'.split()) & set(sys.modules)))"
    )

    assert python(code).strip() == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["run", "nowhere.pdf"], "nowhere.pdf"),
        (["run", "*.docx"], "*.docx"),
        (["run", "contract-0.txt", "--step", "own_steps:nothing"], "nothing"),
        (["run", "contract-0.txt", "--step", "no_such_module:f"], "no_such_module"),
        (["run", "contract-0.txt", "--workers", "0"], "workers"),
        (["run", "contract-0.txt", "--redis-url", "http://x"], "--redis-url"),
        (["run", "two\nlines\x1b[2J.pdf"], "lines\\x1b[2J.pdf"),
        (["watch", "20200101-nobody"], "20200101-nobody"),
        (["status", "nobody"], "nobody"),
        (["cancel", "latest", "nobody"], "nobody"),
    ],
)
def test_incorrect_usage_is_reported_in_one_line(do, arguments, reason):
    if arguments[0] == "cancel":
        do("run", "contract-0.txt")

    out, err = do(*arguments, status=2)

    assert out == ""
    assert len(lines(err)) == 1, err
    assert err.startswith("docprogress: ")
    assert reason in err


def test_incorrect_usage_starts_nothing(do, home):
    do("run", "nowhere.pdf", home=home, status=2)

    assert lines(do("runs", "--json", home=home)[0]) == []


def test_services_launched_for_a_command_that_cannot_use_them_are_stopped(do, home):
    do("run", "contract-0.txt", "--step", "own_steps:nothing", home=home, status=2)

    assert (home / "logs" / "supervisor.log").exists()
    assert not local.is_held(home / "supervisor.lock")


def test_unknown_options_are_incorrect_usage(do):
    _, err = do("run", "contract-0.txt", "--nonsense", status=2)

    assert "--nonsense" in err


def test_a_run_says_how_each_document_ended(do):
    out, err = do("run", "contract-0.txt", "contract-1.txt")

    heading, *changes, closing = lines(out)
    assert re.fullmatch(r"Run [\w-]+: 2 documents", heading)
    assert [line for line in changes if not line.startswith(("completed", "st"))] == []
    assert sorted(
        line.split()[1] for line in changes if line.startswith("completed")
    ) == ["contract-0.txt", "contract-1.txt"]
    assert re.match(r"2 documents in \d+\.\d s: 2 completed · 2 pages", closing)
    assert err == ""


def test_every_command_says_the_same_of_how_long_a_run_took(do):
    closing = lines(do("run", "contract-0.txt", "contract-1.txt", "--case", "T-1")[0])[
        -1
    ]
    took = re.search(r" in (.+?):", closing)[1]

    (listed,) = lines(do("runs", "--case", "T-1")[0])[1:]
    assert listed.endswith(f" {took}")
    watched = lines(do("watch", listed.split()[0])[0])[-1]
    assert f" in {took}: " in watched


def test_a_failed_document_makes_the_run_fail(do, folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")

    out, _ = do("run", "broken.pdf", "contract-0.txt", status=1)

    failed = next(line for line in lines(out) if line.startswith("failed"))
    assert re.match(r"failed     broken\.pdf: \w+", failed)
    assert re.match(r"2 documents in .*: 1 completed, 1 failed", lines(out)[-1])


def test_json_is_events_and_nothing_else(do):
    out, err = do("run", ".", "--json")

    printed = [json.loads(line) for line in lines(out)]
    for event in printed:
        jsonschema.validate(event, events.schema())
    ended = [event["name"] for event in printed if event["status"] == "completed"]
    assert set(ended) >= {f"contract-{number}.txt" for number in range(3)}
    assert re.match(r"\d documents in .*: \d completed", lines(err)[-1])


def test_progress_as_json_is_the_same_as_json(do):
    out, err = do("run", "contract-0.txt", "--progress", "json")

    assert {json.loads(line)["name"] for line in lines(out)} == {"contract-0.txt"}
    assert "1 completed" in err
    assert (
        "--json" in do("watch", "latest", "--json", "--progress", "plain", status=2)[1]
    )


def test_quiet_prints_errors_and_nothing_else(do, folder):
    (folder / "empty.txt").touch()

    assert do("run", "contract-0.txt", "--progress", "quiet") == ("", "")
    out, err = do("run", "empty.txt", "--progress", "quiet", status=1)

    assert out == ""
    assert err == "failed  empty.txt: the file is empty\n"


def test_github_gets_a_summary_and_an_annotation(do, folder, monkeypatch):
    (folder / "##[error]empty.txt").touch()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))

    out, err = do("run", "contract-0.txt", "##[error]empty.txt", status=1)

    title = "1 of 2 documents failed"
    reason = "##[error]empty.txt: the file is empty"
    assert f"::error title={title}::{reason}\n" in err
    assert "##[" not in out + err.replace(reason, "")
    assert "##[" not in do("run", "##[error]empty.txt", "--json", status=1)[0]
    summary = (folder / "summary.md").read_text()
    assert "1 completed, 1 failed" in summary
    assert "<code>##[error]empty.txt</code>" in summary


def test_detaching_writes_the_runs_id_alone(do):
    out, err = do("run", "contract-0.txt", "--detach")
    run_id = out.strip()

    assert re.fullmatch(r"[\w-]+\n", out)
    assert err == ""
    watched, _ = do("watch", run_id)
    assert re.search(r"^completed  contract-0\.txt", watched, re.MULTILINE)
    assert run_id in do("runs")[0]


def test_runs_and_documents_can_be_looked_at(do):
    do("run", "contract-0.txt", "contract-1.txt", "--case", "C-7")

    (run,) = map(json.loads, lines(do("runs", "--json", "--case", "C-7")[0]))
    documents = [
        json.loads(line) for line in lines(do("status", run["run_id"], "--json")[0])
    ]
    one = json.loads(do("status", documents[0]["document_id"], "--json")[0])

    assert run["counts"]["completed"] == run["expected"] == 2
    assert [row["name"] for row in documents] == ["contract-0.txt", "contract-1.txt"]
    assert one == documents[0]
    assert "contract-0.txt" in do("status", documents[0]["document_id"])[0]
    assert "contract-1.txt" in do("status", "latest")[0]
    assert "C-7" in do("runs")[0]


def test_status_without_a_name_shows_the_overall_status(do):
    do("run", "contract-0.txt")

    found = json.loads(do("status", "--json")[0])
    shown, _ = do("status")

    assert found["services"]["pid"] > 0
    assert found["redis"]["reachable"]
    idle = {"documents": 0, "oldest_seconds": None, "served": True}
    assert found["queues"] == {"default": idle}
    assert found["counts"]["completed"] >= 1
    assert "running in" in shown


@pytest.mark.parametrize(
    "arguments", [["runs"], ["runs", "--limit", "1", "--json"], ["status"]]
)
def test_the_quick_overview_agrees_with_a_pipeline(do, monkeypatch, arguments):
    do("run", "contract-0.txt", "--case", "quick")
    started = json.loads(do("status", "--json")[0])["services"]["started"]
    quickly = do(*arguments)

    # A setting that a quick look does not know.
    monkeypatch.setenv("DOCPROGRESS_EMBEDDER", "hashing")

    assert do(*arguments) == quickly
    assert json.loads(do("status", "--json")[0])["services"]["started"] == started


def test_status_starts_nothing(do, home):
    found = json.loads(do("status", "--json", home=home)[0])

    assert found["services"] is None
    assert found["counts"]["completed"] == 0
    assert "not running" in do("status", home=home)[0]


def test_passages_are_found(do, folder):
    (folder / "pump.txt").write_text("Replace the filter of the pump every year. " * 9)
    do("run", "pump.txt", "contract-0.txt")

    out, _ = do("search", "filter of the pump", "--run", "latest", "--limit", "1")
    (row,) = map(
        json.loads,
        lines(do("search", "filter", "--run", "latest", "--limit", "1", "--json")[0]),
    )

    assert "pump.txt · page 1" in lines(out)[0]
    assert not re.search(r" $", out, re.MULTILINE)
    assert row["document"] == "pump.txt"
    assert row["score"] == row["words"] > 0
    assert all(row["text"][start:end] == "filter" for start, end in row["marks"])
    mistyped = ("search", "filetr", "--run", "latest", "--limit", "1")
    assert lines(do(*mistyped)[0])[0] == (
        "searched for filter instead of filetr (as written: --no-spelling)"
    )
    [correction] = json.loads(do(*mistyped, "--json")[0])["corrections"]
    assert correction == {"word": "filetr", "used": ["filter"], "also": False}
    assert do(*mistyped, "--no-spelling")[0].startswith("no passage was found")
    none, _ = do("search", "filter", "--document", "contract-0.txt", "--mode", "words")
    assert none == "no passage was found for 'filter'\n"
    _, error = do("search", "filter", "--run", "none-such", status=2)
    assert "none-such" in error


def test_a_password_is_read_from_a_file_or_asked_for(do, folder, monkeypatch):
    plain = io.BytesIO()
    drawing = canvas.Canvas(plain)
    drawing.drawString(72, 700, "the secret text")
    drawing.save()
    writer = pypdf.PdfWriter(clone_from=plain)
    writer.encrypt("sesame", "owner", algorithm="AES-256")
    writer.write(folder / "locked.pdf")
    (folder / "passwords").write_text("wrong\nsesame\n")
    way_out = r"give it to docprogress retry [\w-]+ --ask-password"

    assert re.search(way_out, do("run", "locked.pdf", status=1)[0])
    assert re.search(way_out, do("retry", "latest", status=1)[0])
    assert re.search(way_out, do("status", "latest")[0])
    out, err = do("retry", "latest", "--password-file", "passwords")
    assert "1 completed" in out
    assert "sesame" not in out + err

    do("run", "locked.pdf", status=1)
    monkeypatch.setattr("typer.prompt", lambda _, hide_input: "sesame")
    assert "1 completed" in do("retry", "latest", "--ask-password")[0]


def test_cancelled_documents_can_be_retried(do, start, folder):
    run_id = do("run", "contract-0.txt", "--step", "own_steps:gated", "--detach")[
        0
    ].strip()
    assert do("cancel", run_id)[0] == f"{run_id}: cancelled 1\n"
    (folder / "gate").touch()
    assert "cancelled  contract-0.txt" in do("watch", run_id, status=1)[0]

    out, _ = do("retry", run_id)

    assert lines(out)[-1].startswith("1 document")
    assert "1 completed" in lines(out)[-1]
    assert "nothing to retry" in do("retry", run_id)[1]
    assert "1 completed" in do("retry", run_id, "--all")[0]


def running(process):
    """Wait until a run that writes JSON has a document that is processed."""
    while True:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        event = json.loads(line)
        if event["step"] in ("endless", "gated") and event["status"] == "processing":
            return event


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_run_and_waits(start, number):
    process = start("run", "contract-0.txt", "--json", "--step", "own_steps:endless")
    running(process)

    process.send_signal(number)

    out, err = process.communicate(timeout=SECONDS)
    assert json.loads(lines(out)[-1])["status"] == "cancelled"
    assert lines(err)[0] == (
        "docprogress: cancelling the run; press Ctrl-C again to exit immediately"
    )
    assert "1 cancelled" in lines(err)[-1]
    assert process.returncode == 1


def test_a_second_interrupt_leaves_at_once(start, folder):
    process = start("run", "contract-0.txt", "--json", "--step", "own_steps:gated")
    run_id = running(process)["run_id"]
    process.send_signal(signal.SIGINT)
    assert "cancelling" in process.stderr.readline()

    process.send_signal(signal.SIGINT)

    process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    (folder / "gate").touch()
    # It may be cancelled before or after the command ends, but it is.
    process = start("watch", run_id)
    assert re.search(
        r"^1 document", process.communicate(timeout=SECONDS)[0], re.MULTILINE
    )


def test_an_interrupted_watch_leaves_the_run_going(do, start, folder):
    run_id = do("run", "contract-0.txt", "--step", "own_steps:gated", "--detach")[
        0
    ].strip()
    process = start("watch", run_id, "--json")
    running(process)

    process.send_signal(signal.SIGINT)

    _, err = process.communicate(timeout=SECONDS)
    assert f"docprogress watch {run_id}" in err
    assert process.returncode == 130
    (folder / "gate").touch()
    assert "1 completed" in do("watch", run_id)[0]


def test_an_output_without_space_is_an_error_of_one_line():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "docprogress", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "docprogress: cannot write the output: No space left on device"
    ]


def test_a_closed_pipe_ends_quietly(start, folder):
    process = start("run", "*.txt", "--json", "--step", "own_steps:gated")
    assert process.stdout.readline()
    process.stdout.close()
    (folder / "gate").touch()

    process.wait(timeout=SECONDS)

    assert process.stderr.read() == ""
    assert process.returncode == 1


def in_terminal(arguments, folder, *, until, send=b"", **environment):
    """Run a command in a terminal; what it wrote, and its exit status.

    `send` is typed once `until` has been written.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.pop("CI", None)
        os.environ.update({"COLUMNS": "100", "LINES": "24", "TERM": "xterm"})
        os.environ.update(environment)
        os.execv(sys.executable, [sys.executable, "-m", "docprogress", *arguments])
    written = b""
    deadline = time.monotonic() + SECONDS
    sent = not send
    while True:
        assert time.monotonic() < deadline, written.decode()
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:
            # Linux says so where others say nothing more is to be read.
            read = b""
        if not read:
            break
        written += read
        if not sent and until in written:
            os.write(terminal, send)
            sent = True
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert until in written, written.decode()
    return written.decode(), os.waitstatus_to_exitcode(status)


def test_a_terminal_shows_words_of_the_query_in_bold(do, folder, shared_home):
    (folder / "valve.txt").write_text("Grease the valve every year. " * 9)
    do("run", "valve.txt")
    question = ["search", "valves", "--run", "latest", "--home", str(shared_home)]

    written, status = in_terminal(question, folder, until=b"valve.txt", COLUMNS="40")

    assert status == 0
    assert "\x1b[1mvalve\x1b[0m" in written
    shown = re.sub(r"\x1b\[[\d;]*m", "", written)
    assert max(map(len, shown.splitlines())) <= 40


def test_a_terminal_shows_the_run_and_keeps_the_result(folder, shared_home):
    written, status = in_terminal(
        ["run", "contract-0.txt", "contract-1.txt", "--home", str(shared_home)],
        folder,
        until=b"2 completed",
    )

    assert status == 0
    run_id = re.search(r"Run ([\w-]+): 2 documents\r\n", written)[1]
    assert "\x1b[?25h" in written
    shown = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", written)
    closing = re.search(r"2 documents in [\d.]+ s: 2 completed · 2 pages.*", shown)
    *_, search = shown[closing.end() :].strip().splitlines()
    assert search.split("  ")[1].startswith(
        f"docprogress search QUERY --run {run_id} --home {shared_home}"
    )


def test_ctrl_c_in_a_terminal_cancels_the_run(folder, shared_home):
    (folder / "hostile\x1b[2J\u202e[red].txt").write_text("some text " * 50)
    written, status = in_terminal(
        [
            *("run", "hostile*", "--step", "own_steps:endless"),
            *("--home", str(shared_home)),
        ],
        folder,
        until=b"endless",
        send=b"\x03",
    )

    assert status == 1
    assert "cancelling the run" in written
    assert "1 cancelled" in written.split("cancelling the run")[-1]
    assert "\r\n  docprogress retry " in written
    assert "\x1b[2J" not in written
    assert "\u202e" not in written


def test_a_dumb_terminal_is_written_plain_lines(folder, shared_home):
    written, status = in_terminal(
        ["run", "contract-0.txt", "--home", str(shared_home)],
        folder,
        until=b"1 completed",
        TERM="dumb",
    )

    assert status == 0
    assert "\x1b" not in written
    run_id = re.search(r"^Run ([\w-]+): 1 document\r\n", written, re.MULTILINE)[1]
    assert "\r\ncompleted  contract-0.txt" in written
    assert f"docprogress show contract-0.txt --run {run_id}" in written


def test_services_go_up_and_down(do, home):
    up, _ = do("up", "--workers", "1", home=home)
    again, _ = do("up", home=home)

    assert re.search(r"process \d+, 1 worker\)", up)
    assert again == up
    assert "stopped the local services" in do("down", home=home)[0]
    assert "no local services are running" in do("down", home=home)[0]


def test_a_separate_worker_takes_documents(do, start, server, short_path):
    database = f"sqlite:///{short_path / 'store.db'}"
    shared = [
        *("--redis-url", server.url),
        *("--database-url", database),
        *("--storage-url", (short_path / "files").as_uri()),
    ]
    worker = start("worker", "--concurrency", "1", *shared, home=None)
    run_id = do("run", "contract-0.txt", "--detach", *shared)[0].strip()

    # A run would wait for ever for a worker that cannot start.
    with Pipeline(
        redis_url=server.url,
        database_url=database,
        storage_url=(short_path / "files").as_uri(),
    ) as pipeline:
        pipeline.attach(run_id).wait(timeout=SECONDS)
    out, _ = do("watch", run_id, *shared)
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=SECONDS)

    assert "1 completed" in out
    assert worker.returncode == 0, err


def test_a_worker_joins_the_local_services_of_a_home(start, folder, shared_home):
    steps = ["extraction", "chunking", step("embedding", queue="aside")]
    with Pipeline(home=shared_home, steps=steps) as pipeline:
        worker = start("worker", "--queues", "aside", "--concurrency", "1")
        run = pipeline.submit(folder / "contract-0.txt").wait(timeout=SECONDS)
        worker.send_signal(signal.SIGTERM)
        _, err = worker.communicate(timeout=SECONDS)
        (document,) = run.documents()

    assert document.status == "completed"
    assert document.worker.endswith(f":{worker.pid}")
    assert worker.returncode == 0, err


def test_the_doctor_finds_everything_well(do, shared_home):
    do("run", "contract-0.txt")

    out, _ = do("doctor")

    assert "broken" not in out
    for what in ("home", "server", "services", "redis", "workers", "database"):
        assert re.search(rf"^ok      {what} ", out, re.MULTILINE), out


@pytest.fixture
def unreachable(monkeypatch):
    """A Redis, named by the environment, that is not there."""
    monkeypatch.setenv("DOCPROGRESS_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")


def test_the_doctor_reports_faults_without_secrets(do, unreachable):
    out, err = do("doctor", status=1)

    assert re.search(r"^broken  redis .* cannot be reached", out, re.MULTILINE)
    assert "DOCPROGRESS_REDIS_URL" in out
    assert "hunter2" not in out + err


def test_the_doctor_lists_server_options_and_unknown_settings(
    do, shared_home, monkeypatch
):
    monkeypatch.setenv("DOCPROGRESS_SERVER_TOKEN", "hunter2")
    monkeypatch.setenv("DOCPROGRESS_SERVER_TOKNE", "hunter2")

    out, err = do("doctor")

    assert re.search(r"set in the environment: .*DOCPROGRESS_SERVER_TOKEN\b", out)
    assert "unknown settings: DOCPROGRESS_SERVER_TOKNE\n" in out
    assert "hunter2" not in out + err


def test_an_unreachable_service_is_reported_without_its_password(do, unreachable):
    out, err = do("run", "contract-0.txt", status=1)

    assert out == ""
    assert "hunter2" not in err
    assert lines(err)[-1].startswith("docprogress: ")


def test_local_services_are_not_used_with_another_redis(do, unreachable):
    assert "DOCPROGRESS_REDIS_URL" in do("up", status=2)[1]


def test_no_password_stays_in_the_list_of_processes(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)
        port = listener.getsockname()[1]
        url = f"redis://:hunter2@127.0.0.1:{port}/0"
        process = start("doctor", "--redis-url", url)
        connection, _ = listener.accept()
        with connection:
            seen = Path(f"/proc/{process.pid}/cmdline")
            if not seen.exists():
                pytest.skip("this system shows no command lines under /proc")
            command = seen.read_bytes()
        assert b"doctor" in command
        assert b"hunter2" not in command


SECRET = "redis://:hunter2@host/0"
OPEN = "redis://host/0"


@pytest.mark.parametrize(
    ("arguments", "kept", "moved"),
    [
        (["run", "a"], ["run", "a"], {}),
        (["run", "--redis-url", OPEN], ["run", "--redis-url", OPEN], {}),
        (["run", "--redis-url", SECRET, "a"], ["run", "a"], {"REDIS": SECRET}),
        (["run", f"--redis-url={SECRET}"], ["run"], {"REDIS": SECRET}),
        (["run", "--redis-url"], ["run", "--redis-url"], {}),
        (
            ["run", "--redis-url", SECRET, "--redis-url", OPEN],
            ["run", "--redis-url", OPEN],
            {},
        ),
        (
            ["run", "--redis-url", OPEN, "--redis-url", SECRET],
            ["run"],
            {"REDIS": SECRET},
        ),
        (
            ["run", "--", "--redis-url", SECRET],
            ["run", "--", "--redis-url", SECRET],
            {},
        ),
        (
            ["run", "--storage-url", "s3://bucket?secret=x"],
            ["run"],
            {"STORAGE": "s3://bucket?secret=x"},
        ),
        (
            ["run", "--database-url", "postgresql+psycopg://u:p@h/d"],
            ["run"],
            {"DATABASE": "postgresql+psycopg://u:p@h/d"},
        ),
    ],
)
def test_only_arguments_with_passwords_are_moved(arguments, kept, moved):
    variables = {f"DOCPROGRESS_{name}_URL": url for name, url in moved.items()}

    assert without_passwords(arguments) == (kept, variables)


def test_the_services_outlive_the_command(do, shared_home):
    do("run", "contract-0.txt")

    found = json.loads(do("status", "--json")[0])

    assert eventually(lambda: Path(f"/proc/{found['services']['pid']}").exists())


def test_sync_says_what_has_changed_and_asks_before_much_is_removed(do, folder):
    office = folder / "office"
    office.mkdir()
    for name in ("a.txt", "b.txt", "line\nbreak.txt"):
        (office / name).write_text(f"The text of {name}.")
    case = ("--case", "sync")

    out, _ = do("sync", "office", *case, "--dry-run")
    assert out == "+ a.txt\n+ b.txt\n+ line break.txt\n3 added\n"
    out, err = do("sync", "office", *case)
    assert "docprogress: 3 added\n" in err
    assert "3 completed" in out
    (office / "a.txt").write_text("Another text.")
    (office / "b.txt").unlink()
    (office / "line\nbreak.txt").rename(office / "c.txt")

    out, err = do("sync", "office", *case, "--dry-run")
    assert out.splitlines() == [
        "~ a.txt",
        "- b.txt",
        "> line break.txt → c.txt",
        "1 changed, 1 moved, 1 removed",
    ]
    assert "needs confirmation: 1 of 3 files" in err
    _, err = do("sync", "office", *case, status=1)
    assert "1 of 3 files" in err
    assert "confirm it with --yes" in err
    out, _ = do("sync", "office", *case, "--dry-run", "--json")
    assert json.loads(out)["counts"]["removed"] == 1
    _, err = do("sync", "office", *case, "--max-delete", "50%")
    assert "1 changed, 1 moved, 1 removed" in err

    out, err = do("sync", "office", *case)
    assert (out, "2 unchanged" in err) == ("", True)
    (office / "empty.html").touch()
    do("sync", "office", *case, status=1)
    _, err = do("sync", "office", *case)
    assert "1 failed, 2 unchanged\ndocprogress: empty.html: " in err
    for path in office.iterdir():
        path.unlink()
    assert "not mounted" in do("sync", "office", *case, status=1)[1]
    assert "3 removed" in do("sync", "office", *case, "--yes")[1]
    assert "no such file" in do("sync", "nowhere", status=2)[1]
