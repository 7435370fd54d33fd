"""Gateway v10 over a real WebSocket: sessions that outlive their connections, replay, commands.

Opcodes and close codes are Discord's (Gateway Opcodes, Gateway Close Event Codes).
"""

from __future__ import annotations

import asyncio
import importlib
import json
import secrets
import time
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.e2e._discord_limits import Signal
from tests.e2e._discord_simcord import Json, SocketBackend, of_shard
from tests.e2e._discord_sockets import SilentRetry, reset

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME = 0, 1, 2, 3, 4, 6
RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 7, 8, 9, 10, 11
BAD_PAYLOAD, NOT_AUTHENTICATED, BAD_TOKEN, TOO_FAST, DISALLOWED_INTENTS = (
    4002, 4003, 4004, 4008, 4014,
)  # fmt: skip
#: GUILD_MEMBERS, GUILD_PRESENCES and MESSAGE_CONTENT: the intents that the portal must approve.
PRIVILEGED = {"members": 1 << 1, "presences": 1 << 8, "message_content": 1 << 15}
#: Client frames per minute and connection (Discord, Gateway Rate Limiting).
SENDS, SENDS_WINDOW = 120, 60.0
#: How many events a session keeps for RESUME; a gap larger than this invalidates it.
HISTORY = 20_000


class _Compressor:
    """zlib-stream or zstd-stream (where Python has it): one context, a flush per message."""

    def __init__(self, kind: str) -> None:
        if kind == "zlib-stream":
            context = zlib.compressobj()
            self._run: Any = lambda data: context.compress(data) + context.flush(zlib.Z_SYNC_FLUSH)
        else:
            zstd = importlib.import_module("compression.zstd").ZstdCompressor()
            self._run = lambda data: zstd.compress(data, zstd.FLUSH_BLOCK)

    def __call__(self, text: str) -> bytes:
        """The bytes of one message."""
        done: bytes = self._run(text.encode())
        return done


class Connection:
    """One WebSocket; frames leave in order through a queue so that events never block."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse, compress: str) -> None:
        self.request = request
        self.ws = ws
        self.session: Session | None = None
        self.sent: deque[float] = deque()
        self._compress = _Compressor(compress) if compress else None
        self._queue: asyncio.Queue[str | int] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    def send(self, op: int, data: Any = None) -> None:
        """Queue a frame that is no event."""
        self.put(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def put(self, frame: str) -> None:
        """Queue an encoded frame."""
        self._queue.put_nowait(frame)

    def close(self, code: int) -> None:
        """Close with a code once what is queued has gone out."""
        self._queue.put_nowait(code)

    async def _write(self) -> None:
        while not self.ws.closed:
            item = await self._queue.get()
            try:
                if isinstance(item, int):
                    await self.ws.close(code=item)
                    return
                if self._compress is None:
                    await self.ws.send_str(item)
                else:
                    await self.ws.send_bytes(self._compress(item))
            except ConnectionError:
                return

    def stop(self) -> None:
        """Forget the connection; its session lives on."""
        self._writer.cancel()
        if self.session is not None and self.session.connection is self:
            self.session.connection = None


@dataclass
class Session:
    """What RESUME continues: sequence number, replay buffer and the connection if there is one."""

    id: str
    intents: int
    shard: tuple[int, int]
    large_threshold: int
    connection: Connection | None = None
    seq: int = 0
    history: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def dispatch(self, event: str, data: Any, *, held: list[tuple[Session, str]] | None) -> None:
        """Number an event, keep it for replay and send it (or hold it back)."""
        self.seq += 1
        frame = json.dumps({"t": event, "s": self.seq, "op": DISPATCH, "d": data})
        self.history.append((self.seq, frame))
        if held is not None:
            held.append((self, frame))
        elif self.connection is not None:
            self.connection.put(frame)

    def since(self, seq: int) -> list[str] | None:
        """Frames after ``seq``, or None if they are no longer (or never were) there."""
        oldest = self.history[0][0] if self.history else self.seq + 1
        if seq > self.seq or seq < oldest - 1:
            return None
        return [frame for number, frame in self.history if number > seq]


class Gateway:
    """All sessions, the scripted misbehaviour and the counters."""

    def __init__(self, backend: SocketBackend, signal: Signal) -> None:
        self.backend = backend
        self.signal = signal
        self.url = ""
        self.token: str | None = None
        self.approved = set(PRIVILEGED)
        self.heartbeat_interval = 41.25
        self.member_request_window = 0.0
        self.ack_heartbeats = True
        self.refuse_next = 0
        self.refuse_how = "reset"
        self._silent = SilentRetry()
        self.held: list[tuple[Session, str]] | None = None
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.counts = dict.fromkeys(
            ("refused", "identified", "resumed", "invalidated", "heartbeats", "member_requests"), 0
        )
        self._last_full_request: dict[int, float] = {}
        backend.subscribers.append(self._on_event)

    def _on_event(self, event: str, payload: Mapping[str, Any]) -> None:
        text = json.dumps(payload)
        guild = payload.get("guild_id") or (payload.get("id") if event.startswith("GUILD") else 0)
        for session in list(self.sessions.values()):
            if of_shard(int(guild or 0), session.shard):
                self._deliver(session, event, json.loads(text))
        self.signal.fire()

    def _deliver(self, session: Session, event: str, payload: Json) -> None:
        data = self.backend.shape(event, payload, session.intents, session.large_threshold)
        if data is not None:
            session.dispatch(event, data, held=self.held)

    # ------------------------------------------------------------ connection

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one gateway connection until it ends."""
        if self._silent.is_retry("GET", "", b""):
            reset(request)
            return web.Response(status=503)
        if self.refuse_next > 0:
            self.refuse_next -= 1
            self.counts["refused"] += 1
            self.signal.fire()
            if self.refuse_how == "reset":
                self._silent.strike("GET", "", b"")
                reset(request)
            return web.Response(status=503)
        ws = web.WebSocketResponse(max_msg_size=0, autoping=True, compress=False)
        await ws.prepare(request)
        connection = Connection(request, ws, request.query.get("compress", ""))
        self.connections.add(connection)
        connection.send(HELLO, {"heartbeat_interval": int(self.heartbeat_interval * 1000)})
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    self._receive(connection, message.data)
        finally:
            connection.stop()
            self.connections.discard(connection)
            self.signal.fire()
        return ws

    def _receive(self, connection: Connection, text: str) -> None:
        now = time.monotonic()
        connection.sent.append(now)
        while connection.sent[0] < now - SENDS_WINDOW:
            connection.sent.popleft()
        if len(connection.sent) > SENDS:
            connection.close(TOO_FAST)
            return
        try:
            frame = json.loads(text)
            op, data = int(frame["op"]), frame.get("d")
            self._command(connection, op, data)
        except (ValueError, KeyError, TypeError):
            connection.close(BAD_PAYLOAD)
        self.signal.fire()

    def _command(self, connection: Connection, op: int, data: Any) -> None:
        if op == HEARTBEAT:
            self.counts["heartbeats"] += 1
            if self.ack_heartbeats:
                connection.send(HEARTBEAT_ACK)
        elif op == IDENTIFY:
            self._identify(connection, data)
        elif op == RESUME:
            self._resume(connection, data)
        elif connection.session is None:
            connection.close(NOT_AUTHENTICATED)
        elif op == REQUEST_MEMBERS:
            self._members(connection.session, data)

    def _identify(self, connection: Connection, data: Json) -> None:
        intents = int(data["intents"])
        if self.token is not None and data.get("token") != self.token:
            connection.close(BAD_TOKEN)
            return
        if any(intents & bit and name not in self.approved for name, bit in PRIVILEGED.items()):
            connection.close(DISALLOWED_INTENTS)
            return
        shard_id, shards = data.get("shard") or (0, 1)
        session = Session(
            id=secrets.token_hex(16),
            intents=intents,
            shard=(int(shard_id), int(shards)),
            large_threshold=int(data.get("large_threshold", 50)),
            connection=connection,
        )
        self.counts["identified"] += 1
        connection.session = session
        ready = self.backend.ready_payload(session.id, self.url, session.shard)
        session.dispatch("READY", ready, held=None)
        self.sessions[session.id] = session
        for guild_id in [g for g in self.backend.guilds if of_shard(g, session.shard)]:
            payload = json.loads(json.dumps(self.backend.guild_payload(guild_id)))
            self._deliver(session, "GUILD_CREATE", payload)

    def _resume(self, connection: Connection, data: Json) -> None:
        session = self.sessions.get(str(data.get("session_id")))
        missed = session.since(int(data["seq"] or 0)) if session is not None else None
        if session is None or missed is None:
            self.counts["invalidated"] += 1
            connection.send(INVALID_SESSION, data=False)
            return
        if session.connection is not None:
            session.connection.close(4000)
        session.connection, connection.session = connection, session
        self.counts["resumed"] += 1
        if self.held is not None:
            # The replay carries what was held back for this session.
            self.held = [entry for entry in self.held if entry[0] is not session]
        for frame in missed:
            connection.put(frame)
        session.dispatch("RESUMED", {"_trace": []}, held=None)

    def _members(self, session: Session, data: Json) -> None:
        self.counts["member_requests"] += 1
        guild_ids = data["guild_id"] if isinstance(data["guild_id"], list) else [data["guild_id"]]
        for guild_id in map(int, guild_ids):
            if data.get("user_ids") is None and not data.get("query"):
                wait = self._full_request_wait(guild_id)
                if wait > 0:
                    # Discord answers with RATE_LIMITED and no chunk: chunk() then hangs.
                    meta = {"guild_id": str(guild_id), "nonce": data.get("nonce")}
                    limited = {"opcode": REQUEST_MEMBERS, "retry_after": wait, "meta": meta}
                    session.dispatch("RATE_LIMITED", limited, held=None)
                    continue
            for chunk in self.backend.member_chunks({**data, "guild_id": guild_id}):
                session.dispatch("GUILD_MEMBERS_CHUNK", chunk, held=self.held)

    def _full_request_wait(self, guild_id: int) -> float:
        now = time.monotonic()
        wait = self._last_full_request.get(guild_id, -1e9) + self.member_request_window - now
        if wait <= 0:
            self._last_full_request[guild_id] = now
        return wait

    # -------------------------------------------------------------- scripted

    def act(self, action: str, code: int) -> int:
        """Do something to every connection; returns how many there were.

        reconnect (op 7), invalid (op 9, not resumable), invalid_resumable (op 9), close (with
        ``code``), drop (TCP reset), heartbeat (ask for one), forget (sessions cannot resume).
        """
        touched = list(self.connections)
        for connection in touched:
            if action == "reconnect":
                connection.send(RECONNECT)
            elif action in ("invalid", "invalid_resumable"):
                connection.send(INVALID_SESSION, data=action == "invalid_resumable")
            elif action == "close":
                connection.close(code)
            elif action == "drop":
                reset(connection.request)
            elif action == "heartbeat":
                connection.send(HEARTBEAT)
        if action in ("invalid", "forget"):
            self.counts["invalidated"] += len(self.sessions) if action == "invalid" else 0
            for session in self.sessions.values():
                if session.connection is not None:
                    session.connection.session = None
            self.sessions.clear()
        return len(touched)

    def hold(self) -> None:
        """Hold every event back until ``release``: the bot's cache goes stale."""
        self.held = self.held if self.held is not None else []

    def release(self) -> int:
        """Send what was held back; returns how many events."""
        held, self.held = self.held or [], None
        for session, frame in held:
            if session.connection is not None:
                session.connection.put(frame)
        return len(held)

    def status(self) -> Json:
        """Counters, and how many sessions have a connection."""
        connected = [s for s in self.sessions.values() if s.connection is not None]
        return {**self.counts, "connected": len(connected), "sessions": len(self.sessions)}
