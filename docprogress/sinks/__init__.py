"""Vector stores of the user's, into which workers write documents as the last step."""

from docprogress.sinks.loading import open_sink
from docprogress.sinks.location import SinkLocation, locate
from docprogress.sinks.protocol import Sink, SinkDocument

__all__ = ["Sink", "SinkDocument", "SinkLocation", "locate", "open_sink"]
