"""The report of a run as one HTML file: values in, a page out."""
