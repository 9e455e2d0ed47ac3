"""What the readers of spreadsheets share: number formats, rows, pages."""
