"""A run as one HTML file that can be sent to somebody: values in, a page out."""
