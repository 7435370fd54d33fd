"""A stand-in for Google: its OAuth pages and Calendar API v3, on loopback.

What it does was read from Google's reference; where that is silent (marked below) it does what asks
more of Muster. Every request is checked (`_google_rules`): `problems` has to stay empty.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.calendars.google_tokens import SERVICE_SCOPE
from core.clock import utcnow
from tests.e2e import _google_rules as rules
from tests.e2e._google_accounts import Accounts
from tests.e2e._google_parts import (
    Book,
    Grant,
    Refused,
    Seen,
    Trouble,
    instance,
    refusal,
    shown,
    starts,
)
from tests.e2e._google_rules import Json

LISTS = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
_WIDE = "https://www.googleapis.com/auth/calendar"


class GoogleStandIn(Accounts):
    def __init__(self) -> None:
        super().__init__()
        self.books: dict[str, Book] = {}
        self.methods: list[str] = []  # of calls to the API, one word each
        # Not documented: what becomes of exceptions that the rule no longer gives.
        self.keeps_exceptions = False
        self.page = 250  # entries a page at most

    @property
    def api_base(self) -> str:
        return f"{self.base}/calendar/v3"

    # --- what a test does to it -----------------------------------------------------------------

    def fail(self, status: int, reason: str = "", **more: Any) -> None:
        self.troubles.append(Trouble(status, reason, **more))

    def calls(self, *methods: str) -> list[Seen]:
        return [s for s in self.seen if s.path.startswith("/calendar/") and s.method in methods]

    def answer(
        self, book: Book, event: str, email: str, said: str, day: date | None = None
    ) -> None:
        """Somebody answers, to everything or to one occurrence."""
        target = book.events[event] if day is None else self._exception(book, event, day)
        next(g for g in target["attendees"] if g["email"] == email)["responseStatus"] = said
        self._touch(book, target)

    def edit(self, book: Book, event: str, day: date | None = None, **fields: Any) -> None:
        """Somebody with the right to write changes fields, of everything or of one occurrence."""
        target = book.events[event] if day is None else self._exception(book, event, day)
        target.update(fields)
        self._touch(book, target)

    def remove(self, book: Book, event: str, day: date | None = None) -> None:
        """Somebody deletes the entry, or one occurrence."""
        target = book.events[event] if day is None else self._exception(book, event, day)
        target["status"] = "cancelled"
        self._touch(book, target)

    def expire_sync_tokens(self) -> None:
        for book in self.books.values():
            book.tokens_since = next(self._numbers)

    def _exception(self, book: Book, event: str, day: date) -> Json:
        master = book.events[event]
        zone = ZoneInfo(master["start"]["timeZone"])
        at = next(w for w in starts(master) if w.astimezone(zone).date() == day)
        return book.exceptions.setdefault(event, {}).setdefault(at, instance(master, at))

    def _touch(self, book: Book, event: Json) -> None:
        number = next(self._numbers)
        event["etag"] = f'"{number}"'
        book.versions[event["id"]] = number

    # --- the server -----------------------------------------------------------------------------

    def routes(self) -> list[web.RouteDef]:
        events = "/calendar/v3/calendars/{book}/events"
        table: list[tuple[str, str, str, str, Any]] = [
            ("GET", "/calendar/v3/users/me/calendarList", "calendarList", "list", self._lists),
            ("POST", "/calendar/v3/calendars", "calendars", "insert", self._make),
            ("GET", events, "events", "list", self._list),
            ("POST", events, "events", "insert", self._insert),
            ("GET", events + "/{event}", "events", "get", self._get),
            ("PUT", events + "/{event}", "events", "update", self._update),
            ("DELETE", events + "/{event}", "events", "delete", self._delete),
            ("GET", events + "/{event}/instances", "events", "instances", self._instances),
        ]
        return [
            web.get("/consent", self._consent),
            web.post("/token", self._token),
            *(web.route(m, path, self._checked(r, n, do)) for m, path, r, n, do in table),
        ]

    def _checked(self, resource: str, name: str, do: Any) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.json() if request.can_read_body else None
            query = dict(request.query)
            seen = Seen(request.method, request.path, query, body)
            self.seen.append(seen)
            self.methods.append(request.method)
            self.problems += rules.request_problems(resource, name, query, body)
            trouble = next((t for t in self.troubles if t.suits(seen)), None)
            if trouble is not None and not trouble.after:
                return await self._troubled(request, trouble)
            try:
                found = do(request, self._who(request), body)
            except Refused as refused:
                return refusal(refused.status, refused.reason)
            if trouble is not None:
                return await self._troubled(request, trouble)
            return web.json_response(found) if found is not None else web.Response(status=204)

        return handle

    def _who(self, request: web.Request) -> Grant:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        grant, until = self.access.get(token, (None, utcnow()))
        if grant is None or until <= utcnow():
            raise Refused(401, "authError")
        return grant

    def _book(self, request: web.Request, who: Grant) -> Book:
        book = self.books.get(request.match_info["book"])
        if book is None or (book.owner != who.account and who.account not in book.shared):
            raise Refused(404, "notFound")
        return book

    def _lists(self, _request: web.Request, who: Grant, _body: None) -> Json:
        if not who.scopes & {LISTS, _WIDE}:  # so says the document: not with calendar.app.created
            raise Refused(403, "insufficientPermissions")
        mine = [b for b in self.books.values() if b.owner == who.account]
        return {"items": [
            {"id": b.id, "description": b.description, "accessRole": "owner"} for b in mine
        ]}  # fmt: skip

    def _make(self, _request: web.Request, who: Grant, body: Json) -> Json:
        name = f"c{next(self._numbers)}@group.calendar.google.com"
        self.books[name] = Book(name, who.account, body["summary"], body.get("description", ""))
        return {"id": name, **body}

    # --- events ---------------------------------------------------------------------------------

    def _list(self, request: web.Request, who: Grant, _body: None) -> Json:
        book, query = self._book(request, who), request.query
        since = 0
        if token := query.get("syncToken"):
            since = int(token)
            if since < book.tokens_since:
                raise Refused(410, "fullSyncRequired")
        every = [
            *book.events.values(), *(e for some in book.exceptions.values() for e in some.values())
        ]  # fmt: skip
        found = [
            shown(event) for event in every
            if book.versions[event["id"]] > since
            and (since or event["status"] != "cancelled" or "recurringEventId" in event)
            and query.get("iCalUID", event["iCalUID"]) == event["iCalUID"]
        ]  # fmt: skip
        page = self._paged(request, found)
        if "nextPageToken" not in page:
            page["nextSyncToken"] = str(next(self._numbers))
        role = "owner" if book.owner == who.account else book.shared[who.account]
        return {**page, "accessRole": role, "description": book.description}

    def _paged(self, request: web.Request, found: list[Json]) -> Json:
        size = min(int(request.query.get("maxResults", "250")), self.page)
        start = int(request.query.get("pageToken", "0"))
        more = {"nextPageToken": str(start + size)} if start + size < len(found) else {}
        return {"items": found[start : start + size], **more}

    def _writer(self, request: web.Request, who: Grant, body: Json | None) -> Book:
        book = self._book(request, who)
        if book.owner != who.account and book.shared[who.account] not in {"writer", "owner"}:
            raise Refused(403, "requiredAccessLevel")
        if body and body.get("attendees") and SERVICE_SCOPE in who.scopes:
            raise Refused(403, "forbiddenForServiceAccounts")
        if "sendUpdates" not in request.query:
            self.problems.append("nobody said who gets a mail")
        return book

    def _insert(self, request: web.Request, who: Grant, body: Json) -> Json:
        book = self._writer(request, who, body)
        self.problems += rules.event_problems(body, None, master=True)
        if body["id"] in book.events:  # a deleted one too
            raise Refused(409, "duplicate")
        event = {
            "status": "confirmed",
            "iCalUID": f"{body['id']}@google.com",
            "sequence": 0,
            **body,
        }
        book.events[body["id"]] = event
        self._touch(book, event)
        return shown(event)

    def _find(self, book: Book, name: str) -> Json:
        if (found := book.events.get(name)) is not None:
            return found
        master = book.events.get(name.partition("_")[0])
        if master is None or master["status"] == "cancelled":
            raise Refused(404, "notFound")
        some = [*book.exceptions.get(master["id"], {}).values(), *self._every(book, master)]
        found = next((event for event in some if event["id"] == name), None)
        if found is None:
            raise Refused(404, "notFound")
        return found

    def _get(self, request: web.Request, who: Grant, _body: None) -> Json:
        return shown(self._find(self._book(request, who), request.match_info["event"]))

    def _update(self, request: web.Request, who: Grant, body: Json) -> Json:
        book = self._writer(request, who, body)
        event = self._find(book, request.match_info["event"])
        master = "recurringEventId" not in event
        self.problems += rules.event_problems(body, event, master=master)
        if "If-Match" not in request.headers:
            self.problems.append("written over without saying what")
        elif request.headers["If-Match"] != event["etag"]:
            raise Refused(412, "conditionNotMet")
        if master and event["status"] == "cancelled":
            raise Refused(410, "deleted")
        kept = ("id", "iCalUID", "sequence", "recurringEventId", "originalStartTime")
        new = {"status": "confirmed", **body, **{k: event[k] for k in kept if k in event}}
        others = book.exceptions.setdefault(new.get("recurringEventId", new["id"]), {})
        if master:
            book.events[new["id"]] = new
            if not self.keeps_exceptions:
                for gone in others.keys() - set(starts(new)):
                    del others[gone]
        else:
            others[datetime.fromisoformat(event["originalStartTime"]["dateTime"])] = new
        self._touch(book, new)
        return shown(new)

    def _delete(self, request: web.Request, who: Grant, _body: None) -> None:
        book = self._writer(request, who, None)
        event = self._find(book, request.match_info["event"])
        if event["status"] == "cancelled":
            raise Refused(410, "deleted")
        if "recurringEventId" in event:
            at = datetime.fromisoformat(event["originalStartTime"]["dateTime"])
            event = book.exceptions.setdefault(event["recurringEventId"], {}).setdefault(at, event)
        event["status"] = "cancelled"
        self._touch(book, event)

    def _instances(self, request: web.Request, who: Grant, _body: None) -> Json:
        book = self._book(request, who)
        master = self._find(book, request.match_info["event"])
        hidden = request.query.get("showDeleted") != "true"
        found = [
            shown(event)
            for event in self._every(book, master)
            if not (hidden and event["status"] == "cancelled")
        ]  # fmt: skip
        return self._paged(request, found)

    def _every(self, book: Book, master: Json) -> Iterator[Json]:
        others = book.exceptions.get(master["id"], {})
        for at in starts(master):
            yield others.get(at) or instance(master, at)


@asynccontextmanager
async def google() -> AsyncIterator[GoogleStandIn]:
    """Running; at the end nothing may have been wrong with any request."""
    rules.document()
    stand_in = GoogleStandIn()
    app = web.Application()
    app.add_routes(stand_in.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stand_in.port = int(runner.addresses[0][1])
        yield stand_in
        assert stand_in.problems == []
    finally:
        await runner.cleanup()
