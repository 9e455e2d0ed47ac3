"""Workers that run some code of a test before their own."""

#: A worker whose consumers are cancelled once a file is there, behind Celery's back.
DEAF = """
import threading, time
from pathlib import Path
from celery.signals import worker_ready
from docprogress.worker import consumer_watchdog

consumer_watchdog.STALL_SECONDS = 2.0

def cancel(consumer):
    channel = consumer.task_consumer.channel
    for tag in list(consumer.task_consumer._active_tags.values()):
        channel.basic_cancel(tag)
    Path("DEAF").rename("DEAF.done")

def wait(consumer):
    while not Path("DEAF").exists():
        time.sleep(0.05)
    consumer.hub.call_soon(cancel, consumer)

@worker_ready.connect(weak=False)
def ready(sender, **_):
    threading.Thread(target=wait, args=(sender,), daemon=True).start()
"""


def customized(folder, code):
    """The environment of a worker that runs this code first."""
    path = folder / "customized"
    path.mkdir()
    (path / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(path)}


def deaf_worker(folder):
    """The file that has a worker receive nothing more, and its environment."""
    path = folder / "deaf"
    return path, customized(folder, DEAF.replace("DEAF", str(path)))
