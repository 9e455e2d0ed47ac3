"""Report the progress of work that need not be a pipeline's."""
