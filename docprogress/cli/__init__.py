"""The command line: `docprogress --help` lists the commands.

Exit status: 0 on success, 1 if a document failed or was cancelled or a service is
unreachable, 2 for incorrect usage, 130 after an interrupt.
"""

from docprogress.cli.app import main as main  # the console script
