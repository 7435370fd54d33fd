"""Take over channels that people made by hand. Nothing changes on Discord by it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.engine import get_database
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    Guild,
    ManagedObject,
)
from core.discord_outbound.cache import GuildView, guild_view
from core.errors import Refusal, TemporaryError
from core.operations.adopt_rows import Adopted, write
from core.operations.cohort_draft import MAX_GROUPS, NAME_LIMIT
from core.operations.common import Actor, clean, ensure_guild
from core.reconcile import adopt as decide
from core.reconcile.hand_made import ADMINISTRATOR, Proposal, Server, Wishes
from core.reconcile.permissions import MANAGE_ROLES, VIEW_CHANNEL
from core.words import t

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


async def adopt(actor: Actor, wishes: Wishes, shown: str) -> Adopted:
    """Make the cohort, its groups and members of what `propose` gave: `shown` is its mark.

    Raises Refusal (not_allowed, adopted_already, name_taken, changed: it looks different now).
    """
    actor.must_moderate()
    offer = await propose(actor, wishes)
    if offer.mark != shown:
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
            return await write(session, actor, offer.server, offer.proposal)
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
