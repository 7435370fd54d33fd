"""Rate limits, remembered nonces and scripted faults of the simulated Discord."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from tests.e2e._discord_simcord import Call
from tests.e2e._discord_sockets import SilentRetry

FaultKind = Literal["status", "hang", "hang_after", "reset", "reset_after", "half", "delay"]

#: Major parameters: the same route in another guild, channel or webhook is another bucket.
_MAJOR = ("channel_id", "guild_id", "webhook_id")
_NAMES_AND_TOPICS = frozenset({"name", "topic"})


class Signal:
    """Wakes whoever waits for a condition; the way tests wait without sleeping."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def fire(self) -> None:
        """Let every waiter look at its condition again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, ready: Callable[[], bool], timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for ``ready()``; says whether it came true."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not ready():
            left = deadline - loop.time()
            if left <= 0:
                return False
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.add(waiter)
            await asyncio.wait({waiter}, timeout=left)
            self._waiters.discard(waiter)
        return True


@dataclass(frozen=True)
class Verdict:
    """What the limits say of a call: rate-limit headers, and if refused for how long (s)."""

    headers: dict[str, str]
    retry_after: float | None = None
    scope: Literal["global", "user", "shared"] = "user"


@dataclass
class _Bucket:
    limit: int
    window: float
    used: int = 0
    resets_at: float = 0.0


@dataclass
class Limits:
    """The limits and their switches.

    ``global_limit`` is calls per second (50, Discord's documentation; 0 switches it off),
    counted over a sliding second. ``buckets`` maps "METHOD /route/{template}" or "default" to
    (calls, seconds). Discord publishes no per-route numbers, so the default is wide; tests that
    need a tight bucket set one. ``renames`` per ``rename_window`` seconds and channel: 2 per
    10 minutes (discord-api-docs #1900), which no header announces; 0 switches it off.
    """

    global_limit: int = 50
    buckets: dict[str, tuple[int, float]] = field(default_factory=lambda: {"default": (500, 1.0)})
    renames: int = 2
    rename_window: float = 600.0
    _recent: deque[float] = field(default_factory=deque)
    _state: dict[str, _Bucket] = field(default_factory=dict)
    _renamed: dict[str, deque[float]] = field(default_factory=dict)

    def judge(self, call: Call, *, exempt: bool) -> Verdict:
        """Count a call. Interaction endpoints are exempt from the global limit."""
        now = time.monotonic()
        if not exempt and self.global_limit:
            while self._recent and self._recent[0] <= now - 1.0:
                self._recent.popleft()
            if len(self._recent) >= self.global_limit:
                return Verdict({}, max(self._recent[0] + 1.0 - now, 0.001), "global")
            self._recent.append(now)
        verdict = self._judge_bucket(call, now)
        return (
            verdict if verdict.retry_after is not None else self._judge_rename(call, verdict, now)
        )

    def _judge_bucket(self, call: Call, now: float) -> Verdict:
        name = f"{call.method} {call.route}"
        limit, window = self.buckets.get(name) or self.buckets["default"]
        major = ":".join(call.args[key] for key in _MAJOR if key in call.args)
        bucket = self._state.setdefault(f"{name}:{major}", _Bucket(limit, window))
        if now >= bucket.resets_at or (bucket.limit, bucket.window) != (limit, window):
            bucket.limit, bucket.window = limit, window
            bucket.used, bucket.resets_at = 0, now + window
        left = bucket.resets_at - now
        refused = bucket.used >= bucket.limit
        bucket.used += 0 if refused else 1
        headers = {
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(bucket.limit - bucket.used),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(),
        }
        return Verdict(headers, left if refused else None)

    def _judge_rename(self, call: Call, verdict: Verdict, now: float) -> Verdict:
        is_edit = (call.method, call.route) == ("PATCH", "/channels/{channel_id}")
        body = call.body if isinstance(call.body, dict) else {}
        if not self.renames or not is_edit or not _NAMES_AND_TOPICS & body.keys():
            return verdict
        done = self._renamed.setdefault(call.args["channel_id"], deque())
        while done and done[0] <= now - self.rename_window:
            done.popleft()
        if len(done) >= self.renames:
            return Verdict(verdict.headers, done[0] + self.rename_window - now)
        done.append(now)
        return verdict


@dataclass
class Nonces:
    """Messages by nonce: with enforce_nonce a second send returns the first message.

    ``window`` is in seconds; Discord says "the past few minutes", hence five.
    """

    window: float = 300.0
    _known: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    @staticmethod
    def key(call: Call) -> tuple[str, str] | None:
        """(channel, nonce) of a send that asks for its nonce to be enforced, else None."""
        if (call.method, call.route) != ("POST", "/channels/{channel_id}/messages"):
            return None
        body = call.body if isinstance(call.body, dict) else {}
        if not body.get("enforce_nonce") or body.get("nonce") in (None, ""):
            return None
        return call.args["channel_id"], str(body["nonce"])

    def find(self, key: tuple[str, str]) -> int | None:
        """Id of the message already sent with this nonce within the window."""
        found = self._known.get(key)
        return found[1] if found and time.monotonic() - found[0] < self.window else None

    def remember(self, key: tuple[str, str], message_id: int) -> None:
        """Keep the message's id for its nonce."""
        self._known[key] = (time.monotonic(), message_id)


@dataclass
class Fault:
    """One scripted fault: acts on the ``nth`` and the following matching calls, ``times`` times.

    ``path`` is a shell pattern matched against the path and the route template. Kinds: status
    (an error answer, not processed), hang (never answered, not processed), hang_after
    (processed, never answered), reset (TCP reset, not processed), reset_after (processed, then
    reset), half (processed, half of the answer's bytes), delay (``delay`` s, then normal). After
    a reset the second try that aiohttp makes by itself of a GET, PUT or DELETE is reset too.
    """

    id: int
    kind: FaultKind
    method: str = "*"
    path: str = "*"
    nth: int = 1
    times: int | None = 1
    status: int = 500
    code: int = 0
    message: str = "Internal Server Error"
    retry_after: float = 1.0
    scope: str = "user"
    delay: float = 0.0
    body_contains: str = ""
    include_interactions: bool = True
    seen: int = 0
    hits: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, call: Call, raw: bytes, *, interaction: bool) -> bool:
        """Whether this call counts for the fault."""
        if interaction and not self.include_interactions:
            return False
        if self.method not in ("*", call.method) or self.body_contains.encode() not in raw:
            return False
        return fnmatchcase(call.path, self.path) or self.path == call.route

    def act(self) -> bool:
        """Count a matching call; says whether the fault acts on it."""
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    def describe(self) -> dict[str, Any]:
        """Plain data for the control API."""
        skipped = ("released",)
        return {key: value for key, value in vars(self).items() if key not in skipped}


@dataclass
class Faults:
    """The scripted faults; the first one that acts on a call wins, all matching ones count it."""

    active: dict[int, Fault] = field(default_factory=dict)
    _silent: SilentRetry = field(default_factory=SilentRetry)
    _last_reset: Fault | None = None
    last_id: int = 0

    def add(self, spec: dict[str, Any]) -> Fault:
        """Add a fault; raises TypeError for unknown fields."""
        self.last_id += 1
        fault = Fault(id=self.last_id, **spec)
        self.active[fault.id] = fault
        return fault

    def pick(self, call: Call, raw: bytes, *, interaction: bool) -> Fault | None:
        """The fault that acts on this call."""
        if self._last_reset is not None and self._silent.is_retry(call.method, call.path, raw):
            return self._last_reset
        acting = [
            fault
            for fault in self.active.values()
            if fault.matches(call, raw, interaction=interaction) and fault.act()
        ]
        if acting and acting[0].kind in ("reset", "reset_after"):
            self._last_reset = acting[0]
            self._silent.strike(call.method, call.path, raw)
        return acting[0] if acting else None

    def clear(self, fault_id: int | None = None) -> None:
        """Remove one fault or all of them; calls that hang in them go on."""
        for known in [fault_id] if fault_id is not None else list(self.active):
            fault = self.active.pop(known, None)
            if fault is not None:
                fault.released.set()
