"""A store with one worker, in the process of the test."""

from docprogress.client.fingerprint import fingerprint
from docprogress.documents import document_id
from docprogress.events import Status
from docprogress.settings import RUN_SETTINGS, load
from docprogress.steps import plan
from docprogress.storage import Files, Source
from docprogress.store import NewDocument, Store
from docprogress.worker.processing import DocumentProcessor

PLAN = plan(None)


class Bench:
    """A store with one worker, which processes what it is sent."""

    def __init__(self, folder):
        self.files = Files(str(folder / "files"))
        self.store = Store(f"sqlite:///{folder / 'store.db'}").open()
        self.sent = []
        self.published = []
        self.processor = DocumentProcessor(
            store=self.store,
            files=self.files,
            settings=load(),
            publish=lambda _: False,
            publish_rows=self._publish_rows,
            send=self._send,
        )

    def publish_rows(self, rows):
        self.published += rows

    def send(self, rows):
        self.sent += [row.id for row in rows]

    def _publish_rows(self, rows):
        self.publish_rows(rows)

    def _send(self, rows):
        self.send(rows)

    def submit(self, *contents, run_id="run", **own):
        settings = {name: getattr(load(), name) for name in RUN_SETTINGS}
        self.store.runs.add(
            run_id=run_id,
            case_id="case",
            expected=len(contents),
            steps=[step.to_dict() for step in PLAN],
            settings=settings | own,
            fingerprint=fingerprint(PLAN, settings),
        )
        for number, (name, content) in enumerate(contents, 1):
            own_id = document_id(run_id, number)
            new = NewDocument(
                id=own_id, run_id=run_id, number=number, name=name, case_id="case"
            )
            self.store.submissions.add([new])
            stored = self.files.add(
                own_id, Source(name=name, data=content), max_bytes=1 << 30
            )
            self.store.submissions.mark_ready([(own_id, *stored)])
            self.sent.append(own_id)

    def process(self, name):
        row = self.store.documents.get(name)
        claim = self.store.attempts.claim(name, row.attempt, worker="w")
        if claim is not None:
            self.processor.process(claim)

    def work(self):
        while self.sent:
            self.process(self.sent.pop(0))

    def rows(self, run_id="run"):
        return {row.name: row for row in self.store.documents.find(run_id)}

    def texts(self, run_id="run"):
        return {
            name: "".join(page.text for page in self.store.results.pages(row.id))
            for name, row in self.rows(run_id).items()
            if row.status is Status.COMPLETED and row.pages
        }
