"""Ways to end a TCP connection badly, and a body cut short."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

from aiohttp import web


def reset(request: web.Request) -> None:
    """Send a TCP RST: the client sees a connection reset (errno 104 on Linux)."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    # Linger on with zero seconds makes close() reset the connection instead of finishing it.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class SilentRetry:
    """Recognises the second try that aiohttp makes by itself after a reset.

    aiohttp sends GET, PUT, DELETE and HEAD once more, at once, when the connection is lost; a
    fault that struck only the first try would never be seen by the bot. Nobody else tries again
    within 0.2 s: discord.py and Muster wait a second and more.
    """

    WINDOW = 0.2
    METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

    def __init__(self) -> None:
        self._struck: dict[tuple[str, str, bytes], float] = {}

    def strike(self, method: str, path: str, raw: bytes) -> None:
        """Note a call that was reset."""
        if method in self.METHODS:
            self._struck[method, path, raw] = time.monotonic()

    def is_retry(self, method: str, path: str, raw: bytes) -> bool:
        """Whether this is aiohttp's second try of a call just reset; true once per strike."""
        struck = self._struck.pop((method, path, raw), None)
        return struck is not None and time.monotonic() - struck < self.WINDOW


def gone(request: web.Request) -> bool:
    """Whether the client has closed its connection."""
    return request.transport is None or request.transport.is_closing()


async def send_half(request: web.Request, status: int, body: bytes) -> web.StreamResponse:
    """Announce the whole length, send half of the bytes and close."""
    head = {"Content-Type": "application/json", "Content-Length": str(max(len(body), 2))}
    response = web.StreamResponse(status=status, headers=head)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def hang(request: web.Request, released: asyncio.Event) -> bool:
    """Wait until the fault is lifted (True) or the client has gone away (False)."""
    waiter = asyncio.ensure_future(released.wait())
    try:
        while not gone(request):
            # aiohttp reports a lost client only through its transport, so look at it.
            await asyncio.wait({waiter}, timeout=0.02)
            if waiter.done():
                return True
        return False
    finally:
        waiter.cancel()
