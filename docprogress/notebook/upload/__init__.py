"""Uploads from a notebook page."""
