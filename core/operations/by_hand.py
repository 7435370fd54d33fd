"""What people changed by hand on Discord: listed with who did it, kept or put back one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting
from core.db.models import Cohort, Group, ManagedObject, SyncState
from core.db.queries import access as access_queries
from core.db.queries import managed
from core.db.queries.access import Facts
from core.db.queries.sync_states import mark_due
from core.discord_outbound.cache import GuildView, guild_view
from core.discord_outbound.hands import Hand, hands
from core.errors import Refusal, TemporaryError
from core.operations.common import Actor, audit, get_group
from core.operations.overview import names
from core.plan import NOTHING, Bits, ByHand
from core.reconcile import permissions
from core.reconcile.by_hand import Note, notes_of, system_of, with_kept
from core.reconcile.event_plan import marks_of
from core.reconcile.trace import KeptChange, Trace
from core.systems import access, doors
from core.words import pack, t

LedgerRow = tuple[int, int, bool, Bits, bool]  # as managed.write_ledger takes them


@dataclass(frozen=True)
class Difference:
    """One thing that Muster had set differently, in words. `by` and `at` where Discord knows.

    `number` names it on buttons: the same difference has the same number, until it is another.
    """

    group_id: int
    label: str
    note: Note
    text: str
    hand: Hand | None = None

    @property
    def system(self) -> str:
        return system_of(self.note)

    @property
    def number(self) -> int:
        return _number(self.group_id, self.note)


@dataclass(frozen=True)
class Decided:
    """What was decided about: the group to sync, and the entry of the history."""

    difference: Difference
    entry_id: int


def _number(group_id: int, note: Note) -> int:
    """At most 18 digits: a button's number has 19."""
    digest = hashlib.sha256(f"{group_id}:{note}".encode()).digest()
    return int.from_bytes(digest[:8]) % 10**18


def view_of(guild_id: int) -> GuildView:
    """The server as Discord's cache has it. Raises TemporaryError where it is not there now."""
    view = guild_view(guild_id)
    if view is None:
        raise TemporaryError(
            t("Discord does not show this server right now. Try again in a minute.")
        )
    return view


async def listed(
    guild_id: int, *, group_id: int | None = None, user_id: int | None = None, ask: bool = True
) -> list[Difference]:
    """Everything that was changed by hand and not decided about, in the order of the groups.

    `ask`: look into Discord's audit log for who did it, with one call where there is something.
    Raises TemporaryError where Discord does not show the guild now.
    """
    query = (
        select(SyncState.group_id, SyncState.by_hand, Group.name, Cohort.name)
        .join(Group, Group.id == SyncState.group_id)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(SyncState.guild_id == guild_id, SyncState.system.in_(("discord", "rsvps")))
        .order_by(SyncState.group_id, SyncState.system)
    )
    if group_id is not None:
        query = query.where(SyncState.group_id == group_id)
    async with get_database().transaction() as session:
        rows = [tuple(row) for row in await session.execute(query)]
    noted = [
        (group, f"{name} · {cohort}", note)
        for group, state, name, cohort in rows
        for note in notes_of(state)
        if user_id is None or note[1] == user_id
    ]
    if not noted:
        return []
    name_of = await names(guild_id, view_of(guild_id))
    known: Mapping[tuple[int, int], Hand] = await hands(guild_id) if ask else {}
    return [
        Difference(group, label, note, ByHand(*note).words(name_of), known.get((note[0], note[1])))
        for group, label, note in noted
    ]


async def _find(guild_id: int, number: int) -> Difference:
    for difference in await listed(guild_id, ask=False):
        if difference.number == number:
            return difference
    raise _gone()


def _gone() -> Refusal:
    return Refusal("not_different", t("This is no longer different, or was decided about already."))


async def keep(actor: Actor, number: int) -> Decided:
    """Accept a difference: it is not shown any more, until it is another one.

    Raises Refusal(not_allowed, not_different), TemporaryError.
    """
    actor.must_moderate()
    found = await _find(actor.guild_id, number)
    async with get_database().transaction() as session:
        state = await session.get(SyncState, (found.group_id, found.system), with_for_update=True)
        if state is None or found.note not in notes_of(state.by_hand):
            raise _gone()
        state.by_hand = with_kept(state.by_hand, found.note, keep=True)
        entry_id = await _note(
            session, actor, "difference_kept", found,
            Trace(kept=(KeptChange(found.group_id, found.note, added=True),)),
        )  # fmt: skip
    return Decided(found, entry_id)


async def put_back(actor: Actor, number: int) -> Decided:
    """Have this one difference put back by the sync that the caller runs right after.

    Only the ledger is changed here: what stands in the way becomes Muster's to take away, and
    what was taken counts as not set yet. Everything else of the place stays as it is.
    Raises Refusal(not_allowed, not_different, group_not_found), TemporaryError.
    """
    actor.must_moderate()
    found = await _find(actor.guild_id, number)
    view = view_of(actor.guild_id)
    async with get_database().transaction() as session:
        facts = await _facts(session, actor, found.group_id)
        if found.system == "rsvps":
            await _as_set(session, view, found.note[0])
        elif found.note[2] == "renamed":
            await _rename(session, view, found.note[0])
        else:
            await _claim(session, facts, [_row(facts, view, found.note)])
        entry_id = await _note(session, actor, "difference_put_back", found)
        await mark_due(session, [found.group_id], utcnow(), systems=(found.system,))
    return Decided(found, entry_id)


async def put_back_access(actor: Actor, user_id: int, group_id: int, discord_id: int) -> None:
    """Likewise all that keeps one person out of one channel of their group.

    Where roles let people in, that may be the role's entry, or that they lost the role. Raises
    Refusal(not_allowed, group_not_found, not_in_group, nothing_by_hand), TemporaryError.
    """
    actor.must_moderate()
    now = utcnow()
    async with get_database().transaction() as session:
        facts = await _facts(session, actor, group_id)
        view = view_of(actor.guild_id)
        mine = {user for user, status, _ in facts.people if status in {"active", "completed"}}
        if user_id not in mine:
            raise Refusal(
                "not_in_group", t("They are not in “{group}” any more.", group=facts.group.name)
            )
        rows = doors.claims(facts, view, user_id, discord_id, now)
        if not rows:
            raise Refusal("nothing_by_hand", t("Nothing is changed by hand there any more."))
        await _claim(session, facts, rows)
        audit(
            session, actor, "difference_put_back", cohort_id=facts.group.cohort_id,
            group_id=group_id, user_id=user_id, after={"channel_id": discord_id},
        )  # fmt: skip
        await mark_due(session, [group_id], now, systems=("discord",))


async def _facts(session: AsyncSession, actor: Actor, group_id: int) -> Facts:
    """With the group's row locked. Raises Refusal(group_not_found)."""
    await get_group(session, actor.guild_id, group_id, lock=True)
    [facts] = await access_queries.gather(session, [group_id])
    return facts


async def _note(
    session: AsyncSession, actor: Actor, action: str, found: Difference, trace: Trace | None = None
) -> int:
    group = await session.get_one(Group, found.group_id)
    place, target, what = found.note
    details = {"place": place, "target": target, "what": what, "text": pack(found.text)}
    entry = audit(
        session, actor, action, cohort_id=group.cohort_id, group_id=group.id,
        user_id=target or None, after=details, trace=trace,
    )  # fmt: skip
    await session.flush()
    return entry.id


async def _rename(session: AsyncSession, view: GuildView, place_id: int) -> None:
    """Take the name by hand for the one that we gave: the next plan gives the right one again."""
    role = view.role(place_id)
    name = role.name if role is not None else view.channel_name(place_id)
    if name is not None:
        await session.execute(
            update(ManagedObject)
            .where(
                ManagedObject.discord_id == place_id,
                ManagedObject.guild_id == view.everyone_id,  # the guild's own id
            )
            .values(name=name[:100])
        )


async def _as_set(session: AsyncSession, view: GuildView, event_id: int) -> None:
    """Take the event as it is for what we set: the next plan makes it what the meeting says."""
    event = view.events().get(event_id)
    if event is None:
        raise _gone()
    await session.execute(
        update(Meeting)
        .where(Meeting.event_id == event_id, Meeting.guild_id == view.id)
        .values(event_hash=marks_of(event))
    )


def _row(facts: Facts, view: GuildView, note: Note) -> LedgerRow:
    """What the ledger has to say so that the next plan undoes this difference."""
    place_id, target, _ = note
    others = [row for row in (facts.category, facts.shared) if row is not None]
    rows = [*facts.objects.values(), *others]
    kind = next((row.kind for row in rows if row.discord_id == place_id), None)
    actual = access.actual_of(kind, place_id, view) if kind is not None else None
    if kind is None or actual is None:
        raise _gone()
    people, policy = access.people_of(facts, view), access.policy_of(facts, view)
    want = permissions.desired(kind, people, policy, ignored=view.self_ids)
    entry = facts.ledger.get(place_id, {}).get(target)
    ours = entry.bits if entry else NOTHING
    bits = permissions.claimed(kind, actual.get(target, NOTHING), ours, want.bits.get(target))
    is_role = target in want.roles or view.role(target) is not None
    return place_id, target, is_role, bits, False


async def _claim(session: AsyncSession, facts: Facts, rows: Iterable[LedgerRow]) -> None:
    """Write these rows for whom a place is: the group, its cohort, or all groups in a category."""
    category, shared = (
        row.discord_id if row is not None else None for row in (facts.category, facts.shared)
    )
    for row in rows:
        place_id = row[0]
        await managed.write_ledger(
            session, [row], guild_id=facts.group.guild_id,
            cohort_id=facts.group.cohort_id if place_id in {category, shared} else None,
            group_id=None if place_id == category else facts.group.id,
        )  # fmt: skip
