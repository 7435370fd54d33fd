"""Ways to end a TCP connection badly, and a body cut short."""

from __future__ import annotations

import asyncio
import socket
import struct

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
