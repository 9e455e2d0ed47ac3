"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "run",
        _column("id", sa.Text(), primary_key=True),
        _column("case_id", sa.Text(), nullable=True),
        _column("created_at", MOMENT),
        _column("expected", sa.Integer()),
        _column("steps", sa.Text()),
        _column("settings", sa.Text()),
        _column("fingerprint", sa.Text()),
    )
    op.create_index("run_created_at", "run", ["created_at"])
    op.create_index("run_case_id", "run", ["case_id"])
    op.create_table(
        "document",
        _column("id", sa.Text(), primary_key=True),
        _of("run", "run_id"),
        _column("number", sa.Integer()),
        _column("case_id", sa.Text(), nullable=True),
        _column("name", sa.Text()),
        _column("url", sa.Text(), nullable=True),
        _column("size", sa.BigInteger(), nullable=True),
        _column("sha256", sa.Text(), nullable=True),
        _column("ready", sa.Boolean()),
        _column("media_type", sa.Text(), nullable=True),
        _column("engine", sa.Text(), nullable=True),
        _column("title", sa.Text(), nullable=True),
        _column("note", sa.Text(), nullable=True),
        _column("status", sa.Text()),
        _column("step", sa.Text()),
        _column("next_step", sa.Integer()),
        _column("progress", sa.Double()),
        _column("kept_progress", sa.Double()),
        _column("message", sa.Text()),
        _column("error", sa.Text(), nullable=True),
        _column("attempt", sa.Integer()),
        _column("first_attempt", sa.Integer()),
        _column("cancel_requested", sa.Boolean()),
        _column("due_at", sa.Double(), nullable=True),
        _column("pages", sa.Integer()),
        _column("characters", sa.BigInteger()),
        _column("chunks", sa.Integer()),
        _column("embedder", sa.Text(), nullable=True),
        _column("worker", sa.Text(), nullable=True),
        _column("created_at", MOMENT),
        _column("started_at", MOMENT, nullable=True),
        _column("finished_at", MOMENT, nullable=True),
        _column("updated_at", MOMENT),
    )
    for name, columns in {
        "document_run_status": ["run_id", "status", "finished_at"],
        "document_status": ["status"],
        "document_case_id": ["case_id"],
        "document_sha256": ["sha256"],
    }.items():
        op.create_index(name, "document", columns)
    op.create_index(
        "document_run_number", "document", ["run_id", "number"], unique=True
    )
    op.create_table(
        "attempt",
        _of("document", "document_id", primary_key=True),
        _column("number", sa.Integer(), primary_key=True),
        _column("status", sa.Text()),
        _column("worker", sa.Text()),
        _column("started_at", MOMENT),
        _column("finished_at", MOMENT, nullable=True),
        _column("error", sa.Text(), nullable=True),
    )
    op.create_table(
        "step_timing",
        _of("document", "document_id", primary_key=True),
        _column("attempt", sa.Integer(), primary_key=True),
        _column("position", sa.Integer(), primary_key=True),
        _column("step", sa.Text()),
        _column("started_at", MOMENT),
        _column("seconds", sa.Double()),
        _column("items", sa.BigInteger()),
        _column("unit", sa.Text()),
    )
    op.create_table(
        "page",
        _of("document", "document_id", primary_key=True),
        _column("number", sa.Integer(), primary_key=True),
        _column("text", sa.Text()),
    )
    op.create_table(
        "chunk",
        _of("document", "document_id", primary_key=True),
        _column("number", sa.Integer(), primary_key=True),
        _column("start", sa.BigInteger()),
        _column("end", sa.BigInteger()),
        _column("first_page", sa.Integer()),
        _column("last_page", sa.Integer()),
        _column("text", sa.Text()),
    )
    op.create_table(
        "vectors",
        _of("document", "document_id", primary_key=True),
        _column("first", sa.Integer(), primary_key=True),
        _column("count", sa.Integer()),
        _column("dimensions", sa.Integer()),
        _column("embedder", sa.Text(), nullable=True),
        _column("data", sa.LargeBinary()),
    )


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS sink_document")
    op.execute("DROP TABLE IF EXISTS sink_key")
    op.execute("DROP TABLE IF EXISTS recognised_page")
    op.execute("DROP TABLE IF EXISTS word_document")
    op.execute("DROP TABLE IF EXISTS word_segment")
    op.execute("DROP TABLE IF EXISTS word_block")
    op.execute("DROP TABLE IF EXISTS source_file")
    op.execute("DROP TABLE IF EXISTS source")
    op.execute("DROP TABLE IF EXISTS vector_part")
    op.execute("DROP TABLE IF EXISTS vector_space")
    for name in (
        "vectors",
        "chunk",
        "page",
        "step_timing",
        "attempt",
        "document",
        "run",
    ):
        op.drop_table(name)
    op.execute("DROP TABLE IF EXISTS docprogress_additions")


def _column(name: str, type_: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, **{"nullable": False} | options)


def _of(table: str, name: str, **options: Any) -> sa.Column[Any]:
    reference = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Text(), reference, nullable=False, **options)
