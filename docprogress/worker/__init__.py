"""Workers: Celery runs them, and what it cannot know is looked after here."""
