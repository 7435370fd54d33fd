"""When groups meet: their slot, its rhythm, and a cohort's weeks without meetings.

Each function that changes something is one transaction. A group's rule is stored in its row
(core.schedule.Rule); the meetings follow from it in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Cohort, Group
from core.db.queries import meetings as rows
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations import meeting_facts, series
from core.operations.common import Actor, audit, get_cohort, get_group
from core.operations.groups import must_live
from core.operations.meeting_rights import must_manage
from core.operations.slot_rules import begins, checked, combined, weeks
from core.reconcile.meeting_preview import SeriesEffect, series_effect
from core.reconcile.meeting_rows import Have, follow
from core.reconcile.trace import LIVE, RowChange, Trace, changed
from core.schedule import Rule
from core.words import t


@dataclass(frozen=True)
class Changed:
    """Groups to sync, and the history's entry; None where nothing was different."""

    group_ids: tuple[int, ...]
    entry_id: int | None


@dataclass(frozen=True)
class Preview:
    """What a new time would mean for one group. `old` None: it had no time yet."""

    group_id: int
    name: str
    old: Rule | None
    new: Rule
    series: SeriesEffect


# --- before ------------------------------------------------------------------------------------


async def preview(actor: Actor, group_id: int, rule: Rule, since: date | None = None) -> Preview:
    """What this time would mean for a group. Changes nothing; refuses what `change` would."""
    now = utcnow()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id)
        await must_manage(session, actor, group_id)
        must_live(group)
        cohort = await session.get_one(Cohort, group.cohort_id)
        old = Rule.from_json(group.rule) if group.rule else None
        have = (await rows.stored(session, [group_id]))[group_id]
        new = _combined(old, checked(rule), since, have, now)
        effect = await _effect(session, group, cohort, new, cohort.breaks, have, now)
        return Preview(group_id, group.name, old, new, effect)


async def preview_cohort(
    actor: Actor, cohort_id: int, rule: Rule | None, breaks: Sequence[date] | None = None
) -> list[Preview]:
    """What this time would mean for every live group of a cohort, in order.

    Where `rule` is None each keeps its own; a group without a time is left out then.
    """
    actor.must_moderate()
    now = utcnow()
    async with get_database().transaction() as session:
        cohort = await get_cohort(session, actor.guild_id, cohort_id)
        _must_run(cohort)
        off = cohort.breaks if breaks is None else weeks(breaks)
        found = []
        groups = await _live(session, cohort_id, lock=False)
        have = await rows.stored(session, [group.id for group in groups])
        for group in groups:
            old = Rule.from_json(group.rule) if group.rule else None
            mine = have[group.id]
            new = _combined(old, checked(rule), None, mine, now) if rule is not None else old
            if new is not None:
                effect = await _effect(session, group, cohort, new, off, mine, now)
                found.append(Preview(group.id, group.name, old, new, effect))
        return found


async def _effect(
    session: AsyncSession,
    group: Group,
    cohort: Cohort,
    rule: Rule,
    breaks: Sequence[str],
    have: Sequence[Have],
    now: datetime,
) -> SeriesEffect:
    want, diff = follow(rule, cohort.start_date, cohort.meetings, breaks, have, now)
    following = min(
        (h for h in have if h.status == "planned" and h.starts_at > now),
        key=lambda h: h.starts_at, default=None,
    )  # fmt: skip
    ahead = next((o for o in want if o.number is not None and o.starts_at > now), None)
    people = await meeting_facts.people(
        session, group.guild_id, group.id, following.id if following else None,
        ahead.starts_at if ahead else None, ahead.minutes if ahead else 0,
    )  # fmt: skip
    return series_effect(people, have, diff, want, rule.slot_for(now.date()).zone, now)


# --- doing -------------------------------------------------------------------------------------


async def change(
    actor: Actor,
    group_id: int,
    rule: Rule,
    since: date | None = None,
    *,
    seen: dict[str, Any] | None = None,
) -> Changed:
    """Give a group this time, from the day `since` on where that is given (docs/decisions/0012).

    `seen`: the rule (as JSON) that the preview started from. Meetings that have been, and those
    that a person moved, stay. Raises Refusal: group_not_found, not_allowed, group_ended,
    out_of_range, unknown_zone, changed_meanwhile.
    """
    now = utcnow()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        await must_manage(session, actor, group_id)
        must_live(group)
        if seen is not None and (group.rule or {}) != seen:
            raise _meanwhile()
        old = Rule.from_json(group.rule) if group.rule else None
        have = (await rows.stored(session, [group_id]))[group_id]
        new = _combined(old, checked(rule), since, have, now).to_json()
        row = _set(group, new)
        if not row:
            return Changed((group_id,), None)
        entry = audit(
            session, actor, "slot_changed", cohort_id=group.cohort_id, group_id=group_id,
            after={"rule": new, "since": since.isoformat() if since else None},
            trace=Trace(groups=tuple(row)),
        )  # fmt: skip
        await session.flush()
        await _follow(session, [group_id], entry.id, now)
    return Changed((group_id,), entry.id)


async def change_cohort(
    actor: Actor,
    cohort_id: int,
    rule: Rule | None = None,
    breaks: Sequence[date] | None = None,
) -> Changed:
    """Give every live group of a cohort this time, and the cohort these weeks without meetings.

    What is None stays. Raises Refusal: cohort_not_found, not_allowed, closed, out_of_range,
    unknown_zone.
    """
    actor.must_moderate()
    now = utcnow()
    async with get_database().transaction() as session:
        cohort = await get_cohort(session, actor.guild_id, cohort_id, lock=True)
        _must_run(cohort)
        groups = await _live(session, cohort_id, lock=True)
        changes: list[RowChange] = []
        if rule is not None:
            have = await rows.stored(session, [group.id for group in groups])
            for group in groups:
                old = Rule.from_json(group.rule) if group.rule else None
                new = _combined(old, checked(rule), None, have[group.id], now)
                changes += _set(group, new.to_json())
        frame: list[RowChange] = []
        if breaks is not None:
            off = weeks(breaks)
            frame = changed(cohort_id, {"breaks": list(cohort.breaks)}, {"breaks": off})
            cohort.breaks = off
        ids = [g.id for g in groups]
        if not changes and not frame:
            return Changed(tuple(ids), None)
        entry = audit(
            session, actor, "slots_changed", cohort_id=cohort_id,
            after={
                "rule": rule.to_json() if rule is not None and changes else None,
                "groups": len(changes), "breaks": cohort.breaks if frame else None,
            },
            trace=Trace(groups=tuple(changes), cohorts=tuple(frame)),
        )  # fmt: skip
        await session.flush()
        await _follow(session, ids, entry.id, now)
    return Changed(tuple(ids), entry.id)


def _combined(
    old: Rule | None, rule: Rule, since: date | None, have: Sequence[Have], now: datetime
) -> Rule:
    begun = {row.day for row in have if row.starts_at <= now and not row.extra}
    return combined(old, rule, since, begins(rule, now), begun)


def _set(group: Group, rule: dict[str, Any]) -> list[RowChange]:
    found = changed(group.id, {"rule": group.rule}, {"rule": rule})
    if found:
        group.rule = rule
    return found


async def _live(session: AsyncSession, cohort_id: int, *, lock: bool) -> list[Group]:
    query = select(Group).where(Group.cohort_id == cohort_id, Group.status.in_(LIVE))
    query = query.order_by(Group.id)
    found = await session.scalars(query.with_for_update(key_share=True) if lock else query)
    return list(found)


async def _follow(
    session: AsyncSession, group_ids: Sequence[int], entry_id: int, now: datetime
) -> None:
    """The meetings follow with their posts, and each group hears of the first that moved."""
    moved = await rows.derive(session, group_ids, now)
    await series.redraw(session, group_ids, now)
    await series.tell_moved(session, moved, entry_id, now)
    await mark_due(session, group_ids, now)


def _must_run(cohort: Cohort) -> None:
    if cohort.status not in {"draft", "open"}:
        raise Refusal("closed", t("This cohort is closed; it can no longer be changed."))


def _meanwhile() -> Refusal:
    return Refusal(
        "changed_meanwhile",
        t("The time of this group was changed in the meantime. Nothing was done. Look again."),
    )
