"""`python -m touchline.core`: the `touchline` command of this very installation."""

from __future__ import annotations

import sys

from touchline.core.cli import main

if __name__ == "__main__":
    sys.exit(main())
