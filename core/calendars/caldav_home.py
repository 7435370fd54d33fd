"""Where an account's calendars are, and the one of ours among them: found, or made once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode
from xml.sax.saxutils import escape

from yarl import URL

from core.calendars.dav import Dav, Senseless, problem, senseless
from core.calendars.dav_xml import CALDAV, DAV, Found
from core.calendars.port import CalendarGone, Exists, Refused
from core.words import t

# The same marker gives the same path, so that a crash after making it makes no second one.
_NAMES = uuid.UUID("6f0c1c52-6a0e-5a58-9a0f-51c3b7ad6f1e")
_NOT_THERE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.METHOD_NOT_ALLOWED}
_NOT_FOR_US = {
    HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED,
}  # fmt: skip
_LOOK = (
    '<propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><resourcetype/>'
    "<current-user-principal/><c:calendar-home-set/><c:calendar-user-address-set/>"
    "</prop></propfind>"
)
_MAKE = (
    '<c:mkcalendar xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><set><prop>'
    "<displayname>{name}</displayname><c:supported-calendar-component-set>"
    '<c:comp name="VEVENT"/></c:supported-calendar-component-set></prop></set></c:mkcalendar>'
)
# Who invites where the server knows no address of the account: one that nobody ever has (RFC 2606).
NOBODY = "mailto:noreply@muster.invalid"


Seen = tuple[URL, Found]  # where a resource really is, and what it says of itself


@dataclass(frozen=True, slots=True)
class Place:
    """A calendar: its address, who invites (a URI), and whether the server invites people.

    Kept as one text, so that nothing of it is asked for again with every entry.
    """

    url: URL
    organizer: str = NOBODY
    invites: bool = False

    def __str__(self) -> str:
        known = {"organizer": self.organizer, "invites": int(self.invites)}
        return f"{self.url}#{urlencode(known)}"

    @classmethod
    def of(cls, text: str) -> Place:
        """What `str` made. Raises ValueError where the address is none."""
        url, _, known = text.partition("#")
        values = {key: found[0] for key, found in parse_qs(known).items()}
        return cls(URL(url), values.get("organizer", NOBODY), values.get("invites") == "1")


async def look(dav: Dav, url: URL) -> Seen | None:
    """What a resource says of itself, and where it really is; None: it is not there."""
    answer, found, _ = await dav.multistatus("PROPFIND", url, _LOOK, "0", also=_NOT_THERE)
    # xandikos says within a 207 that there is nothing.
    if answer.status in _NOT_THERE or any(seen.status in _NOT_THERE for seen in found):
        return None
    if not found:
        raise senseless(answer.url)
    return answer.url, found[0]


def is_calendar(found: Found) -> bool:
    """Whether a resource is a calendar, not a folder of them."""
    kind = found.has.get(DAV + "resourcetype")
    return kind is not None and kind.find(CALDAV + "calendar") is not None


async def find_or_make(dav: Dav, given: str, name: str, marker: str) -> Place:
    """The calendar that was made with this marker, or the one that `given` itself is.

    Raises Refused where there is none and none can be made, and what `Dav` raises.
    """
    url = _url(given)
    (at, found), principal = await _account(dav, url)
    if is_calendar(found):
        return await _completed(dav, _folder(at), principal)
    home = _href(principal, CALDAV + "calendar-home-set")
    if home is None:
        raise Refused(
            t("{host} does not say where its calendars are. Give the address of one.",
              host=url.host or "?")
        )  # fmt: skip
    own = _folder(home) / f"muster-{uuid.uuid5(_NAMES, marker).hex[:16]}" / ""
    await _make(dav, own, name)
    return await _completed(dav, own, principal)


async def _account(dav: Dav, url: URL) -> tuple[Seen, Seen | None]:
    """A calendar or whatever knows the account, and the account itself.

    A page for people at one address does not speak for the next. Raises Refused and what `look`
    does.
    """
    known = url.with_path("/.well-known/caldav")
    # RFC 6764, 6: whoever has only a host asks there first.
    ways = [known, url] if url.path in {"", "/"} else [url, known]
    found: tuple[Seen, None] | None = None
    failed: Refused | Senseless | None = None
    for way in ways:
        try:
            seen = await look(dav, way)
            principal = await _principal(dav, seen) if seen else None
        except (Refused, Senseless) as error:
            failed = failed or error
            continue
        if seen and (principal or is_calendar(seen[1])):
            return seen, principal
        if seen:
            found = found or (seen, None)
    if found is None:
        raise failed or Refused(t("There is no calendar server at that address."))
    return found


async def _make(dav: Dav, url: URL, name: str) -> None:
    """Make a calendar; one that is there already is taken."""
    seen = await look(dav, url)
    if seen is None:
        body = _MAKE.format(name=escape("".join(c for c in name if c.isprintable())))
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        answer = await dav.ask("MKCALENDAR", url, body, headers)
        if answer.fine:
            return
        seen = await look(dav, url)
        if seen is None and answer.status in _NOT_FOR_US:
            raise Refused(
                t("{host} lets us make no calendar. Make one there and give its address.",
                  host=url.host or "?")
            )  # fmt: skip
        if seen is None:
            raise problem(answer)
    if not is_calendar(seen[1]):
        raise Exists(t("Something else is at {url}.", url=str(url)))


async def _principal(dav: Dav, seen: Seen) -> Seen | None:
    """The account: itself, or what the resource names as it."""
    if CALDAV + "calendar-home-set" in seen[1].has:
        return seen
    url = _href(seen, DAV + "current-user-principal")
    return None if url is None else await look(dav, url)


def _href(seen: Seen | None, name: str) -> URL | None:
    """The address in a property. Raises Refused where it leads to somebody else's server."""
    if seen is None or name not in seen[1].has:
        return None
    base, found = seen
    href = (found.has[name].findtext(DAV + "href") or "").strip()
    if not href:
        return None
    try:
        url = base.join(URL(href)).with_user(None).with_fragment(None)
    except ValueError as error:
        raise senseless(base) from error
    if url.origin() != base.origin() and not _siblings(base, url):
        raise Refused(
            t("{host} sends us to {other}. Connect with that address.",
              host=base.host or "?", other=url.host or "?")
        )  # fmt: skip
    return url


def _siblings(one: URL, other: URL) -> bool:
    """caldav.icloud.com and p34-caldav.icloud.com: one operator's, both with https."""
    above = [(url.host or "").partition(".")[2] for url in (one, other)]
    return one.scheme == other.scheme == "https" and above[0] == above[1] and "." in above[0]


async def _completed(dav: Dav, url: URL, principal: Seen | None) -> Place:
    """The place with what entries need to know of it later."""
    answer = await dav.ask("OPTIONS", url)
    if answer.gone:
        raise CalendarGone(problem(answer).text)
    classes = answer.headers.getall("DAV", []) if answer.fine else []
    abilities = {word.strip() for value in classes for word in value.split(",")}
    return Place(url, _address(principal), "calendar-auto-schedule" in abilities)


def _address(principal: Seen | None) -> str:
    name = CALDAV + "calendar-user-address-set"
    if principal is None or name not in principal[1].has:
        return NOBODY
    hrefs = (e.text or "" for e in principal[1].has[name].iterfind(DAV + "href"))
    found = (href.strip() for href in hrefs)
    return next((href for href in found if href.lower().startswith("mailto:")), NOBODY)


def _folder(url: URL) -> URL:
    return url if url.path.endswith("/") else url / ""


def _url(given: str) -> URL:
    """The address that a person typed, without a name and password in it. Raises Refused."""
    try:
        url = URL(given.strip())
        return url.with_user(None).with_query(None).with_fragment(None)
    except ValueError as error:
        raise Refused(t("That is not the address of a calendar server (https://…).")) from error
