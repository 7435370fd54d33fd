"""Calendar feeds over http: the file that programs read, and the page that explains it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

from aiohttp import ETag, web

from bot.web import page
from bot.web.cache import Cache, Packed
from bot.web.limits import Limit, address_of
from core.clock import utcnow
from core.db.queries.feeds import FeedFacts
from core.keys import Keys
from core.operations import calendar_status, feeds
from core.words import speaking

# Programs ask every five minutes at most, from a few devices of one person.
PER_LINK = (30, 0.2)  # at once, and per second after that
# Google and Microsoft read the calendars of all their users from a few addresses.
PER_ADDRESS = (300, 20.0)
# What a link opens is looked up no more often than this, and again after any link was renewed.
FRESH = timedelta(seconds=10)
KNOWN = 10_000  # links of which that is remembered
_PATH = r"{feed:[1-9][0-9]{0,17}}-{token:[a-z2-7]{32}}"


@dataclass
class Feeds:
    """Serves the feeds of all servers. `public_url`: how the world reaches us."""

    keys: Keys
    public_url: str
    per_link: Limit = field(default_factory=lambda: Limit(*PER_LINK))
    per_address: Limit = field(default_factory=lambda: Limit(*PER_ADDRESS))
    cache: Cache = field(default_factory=Cache)
    # By link that opened: the key of its file, when that was right, renewals before that.
    _known: dict[tuple[int, str], tuple[bytes, datetime, int]] = field(default_factory=dict)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    def routes(self) -> list[web.RouteDef]:
        """What an application serves (bot.web.server.application)."""
        return [
            web.get(f"/feed/{_PATH}.ics", self._feed),
            web.get(f"/calendar/{_PATH}", self._page),
        ]

    async def _feed(self, request: web.Request) -> web.Response:
        feed, token = self._asked(request)
        file = await self._file(feed, token)
        if file is None:
            raise web.HTTPNotFound
        answer = web.Response(headers={
            # Kept by its reader, who asks each time whether it is still right.
            "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding",
        })  # fmt: skip
        # Weak: packed and unpacked it is the same file.
        answer.etag = ETag(file.tag, is_weak=True)
        known = request.if_none_match or ()
        if any(tag.value in {file.tag, "*"} for tag in known):
            answer.set_status(304)
            return answer
        answer.content_type, answer.charset = "text/calendar", "utf-8"
        answer.headers["Content-Disposition"] = 'inline; filename="muster.ics"'
        if _takes_gzip(request):
            answer.headers["Content-Encoding"] = "gzip"
            answer.body = file.body
        else:
            answer.body = file.unpacked()
        return answer

    async def _page(self, request: web.Request) -> web.Response:
        feed, token = self._asked(request)
        found = await feeds.find(self.keys, feed, token)
        with speaking(page.language_of(request)):
            if found is None:
                return page.no_such_link()
            where = feeds.addresses(self.public_url, f"{feed}-{token}")
            calendar = await calendar_status.status(found.guild_id)
            return page.landing(feeds.name_of(found), where, found.read_at, calendar)

    def _asked(self, request: web.Request) -> tuple[int, str]:
        """The feed and the token. Raises HTTPTooManyRequests before anything is looked up."""
        feed, token = request.match_info["feed"], request.match_info["token"]
        wait = self.per_address.wait(address_of(request)) or self.per_link.wait(f"{feed}-{token}")
        if wait:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(ceil(wait))})
        return int(feed), token

    async def _file(self, feed: int, token: str) -> Packed | None:
        """What the link opens, from the cache while it is fresh; None where it opens nothing.

        Else looked up, and built beside the event loop, one at a time, if it says something new.
        """
        key, since, renewals = self._known.get((feed, token), (b"", utcnow(), -1))
        file = self.cache.get(key)
        if file is not None and renewals == feeds.renewed.times and utcnow() - since < FRESH:
            return file
        renewals = feeds.renewed.times
        found = await feeds.find(self.keys, feed, token, program=True)
        if found is None:
            return None
        async with self._building:
            opened = await feeds.opened(found)
            key = _head(found) + sha256(opened.text.encode()).digest()
            file = self.cache.get(key)
            if file is None:
                file = await asyncio.to_thread(lambda: Packed.of(feeds.build(opened)))
                self.cache.put(key, file)
        self._known.pop((feed, token), None)
        self._known[feed, token] = (key, utcnow(), renewals)
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]
        return file


def _head(found: FeedFacts) -> bytes:
    """Of all that the file is made of beside its meetings."""
    said = (found.guild_id, found.id, found.zone, found.language, feeds.name_of(found))
    return sha256(repr(said).encode()).digest()


def _takes_gzip(request: web.Request) -> bool:
    for part in request.headers.get("Accept-Encoding", "").split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        if name in {"gzip", "*"}:
            return weight not in {"0", "0.0", "0.00", "0.000"}
    return False
