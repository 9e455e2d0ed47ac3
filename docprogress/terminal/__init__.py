"""Runs on a terminal: how they are drawn there, and how numbers are said."""
