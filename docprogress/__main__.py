"""`python -m docprogress` is `docprogress`."""

from docprogress.cli import main

if __name__ == "__main__":
    main()
