"""Embedders: text to vectors, computed here or by an endpoint."""
