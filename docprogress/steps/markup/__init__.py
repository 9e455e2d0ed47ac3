"""HTML, token by token: tags, what is hidden, and the text that is left."""
