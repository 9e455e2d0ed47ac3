"""Optical character recognition: images of text to text.

An engine recognises one image; `pages` decides which pages of a document need it, and
keeps what was recognised, so that an interrupted document continues where it was.
"""
