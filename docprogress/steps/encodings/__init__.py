"""Detect the encoding of a text by how well each encoding makes words of a language."""
