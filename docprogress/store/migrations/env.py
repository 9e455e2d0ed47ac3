"""Run by Alembic: migrate over the connection that `upgrade` was given."""

from alembic import context

from docprogress.store.schema import metadata
from docprogress.store.table_version import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # SQLite can alter most things of a table only by recreating it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
