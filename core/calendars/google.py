"""Google Calendar (API v3) behind the port: one calendar of Muster's own, or one shared with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import structlog

from core.calendars.google_api import API, Api, Nothing
from core.calendars.google_body import (
    Wanted,
    event_id,
    instance_body,
    keeping,
    notify,
    remote,
    same,
    version,
    wanted,
)
from core.calendars.google_errors import About
from core.calendars.google_events import CalendarInfo, CalendarPage, Event, Page
from core.calendars.google_tokens import Tokens
from core.calendars.port import (
    CalendarGone,
    Capabilities,
    Changed,
    Changes,
    Refused,
    Remote,
    Stored,
    Unauthorized,
    Unreachable,
    Vanished,
)
from core.reconcile.series import Instance, Series
from core.words import t

log = structlog.get_logger(__name__)

_PAGE = "250"  # entries a page; Google allows 2500, which could be more than one answer may hold
_PAGES = 200  # 50,000 entries are no calendar of meetings
_SINGLY = 5  # more changed entries than these are read by listing everything: one request, not N
_WRITERS = {"writer", "writerWithoutPrivateAccess", "owner"}


class Google:
    """`address` is the calendar's id; None: not made yet. `marker` finds one that was made."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: Tokens,
        address: str | None,
        *,
        marker: str = "",
        api_base: str = API,
    ) -> None:
        self._api = Api(session, tokens, api_base)
        self._invites = tokens.invites
        self._address = address
        self._marker = f"[muster {marker}]" if marker else ""

    @property
    def capabilities(self) -> Capabilities:
        on = self._invites
        return Capabilities(attendees=on, reads_rsvp=on, sets_rsvp=on, sends_invites=on)

    async def aclose(self) -> None:
        """The session belongs to whoever gave it."""

    # --- the calendar ---------------------------------------------------------------------------

    async def ensure_calendar(self, name: str) -> str:
        """The calendar's id; one that is not there (any more) is looked for by its marker, or made.

        Google lets the least scope make calendars but not list them; then it is made without
        looking. A shared one is never made: Refused without an id, CalendarGone else.
        """
        if self._address is None and not self._invites:
            raise Refused(t("A service account needs the id of a calendar that is shared with it."))
        try:
            await self.description()
        except CalendarGone:
            if not self._invites:
                raise
            self._address = await self._find() or await self._make(name)
        assert self._address is not None
        return self._address

    async def description(self) -> str:
        """What the calendar's owner wrote about it.

        Raises Unauthorized where it is not ours to write to, CalendarGone where it is not there.
        """
        page = await self._list({"maxResults": "1"}, "calendar")
        if page.access_role not in _WRITERS:
            raise Unauthorized(
                t(
                    "Muster may read this calendar, but not write to it. Share it with the right "
                    "to make changes to events."
                )
            )
        return page.description

    async def _find(self) -> str | None:
        query = {"maxResults": _PAGE, "minAccessRole": "owner"}
        for _ in range(_PAGES):
            try:
                page = await self._api.call(
                    "GET", "/users/me/calendarList", CalendarPage, "calendar", query=query
                )
            except Unauthorized:  # the least scope; a withdrawn permission fails in `_make` too
                return None
            for found in page.items:
                if self._marker and self._marker in found.description and not found.deleted:
                    return found.id
            if page.next_page_token is None:
                return None
            query["pageToken"] = page.next_page_token
        return None

    async def _make(self, name: str) -> str:
        text = t("Muster keeps this calendar up to date. Changes made here are written over.")
        body = {"summary": name, "description": f"{text} {self._marker}".strip()}
        made = await self._api.call("POST", "/calendars", CalendarInfo, "calendar", body=body)
        return made.id

    # --- entries --------------------------------------------------------------------------------

    async def put(self, series: Series, stored: Stored | None) -> Stored:
        """Write the entry, and those of its meetings that differ from the rule or once did.

        One list, one write, one more for each meeting that is to change; what is right already is
        not written. Raises what the port says; Exists for an id that was deleted once.
        """
        want = wanted(series, invites=self._invites)
        if stored is None:
            body = {"id": event_id(series.uid), **want.body}
            master = await self._write("POST", "", body, None)
            return await self._finish(series, want, master, ())
        found = await self._entry(stored.address)
        if found is None:
            raise Vanished(t("Somebody deleted the entry in Google Calendar."))
        master, others = found
        if version(master, others) != stored.etag:
            raise Changed(t("Somebody changed the entry in Google Calendar meanwhile."))
        body = keeping(master, want.body)
        if not same(master, body):
            master = await self._write("PUT", f"/{quote(master.id)}", body, master)
        return await self._finish(series, want, master, others)

    async def _finish(
        self, series: Series, want: Wanted, master: Event, others: tuple[Event, ...]
    ) -> Stored:
        """The instances: those that differ, and those that did and no longer should."""
        zone = series.zone
        at = {event.original_start_time.at(zone): event for event in others}
        meant = {when: i for when, i in want.days.items() if i.day in want.changed or when in at}
        stale = [e for when, e in at.items() if when not in want.days and not e.cancelled]
        if meant.keys() - at.keys():
            instances, _ = await self._pages(
                f"/{quote(master.id)}/instances", {"showDeleted": "true"}
            )
            days = {event.original_start_time.on(zone): event for event in instances}
            at |= {when: days[i.day] for when, i in meant.items() if i.day in days}
        wrote = False
        for when, instance in meant.items():
            if (event := at.get(when)) is None:
                # Perhaps a wall time that the clocks skip; nothing promises what Google does then.
                log.warning("google_has_no_instance", day=str(instance.day), uid=series.uid)
            else:
                wrote |= await self._instance(series, instance, event)
        for event in stale:
            await self.delete(Stored(event.id, event.etag))
        if not (wrote or stale or others):
            return Stored(master.id, master.etag)
        # What writing an instance or the series does to the version of the other is not promised.
        again = await self._entry(master.id)
        if again is None:
            raise Vanished(t("Somebody deleted the entry in Google Calendar."))
        return Stored(master.id, version(*again))

    async def _instance(self, series: Series, instance: Instance, event: Event) -> bool:
        body = keeping(event, instance_body(series, instance, invites=self._invites))
        if not event.cancelled and same(event, body):
            return False
        await self._write("PUT", f"/{quote(event.id)}", body, event)
        return True

    async def _write(
        self, method: str, path: str, body: Mapping[str, Any], over: Event | None
    ) -> Event:
        return await self._api.call(
            method, self._events + path, Event, "list" if over is None else "entry",
            query={"sendUpdates": notify(over, body)}, body=body,
            etag=over.etag if over is not None else None,
        )  # fmt: skip

    async def delete(self, stored: Stored) -> None:
        """Take it away, whatever its version; guests outside of Google hear of it by mail."""
        try:
            await self._api.call(
                "DELETE", f"{self._events}/{quote(stored.address)}", Nothing, "entry",
                query={"sendUpdates": "externalOnly"},
            )  # fmt: skip
        except Vanished:
            return

    async def read(self, address: str) -> Remote | None:
        """One entry with its exceptions, in one request; None: it is not there, or deleted."""
        found = await self._entry(address)
        return None if found is None else remote(*found)

    async def _entry(self, address: str) -> tuple[Event, tuple[Event, ...]] | None:
        """The series and its exceptions, which share an iCalUID: Google makes it of our id."""
        items, _ = await self._pages("", {"iCalUID": f"{address}@google.com"})
        master = next((event for event in items if event.id == address), None)
        if master is None:  # not taken for gone before it was asked for by its id
            master = await self._by_id(address)
            if master is not None and not master.cancelled:
                items, _ = await self._pages("", {"iCalUID": master.ical_uid})
        if master is None or master.cancelled:
            return None
        return master, tuple(e for e in items if e.recurring_event_id == address)

    async def _by_id(self, address: str) -> Event | None:
        try:
            path = f"{self._events}/{quote(address)}"
            return await self._api.call("GET", path, Event, "entry")
        except Vanished:
            return None

    # --- what others changed --------------------------------------------------------------------

    async def changes(self, cursor: str | None) -> Changes:
        """Entries of ours that changed since `cursor` (a sync token), each one complete."""
        if cursor is None:
            return await self._everything()
        items, token = await self._pages("", {"syncToken": cursor}, "cursor")
        gone = {e.id for e in items if e.cancelled and e.recurring_event_id is None}
        ours = (e for e in items if e.uid is not None or e.recurring_event_id is not None)
        touched = {e.recurring_event_id or e.id for e in ours} - gone
        if len(touched) > _SINGLY:
            return await self._everything()
        changed = []
        for address in sorted(touched):
            found = await self._entry(address)
            if found is None:
                gone.add(address)
            elif found[0].uid is not None:
                changed.append(remote(*found))
        return Changes(token, full=False, changed=tuple(changed), gone=tuple(sorted(gone)))

    async def _everything(self) -> Changes:
        items, token = await self._pages("", {})
        masters = [e for e in items if e.uid is not None and e.recurring_event_id is None]
        others = defaultdict[str, list[Event]](list)
        for event in items:
            if event.recurring_event_id is not None:
                others[event.recurring_event_id].append(event)
        found = (remote(e, others[e.id]) for e in masters if not e.cancelled)
        return Changes(token, full=True, changed=tuple(found))

    # --- requests -------------------------------------------------------------------------------

    @property
    def _events(self) -> str:
        if self._address is None:
            raise CalendarGone(t("There is no calendar yet."))
        return f"/calendars/{quote(self._address, safe='')}/events"

    async def _list(self, query: Mapping[str, str], about: About, path: str = "") -> Page:
        return await self._api.call("GET", self._events + path, Page, about, query=query)

    async def _pages(
        self, path: str, query: Mapping[str, str], about: About = "list"
    ) -> tuple[tuple[Event, ...], str | None]:
        """All events of a list, and its sync token."""
        found: list[Event] = []
        asked = {"maxResults": _PAGE, **query}
        for _ in range(_PAGES):
            page = await self._list(asked, about, path)
            found += page.items
            if page.next_page_token is None:
                return tuple(found), page.next_sync_token
            asked["pageToken"] = page.next_page_token
        raise Unreachable(t("Google's answer is too large to be right."))
