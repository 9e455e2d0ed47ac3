"""Documents' bytes: where they come from, and where they are kept."""

from docprogress.files.sources import Expansion, Source, expand
from docprogress.files.storage import Files, Stored

__all__ = ["Expansion", "Files", "Source", "Stored", "expand"]
