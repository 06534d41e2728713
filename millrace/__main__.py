"""`python -m millrace` is the command line."""

from __future__ import annotations

from millrace.cli.app import main

if __name__ == "__main__":
    main()
