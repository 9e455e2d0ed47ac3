"""HTML, token by token: tags, hidden elements, and the remaining text."""
