"""Calendar feeds: a private address per person and calendar, and what stands there.

A token is a signature over the feed and its generation: nothing secret is stored, a new link ends
the old one, and whoever leaves the server or the group reads nothing more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.calendar_models import Feed, FeedKind
from core.db.engine import get_database
from core.db.models import Cohort, Group, Guild, Membership, MembershipStatus
from core.db.queries import feeds as queries
from core.db.queries.feeds import FeedFacts, Kind
from core.errors import Refusal
from core.keys import Keys
from core.operations.common import Actor, audit, ensure_person, guild_settings
from core.reconcile import feed_ics
from core.reconcile.feed_ics import FeedMeeting
from core.schedule import Rule
from core.words import speaking, t

PURPOSE = "feed"  # of the signature: no token of anything else opens a feed
# What people see as a group's or cohort's calendar, and how it is named in a select.
Subject = tuple[FeedKind, int]


@dataclass(frozen=True)
class Links:
    """What links are made with. `public_url`: how the world reaches Muster's web server."""

    keys: Keys
    public_url: str


@dataclass(frozen=True)
class Link:
    """A person's feed. `path`: what stands in its addresses; secret. `read_at`: UTC, or never."""

    id: int
    kind: FeedKind
    subject_id: int
    path: str
    name: str
    read_at: datetime | None


@dataclass(frozen=True)
class Addresses:
    """`page` explains the feed and leads to the others; programs read `feed`."""

    page: str
    feed: str
    subscribe: str
    google: str


@dataclass(frozen=True)
class Choice:
    """A calendar that a person may have besides their own. `name` is as people typed it."""

    kind: FeedKind
    subject_id: int
    name: str


@dataclass
class Renewed:
    """How many links this process renewed: who remembers what a link opens looks it up again."""

    times: int = 0


renewed = Renewed()


@dataclass(frozen=True)
class Opened:
    """A feed whose token was right. `text`: its meetings (core.db.queries.feeds.content)."""

    facts: FeedFacts
    text: str


def addresses(public_url: str, path: str) -> Addresses:
    """Where the world finds the feed; `public_url` may have a path of its own."""
    base = public_url.rstrip("/")
    feed = f"{base}/feed/{path}.ics"
    webcal = f"webcal://{feed.partition('://')[2]}"
    google = f"https://calendar.google.com/calendar/render?cid={quote(webcal, safe='')}"
    return Addresses(f"{base}/calendar/{path}", feed, webcal, google)


async def link(actor: Actor, keys: Keys, kind: FeedKind, subject_id: int = 0) -> Link:
    """The actor's feed of this kind, made where needed. `subject_id`: the group or cohort.

    Raises Refusal(not_in_group) for what they are not in.
    """
    subject = actor.user_id if kind is FeedKind.member else subject_id
    async with get_database().transaction() as session:
        if kind is not FeedKind.member and (kind, subject) not in await _mine(session, actor):
            raise Refusal("not_in_group", t("You are not in that group any more. Look at /my."))
        await ensure_person(session, actor.guild_id, actor.user_id, actor.name)
        values = {"guild_id": actor.guild_id, "user_id": actor.user_id, "kind": kind,
                  "subject_id": subject, "created_at": utcnow()}  # fmt: skip
        await session.execute(insert(Feed).values(values).on_conflict_do_nothing())
        row = await session.scalar(
            select(Feed.id).where(
                Feed.guild_id == actor.guild_id, Feed.user_id == actor.user_id,
                Feed.kind == kind, Feed.subject_id == subject,
            )
        )  # fmt: skip
        assert row is not None
        return await _link(session, actor, keys, row)


async def of(actor: Actor, keys: Keys, feed_id: int) -> Link:
    """A feed of the actor's own by its id. Raises Refusal(feed_not_found) for any other."""
    async with get_database().transaction() as session:
        return await _link(session, actor, keys, feed_id)


async def rotate(actor: Actor, keys: Keys, feed_id: int) -> Link:
    """A new link; the old one opens nothing from now on. Raises Refusal(feed_not_found)."""
    async with get_database().transaction() as session:
        row = await session.scalar(
            select(Feed)
            .where(
                Feed.id == feed_id, Feed.guild_id == actor.guild_id,
                Feed.user_id == actor.user_id,
            )
            .with_for_update()
        )  # fmt: skip
        if row is None:
            raise _unknown()
        row.generation += 1
        row.read_at = None
        await session.flush()
        audit(
            session, actor, "feed_renewed", user_id=actor.user_id,
            group_id=row.subject_id if row.kind == FeedKind.group else None,
            cohort_id=row.subject_id if row.kind == FeedKind.cohort else None,
            after={"kind": row.kind},
        )  # fmt: skip
        made = await _link(session, actor, keys, feed_id)
    renewed.times += 1
    return made


async def _link(session: AsyncSession, actor: Actor, keys: Keys, feed_id: int) -> Link:
    found = await queries.find(session, feed_id)
    if found is None or (found.guild_id, found.user_id) != (actor.guild_id, actor.user_id):
        raise _unknown()
    token = keys.sign(PURPOSE, _signed(found.id, found.generation))
    return Link(
        found.id, FeedKind(found.kind), found.subject_id, f"{found.id}-{token}", name_of(found),
        found.read_at,
    )  # fmt: skip


def _signed(feed_id: int, generation: int) -> str:
    return f"{feed_id}/{generation}"


def _unknown() -> Refusal:
    return Refusal("feed_not_found", t("That calendar is not there any more. Look at /calendar."))


async def find(keys: Keys, feed_id: int, token: str, *, program: bool = False) -> FeedFacts | None:
    """The feed that the token opens; None for a wrong, a revoked and an unknown one alike.

    One statement; for a `program` that reads it one more, once an hour.
    """
    async with get_database().alone() as session:
        found = await queries.find(session, feed_id)
    # Checked in every case, so that all of them take as long.
    right = keys.verify(PURPOSE, _signed(feed_id, found.generation if found else 0), token)
    if found is None or not right:
        return None
    hour = utcnow().replace(minute=0, second=0, microsecond=0)
    if program and (found.read_at is None or found.read_at < hour):
        async with get_database().transaction() as session:
            await queries.note_read(session, found, hour)
    return found


async def opened(found: FeedFacts) -> Opened:
    """The feed with its meetings: one statement, whatever their number."""
    async with get_database().alone() as session:
        return Opened(found, await _text(session, found, utcnow()))


async def _text(session: AsyncSession, found: FeedFacts, now: datetime) -> str:
    kind: Kind = FeedKind(found.kind).value
    return await queries.content(
        session, found.guild_id, found.user_id, kind, found.subject_id, now - queries.BACK
    )


async def file(actor: Actor, kind: FeedKind, subject_id: int = 0) -> bytes:
    """The same calendar as a file, for where no address can be given out."""
    now = utcnow()
    subject = actor.user_id if kind is FeedKind.member else subject_id
    async with get_database().transaction() as session:
        chosen = await guild_settings(session, actor.guild_id)
        name = await session.scalar(select(Guild.name).where(Guild.id == actor.guild_id)) or ""
        found = FeedFacts(
            0, actor.guild_id, actor.user_id, kind, subject, 0, None, name, chosen.zone,
            chosen.language,
        )  # fmt: skip
        if kind is not FeedKind.member:
            mine = await _mine(session, actor)
            if (kind, subject) not in mine:
                raise _unknown()
            group_or_cohort, cohort = mine[kind, subject]
            found = replace(found, subject=group_or_cohort, cohort=cohort)
        whole = Opened(found, await _text(session, found, now))
    return build(whole)


def build(whole: Opened) -> bytes:
    """The file itself, in its reader's language. Takes half a millisecond a meeting."""
    facts = whole.facts
    with speaking(facts.language):
        found = _meetings(facts.guild_id, facts.zone, whole.text)
        return feed_ics.feed(facts.guild_id, name_of(facts), facts.zone, found)


def name_of(facts: FeedFacts) -> str:
    """What the calendar is called, in the language spoken now; as people typed it."""
    if facts.subject:
        return _called(FeedKind(facts.kind), facts.subject, facts.cohort)
    if not facts.server:  # Muster has not seen it yet
        return t("My meetings")
    return t("{server}: my meetings", server=facts.server)


def _called(kind: FeedKind, subject: str, cohort: str | None) -> str:
    if kind is FeedKind.cohort:
        return t("{cohort}: all groups", cohort=subject)
    return f"{subject} · {cohort}" if cohort else subject


def _meetings(guild_id: int, zone: str, text: str) -> list[FeedMeeting]:
    """The meetings of `content`; those of a group without a slot are in the server's `zone`."""
    given = json.loads(text)
    groups: dict[int, tuple[str, str, Rule | None, str | None]] = {
        int(number): (
            name, cohort, Rule.from_json(rule) if rule else None,
            f"https://discord.com/channels/{guild_id}/{channel}" if channel else None,
        )
        for number, (name, cohort, rule, channel) in given["groups"].items()
    }  # fmt: skip
    found = []
    for number, revision, made, starts, minutes, status, week, group_id, day, away in given[
        "meetings"
    ]:
        name, cohort, rule, link_to = groups[group_id]
        found.append(
            FeedMeeting(
                number, revision, _moment(made), _moment(starts), minutes, status, week, name,
                cohort, rule.slot_for(date.fromisoformat(day)).zone if rule else zone, link_to,
                bool(away),
            )
        )  # fmt: skip
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def one(actor: Actor, meeting_id: int) -> tuple[str, bytes]:
    """One meeting as a file: what it is called there, and the file.

    Raises Refusal(meeting_not_found) also for whom the meeting is not for, but moderators.
    """
    async with get_database().transaction() as session:
        chosen = await guild_settings(session, actor.guild_id)
        text = await queries.content(
            session, actor.guild_id, actor.user_id, "meeting", meeting_id,
            utcnow() - queries.BACK, anybody=actor.moderator,
        )  # fmt: skip
    found = _meetings(actor.guild_id, chosen.zone, text)
    if not found:
        raise Refusal("meeting_not_found", t("There is no such meeting of yours here any more."))
    return found[0].group, feed_ics.single(actor.guild_id, found[0])


async def choices(actor: Actor) -> list[Choice]:
    """Calendars of the groups and cohorts that the actor is in, groups first."""
    async with get_database().transaction() as session:
        mine = await _mine(session, actor)
    found = [Choice(kind, number, _called(kind, *names)) for (kind, number), names in mine.items()]
    return sorted(found, key=lambda c: (c.kind is FeedKind.cohort, c.name.casefold()))


async def _mine(session: AsyncSession, actor: Actor) -> dict[Subject, tuple[str, str | None]]:
    """Names of what the actor is in; with a group's, its cohort's."""
    rows = await session.execute(
        select(Group.id, Group.name, Cohort.id, Cohort.name)
        .join(Membership, Membership.group_id == Group.id)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(
            Membership.guild_id == actor.guild_id, Membership.user_id == actor.user_id,
            Membership.status == MembershipStatus.active,
        )
    )  # fmt: skip
    found: dict[Subject, tuple[str, str | None]] = {}
    for group_id, group, cohort_id, cohort in rows:
        found[FeedKind.group, group_id] = group, cohort
        found[FeedKind.cohort, cohort_id] = cohort, None
    return found
