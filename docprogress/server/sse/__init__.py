"""Server-Sent Events: one Redis subscription, any number of clients."""
