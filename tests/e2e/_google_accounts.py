"""Google's accounts: the consent page, tokens, and troubles on demand."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count

from aiohttp import web

from core.calendars.google_tokens import SCOPE, Client
from core.clock import utcnow
from tests.e2e._google_parts import Grant, Refused, Seen, Trouble, refusal


class Accounts:
    """`problems`: what was wrong with a request. `seen`: every request."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.problems: list[str] = []
        self.troubles: list[Trouble] = []
        self.codes: dict[str, Grant] = {}
        self.lasting: dict[str, Grant] = {}  # by refresh token
        self.access: dict[str, tuple[Grant, datetime]] = {}
        self.refreshes = 0
        self.rotates = False
        self.consents = True  # whether a consent gives a refresh token
        self.ticks = frozenset({SCOPE})  # what people leave ticked on the consent page
        self.account = "mod@example.org"  # who sits in front of the browser
        self.redirects: set[str] = set()
        self.port = 0
        self._numbers = count(1)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> Client:
        return Client("muster-client", "client-word", f"{self.base}/consent", f"{self.base}/token")

    def grant(self, *scopes: str, account: str = "mod@example.org") -> str:
        """A refresh token, as a consent gives it."""
        token = f"lasting-{next(self._numbers)}"
        self.lasting[token] = Grant(account, frozenset(scopes or {SCOPE}))
        return token

    async def _troubled(self, request: web.Request, trouble: Trouble) -> web.StreamResponse:
        trouble.times -= 1
        if trouble.times <= 0:
            self.troubles.remove(trouble)
        headers = {} if trouble.retry_after is None else {"Retry-After": str(trouble.retry_after)}
        if trouble.drop:
            half = web.StreamResponse(headers={"Content-Length": "5000"})
            await half.prepare(request)
            await half.write(b'{"items": [')
            assert request.transport is not None
            request.transport.close()
            return half
        if trouble.raw is not None:
            return web.Response(status=trouble.status, body=trouble.raw, headers=headers)
        return refusal(trouble.status, trouble.reason, headers)

    async def _consent(self, request: web.Request) -> web.Response:
        """The page on which a person says yes or no; two links here."""
        query = request.query
        if query["client_id"] != self.client.id or query["redirect_uri"] not in self.redirects:
            return web.Response(status=400, text="Error 400: redirect_uri_mismatch")
        wrong = [
            name for name, value in [
                ("response_type", "code"), ("code_challenge_method", "S256"),
                ("access_type", "offline"), ("prompt", "consent"), ("scope", SCOPE),
            ] if query.get(name) != value
        ]  # fmt: skip
        self.problems += [f"consent without {name}" for name in wrong]
        code = f"code-{next(self._numbers)}"
        self.codes[code] = Grant(
            self.account, self.ticks, query["code_challenge"], query["redirect_uri"]
        )
        back = f"{query['redirect_uri']}?state={query['state']}"
        yes, no = f"{back}&code={code}", f"{back}&error=access_denied"
        text = f"<a id=yes href='{yes}'>Allow</a> <a id=no href='{no}'>Cancel</a>"
        return web.Response(text=text, content_type="text/html")

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        seen = Seen("POST", "/token", {}, dict(form))
        self.seen.append(seen)
        if (trouble := next((t for t in self.troubles if t.suits(seen)), None)) is not None:
            return await self._troubled(request, trouble)
        try:
            grant, lasting = self._granted(form)
        except Refused as refused:
            return web.json_response({"error": refused.reason}, status=refused.status)
        token = f"access-{next(self._numbers)}"
        self.access[token] = (grant, utcnow() + timedelta(hours=1))
        made = {"access_token": token, "expires_in": 3600, "scope": " ".join(grant.scopes)}
        return web.json_response(made | ({"refresh_token": lasting} if lasting else {}))

    def _granted(self, form: dict[str, str]) -> tuple[Grant, str | None]:
        if form["grant_type"].endswith("jwt-bearer"):
            return self._by_key(form["assertion"]), None
        if (form["client_id"], form["client_secret"]) != (self.client.id, self.client.secret):
            raise Refused(401, "invalid_client")
        if form["grant_type"] == "refresh_token":
            self.refreshes += 1
            grant = self.lasting.get(form["refresh_token"])
            if grant is None:
                raise Refused(400, "invalid_grant")
            return grant, self._rotated(form["refresh_token"]) if self.rotates else None
        found = self.codes.pop(form["code"], None)
        verifier = sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if found is None or (found.challenge, found.redirect) != (challenge, form["redirect_uri"]):
            raise Refused(400, "invalid_grant")
        if not self.consents:
            return found, None
        return found, self.grant(*found.scopes, account=found.account)

    def _rotated(self, old: str) -> str:
        new = f"lasting-{next(self._numbers)}"
        self.lasting[new] = self.lasting.pop(old)
        return new

    def _by_key(self, assertion: str) -> Grant:
        _, claims, signature = assertion.split(".")
        said = json.loads(base64.urlsafe_b64decode(claims + "=="))
        now = utcnow().timestamp()
        in_time = said["iat"] - 300 < now < said["exp"] <= said["iat"] + 3600
        if not signature or said["aud"] != self.client.token or not in_time:
            raise Refused(400, "invalid_grant")
        return Grant(said["iss"], frozenset(said["scope"].split()))
