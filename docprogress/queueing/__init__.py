"""Queues of Celery: how documents are routed, sent, shared among runs and inspected."""
