"""The client: submit documents, watch runs, and work with their results."""
