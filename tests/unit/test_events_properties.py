"""Whatever happens to meetings and events: a second plan right after the first is empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.reconcile.event_plan import (
    ACTIVE,
    CANCELED,
    COMPLETED,
    SCHEDULED,
    CancelEvent,
    ChangeEvent,
    EndEvent,
    Event,
    EventGone,
    EventPlan,
    Group,
    MakeEvent,
    Meeting,
    SettleEvent,
    StartEvent,
)
from core.reconcile.events import (
    diff,
)
from tests.examples import examples
from tests.unit._events import BOT, HOUR, NOW, OWLS

moments = st.integers(-3, 60).map(lambda days: NOW + timedelta(days=days, minutes=30))
rows = st.builds(
    Meeting, st.integers(1, 6), st.integers(1, 6), st.just(False), moments,
    st.sampled_from([30, 60, 1440]),
    st.sampled_from(["planned", "planned", "planned", "skipped", "cancelled"]),
)  # fmt: skip


class World:
    """A model of Discord and the rows, which plans are carried out on as core.systems does it."""

    def __init__(self, meetings: list[Meeting]) -> None:
        self.rows = {m.id: m for m in meetings}
        self.events: dict[int, Event] = {}
        self.next_id = 100

    def plan(self, now: datetime, group: Group = OWLS) -> EventPlan:
        return diff(group, list(self.rows.values()), self.events, now, bot_id=BOT)

    def put(self, meeting_id: int, **values: object) -> None:
        self.rows[meeting_id] = replace(self.rows[meeting_id], **values)  # type: ignore[arg-type]

    def carry_out(self, found: EventPlan, now: datetime) -> None:
        for change in found.changes:
            if isinstance(change, MakeEvent):
                w, self.next_id = change.wanted, self.next_id + 1
                assert w.start > now
                self.events[self.next_id] = Event(
                    self.next_id, w.name, w.start, w.end, w.channel_id, SCHEDULED, BOT, now
                )
                self.put(w.meeting_id, event_id=self.next_id, event_state="created",
                         event_hash=w.marks())  # fmt: skip
            elif isinstance(change, ChangeEvent):
                values = {name: getattr(change.wanted, name) for name in change.fields}
                assert values.get("start", now + HOUR) > now
                self.events[change.event_id] = replace(self.events[change.event_id], **values)
                self.put(change.wanted.meeting_id, event_hash=change.wanted.marks())
            elif isinstance(change, StartEvent):
                self._status(change.event_id, SCHEDULED, ACTIVE)
            elif isinstance(change, EndEvent):
                self._status(change.event_id, ACTIVE, COMPLETED)
                self.put(change.meeting_id, event_state=None if change.forget else "ended",
                         event_id=None if change.forget else change.event_id)  # fmt: skip
            elif isinstance(change, CancelEvent):
                self._status(change.event_id, SCHEDULED, CANCELED)
                if change.meeting_id is not None:
                    self.put(change.meeting_id, event_state=None, event_id=None, event_hash=None)
            elif isinstance(change, EventGone):
                self.put(change.meeting_id, event_state="gone")
            elif isinstance(change, SettleEvent):
                ended = change.state == "ended"
                values = {} if ended else {"event_id": change.event_id, "event_hash": change.marks}
                self.put(change.meeting_id, event_state=change.state, **values)

    def _status(self, event_id: int, before: int, after: int) -> None:
        assert self.events[event_id].status == before
        self.events[event_id] = replace(self.events[event_id], status=after)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(rows, max_size=6, unique_by=lambda m: m.id),
    st.lists(
        st.tuples(
            st.integers(0, 40), st.sampled_from(["move", "status", "delete", "rename", "start"]),
            st.integers(1, 6), moments,
        ),
        max_size=6,
    ),
    st.booleans(),
)  # fmt: skip
def test_applying_twice_leaves_nothing(
    meetings: list[Meeting], happenings: list[tuple[int, str, int, datetime]], live: bool
) -> None:
    world, now = World(meetings), NOW
    group = replace(OWLS, live=live)
    for days, what, number, when in happenings:
        found = world.plan(now, group)
        world.carry_out(found, now)
        # A running event that was given up makes room for another one in the next round.
        if any(isinstance(c, EndEvent) and c.forget for c in found.changes):
            world.carry_out(world.plan(now, group), now)
        again = world.plan(now, group)
        assert again.changes == ()
        open_now = [e for e in world.events.values() if e.status == SCHEDULED and e.start > now]
        assert len({e.id for e in open_now}) <= len(world.rows)
        row = world.rows.get(number)
        event = world.events.get(row.event_id or 0) if row else None
        if row is not None and what == "move":
            world.put(number, starts_at=when)
        elif row is not None and what == "status":
            world.put(number, status="skipped" if row.status == "planned" else "planned")
        elif event is not None and what == "delete":
            del world.events[event.id]
        elif event is not None and what == "rename":
            world.events[event.id] = replace(event, name="Party")
        elif event is not None and what == "start" and event.status == SCHEDULED:
            world.events[event.id] = replace(event, status=ACTIVE)
        now += timedelta(days=days / 4)
