"""Runs and documents in a notebook: a live view, and a static table at the end."""
