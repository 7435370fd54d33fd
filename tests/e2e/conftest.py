"""What the tests over sockets share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.discord_client import ServerProcess


@pytest.fixture(scope="session")
def process() -> Iterator[ServerProcess]:
    """One simulated Discord for all of them; each test renews its world."""
    with ServerProcess() as started:
        yield started
