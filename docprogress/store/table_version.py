"""The version of the tables, and where a database keeps it."""

#: The version of the tables that this code reads and writes: the newest migration.
HEAD = "0001"

#: The table of the version. Its own name lets other programs that use Alembic share the
#: database.
VERSION_TABLE = "docprogress_version"
