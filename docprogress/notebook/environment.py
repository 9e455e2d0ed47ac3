"""What this process can show: whether it is a kernel, and whether widgets work."""

import sys
from importlib import import_module

#: Shown in place of a live view where the widget's library is missing.
HOW_TO_INSTALL = "install docprogress[notebook] to see this live"


def in_kernel() -> bool:
    """Whether this is a Jupyter kernel, whose output a page displays."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def in_marimo() -> bool:
    """Whether this is a notebook of marimo, which shows no widgets but anywidgets."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def has_anywidget() -> bool:
    """Whether live views can be shown."""
    try:
        import_module("anywidget")
    except ImportError:
        return False
    return True


def require_anywidget() -> None:
    """Check that live views can be shown.

    Raises:
        ImportError: The extra `notebook` is not installed.
    """
    if not has_anywidget():
        raise ImportError(
            "the live view needs anywidget: pip install 'docprogress[notebook]'"
        )
