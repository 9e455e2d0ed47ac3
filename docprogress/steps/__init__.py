"""The steps that a document goes through, and how a run's steps are put together."""

from docprogress.steps.definition import Step
from docprogress.steps.loading import call, load
from docprogress.steps.planning import plan, step
from docprogress.steps.signature import Kind

__all__ = ["Kind", "Step", "call", "load", "plan", "step"]
