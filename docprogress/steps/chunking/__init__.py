"""How the chunking step splits text, with and without its structure."""
