"""The example client that does not cope, of the kind that a scenario is for: `python -m mockehr.examples.failing`."""

from __future__ import annotations

import sys

from mockehr.examples.coping import run


def main() -> int:
    """Run it."""
    return run("careless")


if __name__ == "__main__":
    sys.exit(main())
