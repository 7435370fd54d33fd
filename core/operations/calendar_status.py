"""How a server's calendar stands: for its settings, /muster, /check and the page of a feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select

from core.calendars.office import get_office
from core.calendars.port import Capabilities
from core.db.calendar_models import Backend, CalendarEntry, CalendarLink, EntryState, LinkStatus
from core.db.engine import get_database
from core.db.models import Cohort, Group
from core.errors import MusterError
from core.reconcile.doctor import Finding
from core.systems.calendar_rows import access_of
from core.words import t, tn, unpack


@dataclass(frozen=True)
class Exchange:
    """How a server's calendar stands. `error` in words, times UTC; `at`: the last good exchange.

    `where`: the host or account, as a person would know it again.
    """

    backend: str
    where: str
    stopped: bool
    error: str | None
    at: datetime | None
    invites: bool
    entries: int
    asked: tuple[tuple[int, str], ...]  # deleted twice: (group id, label), what now?
    failing: bool = False
    guests: bool = True  # people can be invited at all
    told: bool = True  # and the server itself tells them

    @property
    def needs(self) -> int:
        """How many things wait for a person."""
        return int(self.stopped) + len(self.asked)


@dataclass(frozen=True)
class Ways:
    """Which calendars can be connected here. `sealed`: secrets can be kept."""

    sealed: bool
    caldav: bool
    own: bool  # the operator set an account for this server


async def status(guild_id: int) -> Exchange | None:
    """The server's calendar, None where none is connected. Two statements."""
    async with get_database().alone() as session:
        link = await session.get(CalendarLink, guild_id)
        if link is None:
            return None
        counted = await session.execute(
            select(CalendarEntry.state, CalendarEntry.group_id, Group.name, Cohort.name)
            .join(Group, Group.id == CalendarEntry.group_id)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(CalendarEntry.guild_id == guild_id)
            .order_by(CalendarEntry.group_id)
        )
        entries = counted.all()
    asked = tuple((i, f"{group} · {cohort}") for state, i, group, cohort in entries
                  if state == EntryState.asked)  # fmt: skip
    can = _capabilities(link)
    return Exchange(
        link.backend, _where(link), link.status == LinkStatus.stopped,
        unpack(link.error_text) if link.error_text is not None else None,
        link.polled_at, link.invites, sum(e[0] == EntryState.made for e in entries), asked,
        link.attempts > 0, can is None or can.attendees, can is None or can.sends_invites,
    )  # fmt: skip


def _capabilities(link: CalendarLink) -> Capabilities | None:
    """None where it cannot be opened here; the link's error says why."""
    office = get_office()
    try:
        return office.capabilities(access_of(link, office)) if office is not None else None
    except MusterError:
        return None


def _where(link: CalendarLink) -> str:
    if link.backend == Backend.service:
        return link.address or ""
    host = urlsplit(link.url or "").hostname or ""
    return f"{link.account} · {host}" if link.account and host else host


def ways(guild_id: int) -> Ways:
    """What can be connected in this process."""
    office = get_office()
    if office is None:
        return Ways(sealed=False, caldav=False, own=False)
    return Ways(office.keys.can_seal, office.can(Backend.caldav), guild_id in office.accounts)


async def findings(guild_id: int) -> list[Finding]:
    """What /check says about the calendar."""
    found = await status(guild_id)
    if found is None:
        return []
    problem = found.error or ""
    if found.stopped:
        return [
            Finding(
                t("Muster is not let into the server's calendar: {problem}", problem=problem),
                t("Meetings do not reach the calendar, and answers given there do not reach "
                  "Muster"),
                t("Connect it again under /settings → Calendar"),
            )
        ]  # fmt: skip
    every = []
    if found.failing:
        every.append(
            Finding(
                t("The server's calendar does not answer: {problem}", problem=problem),
                t("Changes reach it once it answers again"),
                t("Nothing has to be done: Muster goes on trying"),
            )
        )
    if found.asked:
        n = len(found.asked)
        every.append(
            Finding(
                tn("{n} entry was deleted in the calendar twice",
                   "{n} entries were deleted in the calendar twice", n),
                t("They are left out until somebody says what is wanted"),
                t("Decide under /settings → Calendar"),
            )
        )  # fmt: skip
    return every
