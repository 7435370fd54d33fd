"""A request to the Calendar API in somebody's name; every failure is an error of the port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from pydantic import BaseModel
from yarl import URL

from core.calendars.google_errors import About, failure
from core.calendars.google_http import M, parsed, reason, request
from core.calendars.google_tokens import Tokens

API = "https://www.googleapis.com/calendar/v3"
_OK = range(200, 300)
_UNAUTHORIZED = 401


class Nothing(BaseModel):
    """For answers of which nothing is needed."""


class Api:
    def __init__(self, session: aiohttp.ClientSession, tokens: Tokens, base: str = API) -> None:
        self._session = session
        self._tokens = tokens
        self._base = base.rstrip("/")

    async def call(
        self,
        method: str,
        path: str,
        into: type[M],
        about: About,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        etag: str | None = None,
    ) -> M:
        """The answer to `path` (begins with "/", its parts quoted), read into `into`.

        `etag`: only where it is this version. A 401 refreshes the token once. Raises the errors
        of core.calendars.port.
        """
        url = URL(self._base + path, encoded=True).with_query(query)
        status, text, retry = await self._ask(method, url, body, etag, fresh=False)
        if status == _UNAUTHORIZED:
            status, text, retry = await self._ask(method, url, body, etag, fresh=True)
        if status not in _OK:
            inviting = bool(body and body.get("attendees"))
            raise failure(status, reason(text), about, retry, inviting=inviting)
        return parsed(into, text)

    async def _ask(
        self,
        method: str,
        url: URL,
        body: Mapping[str, Any] | None,
        etag: str | None,
        *,
        fresh: bool,
    ) -> tuple[int, bytes, float | None]:
        token = await self._tokens.access(self._session, fresh=fresh)
        headers = {"Authorization": f"Bearer {token}"}
        if etag is not None:
            headers["If-Match"] = etag
        return await request(self._session, method, url, headers=headers, json=body)
