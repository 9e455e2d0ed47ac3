"""Documents' bytes: where they come from, and where they are kept."""

from docprogress.files.sources import Expansion, expand
from docprogress.files.spool import Source, Spool
from docprogress.files.storage import Files, Stored

__all__ = ["Expansion", "Files", "Source", "Spool", "Stored", "expand"]
