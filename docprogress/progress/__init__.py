"""Fold events into the current state of many documents, with rates and an estimate."""
