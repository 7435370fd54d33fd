"""How long before its meetings a group is reminded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Group
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations.common import Actor, audit, get_group
from core.operations.groups import must_live
from core.reconcile.reminders import OFFSETS
from core.reconcile.trace import Trace, changed
from core.words import t

# Four weeks: who meets once a month is asked right after the last meeting.
LONGEST = 28 * 24 * 60
# A shorter notice reaches nobody in time; what is late by five minutes is marked as late.
SHORTEST = 5


@dataclass(frozen=True)
class Saved:
    """All offsets in minutes, by kind of reminder; 0: none. `entry_id` None: nothing changed."""

    minutes: Mapping[str, int]
    entry_id: int | None = None


def _all(group: Group) -> dict[str, int]:
    return {kind: int(group.offsets.get(kind, default)) for kind, default in OFFSETS.items()}


async def offsets(actor: Actor, group_id: int) -> dict[str, int]:
    """Minutes before a meeting by kind of reminder (0: none). Raises Refusal(group_not_found)."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        return _all(await get_group(session, actor.guild_id, group_id))


async def set_offsets(actor: Actor, group_id: int, **minutes: int) -> Saved:
    """Remind a group so many minutes before its meetings: `remind_last=60`; 0 turns one off.

    What is not named stays. Raises Refusal: not_allowed, group_not_found, group_ended,
    unknown_choice, out_of_range, same_time.
    """
    actor.must_moderate()
    checked(minutes)
    now = utcnow()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        must_live(group)
        before = _all(group)
        after = before | minutes
        _apart(after)
        stored = {kind: value for kind, value in after.items() if value != OFFSETS[kind]}
        row = changed(group_id, {"offsets": group.offsets}, {"offsets": stored})
        if not row:
            return Saved(after)
        group.offsets = stored
        entry = audit(
            session, actor, "reminders_changed", cohort_id=group.cohort_id, group_id=group_id,
            before={"offsets": before}, after={"offsets": after}, trace=Trace(groups=tuple(row)),
        )  # fmt: skip
        await session.flush()
        await mark_due(session, [group_id], now, systems=("reminders",))
        return Saved(after, entry.id)


def checked(minutes: Mapping[str, int]) -> None:
    """Raise Refusal where a kind is unknown, or a length too long or too short."""
    if not minutes.keys() <= OFFSETS.keys():
        raise Refusal("unknown_choice", t("That choice is not known."))
    for value in minutes.values():
        if value and not SHORTEST <= value <= LONGEST:
            raise Refusal(
                "out_of_range",
                t("A reminder comes 5 minutes to 28 days before a meeting, or not at all."),
            )


def _apart(minutes: Mapping[str, int]) -> None:
    used = [value for value in minutes.values() if value]
    if len(used) != len(set(used)):
        raise Refusal(
            "same_time", t("Two of them would come at the same moment. Choose different times.")
        )
