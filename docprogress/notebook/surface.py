"""The notebook as the surface of runs and pipelines, loaded when it is first needed."""

from typing import Any

from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.notebook.progress.view import ProgressView
from docprogress.notebook.upload.uploader import Uploader


def show(run: Run) -> ProgressView:
    """A view of a run."""
    return ProgressView(run)


def upload(pipeline: Pipeline, **options: Any) -> Uploader:
    """An uploader that submits to a pipeline."""
    return Uploader.into(pipeline, **options)
