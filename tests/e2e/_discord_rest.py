"""REST v10 over HTTP: limits, faults, nonces, validation and the log around the backend."""

from __future__ import annotations

import asyncio
import io
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from tests.e2e._discord_checks import perform_checked
from tests.e2e._discord_gateway import PRIVILEGED, Gateway
from tests.e2e._discord_limits import Fault, Faults, Limits, Nonces, Signal, Verdict
from tests.e2e._discord_openapi import BodyValidator
from tests.e2e._discord_people import People
from tests.e2e._discord_simcord import Answer, Call, Json, SocketBackend, Upload
from tests.e2e._discord_sockets import gone, hang, reset, send_half

API = "/api/v10"
#: Application flags for intents approved on a bot in fewer than 100 guilds (the "limited" bits).
_INTENT_FLAGS = {"members": 1 << 15, "presences": 1 << 13, "message_content": 1 << 19}
_REPLY_ROUTES = ("/interactions/", "/webhooks/{webhook_id}/{token}")


@dataclass
class Entry:
    """One line of the call log; ``at`` is Unix time, ``ms`` the time until the answer."""

    n: int
    method: str
    path: str
    route: str
    at: float
    body: Any = None
    reason: str | None = None
    status: int | None = None
    ms: float | None = None
    fault: str | None = None
    answer: Any = None


@dataclass
class Rest:
    """The REST side of the simulated Discord."""

    backend: SocketBackend
    people: People
    gateway: Gateway
    signal: Signal
    limits: Limits = field(default_factory=Limits)
    nonces: Nonces = field(default_factory=Nonces)
    faults: Faults = field(default_factory=Faults)
    validator: BodyValidator | None = None
    validate: bool = True
    latency: float = 0.0
    log: list[Entry] = field(default_factory=list)
    violations: list[Json] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call of the bot."""
        started = time.perf_counter()
        raw, call = await self._parse(request)
        body = call.body
        entry = Entry(len(self.log) + 1, call.method, call.path, call.route, time.time(), body)
        entry.reason = call.reason
        self.log.append(entry)
        interaction = call.route.startswith(_REPLY_ROUTES)
        if call.route.startswith("/interactions/"):
            self.people.acknowledged(int(call.args["interaction_id"]), started)
        try:
            return await self._serve(request, call, raw, entry, interaction=interaction)
        finally:
            entry.ms = (time.perf_counter() - started) * 1000
            self.signal.fire()

    async def _serve(
        self, request: web.Request, call: Call, raw: bytes, entry: Entry, *, interaction: bool
    ) -> web.StreamResponse:
        if self.latency:
            await asyncio.sleep(self.latency)
        if not interaction and not self._authorized(request):
            denied = Answer(401, {"message": "401: Unauthorized", "code": 0})
            return self._respond(entry, denied, {})
        verdict = self.limits.judge(call, exempt=interaction)
        if verdict.retry_after is not None:
            return self._too_many(entry, verdict)
        fault = self.faults.pick(call, raw, interaction=interaction)
        if fault is not None:
            entry.fault = fault.kind
            self.signal.fire()
            early = await self._before(request, entry, fault, verdict)
            if early is not None:
                return early
        answer = self._run(call)
        self.signal.fire()
        if fault is not None and fault.kind in ("hang_after", "reset_after", "half"):
            late = await self._after(request, entry, fault, answer)
            if late is not None:
                return late
        return self._respond(entry, answer, verdict.headers)

    def _authorized(self, request: web.Request) -> bool:
        token = self.gateway.token
        return token is None or request.headers.get("Authorization") == f"Bot {token}"

    # ------------------------------------------------------------- the wire

    async def _parse(self, request: web.Request) -> tuple[bytes, Call]:
        path = request.rel_url.raw_path.removeprefix(API)
        route, args = self.backend.match(request.method, path)
        raw, files = b"", list[Upload]()
        if request.content_type == "multipart/form-data":
            form = await request.post()
            fields: dict[str, Any] = {}
            for name, value in form.items():
                if isinstance(value, web.FileField):
                    files.append(Upload(value.filename, io.BytesIO(value.file.read())))
                else:
                    fields[name] = value
            payload = fields.get("payload_json")
            raw = str(payload).encode() if payload else json.dumps(fields).encode()
        else:
            raw = await request.read()
        body = json.loads(raw) if raw else None
        call = Call(
            method=request.method,
            path=path,
            route=route,
            args=args,
            params=dict(request.query),
            body=body,
            files=files,
            reason=request.headers.get("X-Audit-Log-Reason"),
        )
        return raw, call

    def _respond(self, entry: Entry, answer: Answer, headers: dict[str, str]) -> web.Response:
        entry.status = answer.status
        if answer.status >= 400 or isinstance(answer.body, dict):
            entry.answer = answer.body
        self._count(answer.status)
        if answer.status == 204:
            return web.Response(status=204, headers=headers)
        # Exactly application/json: with a charset discord.py would not parse it.
        body = json.dumps(answer.body).encode()
        full = {**headers, "Content-Type": "application/json"}
        return web.Response(status=answer.status, body=body, headers=full)

    def _count(self, status: int, scope: str = "") -> None:
        keys = [str(status)]
        if status == 429:
            keys.append(f"429_{scope}")
        if status in (401, 403) or (status == 429 and scope != "shared"):
            keys.append("invalid")
        for key in keys:
            self.counted[key] = self.counted.get(key, 0) + 1

    def _too_many(self, entry: Entry, verdict: Verdict) -> web.Response:
        wait = verdict.retry_after or 0.0
        entry.status = 429
        self._count(429, verdict.scope)
        # Without Via discord.py takes a 429 for a ban by the proxy in front and gives up.
        headers = {**verdict.headers, "Via": "1.1 google", "Retry-After": str(int(wait) + 1)}
        headers["X-RateLimit-Scope"] = verdict.scope
        if verdict.scope == "global":
            headers["X-RateLimit-Global"] = "true"
        body = {
            "message": "You are being rate limited.",
            "retry_after": round(wait, 3),
            "global": verdict.scope == "global",
        }
        headers["Content-Type"] = "application/json"
        return web.Response(status=429, body=json.dumps(body).encode(), headers=headers)

    # --------------------------------------------------------------- faults

    async def _before(
        self, request: web.Request, entry: Entry, fault: Fault, verdict: Verdict
    ) -> web.StreamResponse | None:
        if fault.kind == "status" and fault.status == 429:
            scope: Any = fault.scope
            return self._too_many(
                entry, replace(verdict, retry_after=fault.retry_after, scope=scope)
            )
        if fault.kind == "status":
            body = {"code": fault.code, "message": fault.message}
            return self._respond(entry, Answer(fault.status, body), verdict.headers)
        if fault.kind == "reset":
            reset(request)
            return web.Response()
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay)
        # A lifted hang goes on as a normal call; if the client left, nothing was processed.
        if fault.kind == "hang" and not await hang(request, fault.released):
            return web.Response()
        return None

    async def _after(
        self, request: web.Request, entry: Entry, fault: Fault, answer: Answer
    ) -> web.StreamResponse | None:
        if fault.kind == "reset_after":
            reset(request)
            return web.Response()
        if fault.kind == "half":
            text = json.dumps(answer.body).encode() if answer.body is not None else b"{}"
            return await send_half(request, 200 if answer.status == 204 else answer.status, text)
        if not await hang(request, fault.released) or gone(request):
            return web.Response()
        return None

    # ----------------------------------------------------------- processing

    def _run(self, call: Call) -> Answer:
        own = self._own_routes(call)
        if own is not None:
            return own
        if self.validator is not None and self.validate and call.body is not None:
            problem = self.validator.check(call.method, call.path, call.body)
            if problem is not None:
                self._violation("schema", call, problem)
        key = self.nonces.key(call)
        known = self.nonces.find(key) if key is not None else None
        if known is not None and key is not None:
            again = replace(call, method="GET", body=None, files=[])
            again = replace(again, path=f"{call.path}/{known}")
            found = self.backend.perform(again)
            if found.status == 200:
                found.body["nonce"] = key[1]
                return found
        answer = perform_checked(self.backend, call, self.people.closed_dms)
        if answer.gap is not None:
            self._violation("gap", call, answer.gap)
        return self._finish(call, answer, key)

    def _finish(self, call: Call, answer: Answer, key: tuple[str, str] | None) -> Answer:
        if answer.status == 200 and isinstance(answer.body, dict):
            if key is not None:
                self.nonces.remember(key, int(answer.body["id"]))
            if call.route == "/channels/{channel_id}/messages" and call.body.get("nonce"):
                answer.body["nonce"] = call.body["nonce"]
        if call.route.startswith(_REPLY_ROUTES):
            self.people.answered(call, answer)
        is_callback = call.route.startswith("/interactions/")
        if is_callback and answer.status == 200 and "with_response" not in call.params:
            return Answer(204)
        return answer

    def _violation(self, kind: str, call: Call, problem: str) -> None:
        route, path = call.route, call.path
        place = {"kind": kind, "method": call.method, "route": route, "path": path}
        self.violations.append({**place, "problem": problem, "body": call.body})

    def _own_routes(self, call: Call) -> Answer | None:
        if call.method != "GET":
            return None
        if call.path == "/gateway":
            return Answer(200, {"url": self.gateway.url})
        if call.path == "/gateway/bot":
            limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
            body = {"url": self.gateway.url, "shards": 1, "session_start_limit": limit}
            return Answer(200, body)
        if call.path in ("/applications/@me", "/oauth2/applications/@me"):
            whole = replace(call, path="/oauth2/applications/@me")
            answer = self.backend.perform(whole)
            approved = [bit for name, bit in _INTENT_FLAGS.items() if name in self.gateway.approved]
            answer.body["flags"] = sum(approved)
            return answer
        return None


__all__ = ["API", "PRIVILEGED", "Entry", "Rest"]
