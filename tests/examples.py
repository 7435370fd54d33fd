"""How many examples the property tests draw: enough for every run, more for a thorough one."""

from __future__ import annotations

import os

# Set by `make test-long`: as many as each test names. Otherwise a part of them.
THOROUGH = "MUSTER_THOROUGH"
USUAL = 100  # of tests that name no number: Hypothesis' own


def examples(most: int = USUAL, part: int = 3) -> int:
    """The number for this run, where a thorough one draws `most` and others that part of them."""
    return most if os.environ.get(THOROUGH) else -(-most // part)
