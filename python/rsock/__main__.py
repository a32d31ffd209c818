"""Run `python -m rsock COMMAND ...`."""

import sys

from rsock._command import main

if __name__ == "__main__":
    sys.exit(main())
