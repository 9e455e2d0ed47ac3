"""Documents in S3 over HTTP: multipart uploads, ranges, and failures."""

import contextlib
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from support.patience import patient
from support.runs import documents, ended_right, in_the_middle, nothing_is_left
from support.s3 import KEY, S3, SECRET, client, moto
from support.services import eventually

from docprogress import Pipeline
from docprogress.errors import (
    SettingsError,
    StorageUnavailable,
    StoreError,
    TransientError,
    Unreadable,
)
from docprogress.settings import load
from docprogress.storage import Files, Source
from docprogress.storage.remote import PART_BYTES

MOST = 10**9

STEPS = """
import time
from pathlib import Path

def slow(pages):
    for page in pages:
        time.sleep(0.2)
        yield page

def gated(pages):
    for page in pages:
        while not Path({gate!r}).exists():
            time.sleep(0.02)
        yield page
"""


@pytest.fixture(scope="module")
def moto_port():
    with moto() as port:
        yield port


@pytest.fixture
def s3(moto_port):
    with S3(moto_port) as s3:
        yield s3


@pytest.fixture
def bucket(s3):
    name = f"bucket-{uuid.uuid4().hex}"
    s3.client.create_bucket(Bucket=name)
    s3.asked.clear()
    return name


@pytest.fixture
def options(s3):
    return {"endpoint_url": s3.url, "key": KEY, "secret": SECRET}


@pytest.fixture
def files(bucket, options):
    return Files(f"s3://{bucket}/documents", options)


@pytest.fixture
def environment(s3, monkeypatch):
    """The environment variables that the S3 libraries read by default."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def steps(tmp_path, gate, monkeypatch):
    (tmp_path / "s3_steps.py").write_text(STEPS.format(gate=str(gate)))
    monkeypatch.chdir(tmp_path)


def of(data, name="a.pdf"):
    return Source(name=name, file=io.BytesIO(data))


def read(files, document_id, **options):
    with files.local(document_id, **options) as path:
        return path.read_bytes()


def test_a_large_document_goes_in_parts_and_comes_by_range(files, s3, bucket):
    data = os.urandom(5 * PART_BYTES + 7)

    stored = files.add("abc", of(data), max_bytes=MOST)

    assert stored == (len(data), hashlib.sha256(data).hexdigest())
    sent = [asked.size for asked in s3.asked if asked.part]
    assert sorted(sent) == [7, *[PART_BYTES] * 5]
    assert max(asked.size for asked in s3.asked) == PART_BYTES
    assert (s3.keys(bucket), s3.uploads(bucket)) == (["documents/ab/abc"], [])

    s3.asked.clear()
    reported = []
    got = read(
        files, "abc", on_progress=lambda done, total: reported.append((done, total))
    )

    assert got == data
    asked = [each.range for each in s3.asked if each.method == "GET"]
    ends = [
        min(start + PART_BYTES, len(data)) for start in range(0, len(data), PART_BYTES)
    ]
    assert asked == [
        f"bytes={start}-{end - 1}" for start, end in zip([0, *ends], ends, strict=False)
    ]
    assert reported == [(end, len(data)) for end in ends]


@pytest.mark.parametrize("size", [0, 1, PART_BYTES])
def test_a_small_document_is_one_request(files, s3, size):
    data = os.urandom(size)

    files.add("abc", of(data), max_bytes=MOST)

    assert [asked.method for asked in s3.asked] == ["PUT"]
    assert read(files, "abc") == data


def test_a_document_is_kept_once_and_forgotten(files, s3, bucket):
    for data in (b"first", b"second", b"second"):
        files.add("abc", of(data), max_bytes=MOST)
    assert s3.keys(bucket) == ["documents/ab/abc"]
    assert read(files, "abc") == b"second"

    files.delete("abc")
    files.delete("abc")

    assert s3.keys(bucket) == []
    with pytest.raises(Unreadable, match="not in the storage"):
        read(files, "abc")


def test_an_interrupted_upload_leaves_no_object(files, s3, bucket):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 2 * PART_BYTES:
                raise OSError("gone")
            return super().read(size)

    source = Source(name="a.pdf", file=Broken(bytes(4 * PART_BYTES)))

    with pytest.raises(Unreadable, match="gone"):
        files.add("abc", source, max_bytes=MOST)

    assert s3.asked == []


def test_an_upload_that_is_interrupted_leaves_no_part(files, s3, bucket):
    def interrupt(asked):
        if "partNumber=2" in asked.path:
            os.kill(os.getpid(), signal.SIGINT)

    s3.met = interrupt
    with pytest.raises(KeyboardInterrupt):
        files.add("abc", of(bytes(6 * PART_BYTES)), max_bytes=MOST)
    s3.met = lambda _: None

    assert any(asked.part for asked in s3.asked)
    eventually(lambda: s3.uploads(bucket) == [])
    assert s3.keys(bucket) == []


def test_refused_aborts_of_parts_are_repeated(files, s3, bucket):
    refused = []
    asked_to_abort = threading.Event()

    def interrupt(asked):
        if "partNumber=2" in asked.path:
            os.kill(os.getpid(), signal.SIGINT)
            # The upload must not be complete before the interrupt is noticed.
            asked_to_abort.wait(patient(5))
        elif asked.method == "DELETE" and not refused:
            refused.append(asked)
            s3.away.set()
            asked_to_abort.set()
        elif asked.method == "GET":
            s3.away.clear()

    s3.met = interrupt
    with pytest.raises(KeyboardInterrupt):
        files.add("abc", of(bytes(6 * PART_BYTES)), max_bytes=MOST)

    assert refused
    assert s3.uploads(bucket) == []


def test_an_upload_continues_after_an_outage_and_leaves_no_part(files, s3, bucket):
    """While the storage is away, what was sent cannot be given up either."""
    data = os.urandom(4 * PART_BYTES)

    def go_away(asked):
        if "partNumber=2" in asked.path:
            s3.away.set()

    waited = []

    def on_wait():
        waited.append(time.monotonic())
        if len(waited) == 3:
            assert s3.uploads(bucket) == ["documents/ab/abc"]
            s3.met = lambda _: None
            s3.away.clear()

    s3.met = go_away
    files.add("abc", of(data), max_bytes=MOST, on_wait=on_wait)

    assert len(waited) == 3
    assert s3.uploads(bucket) == []
    assert read(files, "abc") == data


def test_a_download_continues_where_it_was_when_the_storage_was_unavailable(files, s3):
    data = os.urandom(4 * PART_BYTES)
    files.add("abc", of(data), max_bytes=MOST)
    s3.asked.clear()

    def on_progress(done, total):
        if done == 2 * PART_BYTES:
            s3.away.set()

    got = read(files, "abc", on_progress=on_progress, on_wait=s3.away.clear)

    assert got == data
    asked = [each.range for each in s3.asked if each.method == "GET"]
    assert len(asked) == 5
    assert asked[2] == asked[3]


def test_a_storage_that_stays_unavailable_is_not_waited_for_forever(
    bucket, options, s3
):
    files = Files(f"s3://{bucket}", options, retry_timeout=0.5)
    files.add("abc", of(b"x"), max_bytes=MOST)
    s3.away.set()

    for ask in (
        lambda: files.add("abc", of(b"y"), max_bytes=MOST),
        lambda: read(files, "abc"),
        lambda: files.delete("abc"),
    ):
        with pytest.raises(StorageUnavailable, match=r"Service Unavailable|503"):
            ask()
    assert s3.uploads(bucket) == []


def refused(url, options):
    """The error of an unusable storage, which must come soon."""
    files = Files(url, options)
    started = time.monotonic()
    with pytest.raises((StoreError, SettingsError)) as caught:
        files.check()
    assert time.monotonic() - started < patient(15)
    shown = "".join(traceback.format_exception(caught.value)) + repr(files)
    assert SECRET not in shown
    return str(caught.value)


def test_an_unusable_storage_is_reported_with_the_reason(bucket, options, s3):
    url = f"s3://{bucket}/documents"
    soon = {"config_kwargs": {"read_timeout": 2}}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for address in (f"http://127.0.0.1:{port}", "http://127.0.0.1:1"):
            output = refused(url, options | soon | {"endpoint_url": address})
            assert "endpoint" in output
            assert "AWS_ENDPOINT_URL" in output
    assert "bucket does not exist" in refused("s3://no-such-bucket/x", options)
    assert s3.client.list_buckets()["Buckets"][0]["Name"] != "no-such-bucket"
    assert "credentials" in refused(url, {"endpoint_url": s3.url})
    assert "nonsense" in refused(url, options | {"nonsense": SECRET})
    Files(url, options).check()
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])


def test_a_wrong_key_is_reported_at_once_and_never_shown(bucket, moto_port, s3):
    iam = client(s3.url, service="iam")
    iam.create_user(UserName="worker")
    own = iam.create_access_key(UserName="worker")["AccessKey"]
    policy = {"Version": "2012-10-17"}
    policy["Statement"] = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
    iam.put_user_policy(
        UserName="worker", PolicyName="all", PolicyDocument=json.dumps(policy)
    )
    right = {
        "endpoint_url": s3.url,
        "key": own["AccessKeyId"],
        "secret": own["SecretAccessKey"],
    }
    reset = f"http://127.0.0.1:{moto_port}/moto-api/reset-auth"
    httpx.post(reset, content="0").raise_for_status()
    try:
        Files(f"s3://{bucket}", right).check()
        output = refused(f"s3://{bucket}", right | {"secret": SECRET})
        assert "signature" in output.lower()
        output = refused(f"s3://{bucket}", right | {"key": KEY, "secret": SECRET})
        assert "does not exist" in output
        files = Files(f"s3://{bucket}", right | {"secret": SECRET})
        started = time.monotonic()
        with pytest.raises(TransientError, match="signature"):
            files.add("abc", of(b"x"), max_bytes=MOST)
        assert time.monotonic() - started < patient(10)
    finally:
        httpx.post(reset, content="1000000").raise_for_status()


def test_uploads_of_killed_processes_are_aborted(files, s3, bucket):
    for key in ("documents/ab/abc", "documents-of-others/ab/abc"):
        s3.client.create_multipart_upload(Bucket=bucket, Key=key)
    files.check()
    assert len(s3.uploads(bucket)) == 2  # somebody may be at it

    s3.began -= timedelta(days=2)
    files.check()

    assert s3.uploads(bucket) == ["documents-of-others/ab/abc"]


def test_options_hold_secrets_and_are_not_shown(monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_STORAGE_OPTIONS", json.dumps({"secret": SECRET}))
    settings = load()

    assert settings.storage_options == {"secret": SECRET}
    assert SECRET not in repr(settings)

    monkeypatch.setenv("DOCPROGRESS_STORAGE_OPTIONS", f"{{'secret': {SECRET!r}}}")
    with pytest.raises(SettingsError, match="storage_options") as caught:
        load()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_worker_and_doctor_say_at_once_that_there_is_no_bucket(
    s3, environment, redis_url, home
):
    settings = {
        "DOCPROGRESS_REDIS_URL": redis_url,
        "DOCPROGRESS_STORAGE_URL": "s3://no-such-bucket/x",
        "DOCPROGRESS_HOME": str(home),
    }
    for command in ("worker", "doctor"):
        result = subprocess.run(
            [sys.executable, "-m", "docprogress", command],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=patient(50),  # a storage that is away is waited for longer
        )

        assert result.returncode == 1
        output = " ".join((result.stdout + result.stderr).split())
        assert "s3://no-such-bucket/x cannot be used" in output
        assert "bucket does not exist" in output
        assert "Traceback" not in output
        assert SECRET not in output


@pytest.mark.parametrize("seconds", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_storage_that_becomes_unavailable_during_a_run_is_waited_for(  # noqa: PLR0917
    s3, bucket, environment, home, steps, seconds
):
    """Also for longer than it takes three attempts to fail."""
    large = ("large.txt", b"One large document. " * (PART_BYTES // 15))
    with Pipeline(
        home=home,
        workers=2,
        steps=["s3_steps:slow"],
        storage_url=f"s3://{bucket}/documents",
    ) as pipeline:
        run = pipeline.submit([*documents(12), large])
        in_the_middle(run)
        s3.away.set()
        eventually(lambda: "Waiting for the storage" in messages(run))
        time.sleep(seconds)  # the outage is the test
        s3.away.clear()

        rows = ended_right(run)

        assert all(row.attempt == 1 for row in rows)
        kept = [key.rpartition("/")[2] for key in s3.keys(bucket)]
        assert sorted(kept) == sorted(row.id for row in rows)

        # Also before it was there to be read.
        s3.away.set()
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(pipeline.submit, [("late.txt", b"late")])

            def waits():
                late = pipeline.attach("latest")
                seen = messages(late) if late.id != run.id else ()
                assert "Queued" not in seen
                return "Waiting for the storage" in seen

            try:
                eventually(waits)
            finally:
                s3.away.clear()
            late = sent.result().wait(timeout=patient(60))
        assert "Queued" in messages(late)
    nothing_is_left(home)


@pytest.mark.slow
def test_a_worker_whose_disk_is_full_leaves_documents_to_another(  # noqa: PLR0917
    s3, bucket, environment, redis_url, home, steps, gate, small_disk
):
    urls = {"redis_url": redis_url, "storage_url": f"s3://{bucket}/documents"}
    given = {f"DOCPROGRESS_{name.upper()}": value for name, value in urls.items()}
    given["DOCPROGRESS_HOME"] = str(home)
    room = tempfile.mkdtemp(dir=home.parent)
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "docprogress", "worker", "--concurrency", "1"],
            env=os.environ | given | {"TMPDIR": place},
            stderr=subprocess.DEVNULL,
        )
        for place in (str(small_disk), room)
    ]
    try:
        with Pipeline(home=home, steps=["s3_steps:gated"], **urls) as pipeline:
            eventually(lambda: len(answering(pipeline)) == 2, seconds=60)
            # Not before: a temporary folder without room is not even chosen.
            with (small_disk / "filler").open("wb", buffering=0) as filler:
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(bytes(4096))
            run = pipeline.submit(documents(8))
            # The worker with room holds one document: the other has to try.
            waits = {
                f"Waiting for room on the disk of {socket.gethostname()}",
                "Waiting for a worker with room on its disk",
            }
            eventually(lambda: waits <= messages(run))
            gate.touch()

            rows = ended_right(run)

            assert all(row.attempt == 1 for row in rows)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(patient(30))


def messages(run):
    return set(run.events()["message"])


def answering(pipeline):
    """The workers that are there."""
    return pipeline.connections.sender._app.control.ping(timeout=0.5)
