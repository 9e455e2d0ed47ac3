"""How runs go: some documents at a time, so that nobody waits for all of them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, func, select, update

from docprogress.errors import RunNotFound
from docprogress.store import schema
from docprogress.store.reading import Reading
from docprogress.store.rows import FINAL

_document = schema.document.c
_run = schema.run.c

_DELETE_DOCUMENTS = (
    delete(schema.document)
    .where(
        _document.id.in_(bindparam("documents", expanding=True)),
        _document.status.in_(FINAL),
    )
    .returning(_document.run_id)
)
# A run that is deleted in part is complete with what is left of it.
_EXPECT_LESS = (
    update(schema.run)
    .where(_run.id == bindparam("run"))
    .values(expected=_run.expected - bindparam("fewer"))
)
_OF_RUN = select(_document.id).where(_document.run_id == _run.id)
_DELETE_RUN = delete(schema.run).where(
    _run.id == bindparam("run"), ~exists(_OF_RUN.correlate(schema.run))
)
_OLD = (
    select(_run.id)
    .where(_run.created_at < bindparam("before", type_=schema.Moment))
    .order_by(_run.created_at, _run.id)
)
# A document that has come to rest has ended at some time.
_NEWER = select(_document.id).where(
    _document.run_id == _run.id,
    func.coalesce(_document.finished_at, _document.updated_at)
    >= bindparam("before", type_=schema.Moment),
)
_UNFINISHED = select(_document.id).where(
    _document.run_id == _run.id, _document.status.not_in(FINAL)
)


class Deleting(Reading):
    """The part of the store that forgets."""

    def delete_documents(self, document_ids: Sequence[str]) -> int:
        """Forget documents that have come to rest, and all that they gave.

        Their runs are as many documents smaller.
        """
        chosen = {"documents": list(document_ids)}
        with self.writing() as connection:
            deleted = Counter(connection.scalars(_DELETE_DOCUMENTS, chosen))
            for run_id, count in sorted(deleted.items()):
                connection.execute(_EXPECT_LESS, {"run": run_id, "fewer": count})
        return deleted.total()

    def delete_empty_run(self, run_id: str) -> bool:
        """Forget a run that has no documents any more; False if it has some.

        Raises:
            RunNotFound: There is none with this id.
        """
        with self.writing() as connection:
            if connection.execute(_DELETE_RUN, {"run": run_id}).rowcount:
                self._runs.pop(run_id, None)
                return True
            found = connection.execute(select(_run.id).where(_run.id == run_id))
            if found.one_or_none() is None:
                raise RunNotFound(run_id)
            return False

    def old_runs(self, before: datetime) -> tuple[list[str], list[str]]:
        """The runs that were at rest then already, and older ones that are not yet.

        The oldest come first.
        """
        with self.reading() as connection:
            at_rest = _OLD.where(
                ~exists(_NEWER.correlate(schema.run)),
                ~exists(_UNFINISHED.correlate(schema.run)),
            )
            unfinished = _OLD.where(exists(_UNFINISHED.correlate(schema.run)))
            moment = {"before": before}
            return (
                list(connection.scalars(at_rest, moment)),
                list(connection.scalars(unfinished, moment)),
            )
