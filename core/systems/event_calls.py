"""Carries out a plan of events: rows and calls in the order that survives a crash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from core.clock import utcnow
from core.db.engine import get_database
from core.db.queries import events as rows
from core.db.queries.events import EventFacts
from core.discord_outbound import events as outbound
from core.discord_outbound.cache import GuildView
from core.discord_outbound.reason import reason_for
from core.errors import PermanentError, TemporaryError
from core.reconcile import event_plan as kinds
from core.reconcile import events as pure
from core.reconcile.doctor import CREATE_EVENTS, EVENT_RIGHTS, MANAGE_EVENTS, names_of
from core.reconcile.event_plan import (
    CancelEvent,
    ChangeEvent,
    EndEvent,
    EventGone,
    EventPlan,
    FindEvent,
    MakeEvent,
    Meeting,
    SettleEvent,
    StartEvent,
)
from core.systems import telling
from core.systems.counts import EventCounts
from core.systems.running import Run
from core.words import speaking, t, tn

# After one of these the same answer awaits the group's other events.
_HOPELESS = {
    "too_many_events", "missing_permission", "missing_access", "unknown_channel", "unauthorized",
    "rate_limited", "unknown_guild",
}  # fmt: skip
# Whether Discord made the event is open: only these leave the intent standing.
_OPEN = {"timeout", "connection", "discord_down", "unexpected"}


class EventRun(Run):
    """One sync of one group's events: what happened so far."""

    def __init__(self, group_id: int) -> None:
        super().__init__(group_id)
        self.facts: EventFacts | None = None
        self.plan = EventPlan()
        self.meetings = 0
        self.created = 0
        self.moved = 0
        self.ended = 0
        self.hopeless = False
        self.full: PermanentError | None = None  # no failure: the soonest have their events

    def counts(self) -> EventCounts:
        return {
            "meetings": self.meetings,
            "created": self.created,
            "deleted": self.ended,
            "moved": self.moved,
            "unchanged": max(0, self.plan.unchanged - self.created - self.moved),
            "failed": sum(self.failed.values()),
            "problems": list(self.failed.elements()),
        }


def too_many(homeless: int) -> PermanentError:
    """The server is full."""
    text = tn(
        "The server has {limit} scheduled events, Discord's limit: {n} meeting has none yet.",
        "The server has {limit} scheduled events, Discord's limit: {n} meetings have none yet.",
        homeless,
        limit=pure.GUILD_LIMIT,
    )
    return PermanentError(text, kind="too_many_events")


class Hand:
    """Carries a plan out; a change that fails does not stop the others."""

    def __init__(self, run: EventRun, facts: EventFacts, view: GuildView) -> None:
        self._run, self._facts, self._view = run, facts, view
        self._guild_id = facts.guild_id
        with speaking(facts.settings.language):  # the audit log and the event are the server's
            self._reason = reason_for(facts.name, facts.cohort_name)
            self._text = str(
                t("Press Interested to say that you are coming, or answer in the group's channel.")
            )

    async def carry_out(self, plan: EventPlan, meetings: Sequence[Meeting]) -> bool:
        """Do everything; True: look again, for there may be more to do."""
        unsure = [c for c in plan.changes if isinstance(c, FindEvent | EventGone)]
        if unsure:
            await self._look(unsure, meetings)
        done = [c for c in plan.changes if isinstance(c, SettleEvent)]
        if done:
            await self._write([(c.meeting_id, _columns(c)) for c in done])
        calls = [c for c in plan.changes if not isinstance(c, FindEvent | EventGone | SettleEvent)]
        if calls and (problem := self._lacks(calls)) is not None:
            self._run.fail(problem)
            return False
        for change in calls:
            if self._run.hopeless:
                break
            await self._do(change)
        return bool(plan.changes)

    def _lacks(self, calls: Sequence[Any]) -> PermanentError | None:
        """Rights without which Discord refuses: asked before it does, since refusals add up."""
        where = self._facts.channel_id
        bits = self._view.channel_permissions(where) if where is not None else None
        bits = self._view.permissions if bits is None else bits
        missing = EVENT_RIGHTS & ~bits
        # Create Events is what making takes; either of the two covers the bot's own events.
        managing = MANAGE_EVENTS | CREATE_EVENTS
        makes = any(isinstance(c, MakeEvent) for c in calls)
        needed = EVENT_RIGHTS & ~(MANAGE_EVENTS if makes else managing)
        if not missing & needed and missing & managing != managing:
            return None
        if missing & ~self._view.permissions:
            names = ", ".join(names_of(missing & ~self._view.permissions))
            text = t("Muster lacks {names} on this server, so meetings get no events.", names=names)
            return PermanentError(text, kind="no_event_rights")
        text = t(
            "Muster lacks {names} in #{channel}, so the group's meetings get no events.",
            names=", ".join(names_of(missing)),
            channel=telling.shown(self._view.channel_name(where or 0) or ""),
        )
        return PermanentError(text, kind="no_event_rights_here")

    async def _look(
        self, unsure: Sequence[FindEvent | EventGone], meetings: Sequence[Meeting]
    ) -> None:
        """Ask Discord once: for events of earlier attempts, and for those that seem deleted."""
        there = await outbound.listed(self._guild_id)
        by_id = {m.id: m for m in meetings}
        known = {m.event_id for m in meetings if m.event_id is not None}
        values: list[tuple[int, dict[str, Any]]] = []
        gone: list[EventGone] = []
        for change in unsure:
            if isinstance(change, EventGone):
                event = there.get(change.event_id)
                if event is None or event.status not in kinds.LIVE:
                    gone.append(change)
                    values.append((change.meeting_id, {"state": "gone"}))
                continue
            found = pure.matching(
                by_id[change.meeting_id], there.values(), bot_id=self._view.me.id, taken=known
            )
            if found is None:
                values.append((change.meeting_id, {"state": None, "hash": None}))
            else:
                known.add(found.id)
                self._run.created += 1
                values.append((change.meeting_id, {"state": "created", "id": found.id}))
        await self._write(values)
        if gone:
            await self._tell_gone(gone)

    async def _write(self, values: Iterable[tuple[int, dict[str, Any]]]) -> None:
        async with get_database().transaction() as session:
            for meeting_id, columns in values:
                await rows.write(session, self._guild_id, meeting_id, **columns)

    async def _do(self, change: Any) -> None:
        try:
            if isinstance(change, MakeEvent):
                await self._make(change)
            elif isinstance(change, ChangeEvent):
                await self._change(change)
            else:
                await self._set_status(change)
        except (TemporaryError, PermanentError) as error:
            full = getattr(error, "kind", "") == "too_many_events"
            self._run.fail(too_many(1) if full else error)
            self._run.hopeless = getattr(error, "kind", "") in _HOPELESS

    async def _make(self, change: MakeEvent) -> None:
        want, now = change.wanted, utcnow()
        intent = {"state": "intent", "id": None, "hash": want.marks(), "intent_at": now}
        await self._write([(want.meeting_id, intent)])
        try:
            event_id = await outbound.create(self._guild_id, want, self._text, self._reason)
        except (TemporaryError, PermanentError) as error:
            if getattr(error, "kind", "") not in _OPEN:  # refused: there is nothing to look for
                await self._write([(want.meeting_id, {"state": None, "hash": None})])
            raise
        await self._write([(want.meeting_id, {"state": "created", "id": event_id})])
        self._run.created += 1

    async def _change(self, change: ChangeEvent) -> None:
        want = change.wanted
        outcome = await outbound.change(
            self._guild_id, change.event_id, want, change.fields, self._reason
        )
        if not outcome and outcome.error_class != "unknown_event":
            raise outcome.as_error()
        if outcome:  # else it was deleted meanwhile: the next look says so
            await self._write([(want.meeting_id, {"hash": want.marks()})])
            self._run.moved += 1

    async def _set_status(self, change: StartEvent | EndEvent | CancelEvent) -> None:
        status = {StartEvent: kinds.ACTIVE, EndEvent: kinds.COMPLETED, CancelEvent: kinds.CANCELED}
        outcome = await outbound.set_status(
            self._guild_id, change.event_id, status[type(change)], self._reason
        )
        if not outcome and outcome.error_class != "unknown_event":
            raise outcome.as_error()
        if isinstance(change, StartEvent):
            return
        self._run.ended += 1
        if change.meeting_id is not None:
            over = isinstance(change, EndEvent) and not change.forget
            values = {"state": "ended"} if over else {"state": None, "id": None, "hash": None}
            await self._write([(change.meeting_id, values)])

    async def _tell_gone(self, gone: Sequence[EventGone]) -> None:
        with speaking(self._facts.settings.language):
            text = tn(
                "⚠️ **{group}**: the event {names} was deleted on Discord. It was not made again: "
                "its meeting takes place all the same. To bring the event back, press **Repair** "
                "in `/sync status`.",
                "⚠️ **{group}**: the events {names} were deleted on Discord. They were not made "
                "again: their meetings take place all the same. To bring the events back, press "
                "**Repair** in `/sync status`.",
                len(gone),
                group=telling.shown(self._facts.name),
                names=", ".join(f"“{telling.shown(g.name)}”" for g in gone),
            )
        key = f"event-gone:{gone[0].event_id}"
        await telling.tell_moderators(self._guild_id, text, key=key)


def _columns(change: SettleEvent) -> dict[str, Any]:
    """What a row is to say from now on; an event that is over keeps its id."""
    if change.state == "ended":
        return {"state": "ended"}
    return {"state": change.state, "id": change.event_id, "hash": change.marks}
