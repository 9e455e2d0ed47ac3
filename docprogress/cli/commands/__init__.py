"""One module for each group of commands. `cli/app.py` registers their functions."""
