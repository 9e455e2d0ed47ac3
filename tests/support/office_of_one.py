"""A store, its files, and a worker that takes documents on request."""

from docprogress.settings import RUN_SETTINGS, load
from docprogress.steps import plan
from docprogress.storage import Files, Source
from docprogress.store import Store
from docprogress.worker.processing import DocumentProcessor

from .rows import add_documents, add_run


class OfficeOfOne:
    """One worker in this process, without Redis."""

    def __init__(self, folder, **settings):
        self.store = Store(f"sqlite:///{folder / 'store.db'}")
        self.files = Files(str(folder / "files"))
        self.settings = load(workers=2, events_per_second=0, **settings)
        self.events = []

    def add(self, name, content, *, replaces=None, steps=None, **settings):
        """A document that waits; its id."""
        run = add_run(
            self.store,
            steps=[step.to_dict() for step in steps or plan()],
            settings=self.settings.model_dump(include=set(RUN_SETTINGS)) | settings,
        )
        [document_id] = add_documents(self.store, run, 1, name=name, replaces=replaces)
        source = Source(name=name, data=content)
        self.files.add(document_id, source, max_bytes=1 << 30)
        self.store.submissions.mark_ready([(document_id, len(content), None)])
        return document_id

    def process(self, document_id, publish=lambda _: False):
        """Have the worker take a document; its row."""

        def record(event):
            self.events.append(event)
            return publish(event)

        attempt = self.store.documents.get(document_id).attempt
        claim = self.store.attempts.claim(document_id, attempt, worker="w")
        processor = DocumentProcessor(
            store=self.store,
            files=self.files,
            settings=self.settings,
            publish=record,
            sleep=lambda _: None,
        )
        processor.process(claim)
        return self.store.documents.get(document_id)

    def close(self):
        self.store.close()
