"""CalDAV (RFC 4791): Radicale, Nextcloud, Fastmail, iCloud, xandikos and others."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote
from xml.sax.saxutils import escape

import aiohttp
from yarl import URL

from core.calendars import caldav_home
from core.calendars.caldav_home import Place
from core.calendars.dav import SECONDS, Answer, Dav, problem, senseless
from core.calendars.dav_xml import CALDAV, DAV, Found
from core.calendars.guard import Guard
from core.calendars.port import (
    CalendarGone,
    Capabilities,
    Changes,
    CursorGone,
    Exists,
    Remote,
    Stored,
    Vanished,
)
from core.clock import utcnow
from core.reconcile.series import Series
from core.reconcile.series_ics import write
from core.reconcile.series_read import read
from core.words import t

_PREFIX, _SUFFIX = "muster-", ".ics"  # of the file names of our entries: no other is ever read
_BATCH = 250  # entries of one multiget: at 3 KB each, a tenth of what an answer may have
_ROUNDS = 100  # pages of a list of changes, of a server that gives them in pages
_SYNC, _LIST = "sync:", "list:"  # kinds of cursor: the server's token, or a hash of its etags
# SEQUENCE counts seconds from here: it rises with every write, and nobody has to keep it.
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_XML = 'xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
_CHANGES = (
    f"<sync-collection {_XML}><sync-token>{{token}}</sync-token><sync-level>1</sync-level>"
    "<prop><getetag/></prop></sync-collection>"
)
_ETAGS = f"<propfind {_XML}><prop><getetag/></prop></propfind>"
_ENTRIES = (
    f"<c:calendar-multiget {_XML}><prop><getetag/><c:calendar-data/></prop>"
    "{hrefs}</c:calendar-multiget>"
)
# What servers answer that have no sync-collection at all.
_NO_SYNC = {
    HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.NOT_IMPLEMENTED,
}  # fmt: skip
# And these, but only where a token was sent: the list without one says whether it was that.
_NO_TOKEN = {
    HTTPStatus.GONE, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.INSUFFICIENT_STORAGE,
}  # fmt: skip


class CalDav:
    """A guild's calendar on a CalDAV server: the port, core.calendars.port.Calendar.

    `session`: Guard.session(), closed by whoever made it. `url`: as a person gave it. `address`:
    what ensure_calendar returned, once it did. `marker`: tells the calendar that is made from those
    of other guilds in the same account, and finds it again whatever its name is by then.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        account: str,
        password: str,
        address: str | None,
        guard: Guard,
        *,
        marker: str = "",
        seconds: float = SECONDS,
    ) -> None:
        self._marker = marker
        self._dav = Dav(session, guard, account, password, seconds)
        self._given = url
        self._place = Place.of(address) if address else None

    @property
    def capabilities(self) -> Capabilities:
        """Before ensure_calendar was called once, nothing is known of invitations."""
        return Capabilities(sends_invites=self._place is not None and self._place.invites)

    async def ensure_calendar(self, name: str) -> str:
        """Where it is known: whether it is still there; else it is looked for and made."""
        if self._place is not None:
            seen = await caldav_home.look(self._dav, self._place.url)
            if seen is not None and caldav_home.is_calendar(seen[1]):
                self._place = replace(self._place, url=seen[0])
                return str(self._place)
        self._place = await caldav_home.find_or_make(
            self._dav, self._given, name, self._marker or name
        )
        return str(self._place)

    async def put(self, series: Series, stored: Stored | None) -> Stored:
        place = self._at()
        now = utcnow()
        sequence = max(0, int((now - _SINCE).total_seconds()))
        # With hundreds of guests long enough for everybody else to wait for it.
        text = await asyncio.to_thread(write, series, sequence, now, place.organizer)
        url = self._url(stored.address) if stored else _entry(place, series.uid)
        condition = {"If-Match": stored.etag} if stored else {"If-None-Match": "*"}
        headers = {"Content-Type": "text/calendar; charset=utf-8", **condition}
        answer = await self._dav.ask("PUT", url, text, headers)
        if _login_page(answer):
            raise senseless(url)
        if not answer.fine:
            raise await self._not_written(answer, new=stored is None)
        return Stored(url.raw_path, answer.etag or await self._etag(url))

    async def delete(self, stored: Stored) -> None:
        answer = await self._dav.ask("DELETE", self._url(stored.address))
        if _login_page(answer):
            raise senseless(answer.url)
        if not (answer.fine or answer.gone):
            raise problem(answer)

    async def changes(self, cursor: str | None) -> Changes:
        if cursor is None:
            return await self._synced("", first=True) or await self._listed(None)
        if cursor.startswith(_LIST):
            return await self._listed(cursor)
        found = await self._synced(cursor.removeprefix(_SYNC), first=False)
        assert found is not None  # only a first one is ever None
        return found

    async def read(self, address: str) -> Remote | None:
        found, _ = await self._entries([address])
        return found[0] if found else None

    async def aclose(self) -> None:
        """Nothing was opened here: the session belongs to whoever made it."""

    # --- what changed -----------------------------------------------------------------------------

    async def _synced(self, token: str, *, first: bool) -> Changes | None:
        """By sync-collection (RFC 6578); None: this server has none. Raises CursorGone."""
        known = dict[str, bool]()  # by path: whether it is there
        for _ in range(_ROUNDS):
            body = _CHANGES.format(token=escape(token))
            also = _NO_SYNC if first else _NO_SYNC | _NO_TOKEN
            answer, found, token = await self._report("REPORT", body, "0", also)
            if answer.status != HTTPStatus.MULTI_STATUS:
                if first:
                    return None
                raise CursorGone(t("The calendar server forgot what was read. All is read again."))
            for entry in found:
                if path := self._own(answer.url, entry):
                    known[path] = entry.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
            if not any(e.status == HTTPStatus.INSUFFICIENT_STORAGE for e in found):
                break
        else:  # half a list says nothing about what is not in it
            raise senseless(self._at().url)
        changed, gone = await self._entries([path for path, there in known.items() if there])
        missing = [path for path, there in known.items() if not there]
        return Changes(
            _SYNC + token if token else None,
            full=first,
            changed=tuple(changed),
            gone=() if first else (*missing, *gone),
        )

    async def _listed(self, cursor: str | None) -> Changes:
        """By the etags of everything: one request while they stay the same, else all of it."""
        answer, found, _ = await self._report("PROPFIND", _ETAGS, "1")
        etags = {
            path: entry.text(DAV + "getetag")
            for entry in found
            if (path := self._own(answer.url, entry))
        }
        seen = hashlib.sha256(repr(sorted(etags.items())).encode()).hexdigest()
        if cursor == _LIST + seen:
            return Changes(cursor, full=False)
        changed, _ = await self._entries(list(etags))
        return Changes(_LIST + seen, full=True, changed=tuple(changed))

    async def _entries(self, paths: Sequence[str]) -> tuple[list[Remote], list[str]]:
        """The entries at these paths, and the paths where there is none."""
        remotes, gone = list[Remote](), list[str]()
        for some in _batches(paths):
            hrefs = "".join(f"<href>{escape(path)}</href>" for path in some)
            body = _ENTRIES.format(hrefs=hrefs)
            answer, found, _ = await self._report("REPORT", body, "1")
            by_path = {self._own(answer.url, entry): entry for entry in found}
            for path in some:
                entry = by_path.get(path)
                if entry is None:
                    raise senseless(answer.url)
                if entry.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                    gone.append(path)
                else:
                    remotes.append(await asyncio.to_thread(_remote, answer, path, entry))
        return remotes, gone

    async def _report(
        self, method: str, body: str, depth: str, also: Collection[int] = ()
    ) -> tuple[Answer, list[Found], str]:
        """What the calendar itself answers. Raises CalendarGone where it is somewhere else now."""
        url = self._at().url
        answer, found, token = await self._dav.multistatus(method, url, body, depth, also)
        if answer.url != url:  # its entries have other addresses: nothing of ours would be found
            raise CalendarGone(t("The calendar is somewhere else now."))
        return answer, found, token

    def _own(self, base: URL, entry: Found) -> str:
        """The path of an entry of ours; empty for everything else."""
        try:
            url = base.join(URL(entry.href))
        except ValueError:
            return ""
        inside = url.raw_path.startswith(self._at().url.raw_path)
        own = url.name.startswith(_PREFIX) and url.name.endswith(_SUFFIX)
        return url.raw_path if inside and own else ""

    # --- one entry --------------------------------------------------------------------------------

    async def _not_written(self, answer: Answer, *, new: bool) -> Exception:
        """What a refused PUT means."""
        failed = answer.status == HTTPStatus.PRECONDITION_FAILED
        if new and (failed or "no-uid-conflict" in answer.conditions()):
            return Exists(t("The calendar has this entry already."))
        unsure = answer.gone or answer.status in {
            HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED
        }  # fmt: skip
        if unsure:
            seen = await caldav_home.look(self._dav, self._at().url)
            if seen is None or not caldav_home.is_calendar(seen[1]):
                return CalendarGone(t("The calendar is not there any more."))
            if not new and await self.read(answer.url.raw_path) is None:
                return Vanished(t("Somebody deleted the entry in the calendar."))
        return problem(answer)

    async def _etag(self, url: URL) -> str:
        """The etag of an entry, from a server that did not say it when it was written."""
        _, found, _ = await self._dav.multistatus("PROPFIND", url, _ETAGS, "0")
        etag = found[0].text(DAV + "getetag") if found else ""
        if not etag:
            raise senseless(url)
        return etag

    def _at(self) -> Place:
        if self._place is None:
            raise CalendarGone(t("The calendar is not there any more."))
        return self._place

    def _url(self, path: str) -> URL:
        return self._at().url.join(URL(path, encoded=True))


def _entry(place: Place, uid: str) -> URL:
    return place.url.join(URL(f"{_PREFIX}{quote(uid, safe='')}{_SUFFIX}", encoded=True))


def _remote(answer: Answer, path: str, entry: Found) -> Remote:
    """An entry of a multiget. Raises Unreachable where it is not there in full."""
    etag, text = entry.text(DAV + "getetag"), entry.text(CALDAV + "calendar-data")
    if not etag or not text:
        raise senseless(answer.url)
    found = read(text)
    return Remote(Stored(path, etag), found.uid or "", found.content, found.answers)


def _login_page(answer: Answer) -> bool:
    """Whether a page for people came where there was nothing to show."""
    html = "html" in answer.headers.get("Content-Type", "").lower()
    return html and answer.status == HTTPStatus.OK


def _batches(paths: Sequence[str]) -> Iterator[Iterable[str]]:
    for begin in range(0, len(paths), _BATCH):
        yield paths[begin : begin + _BATCH]
