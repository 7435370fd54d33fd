"""A thin WebDAV client: one request, bounded in time and size, and what its answer means.

Nothing is retried here, least of all a 401.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from xml.etree.ElementTree import Element

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from core.calendars import dav_xml
from core.calendars.guard import Blocked, Guard, GuardedConnector, private
from core.calendars.port import (
    CalendarGone,
    Changed,
    Exists,
    Refused,
    SlowDown,
    Unauthorized,
    Unreachable,
)
from core.clock import utcnow
from core.errors import PermanentError, TemporaryError
from core.words import mark, t

# An answer with 200 entries of Radicale has 0.6 MB (measured); this has room for any calendar.
MOST_BYTES = 10_000_000
SECONDS = 30.0  # for a whole request; the slowest that was measured took one
_CONNECT_SECONDS = 10.0
_HOPS = 5  # redirects after each other
_LONGEST_WAIT = 86_400.0  # seconds of a Retry-After that are believed
_MOVED = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}
_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
# They say nothing about what was asked for: wait and ask again.
_NOT_NOW = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.LOCKED, HTTPStatus.TOO_EARLY}
_MEANINGS: Mapping[int, tuple[Callable[[str], PermanentError | TemporaryError], str]] = {
    HTTPStatus.UNAUTHORIZED: (Unauthorized, mark("{host} does not take the name and password.")),
    HTTPStatus.FORBIDDEN: (Unauthorized, mark("{host} does not let this account do that.")),
    HTTPStatus.NOT_FOUND: (CalendarGone, mark("The calendar on {host} is not there any more.")),
    HTTPStatus.GONE: (CalendarGone, mark("The calendar on {host} is not there any more.")),
    HTTPStatus.CONFLICT: (Exists, mark("{host} has an entry of that name already.")),
    HTTPStatus.PRECONDITION_FAILED: (Changed, mark("The entry on {host} was changed meanwhile.")),
}
# Preconditions that the same body never meets (RFC 4791, 5.3.2.1).
_NEVER = frozenset({
    "supported-calendar-data", "valid-calendar-data", "valid-calendar-object-resource",
    "supported-calendar-component", "calendar-collection-location-ok", "max-resource-size",
    "min-date-time", "max-date-time", "max-instances", "max-attendees-per-instance",
    "quota-not-exceeded",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end. `url`: where from, after redirects."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: URL

    @property
    def fine(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def gone(self) -> bool:
        return self.status in _GONE

    @property
    def limited(self) -> bool:
        """Whether we asked too often."""
        later = self.status == HTTPStatus.FORBIDDEN and "Retry-After" in self.headers
        return later or self.status == HTTPStatus.TOO_MANY_REQUESTS

    @property
    def etag(self) -> str:
        return self.headers.get("ETag", "")

    def conditions(self) -> frozenset[str]:
        """The preconditions that an error names ("valid-sync-token")."""
        return dav_xml.conditions(self.body)


class Dav:
    """One account of one server. `session`: Guard.session(); `seconds`: for a whole request.

    Raises ValueError for another session: nothing would keep it out of our own network.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        guard: Guard,
        account: str,
        password: str,
        seconds: float = SECONDS,
    ) -> None:
        if not isinstance(session.connector, GuardedConnector):
            raise ValueError("not a guarded session")  # noqa: TRY004 - it is one, of another make
        self._session = session
        self._guard = guard
        token = base64.b64encode(f"{account}:{password}".encode()).decode()
        self._authorization = f"Basic {token}"
        self._timeout = aiohttp.ClientTimeout(seconds, sock_connect=_CONNECT_SECONDS)

    async def ask(
        self, method: str, url: URL, body: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read its answer, whatever its status.

        Redirects within the same server are followed. Raises Refused for an address that we do
        not go to, Unreachable where no whole answer came.
        """
        sent = {
            "Authorization": self._authorization,
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        for _ in range(_HOPS + 1):
            self._guard.check(url)
            answer = await self._once(method, url, body, sent)
            if answer.status not in _MOVED:
                return answer
            url = _next(answer)
        raise Unreachable(t("{host} sends us in circles.", host=_named(url)))

    async def multistatus(
        self, method: str, url: URL, body: str, depth: str, also: Collection[int] = ()
    ) -> tuple[Answer, list[dav_xml.Found], str]:
        """A PROPFIND or REPORT: the answer, its resources, its sync token.

        An answer with a status in `also` comes back without resources; any other failure raises
        what `problem` makes of it. Raises Unreachable where the answer is no multistatus.
        """
        headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        answer = await self.ask(method, url, body, headers)
        if answer.status in also and not answer.limited:
            return answer, [], ""
        if answer.status != HTTPStatus.MULTI_STATUS:
            raise problem(answer)
        try:
            found, token = dav_xml.multistatus(_root(answer))
        except dav_xml.Unreadable as error:
            raise senseless(answer.url) from error
        return answer, found, token

    async def _once(self, method: str, url: URL, body: str, headers: Mapping[str, str]) -> Answer:
        host = _named(url)
        try:
            async with self._session.request(
                method,
                url,
                data=body.encode(),
                headers=headers,
                allow_redirects=False,
                auto_decompress=False,  # nothing grows on the way
                timeout=self._timeout,
            ) as response:
                return Answer(response.status, response.headers, await _body(response), url)
        except aiohttp.ClientConnectorError as error:
            cause = error.os_error
            if isinstance(cause, Blocked):
                raise Refused(private(host)) from error
            if isinstance(cause, ssl.SSLError):
                said = t("The certificate of {host} is not valid.", host=host)
            else:
                said = t("{host} cannot be reached.", host=host)
            raise Unreachable(said) from error
        except TimeoutError as error:
            raise Unreachable(t("{host} took too long to answer.", host=host)) from error
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise Unreachable(t("{host} did not give a whole answer.", host=host)) from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """All of it. Raises Unreachable as soon as it is too long, or packed though we asked not to."""
    host = _named(response.url)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise senseless(response.url)
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MOST_BYTES or (response.content_length or 0) > MOST_BYTES:
            raise Unreachable(t("The answer of {host} is far too long.", host=host))
    return bytes(body)


def _root(answer: Answer) -> Element:
    if "xml" not in answer.headers.get("Content-Type", "").lower():
        raise dav_xml.Unreadable("not XML")
    return dav_xml.parse(answer.body)


def _next(answer: Answer) -> URL:
    """Where a redirect leads. Raises Refused for another server: it must not see the password."""
    host = _named(answer.url)
    try:
        url = answer.url.join(URL(answer.headers.get("Location", "")))
    except ValueError as error:
        raise senseless(answer.url) from error
    upgraded = (answer.url.scheme, url.scheme, url.port) == ("http", "https", 443)
    if url.host != answer.url.host or not (url.origin() == answer.url.origin() or upgraded):
        other = _named(url)
        raise Refused(
            t("{host} sends us to {other}. Connect with that address.", host=host, other=other)
        )
    return url.with_user(None).with_fragment(None)


def _named(url: URL) -> str:
    """How people know a server."""
    return url.host or "?"


class Senseless(Unreachable):
    """No calendar server's answer: a login page, or half of something."""


def senseless(url: URL) -> Senseless:
    """What to raise for it: nothing is concluded from such an answer."""
    return Senseless(t("{host} does not answer like a calendar server does.", host=_named(url)))


def problem(answer: Answer) -> PermanentError | TemporaryError:
    """What an answer means that is none of those that were hoped for.

    The table of docs/decisions/0010-calendars.md; 404, 409 and 412 mean more where it is known
    what was asked for.
    """
    host, status = _named(answer.url), answer.status
    wait = _retry_after(answer.headers.get("Retry-After", ""))
    if answer.limited:
        return SlowDown(t("{host} wants us to ask less often.", host=host), wait)
    never = status == HTTPStatus.FORBIDDEN and answer.conditions() & _NEVER
    if status in _MEANINGS and not never:
        kind, text = _MEANINGS[status]
        return kind(t(text, host=host))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _NOT_NOW:
        return Unreachable(t("{host} has a problem (status {n}).", host=host, n=status), wait)
    if status < HTTPStatus.BAD_REQUEST:
        return senseless(answer.url)
    return Refused(t("{host} does not take what we wrote (status {n}).", host=host, n=status))


def _retry_after(value: str) -> float | None:
    """Seconds, whether the header has them or a date."""
    if value.strip().isdecimal():
        return min(float(value), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    wait = (until.replace(tzinfo=until.tzinfo or UTC) - utcnow()).total_seconds()
    return min(max(wait, 1.0), _LONGEST_WAIT)
