"""What a step is, how the steps of a run are put together, and where code is found."""
