"""Charts of a run and of latency measurements, drawn with matplotlib.

Raises:
    ImportError: matplotlib is not installed.
"""

from importlib import import_module

try:
    import_module("matplotlib")
except ImportError as error:
    raise ImportError(
        "plots need matplotlib: pip install 'docprogress[notebook]'"
    ) from error
