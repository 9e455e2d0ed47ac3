"""Mail: the parts of a message, its text, and its attachments."""
