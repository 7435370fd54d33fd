"""Take over channels that people made by hand. Nothing changes on Discord by it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    GroupStatus,
    Guild,
    ManagedObject,
    ManagedOverwrite,
    Member,
    Membership,
    Role,
    User,
)
from core.db.queries.sync_states import mark_due
from core.discord_outbound.cache import GuildView, guild_view
from core.errors import Refusal, TemporaryError
from core.operations.cohorts import MAX_GROUPS, MAX_SEATS, NAME_LIMIT
from core.operations.common import Actor, audit, clean, ensure_guild, guild_settings
from core.reconcile import adopt as decide
from core.reconcile.hand_made import ADMINISTRATOR, Proposal, Row, Server, Wishes
from core.reconcile.hand_made import Group as Proposed
from core.reconcile.permissions import MANAGE_ROLES, VIEW_CHANNEL
from core.words import t

SEATS = 8  # as for new cohorts; more where a group has more people
_CHUNK = 1000  # rows a statement, of asyncpg's 32,767 parameters at eleven a row and fewer
_NEEDED = VIEW_CHANNEL | MANAGE_ROLES  # what the bot needs in a channel to let people in and out


@dataclass(frozen=True)
class Offer:
    """What could be adopted. `mark` changes with anything that would be written.

    `taken` are chosen channels that belong to a group already, with its label; `locked` are
    adopted channels and roles in which the bot lacks the rights to let people in.
    """

    server: Server
    proposal: Proposal
    mark: str
    taken: tuple[tuple[int, str], ...] = ()
    locked: tuple[int, ...] = ()


@dataclass(frozen=True)
class Adopted:
    """The new cohort. `group_ids` in the order of the proposal."""

    cohort_id: int
    name: str
    group_ids: tuple[int, ...]
    people: int


def checked_name(name: str) -> str:
    """The cohort's name as it would be saved. Raises Refusal(empty_name, too_long)."""
    return clean(name, limit=NAME_LIMIT, what="cohort's name")


async def propose(actor: Actor, wishes: Wishes) -> Offer:
    """What adopting these channels would make; changes nothing.

    Channels that are hidden from the asker count as if they were not there. Raises Refusal
    (not_allowed, adopted_already, nothing_to_adopt, too_many_groups), or TemporaryError where
    Discord does not show the guild now.
    """
    actor.must_moderate()
    view = guild_view(actor.guild_id)
    if view is None:
        raise TemporaryError(
            t("Discord does not show this server right now. Try again in a minute.")
        )
    async with get_database().transaction() as session:
        owners = await _owners(session, actor.guild_id)
        names = await _cohort_names(session, actor.guild_id)
    made = _readable(view.as_made(actor.user_id))
    chosen = decide.channels_of(made, wishes)
    taken = tuple((c.id, owners[c.id]) for c in chosen if c.id in owners)
    server = replace(
        made,
        channels=tuple(c for c in made.channels if c.id not in owners),
        roles={
            i: replace(r, in_reach=r.in_reach and i not in owners) for i, r in made.roles.items()
        },
    )
    wishes = replace(wishes, categories=tuple(c for c in wishes.categories if c not in owners))
    # A category that belongs to somebody may still hold channels that belong to nobody.
    channels = (*wishes.channels, *(c.id for c in chosen if c.id not in owners))
    proposal = decide.propose(server, replace(wishes, channels=channels))
    if not proposal.groups:
        raise _nothing(taken, left_out=bool(proposal.left_out))
    if len(proposal.groups) > MAX_GROUPS:
        raise Refusal(
            "too_many_groups",
            t(
                "These channels make {n} groups; a cohort holds {limit}. Choose fewer.",
                n=len(proposal.groups),
                limit=MAX_GROUPS,
            ),
        )
    if wishes.name is None:
        proposal = replace(proposal, name=_free_name(proposal.name or t("Cohort"), names))
    return Offer(server, proposal, _mark(server, proposal), taken, _locked(view, proposal))


def _nothing(taken: Sequence[tuple[int, str]], *, left_out: bool) -> Refusal:
    if taken:
        return _already(taken[0][1])
    if left_out:
        return Refusal("nothing_to_adopt", t("Every channel is left out, so nothing remains."))
    return Refusal(
        "nothing_to_adopt",
        t(
            "There is no text or voice channel that you can see. Choose other channels, or a "
            "category that has some."
        ),
    )


def _already(label: str) -> Refusal:
    return Refusal(
        "adopted_already",
        t("These channels belong to “{label}” already. Nothing was changed.", label=label),
    )


def _readable(server: Server) -> Server:
    """The server with names that can be stored and shown; what cannot becomes empty."""

    def safe(name: str) -> str:
        try:
            return clean(name, limit=len(name) + 1)
        except Refusal:
            return ""

    return replace(
        server,
        name=safe(server.name),
        channels=tuple(replace(c, name=safe(c.name)) for c in server.channels),
        categories={i: safe(n) for i, n in server.categories.items()},
    )


def _mark(server: Server, proposal: Proposal) -> str:
    rows = decide.ledger(server, proposal)
    what = (proposal.name, proposal.by_role, proposal.categories, proposal.groups, rows)
    return hashlib.sha256(repr(what).encode()).hexdigest()


def _locked(view: GuildView, proposal: Proposal) -> tuple[int, ...]:
    """Channels in which the bot could not change anybody's access; roles come checked."""
    if view.permissions & ADMINISTRATOR:
        return ()
    if proposal.by_role:
        roles = tuple(g.role for g in proposal.groups if g.role is not None)
        return () if view.permissions & MANAGE_ROLES else roles
    return tuple(
        c
        for g in proposal.groups
        for c in g.channels
        if (view.channel_permissions(c) or 0) & _NEEDED != _NEEDED
    )


async def _owners(session: AsyncSession, guild_id: int) -> dict[int, str]:
    """By Discord id, whose every managed object of this guild is: "Group 2 · Stats autumn"."""
    rows = await session.execute(
        select(ManagedObject.discord_id, Group.name, Cohort.name)
        .outerjoin(Group, Group.id == ManagedObject.group_id)
        .join(Cohort, Cohort.id == func.coalesce(ManagedObject.cohort_id, Group.cohort_id))
        .where(ManagedObject.guild_id == guild_id, ManagedObject.discord_id.is_not(None))
    )
    return {
        i: f"{group} · {cohort}" if group else cohort for i, group, cohort in rows if i is not None
    }


async def _cohort_names(session: AsyncSession, guild_id: int) -> set[str]:
    rows = await session.scalars(
        select(func.lower(Cohort.name)).where(
            Cohort.guild_id == guild_id,
            Cohort.status.in_((CohortStatus.draft, CohortStatus.open)),
        )
    )
    return set(rows)


def _free_name(name: str, taken: set[str]) -> str:
    """The name, or "Name (2)" and so on, such that no live cohort here is called so."""
    free, copy = name[:NAME_LIMIT].strip(), 1
    while free.lower() in taken:
        copy += 1
        suffix = f" ({copy})"
        free = name[: NAME_LIMIT - len(suffix)].strip() + suffix
    return free


async def adopt(actor: Actor, wishes: Wishes, mark: str) -> Adopted:
    """Make the cohort, its groups and members of what `propose` showed, which had this `mark`.

    Raises Refusal (not_allowed, adopted_already, name_taken, changed: it looks different now).
    """
    actor.must_moderate()
    offer = await propose(actor, wishes)
    if offer.mark != mark:
        raise Refusal(
            "changed",
            t("Something changed in the meantime, so nothing was adopted. Look again."),
        )
    try:
        async with get_database().transaction() as session:
            # One adoption at a time per guild: a second press waits, and finds it done.
            await ensure_guild(session, actor.guild_id)
            await session.execute(
                select(Guild.id).where(Guild.id == actor.guild_id).with_for_update(key_share=True)
            )
            owners = await _owners(session, actor.guild_id)
            wanted = {r.place_id for r in decide.ledger(offer.server, offer.proposal)}
            wanted |= {c for g in offer.proposal.groups for c in g.channels}
            found = sorted(wanted & owners.keys())
            if found:
                raise _already(owners[found[0]])
            return await _write(session, actor, offer)
    except IntegrityError as error:
        if "uq_cohorts_name" in str(error.orig):
            raise Refusal(
                "name_taken",
                t(
                    "There is a cohort called “{name}” already. Choose another name.",
                    name=offer.proposal.name,
                ),
            ) from error
        raise


async def _write(session: AsyncSession, actor: Actor, offer: Offer) -> Adopted:
    proposal, now = offer.proposal, utcnow()
    cohort, groups = await _write_groups(session, actor, proposal, now)
    ids = {p.key: g.id for p, g in zip(proposal.groups, groups, strict=True)}
    await _write_objects(session, actor.guild_id, offer, cohort.id, ids, now)
    await _write_people(session, actor.guild_id, offer, cohort.id, ids, now)
    rows = decide.ledger(offer.server, proposal)
    await _write_ledger(session, actor.guild_id, rows, ids)
    audit(
        session, actor, "cohort_adopted", cohort_id=cohort.id,
        after={
            "name": cohort.name, "groups": len(groups), "people": proposal.people,
            "access_mode": cohort.access_mode,
            "objects": [
                *(str(i) for i in proposal.categories),
                *(str(c) for g in proposal.groups for c in _objects(proposal, g).values()),
            ],
        },
    )  # fmt: skip
    await mark_due(session, ids.values(), now)
    return Adopted(cohort.id, cohort.name, tuple(ids.values()), proposal.people)


async def _write_groups(
    session: AsyncSession, actor: Actor, proposal: Proposal, now: datetime
) -> tuple[Cohort, list[Group]]:
    zone = ZoneInfo((await guild_settings(session, actor.guild_id)).zone)
    biggest = max((len(g.people) - len(g.helpers) for g in proposal.groups), default=0)
    cohort = Cohort(
        guild_id=actor.guild_id, name=checked_name(proposal.name),
        # It runs already: nobody joins by themselves until a moderator sets another day.
        start_date=now.astimezone(zone).date(), meetings=SEATS,
        seats=min(max(SEATS, biggest), MAX_SEATS), status=CohortStatus.open, created_at=now,
        access_mode="role" if proposal.by_role else "overwrites", rooms=proposal.rooms,
    )  # fmt: skip
    session.add(cohort)
    await session.flush()
    groups = [
        Group(
            guild_id=actor.guild_id, cohort_id=cohort.id, name=g.name, seats=cohort.seats,
            status=GroupStatus.active, opened_at=now, created_at=now,
        )
        for g in proposal.groups
    ]  # fmt: skip
    session.add_all(groups)
    await session.flush()
    return cohort, groups


def _objects(proposal: Proposal, group: Proposed) -> dict[str, int]:
    """By kind, the Discord ids of what this group has."""
    role = group.role if proposal.by_role else None
    found = {"text": group.text, "voice": group.voice, "role": role}
    return {kind: i for kind, i in found.items() if i is not None}


async def _write_objects(
    session: AsyncSession,
    guild_id: int,
    offer: Offer,
    cohort_id: int,
    ids: Mapping[int, int],
    now: datetime,
) -> None:
    server, proposal = offer.server, offer.proposal
    names = {c.id: c.name for c in server.channels} | {r.id: r.name for r in server.roles.values()}
    home_of = {c.id: c.category_id for c in server.channels}
    homes = {
        discord_id: ManagedObject(
            guild_id=guild_id, kind="category", cohort_id=cohort_id, ordinal=ordinal,
            discord_id=discord_id, state="created", adopted=True, intent_at=now,
            name=server.categories.get(discord_id, "")[:100],
        )
        for ordinal, discord_id in enumerate(proposal.categories, 1)
    }  # fmt: skip
    session.add_all(homes.values())
    await session.flush()
    for group in proposal.groups:
        for kind, discord_id in _objects(proposal, group).items():
            home = homes.get(home_of.get(discord_id) or 0)
            session.add(
                ManagedObject(
                    guild_id=guild_id, kind=kind, group_id=ids[group.key], adopted=True,
                    discord_id=discord_id, state="created", name=names[discord_id][:100],
                    parent_id=home.id if home else None, intent_at=now,
                )
            )  # fmt: skip
    await session.flush()


async def _write_people(
    session: AsyncSession,
    guild_id: int,
    offer: Offer,
    cohort_id: int,
    ids: Mapping[int, int],
    now: datetime,
) -> None:
    names = offer.server.people
    people = sorted({p for g in offer.proposal.groups for p in g.people})
    for start in range(0, len(people), _CHUNK):
        some = people[start : start + _CHUNK]
        await session.execute(
            insert(User).values([{"id": p} for p in some]).on_conflict_do_nothing()
        )
        members = insert(Member).values(
            [{"guild_id": guild_id, "user_id": p, "name": names[p][:100]} for p in some]
        )
        await session.execute(
            members.on_conflict_do_update(
                index_elements=[Member.guild_id, Member.user_id],
                set_={"name": members.excluded.name},
            )
        )
    for group in offer.proposal.groups:
        participants = [p for p in group.people if p not in group.helpers]
        seats = {p: seat for seat, p in enumerate(participants, 1)}
        session.add_all(
            Membership(
                guild_id=guild_id, cohort_id=cohort_id, group_id=ids[group.key], user_id=p,
                role=Role.facilitator if p in group.helpers else Role.participant,
                seat=seats.get(p), created_at=now,
            )
            for p in group.people
        )  # fmt: skip
    await session.flush()


async def _write_ledger(
    session: AsyncSession, guild_id: int, rows: Sequence[Row], ids: Mapping[int, int]
) -> None:
    values = [
        {
            "place_id": r.place_id, "target_id": r.target_id, "guild_id": guild_id,
            "group_id": ids[r.group], "is_role": r.is_role, "allow": r.bits.allow,
            "deny": r.bits.deny, "confirmed": True, "adopted": True,
        }
        for r in rows
    ]  # fmt: skip
    for start in range(0, len(values), _CHUNK):
        await session.execute(insert(ManagedOverwrite).values(values[start : start + _CHUNK]))
