"""The discord system of a group: gather, decide, apply, record. One run at a time per group."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import update

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Group, GroupStatus, SyncStatus
from core.db.queries import access as access_queries
from core.db.queries import managed, sync_states
from core.db.queries.access import Facts
from core.discord_outbound import channels as outbound_channels
from core.discord_outbound import permissions as outbound_permissions
from core.discord_outbound.cache import GuildView, guild_view
from core.discord_outbound.outcome import Outcome
from core.discord_outbound.reason import reason_for
from core.errors import TemporaryError, UnsafePlan
from core.notifications.scheduler import wakes
from core.plan import NOTHING, Create, Gone, Plan, Rename, SetAccess, Settle
from core.reconcile.channels import SHARED
from core.systems import access, activation, making, telling
from core.systems.access import GroupPlan
from core.systems.counts import DiscordCounts
from core.systems.running import Run, all_well, in_rounds, one_at_a_time
from core.systems.telling import Whose
from core.words import mark, pack, speaking, t

log = structlog.get_logger(__name__)

SYSTEM = "discord"
RENAME_WAITS = mark("a rename waits: Discord allows two in ten minutes")
_GAVE_UP = telling.GaveUp(
    "gave-up",
    mark("⚠️ **{group}** · {cohort}: access is not complete. {problem} `/check` names what is "
         "missing; Muster looks again by itself once it changed. Details: `/sync status`."),
)  # fmt: skip


class _Run(Run):
    """One sync of one group: what happened so far."""

    def __init__(self, group_id: int) -> None:
        super().__init__(group_id)
        self.granted: set[int] = set()
        self.revoked: set[int] = set()
        self.created = 0
        self.existed = 0
        self.unchanged = 0
        self.waits = 0
        self.last: GroupPlan | None = None

    def counts(self) -> DiscordCounts:
        return {
            "granted": len(self.granted),
            "revoked": len(self.revoked),
            "unchanged": self.unchanged,
            "failed": sum(self.failed.values()),
            "existed": self.existed,
            "created": self.created,
            "waits": self.waits,
            "problems": list(self.failed.elements()),
        }


async def sync(group_id: int, *, repair: bool = False) -> DiscordCounts:
    """Make the group's channels and their access what they should be; see DiscordCounts.

    `repair` also puts back what was changed by hand. Raises TemporaryError where the guild
    cannot be seen now; what failed within Discord is counted and recorded, not raised.
    """
    async with one_at_a_time(SYSTEM, group_id):
        run = _Run(group_id)
        await in_rounds(run, partial(_round, run, repair=repair), partial(_record, run))
        return run.counts()


async def _round(run: _Run, *, repair: bool) -> bool:
    """One gather-decide-apply-record; True if another round may find more to do."""
    database, now = get_database(), utcnow()
    async with database.alone() as session:
        claimed = await sync_states.claim(
            session, run.group_id, SYSTEM,
            instance=database.instance_id, now=now, lease=database.lease_seconds,
        )  # fmt: skip
        facts = await access_queries.gather(session, [run.group_id]) if claimed else []
    if not facts:
        return False  # held elsewhere (its holder looks again), or no such group
    fact = facts[0]
    run.state = fact.state
    view = guild_view(fact.group.guild_id)
    if view is None:
        raise TemporaryError(t("Discord does not show the server right now"), kind="guild_away")
    run.version = fact.state.version if fact.state else 0
    plan = run.last = access.plan(fact, view, now, repair=repair)
    renames = [c for c in plan.objects.changes if isinstance(c, Rename)]
    run.existed = plan.objects.unchanged + len(renames) if not run.created else run.existed
    run.waits = sum(rename.not_before is not None for rename in renames)
    if not plan.whole or run.not_yet(plan.whole.inputs_hash(), now):
        run.unchanged = max(0, plan.unchanged_people() - len(run.granted))
        return not await _record(run, waiting=bool(plan.whole))
    again = await _apply(run, plan, view)
    if run.errors or not again:
        run.unchanged = max(0, plan.unchanged_people())
        fresh = await _record(run)
        return not fresh and not run.errors
    return True


async def _apply(run: _Run, plan: GroupPlan, view: GuildView) -> bool:
    """Carry the plan out; a change that fails does not stop the others. True: look again."""
    group = plan.facts.group
    with speaking(plan.facts.settings.language):  # the audit log is the server's
        reason = reason_for(group.name, group.cohort_name)
    changes = plan.whole.changes
    try:
        plan.whole.check(confirmed=group.confirmed_removals_at is not None)
        safe = True
    except UnsafePlan as error:
        run.fail(error)
        safe = False
    await _note_gone(run, plan)
    creates = [c for c in changes if isinstance(c, Create)]
    if creates:
        made = await making.make_all(plan.facts, view, creates, reason)
        run.created += len(made.kinds)
        run.granted |= made.let_in
        for problem in made.errors:
            run.fail(problem)
    for place_id, (kind, part) in plan.places.items():
        todo = part if safe else part.only_safe()
        await _apply_place(run, plan.facts, place_id, kind, todo, reason)
    for rename in (c for c in changes if isinstance(c, Rename)):
        await _rename(run, plan.facts, rename, reason)
    return any(not (isinstance(c, Rename) and c.not_before) for c in changes)


async def _note_gone(run: _Run, plan: GroupPlan) -> None:
    gone = [c for c in plan.whole.changes if isinstance(c, Gone)]
    if not gone:
        return
    async with get_database().transaction() as session:
        for change in gone:
            await managed.mark_deleted(session, plan.facts.group.guild_id, change.object_id)
    await telling.tell_gone(plan.facts.group.guild_id, run.group_id, gone)


async def _apply_place(
    run: _Run, facts: Facts, place_id: int, kind: str, plan: Plan, reason: str
) -> None:
    """Announce in the ledger, call Discord, then confirm in the ledger what it accepted."""
    changes = [c for c in plan.changes if isinstance(c, SetAccess)]
    settled = [c for c in plan.changes if isinstance(c, Settle)]
    ledger = facts.ledger.get(place_id, {})
    # Removals as well: with one half done, who comes back meanwhile was not taken out by hand.
    announced = [(place_id, c.target_id, c.is_role, _union(ledger, c), False) for c in changes]
    owner: dict[str, Any] = {
        "guild_id": facts.group.guild_id,
        "cohort_id": facts.group.cohort_id if kind in {"category", SHARED} else None,
        "group_id": None if kind == "category" else facts.group.id,
    }
    database = get_database()
    async with database.transaction() as session:
        await managed.write_ledger(session, announced, **owner)
    results: list[tuple[SetAccess, Outcome]] = []
    if changes and kind == "role":
        results = await outbound_permissions.apply_to_role(
            facts.group.guild_id, place_id, changes, reason
        )
    elif changes:
        results = await outbound_permissions.apply_to_channel(place_id, changes, reason)
    done = [change for change, outcome in results if outcome]
    async with database.transaction() as session:
        right: Sequence[SetAccess | Settle] = [*done, *settled]
        kept = [
            (place_id, c.target_id, c.is_role, c.own, True)
            for c in right
            if c.own is not None and c.own != NOTHING
        ]
        await managed.write_ledger(session, kept, **owner)
        dropped = [c.target_id for c in right if c.own is None or c.own == NOTHING]
        if dropped:
            await managed.forget(session, place_id, dropped)
    for change, outcome in results:
        if not outcome:
            run.fail(outcome.as_error())
        elif not change.is_role:
            (run.granted if change.gives else run.revoked).add(change.target_id)


def _union(ledger: Any, change: SetAccess) -> Any:
    entry = ledger.get(change.target_id)
    return change.own.union(entry.bits) if entry else change.own


async def _rename(run: _Run, facts: Facts, change: Rename, reason: str) -> None:
    if change.not_before is not None:
        return  # its time comes; see _record
    kind = "text" if change.kind == SHARED else change.kind
    outcome = await outbound_channels.rename(
        kind, facts.group.guild_id, change.object_id, change.new, reason
    )
    if not outcome:
        run.fail(outcome.as_error())
        return
    async with get_database().transaction() as session:
        await managed.renamed(session, change.object_id, change.new, utcnow())


async def _record(run: _Run, *, waiting: bool = False) -> bool:
    """Write what became of it, and tell moderators once about what gave up."""
    now = utcnow()
    plan = run.last.whole if run.last else Plan()
    values: dict[str, Any] = {}
    later = [c.not_before for c in plan.changes if isinstance(c, Rename) and c.not_before]
    database = get_database()
    several = run.errors or plan.by_hand or _settles(run)
    async with database.transaction() if several else database.alone() as session:
        if run.last is not None:
            values["by_hand"] = await sync_states.by_hand(
                session, run.group_id, SYSTEM, plan.by_hand
            )
        if run.errors:
            values |= run.failure(plan.inputs_hash())
        elif waiting and not later:
            values = {}  # a hint came before its time; the row stays as it is
        elif later:
            values |= {
                "status": SyncStatus.waiting, "next_attempt_at": min(later), "attempts": 0,
                "inputs_hash": plan.inputs_hash(), "error_class": None,
                "error_text": pack(t(RENAME_WAITS)),
            }  # fmt: skip
        else:
            values |= all_well(now)
            await _settled(session, run, now)
        fresh = await sync_states.record(
            session, run.group_id, SYSTEM, version=None if run.errors else run.version, **values
        )
        parked = values.get("status") == SyncStatus.parked
        facts = run.last.facts if run.last is not None and run.errors and parked else None
        tell = facts is not None and await sync_states.claim_telling(
            session, facts.group.guild_id, run.group_id, SYSTEM, now
        )
    if tell and facts is not None:
        group, language = facts.group, facts.settings.language
        await _GAVE_UP.tell(
            Whose(group.guild_id, group.id, group.name, group.cohort_name, language), run.errors[0]
        )
    if later:
        wakes.wake_at(SYSTEM, run.group_id, min(later))
    return fresh


def _settles(run: _Run) -> bool:
    """Whether `_settled` may have something to write."""
    if run.last is None:
        return False
    group = run.last.facts.group
    return group.confirmed_removals_at is not None or group.status == GroupStatus.preview


async def _settled(session: Any, run: _Run, now: datetime) -> None:
    """All is as it should be: a confirmation has served, and the group may run."""
    if run.last is None:
        return
    group = run.last.facts.group
    if group.confirmed_removals_at is not None:
        await session.execute(
            update(Group).where(Group.id == group.id).values(confirmed_removals_at=None)
        )
    await activation.consider(session, run.last.facts, now)
