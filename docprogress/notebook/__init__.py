"""Runs and documents in a notebook: live while they go on, a table after that."""
