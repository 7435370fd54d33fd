"""Why somebody cannot see a channel: facts for core.reconcile.why, and the fixes it names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import Projection
from core.db.queries import access as access_queries
from core.db.queries import why as queries
from core.db.queries.access import Facts
from core.db.queries.sync_states import mark_due
from core.db.queries.why import Mine, OfGroup, PlaceRow
from core.discord_outbound import seen
from core.discord_outbound.cache import GuildView
from core.errors import Refusal
from core.operations.by_hand import view_of
from core.operations.common import Actor, audit, get_group, guild_settings
from core.reconcile.why import (
    DONE_BY_HAND,
    Case,
    Door,
    Link,
    Seat,
    Someone,
    SyncFacts,
    Team,
    guest_of,
    why,
)
from core.systems import doors
from core.words import t, unpack

ASKED = "why"  # the kind of rows that remember what moderators were told
_EVENTS = {
    "": seen.OVERWRITE_UPDATE,
    "create": seen.OVERWRITE_CREATE,
    "update": seen.OVERWRITE_UPDATE,
    "delete": seen.OVERWRITE_DELETE,
}


@dataclass(frozen=True)
class Answer:
    """The first broken link, with whom and what it is about. Ids are Discord's but group_id's."""

    link: Link
    user_id: int
    name: str
    channel_id: int | None = None
    channel_name: str = ""
    group_id: int | None = None
    group: str = ""
    cohort: str = ""


@dataclass(frozen=True)
class _Who:
    """The person asked about, from Discord's cache and our row of them."""

    user_id: int
    name: str
    seen: seen.PersonSeen
    someone: Someone


async def explain(actor: Actor, user_id: int, name: str, discord_id: int) -> Answer:
    """Why this person sees a channel or does not, for moderators.

    `name` is their unique user name, for people who are not here. Thirteen SQL statements at most,
    however large the server; at most one call to Discord, for its audit log. Raises
    Refusal(not_allowed, channel_not_found), TemporaryError.
    """
    actor.must_moderate()
    view = view_of(actor.guild_id)
    async with get_database().transaction() as session:
        who = await _who(session, view, user_id, name)
        place = await queries.place(session, actor.guild_id, discord_id)
        group_id = place.group_id if place is not None else None
        if place is not None and place.cohort_id is not None and place.kind == "text":
            group_id = await queries.speaks_for(
                session, actor.guild_id, place.cohort_id, user_id, who.seen.username
            )
        if group_id is None:
            return _foreign(view, who, discord_id, place)
        answer = await _of_group(session, view, who, group_id, discord_id)
    return await _named(actor.guild_id, answer)


async def explain_group(actor: Actor, user_id: int, name: str, group_id: int) -> Answer:
    """Likewise about all channels of a group, which may not be there yet.

    Raises Refusal(not_allowed, group_not_found), TemporaryError.
    """
    actor.must_moderate()
    answer = await for_member(actor.guild_id, user_id, name, group_id)
    return await _named(actor.guild_id, answer)


async def for_member(guild_id: int, user_id: int, name: str, group_id: int) -> Answer:
    """Why somebody does not see their own group; names nobody else.

    Raises Refusal(group_not_found), TemporaryError.
    """
    async with get_database().transaction() as session:
        await get_group(session, guild_id, group_id)
        view = view_of(guild_id)
        who = await _who(session, view, user_id, name)
        return await _of_group(session, view, who, group_id, None)


async def groups_of(guild_id: int, user_id: int) -> list[Mine]:
    """The groups that somebody is, was or is a guest in, with their channels; current ones first.

    `status` "guest": a visit lies ahead or is under way; "visited": it is over.
    """
    async with get_database().transaction() as session:
        return await queries.groups_of(session, guild_id, user_id, utcnow())


async def places(guild_id: int) -> list[OfGroup]:
    """All channels of the guild's groups, and its groups without any, newest cohort first."""
    async with get_database().transaction() as session:
        return await queries.places(session, guild_id)


async def _who(session: AsyncSession, view: GuildView, user_id: int, name: str) -> _Who:
    person = seen.person(view.id, user_id)
    settings = await guild_settings(session, view.id)
    known = await queries.person(session, view.id, user_id)
    shown = person.name or (known[0] if known else "") or name or t("This person")
    quiet = person.timed_out_until
    someone = Someone(
        here=person.here,
        left_at=known[1] if known and not person.here else None,
        bot=person.bot,
        pending=person.pending,
        quiet_until=quiet if quiet is not None and quiet > utcnow() else None,
        sees_all=person.sees_all,
        moderates=_moderates(settings, person),
    )
    return _Who(user_id, shown, replace(person, username=person.username or name), someone)


def _moderates(settings: GuildSettings, person: seen.PersonSeen) -> bool:
    return settings.moderator_role_id in person.role_ids


def _foreign(view: GuildView, who: _Who, discord_id: int, place: PlaceRow | None) -> Answer:
    """A channel of nobody's group: a category, or one that Muster does not look after."""
    kind = seen.channel_kind(view.id, discord_id)
    if kind is None and place is None:
        raise Refusal("channel_not_found", t("There is no such channel here any more."))
    door = doors.foreign(view.id, who.user_id, discord_id, place.kind if place else kind or "")
    link = why(Case(who.someone, None, Seat(""), doors=(door,)))
    name = view.channel_name(discord_id) or ""
    return Answer(link, who.user_id, who.name, discord_id, name)


async def _of_group(
    session: AsyncSession, view: GuildView, who: _Who, group_id: int, discord_id: int | None
) -> Answer:
    found = await access_queries.gather(session, [group_id])
    if not found or found[0].group.guild_id != view.id:
        raise Refusal("group_not_found", t("There is no such group here. It may have been closed."))
    facts = found[0]
    state = facts.state
    reason = await queries.sync_reason(session, group_id)
    shared = facts.shared is not None and facts.shared.discord_id == discord_id
    case = Case(
        who.someone,
        Team(facts.group.status, facts.group.cohort_status, facts.group.opened_at is not None),
        await _seat(session, facts, who, guest=not shared),
        doors.role_of(facts, view),
        doors.of_group(facts, view, who.user_id, utcnow(), discord_id),
        SyncFacts(state.status, state.next_attempt_at, unpack(reason)) if state else SyncFacts(),
        ("on" if facts.group.shared else "off") if shared else "",
    )
    link = why(case)
    door = link.door or _meant(case.doors, discord_id)
    row = doors.rooms_of(facts).get(door.kind) if door else None
    return Answer(
        link, who.user_id, who.name, door.id if door else None, row.name if row else "",
        group_id, facts.group.name, facts.group.cohort_name,
    )  # fmt: skip


def _meant(found: tuple[Door, ...], discord_id: int | None) -> Door | None:
    return next((d for d in found if d.id == discord_id), None) if discord_id else None


async def _seat(session: AsyncSession, facts: Facts, who: _Who, *, guest: bool) -> Seat:
    """`guest`: visits count; in the channel that a cohort shares they open nothing."""
    group = facts.group
    history = await queries.spells(session, group.cohort_id, who.user_id)
    here = next((s for s in history if s.group_id == group.id), None)
    now = next((s for s in history if s.status == "active" and s.group_id != group.id), None)
    by = None
    if here is not None and here.ended_at is not None:
        by = await queries.ended_by(
            session, group.guild_id, group.cohort_id, who.user_id, here.ended_at
        )
    expected = await queries.is_expected(session, group.id, who.seen.username)
    visits = (
        await queries.visits(session, group.guild_id, group.id, who.user_id)
        if guest and now is not None else []
    )  # fmt: skip
    return Seat(
        here.status if here else "", here.ended_at if here else None, by,
        now.group if now else None, expected, guest_of(visits, utcnow()),
    )  # fmt: skip


async def _named(guild_id: int, answer: Answer) -> Answer:
    """With the name of whose hand it was, where Discord's audit log says so."""
    link, door = answer.link, answer.link.door
    if link.code not in DONE_BY_HAND or door is None or door.id is None:
        return answer
    place, target, event = door.id, answer.user_id, _EVENTS[door.trace]
    if link.code == "role_taken":
        place, event = link.role_id or 0, seen.MEMBER_ROLE_UPDATE
    elif link.code == "role_closed":
        target = link.role_id or 0
    who = await seen.who_changed(guild_id, place_id=place, target_id=target, event=event)
    return replace(answer, link=replace(link, who=who))


async def sync_now(actor: Actor, group_id: int) -> None:
    """Have a group looked at again at once, also where its next try lies ahead.

    The caller syncs right after. Raises Refusal(not_allowed, group_not_found).
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id)
        audit(
            session, actor, "sync_applied", cohort_id=group.cohort_id, group_id=group_id,
            after={"groups": 1},
        )  # fmt: skip
        await mark_due(session, [group_id], utcnow(), systems=("discord",))


def _subject(user_id: int, group_id: int) -> str:
    return f"{user_id}:{group_id}:"


async def claim_telling(guild_id: int, user_id: int, group_id: int, code: str) -> bool:
    """True for the one who tells moderators that this person cannot see this group, and why.

    Once per person, group and cause, until `settled`. Raises Refusal(group_not_found).
    """
    async with get_database().transaction() as session:
        await get_group(session, guild_id, group_id)
        channel = (await guild_settings(session, guild_id)).moderator_channel_id
        if channel is None:
            return False
        mine = await session.scalar(
            insert(Projection)
            .values(
                guild_id=guild_id, kind=ASKED, subject=f"{_subject(user_id, group_id)}{code}",
                channel_id=channel, dirty=False, created_at=utcnow(),
            )
            .on_conflict_do_nothing()
            .returning(Projection.id)
        )  # fmt: skip
        return mine is not None


async def settled(guild_id: int, user_id: int, group_id: int) -> None:
    """It works again, or nobody could be told: the next time moderators are told anew."""
    async with get_database().transaction() as session:
        await session.execute(
            delete(Projection).where(
                Projection.guild_id == guild_id,
                Projection.kind == ASKED,
                Projection.subject.startswith(_subject(user_id, group_id)),
            )
        )
