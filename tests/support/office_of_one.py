"""A store, its files, and a worker that takes documents on request."""

from contextlib import nullcontext

import sqlalchemy as sa

from docprogress.events import now
from docprogress.settings import RUN_SETTINGS, load
from docprogress.sinks import locate, open_sink
from docprogress.steps import plan
from docprogress.storage import Files, Source
from docprogress.store import Store, schema
from docprogress.store.sinks import mark_deleted
from docprogress.worker.limits import no_limit
from docprogress.worker.processing import DocumentProcessor
from docprogress.worker.sink_settlement import SinkSettler
from docprogress.worker.storing import locate_publicly

from .rows import add_documents, add_run


class OfficeOfOne:
    """One worker in this process, without Redis."""

    def __init__(self, folder, **settings):
        self.store = Store(f"sqlite:///{folder / 'store.db'}")
        self.files = Files(str(folder / "files"))
        self.settings = load(workers=2, events_per_second=0, **settings)
        self.events = []
        self._sinks = set()

    def add(self, name, content, *, replaces=None, steps=None, **settings):
        """A document that waits; its id."""
        self._sinks |= {settings["sink"]} if "sink" in settings else set()
        steps = steps or plan(sink="sink" in settings)
        run = add_run(
            self.store,
            steps=[step.to_dict() for step in steps],
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

    def settle(self):
        """Reconcile the sink, as workers do of themselves; how many entries."""
        entries = self.store.sinks.to_settle(limit=1000, orphaned=True)
        settler = SinkSettler(
            self.store,
            self.settings,
            guard=no_limit,
            locate=locate_publicly,
            lease=nullcontext,
        )
        settler.settle([entry.document_id for entry in entries])
        return len(entries)

    def retire(self, document_id):
        """What happens to a document that a newer version replaces."""
        with self.store.database.writing() as connection:
            connection.execute(
                sa.update(schema.document)
                .where(schema.document.c.id == document_id)
                .values(retired_at=now())
            )
            mark_deleted(connection, [document_id])

    def close(self):
        for url in self._sinks:
            # A worker's connection ends with the worker.
            connection = getattr(open_sink(locate(url)), "_connection", None)
            if connection is not None:
                connection.close()
        self.store.close()
