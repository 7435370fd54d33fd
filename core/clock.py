"""The only clock in the code base. Tests and the demo may set it; nothing else reads the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def real() -> datetime:
    """The machine's clock, whatever was set: for a clock that runs ahead of it (the demo's)."""
    return datetime.now(UTC)


_source: Callable[[], datetime] = real


def utcnow() -> datetime:
    """The current instant, aware, in UTC."""
    return _source()


def set_clock(source: Callable[[], datetime] | None) -> None:
    """Replace the clock by `source` (must return aware UTC), or restore the system's with None."""
    global _source  # noqa: PLW0603 - the one seam through which time enters
    _source = source or real
