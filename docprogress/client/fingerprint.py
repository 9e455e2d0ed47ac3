"""What determines the results of a document's bytes, to recognize equal runs."""

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docprogress.steps import Step
from docprogress.steps import load as load_step
from docprogress.steps.definition import STORING_PATH

#: The settings that determine results.
_DECIDING = (
    "embedder",
    "embedding_tokens",
    "pdf_engine",
    "include_comments",
    "encodings",
    "include_hidden",
    "html_content",
    "structure",
    "ocr",
    "ocr_engine",
    "ocr_languages",
    "ocr_dpi",
    "chunk_characters",
    "chunk_unit",
    "chunk_tokens",
    "chunk_overlap",
)

#: Increased whenever the built-in steps produce different results.
STEPS_VERSION = 4


def fingerprint(plan: Sequence[Step], settings: Mapping[str, Any]) -> str:
    """A digest of the steps and settings that determine the results."""
    decides = {
        "version": STEPS_VERSION,
        # Where results are stored changes none of them.
        "steps": [
            [step.path, _source_digest(step)]
            for step in plan
            if step.path != STORING_PATH
        ],
        "settings": {name: settings[name] for name in _DECIDING},
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def step_sources(plan: Sequence[Step]) -> dict[str, str]:
    """A digest of the source file of each custom step, by its path."""
    digests = {step.path: _source_digest(step) for step in plan}
    return {path: digest for path, digest in digests.items() if digest is not None}


def _source_digest(step: Step) -> str | None:
    """A digest of the source file of a custom step."""
    if step.path.startswith("docprogress."):
        return None
    path = inspect.getsourcefile(load_step(step))
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else None
