"""Expressions that show documents again in another notebook.

A URL may contain a password, and notebooks are shared, so it is replaced by `…`.
"""

import json
from collections.abc import Sequence

from docprogress.errors import SettingsError
from docprogress.settings import Settings, load

#: The settings that say where a run is.
_PLACES = ("home", "redis_url", "database_url", "storage_url")

#: The maximum number of documents that are named.
MOST_NAMED = 3


def attach_expression(run_id: str, settings: Settings) -> str:
    """The expression that shows a run, with the settings that are not the defaults."""
    try:
        defaults = load()
    except SettingsError:
        defaults = Settings.model_construct()
    arguments = [_quoted(run_id)]
    for name in _PLACES:
        value = getattr(settings, name)
        if value != getattr(defaults, name, None):
            shown = _quoted(str(value)) if name == "home" else "…"
            arguments.append(f"{name}={shown}")
    return f"ProgressView.attach({', '.join(arguments)})"


def watch_expression(document_ids: Sequence[str], *, default: bool) -> str:
    """The expression that shows documents.

    Args:
        document_ids: Their ids, of which only the first are named.
        default: Whether their Redis is that of `Pipeline()`.
    """
    arguments = [_quoted(each) for each in document_ids[:MOST_NAMED]]
    if len(document_ids) > MOST_NAMED:
        arguments.append("…")
    if not default:
        arguments.append("redis_url=…")
    return f"ProgressView.watch({', '.join(arguments)})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
