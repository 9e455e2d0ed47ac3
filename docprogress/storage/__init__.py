"""Documents' bytes: where they come from, and where they are kept."""

from docprogress.storage.files import Files
from docprogress.storage.incoming import Stored
from docprogress.storage.spool import Source, Spool

__all__ = ["Files", "Source", "Spool", "Stored"]
