"""Documents' files: reading what was submitted, and storing it for workers."""

from docprogress.storage.files import Files
from docprogress.storage.incoming import Stored
from docprogress.storage.spool import Source, Spool

__all__ = ["Files", "Source", "Spool", "Stored"]
