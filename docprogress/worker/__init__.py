"""Workers, which Celery runs, with the parts that are beyond Celery."""
