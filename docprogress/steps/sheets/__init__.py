"""Code that the readers of spreadsheets share: number formats, rows, pages."""
