"""How often somebody may ask: a bucket of tries that fills up again, per whoever asks."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from datetime import datetime

from aiohttp import web

from core.clock import utcnow


class Limit:
    """At most `burst` requests at once and `per_second` after that, for each key.

    The `most` keys seen last are remembered; who is forgotten starts with a full bucket.
    """

    def __init__(self, burst: int, per_second: float, *, most: int = 10_000) -> None:
        self.burst, self.per_second, self.most = burst, per_second, most
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def wait(self, key: str) -> float:
        """Take one; 0, or the seconds until there is one again."""
        now = utcnow()
        left, since = self._left.pop(key, (float(self.burst), now))
        filled = max((now - since).total_seconds(), 0) * self.per_second
        left = min(left + filled, self.burst)
        allowed = left >= 1
        self._left[key] = (left - allowed, now)
        if len(self._left) > self.most:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self.per_second


def address_of(request: web.Request) -> str:
    """Who asks: the peer, or whom a proxy on this machine or network says that it asks for.

    Only the last entry of X-Forwarded-For is that proxy's own word.
    """
    peer = request.remote or ""
    try:
        near = ipaddress.ip_address(peer).is_private  # loopback included
    except ValueError:
        near = False
    told = request.headers.getall("X-Forwarded-For", [])
    if not near or not told:
        return peer
    return told[-1].rpartition(",")[2].strip()[:64] or peer
