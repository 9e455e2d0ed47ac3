"""Report the progress of any work, not only that of a pipeline."""
