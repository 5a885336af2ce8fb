"""`python -m toolpair_observe`."""

import sys

from toolpair_observe.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
