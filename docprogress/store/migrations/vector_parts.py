"""Triggers that number the rows of `vectors` in SQLite, for the index beside it.

They see what processes of earlier versions write, too.  On PostgreSQL, whose numbers
need not become visible in their order, the tables stay empty.
"""

# Rows of unfinished steps are not numbered. Nor are those of the hashing embedder:
# they know words alone, which the index of words covers.
STATEMENTS = (
    """
    CREATE TRIGGER IF NOT EXISTS vector_part_added AFTER INSERT ON vectors
    WHEN NEW.embedder IS NULL
        OR (NEW.embedder NOT LIKE 'unfinished %' AND NEW.embedder <> 'hashing')
    BEGIN
        INSERT OR REPLACE INTO vector_part
            (token, document_id, first, count, dimensions)
        VALUES (random(), NEW.document_id, NEW.first, NEW.count, NEW.dimensions);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS vector_part_removed AFTER DELETE ON vectors
    BEGIN
        DELETE FROM vector_part
        WHERE document_id = OLD.document_id AND first = OLD.first;
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS vector_space_added AFTER INSERT ON vectors
    WHEN NEW.embedder IS NULL OR NEW.embedder NOT LIKE 'unfinished %'
    BEGIN
        INSERT OR IGNORE INTO vector_space (run_id, embedder, dimensions)
        SELECT run_id, coalesce(embedder, ''), NEW.dimensions
        FROM document WHERE id = NEW.document_id;
    END
    """,
    """
    INSERT OR IGNORE INTO vector_part (token, document_id, first, count, dimensions)
    SELECT random(), document_id, first, count, dimensions FROM vectors
    WHERE embedder IS NULL
        OR (embedder NOT LIKE 'unfinished %' AND embedder <> 'hashing')
    ORDER BY rowid
    """,
    """
    INSERT OR IGNORE INTO vector_space (run_id, embedder, dimensions)
    SELECT run_id, coalesce(document.embedder, ''), dimensions
    FROM vectors JOIN document ON document.id = vectors.document_id
    WHERE vectors.embedder IS NULL OR vectors.embedder NOT LIKE 'unfinished %'
    """,
)
