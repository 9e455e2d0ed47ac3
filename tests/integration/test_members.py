"""Archives in runs of real workers: killed, cancelled, deleted, with passwords."""

import threading

import psutil
import pypdf
import pytest
import pyzipper
from support.archives import zipped
from support.patience import patient
from support.services import eventually
from support.settings import service_options

from docprogress import Pipeline, ProgressView, Status
from docprogress.bus.keys import passwords_key
from docprogress.bus.leases import owners
from docprogress.store.members import NewMember

COUNT = 400
SECRET = "xyzzy-the-password-of-the-archive"


def archive(count, word="contract"):
    return zipped([(f"{word}-{n}.txt", f"{word} number {n}") for n in range(count)])


def suspended_while_unpacking(pipeline, run, *, members):
    """The process that unpacks, suspended once the run has so many members."""
    container = run.documents(limit=1)[0].id
    owner = owners(pipeline.bus.redis, [container])[container]
    if owner is None:
        return None
    process = psutil.Process(int(owner.rpartition(":")[2]))
    process.suspend()
    [row] = run.documents(limit=1)
    if row.status is Status.PROCESSING and len(run.documents()) > members:
        return process
    process.resume()
    assert row.status is not Status.COMPLETED, "it was too quick"
    return None


def test_a_worker_killed_while_it_adds_members_costs_none_and_adds_none_twice(home):
    with Pipeline(home=home, workers=2, lease_seconds=600) as pipeline:
        pipeline.submit([("first.txt", b"first")]).wait(timeout=patient(60))
        run = pipeline.submit([("a.zip", archive(COUNT))])

        eventually(lambda: suspended_while_unpacking(pipeline, run, members=1)).kill()
        run.wait(timeout=patient(120))

        rows = run.documents()
        assert {row.status for row in rows} == {Status.COMPLETED}
        assert rows[0].attempt == 2
        assert len({row.name for row in rows}) == len(rows) == COUNT + 1
        assert run.expected == COUNT + 1
        frame = run.to_frame()
        assert len(frame) == COUNT + 1


@pytest.mark.slow
def test_a_run_whose_archive_is_cancelled_while_it_is_unpacked_ends_at_once(home):
    with Pipeline(home=home, workers=2) as pipeline:
        pipeline.submit([("first.txt", b"first")]).wait(timeout=patient(60))
        run = pipeline.submit([("a.zip", archive(COUNT))])
        process = eventually(
            lambda: suspended_while_unpacking(pipeline, run, members=1)
        )

        run.cancel()
        process.resume()
        run.wait(timeout=patient(60))

        assert {row.status for row in run.documents()} <= {
            Status.CANCELLED,
            Status.COMPLETED,
        }
        assert run.documents()[0].status is Status.CANCELLED
        assert len(run.documents()) == run.expected == COUNT + 1


def test_a_run_does_not_end_before_the_members_of_its_members(pipeline):
    content = zipped([("deep.txt", "deep")])
    for level in range(3):
        content = zipped([(f"{level}.zip", content), (f"{level}.txt", "x")])

    for _ in range(5):
        run = pipeline.submit([("a.zip", content)])
        events = list(run.as_completed(timeout=patient(60)))

        assert len(events) == len(run.documents()) == run.expected == len(run) == 8
        assert all(row.status is Status.COMPLETED for row in run.documents())


@pytest.mark.slow
def test_members_are_added_on_postgresql_while_others_are_and_the_run_is_cancelled(
    home, postgres_url
):
    content = zipped([(f"{n}.zip", archive(20, f"c{n}")) for n in range(12)])
    with Pipeline(home=home, workers=4, database_url=postgres_url) as pipeline:
        run = pipeline.submit([("a.zip", content)]).wait(timeout=patient(120))

        assert len(run.documents()) == run.expected == 1 + 12 + 12 * 20
        assert {row.status for row in run.documents()} == {Status.COMPLETED}
        assert run.documents(limit=1)[0].unpacked_members == 12 + 12 * 20

        again = pipeline.submit([("a.zip", content)])
        eventually(lambda: len(again.documents()) > 60)
        again.cancel()
        again.wait(timeout=patient(60))
        assert len(again.documents()) == again.expected
        assert all(row.status.final for row in again.documents())


def test_members_whose_events_were_lost_are_waited_for(redis_url, tmp_path):
    """The store has them before the last event of their container."""
    where = service_options(tmp_path, redis_url)
    with Pipeline(**where) as pipeline:
        run = pipeline.submit([("a.zip", b"no worker opens it")])
        [row] = run.documents()
        claim = pipeline.store.attempts.claim(row.id, 1, worker="w")
        waiting = threading.Thread(target=run.wait, args=(patient(60),))
        waiting.start()
        view = ProgressView(run)
        pipeline.store.members.add(
            claim.document,
            [NewMember(1, "a.zip/b.txt", 1)],
            root_id=row.id,
            step="extraction",
            max_members=9,
            max_bytes=9,
        )
        finish = pipeline.store.attempts.finish

        ended = finish(row.id, 1, Status.COMPLETED, message="Completed")
        pipeline.bus.publish(ended.event())

        eventually(lambda: "1 completed" in view.summary())
        assert waiting.is_alive()
        assert not view.finished
        assert run.expected == len(run) == 2
        [_, member] = run.documents()
        pipeline.store.attempts.claim(member.id, 1, worker="w")
        ended = finish(member.id, 1, Status.COMPLETED, message="Completed")
        pipeline.bus.publish(ended.event())
        waiting.join(patient(30))
        assert not waiting.is_alive()
        eventually(lambda: view.finished)
        view.close()


def test_a_run_that_is_deleted_leaves_no_file_of_a_member(pipeline, shared_home):
    run = pipeline.submit([("a.zip", archive(5))]).wait(timeout=patient(60))
    assert len(list((shared_home / "files").rglob(f"{run.id}*"))) == 6

    deleted = run.delete()

    assert (deleted.documents, deleted.files) == (6, 6)
    assert list((shared_home / "files").rglob(f"{run.id}*")) == []


def locked_documents():
    import io

    from reportlab.pdfgen import canvas

    plain, pdf, packed = io.BytesIO(), io.BytesIO(), io.BytesIO()
    drawing = canvas.Canvas(plain)
    drawing.drawString(72, 700, "the secret text")
    drawing.save()
    writer = pypdf.PdfWriter(clone_from=plain)
    writer.encrypt(SECRET, "owner", algorithm="AES-256")
    writer.write(pdf)
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as file:
        file.setpassword(SECRET.encode())
        file.writestr("m.txt", "the secret member")
    return [("locked.pdf", pdf.getvalue()), ("locked.zip", packed.getvalue())]


def kept(home, client):
    """Everything that the services have written."""
    for path in home.rglob("*"):
        if path.is_file():
            yield path.read_bytes()
    for key in client.scan_iter():
        yield client.dump(key)


def test_a_retry_with_passwords_reads_what_needed_them_and_keeps_no_password(home):
    with Pipeline(home=home, workers=1) as pipeline:
        run = pipeline.submit(locked_documents()).wait(timeout=patient(60))
        failed = {row.name: row.error for row in run.documents() if row.error}
        assert failed == {
            "locked.pdf": "locked.pdf: the PDF is encrypted and needs a password; "
            "give it to run.retry(passwords=[…])",
            "locked.zip/m.txt": "locked.zip/m.txt: it is encrypted and needs a "
            "password; give it to run.retry(passwords=[…])",
        }

        assert run.retry(passwords=["wrong", SECRET]) == 2
        run.wait(timeout=patient(60))

        assert {row.status for row in run.documents()} == {Status.COMPLETED}
        client = pipeline.bus.redis
        assert 0 < client.ttl(passwords_key(run.id)) <= 24 * 60 * 60
        assert not any(SECRET.encode() in content for content in kept(home, client))
        run.delete()
        assert not client.exists(passwords_key(run.id))


def test_passwords_of_the_pipeline_are_tried_at_once(pipeline_with):
    with pipeline_with(passwords=[SECRET]) as pipeline:
        assert SECRET not in repr(pipeline)
        run = pipeline.submit(locked_documents()).wait(timeout=patient(60))

        assert {row.status for row in run.documents()} == {Status.COMPLETED}
        assert SECRET not in str(pipeline.store.runs.get(run.id).settings)
