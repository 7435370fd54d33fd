"""Discord's events of a group's meetings: gather, decide, apply, record. One run at a time.

An event is made crash-safely, like a channel: first the intent with the marks of what is asked
for, then the call, then its id. An intent that is found later is looked for on Discord by these
marks before anything is made again; see core.reconcile.events.matching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import SyncStatus
from core.db.queries import events as rows
from core.db.queries import sync_states
from core.db.queries.access import Facts, StateRow
from core.db.queries.events import SYSTEM, EventFacts
from core.discord_outbound.cache import GuildView, guild_view
from core.errors import MusterError, TemporaryError
from core.notifications.scheduler import wakes
from core.reconcile import events as pure
from core.reconcile import trace
from core.reconcile.by_hand import is_news
from core.reconcile.event_plan import LIVE, Event, EventPlan, Group, Meeting, Wanted
from core.systems import telling
from core.systems.counts import EventCounts
from core.systems.event_calls import EventRun, Hand, too_many
from core.systems.running import all_well, in_rounds, one_at_a_time
from core.systems.telling import Whose
from core.words import mark, pack, speaking, t

# With this many places left no other group's wishes are asked about: four groups are synced at
# once (core.worker.AT_ONCE), each with four new events at most.
_ROOMY = 20
# A meeting that begins before the sweep after next has its own wake (core.config.sweep_minutes).
_WAKE_WITHIN = timedelta(minutes=25)
_GAVE_UP = telling.GaveUp(
    "events",
    mark("⚠️ **{group}** · {cohort}: what Discord shows of its meetings is not complete. {problem} "
         "Everything else goes on. Details: `/sync status`."),
    mark("⚠️ {problem} Everything else goes on. `/check` names what is missing; Muster looks again "
         "by itself."),
    frozenset({"too_many_events", "no_event_rights"}),
)  # fmt: skip


async def sync(
    group_id: int, *, repair: bool = False, problems: Sequence[MusterError] = ()
) -> EventCounts:
    """Make the group's events what its meetings say; see EventCounts.

    `repair` also puts back what was changed by hand. `problems` of what shares the system's row
    (posts) are recorded, told and tried again like those of events. Raises TemporaryError where
    the guild cannot be seen now; what failed within Discord is counted and recorded, not raised.
    """
    async with one_at_a_time(SYSTEM, group_id):
        run = EventRun(group_id)
        for problem in problems:
            run.fail(problem)
        await in_rounds(run, partial(_round, run, repair=repair), partial(_record, run))
        return run.counts()


async def _round(run: EventRun, *, repair: bool) -> bool:
    """One gather-decide-apply-record; True if another round may find more to do."""
    database, now = get_database(), utcnow()
    async with database.alone() as session:
        claimed = await sync_states.claim(
            session, run.group_id, SYSTEM,
            instance=database.instance_id, now=now, lease=database.lease_seconds,
        )  # fmt: skip
        found = await rows.group(session, run.group_id) if claimed else None
        meetings = await rows.of_group(session, run.group_id) if found else []
        if claimed and found is None:  # the server was left
            await sync_states.record(session, run.group_id, SYSTEM, version=None)
    if found is None:
        return False  # held elsewhere (its holder looks again), or no such group
    run.facts, run.state = found
    run.version = run.state.version if run.state else 0
    run.meetings = sum(m.status == "planned" for m in meetings)
    if not meetings:
        run.plan = EventPlan()
        return not await _record(run)
    view = guild_view(run.facts.guild_id)
    if view is None:
        raise TemporaryError(t("Discord does not show the server right now"), kind="guild_away")
    plan = run.plan = await _with_room(decide(run.facts, meetings, view, now, repair=repair), run,
                                       view, now)  # fmt: skip
    if not plan:
        return not await _record(run)
    if run.not_yet(plan.inputs_hash(), now):
        return not await _record(run, waiting=True)
    again = await Hand(run, run.facts, view).carry_out(plan, meetings)
    if run.errors or not again:
        fresh = await _record(run)
        return not fresh and not run.errors
    return True


def decide(
    facts: EventFacts,
    meetings: Sequence[Meeting],
    view: GuildView,
    now: datetime,
    *,
    repair: bool = False,
    events: dict[int, Event] | None = None,
) -> EventPlan:
    """The whole plan of one group, from its rows and the gateway cache; makes no call.

    It wants more than there is room for in the guild: see `allot`. `events`: all of the guild's.
    """
    channel = facts.channel_id
    if channel is not None and view.channel_name(channel) is None:
        channel = None
    with speaking(facts.settings.language):
        plan = pure.diff(
            Group(facts.name, facts.live, channel),
            meetings,
            view.events() if events is None else events,
            now,
            bot_id=view.me.id,
            repair=repair or facts.settings.by_hand == "repair",
        )
    bits = view.channel_permissions(channel) if channel is not None else view.permissions
    return replace(plan, context=f"{bits}:{view.permissions}") if plan else plan


def taken(view: GuildView, events: dict[int, Event] | None = None) -> int:
    """How many events count against Discord's limit in this guild."""
    found = view.events() if events is None else events
    return sum(event.status in LIVE for event in found.values())


async def _with_room(plan: EventPlan, run: EventRun, view: GuildView, now: datetime) -> EventPlan:
    """Leave out the events that have no place in the guild, or whose place others need sooner."""
    if not plan.makes or run.facts is None:
        return plan
    have = taken(view)
    if have <= pure.GUILD_LIMIT - _ROOMY:
        return plan
    async with get_database().transaction() as session:
        others = await rows.without(session, run.facts.guild_id, now)
    wishes = pure.waiting_for(
        (
            (group_id, _sketch(m), m.event_state is not None)
            for group_id, m in others
            if group_id != run.group_id
        ),
        now,
    )
    allowed = pure.allot([*plan.makes, *wishes], have)
    mine = plan.within(allowed)
    if mine.homeless:
        run.full = too_many(len(plan.makes) + len(wishes) - len(allowed))
    return mine


def _sketch(meeting: Meeting) -> Wanted:
    """Enough of an event to see whose turn it is."""
    return Wanted(meeting.starts_at, meeting.id, meeting.ends_at, "", 0)


async def _record(run: EventRun, *, waiting: bool = False) -> bool:
    """Write what became of it, and tell moderators once about what gave up."""
    now, plan, facts = utcnow(), run.plan, run.facts
    values: dict[str, Any] = {}
    database = get_database()
    several = run.errors or run.full or plan.by_hand
    async with database.transaction() if several else database.alone() as session:
        if facts is not None:
            values["by_hand"] = await sync_states.by_hand(
                session, run.group_id, SYSTEM, plan.by_hand
            )
        if run.errors and not waiting:
            values |= run.failure(plan.inputs_hash())
        elif run.full is not None and not waiting:
            values |= all_well(now) | {
                "error_class": run.full.kind, "error_text": pack(run.full.text),
            }  # fmt: skip
            del values["told_at"]
        elif not waiting:  # else a hint came before its time; the row stays as it is
            values |= all_well(now)
        fresh = await sync_states.record(
            session, run.group_id, SYSTEM, version=None if run.errors else run.version, **values
        )
        problem = run.full if not run.errors else run.errors[0]
        parked = values.get("status") == SyncStatus.parked
        tell = problem is not None and (parked or (problem is run.full and not waiting))
        tell = tell and facts is not None and await sync_states.claim_telling(
            session, facts.guild_id, run.group_id, SYSTEM, now,
            shared=_GAVE_UP.shared(problem),
        )  # fmt: skip
    if waiting:
        run.errors.clear()
        run.failed.clear()
    if tell and facts is not None and problem is not None:
        language = facts.settings.language
        await _GAVE_UP.tell(
            Whose(facts.guild_id, facts.id, facts.name, facts.cohort_name, language), problem
        )
    if plan.next_at is not None and not run.errors and not waiting:
        wake_near(run.group_id, plan.next_at, now)
    return fresh


def wake_near(group_id: int, at: datetime, now: datetime) -> None:
    """A meeting begins or ends soon: look then. What is later, a sweep wakes in time."""
    if at <= now + _WAKE_WITHIN:
        wakes.wake_at(SYSTEM, group_id, max(at, now))


async def needing(session: AsyncSession, facts: Sequence[Facts], now: datetime) -> set[int]:
    """Of the groups that a sweep gathered, those whose events need a call or a look.

    One statement; a second one where something differs. Wakes for meetings that begin or end
    soon are set on the way.
    """
    fitting = await planned(session, facts, now)
    for group_id, plan in fitting.items():
        if plan.next_at is not None and not plan:
            wake_near(group_id, plan.next_at, now)
    differing = [g for g, plan in fitting.items() if plan or plan.by_hand]
    if not differing:
        return set()
    states = await rows.states(session, differing)
    return {g for g in differing if _opens(fitting[g], states.get(g))}


async def planned(
    session: AsyncSession, facts: Sequence[Facts], now: datetime, *, repair: bool = False
) -> dict[int, EventPlan]:
    """By group with meetings, what its events need, with the room that its guild has.

    One statement. Guilds that Discord does not show now are left out.
    """
    meetings = await rows.of_all(session, now)
    plans: dict[int, EventPlan] = {}
    makes: dict[int, list[Wanted]] = {}
    guilds: dict[int, tuple[GuildView, dict[int, Event]]] = {}
    for fact in facts:
        group = fact.group
        mine = meetings.get(group.id)
        if mine is None:
            continue
        if group.guild_id not in guilds:
            view = guild_view(group.guild_id)
            if view is None:
                continue
            guilds[group.guild_id] = (view, view.events())
        view, events = guilds[group.guild_id]
        plan = decide(_facts_of(fact), mine, view, now, repair=repair, events=events)
        makes.setdefault(group.guild_id, []).extend(plan.makes)
        plans[group.id] = plan
    allowed: set[int] = set()
    for guild_id, wishes in makes.items():
        allowed |= pure.allot(wishes, taken(*guilds[guild_id]))
    return {g: plan.within(allowed) for g, plan in plans.items()}


def _opens(plan: EventPlan, state: StateRow | None) -> bool:
    if state is not None and state.status in {SyncStatus.waiting, SyncStatus.parked}:
        return state.inputs_hash != plan.inputs_hash()
    by_hand = state.by_hand if state is not None else {}
    return bool(plan) or is_news(plan.by_hand, by_hand)


def _facts_of(fact: Facts) -> EventFacts:
    group, voice = fact.group, fact.objects.get("voice")
    return EventFacts(
        group.id, group.guild_id, group.name, group.cohort_name, group.status in trace.LIVE,
        fact.settings, voice.discord_id if voice is not None and voice.state == "created" else None,
    )  # fmt: skip
