"""Meetings and slots as rows: real Postgres, real operations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.clock import set_clock
from core.db.engine import Database, get_database
from core.db.meeting_models import Delivery, Meeting, Rsvp
from core.db.models import AuditEntry, Group, Role, SyncState, User
from core.errors import Refusal
from core.operations import cohorts, groups, meeting_views, meetings, membership, slots, undo
from core.operations.common import Actor
from core.reconcile.meeting_preview import Effect
from core.reconcile.undo_facts import Code
from core.schedule import Piece, Rule, Slot

GUILD = 500
MOD = Actor(GUILD, 1, "mod", moderator=True)
FACILITATOR = Actor(GUILD, 2, "fay")
MEMBER = Actor(GUILD, 3, "ann")
OTHER = Actor(600, 9, "mod elsewhere", moderator=True)
START = date(2026, 3, 2)  # a Monday
WED = Slot(2, time(19), "Europe/Berlin", 60)
RULE = Rule((Piece(WED),))
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
FIRST = datetime(2026, 3, 4, 18, tzinfo=UTC)  # Wed 19:00 in Berlin, before the clocks change


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    at(datetime(2026, 2, 1, 12, tzinfo=UTC))
    yield
    set_clock(None)


def at(moment: datetime) -> None:
    set_clock(lambda: moment)


async def season(*, count: int = 4, number: int = 1, rule: Rule | None = RULE) -> list[int]:
    """A cohort with a facilitator and a member in its first group, which runs; its groups' ids."""
    draft = cohorts.CohortDraft("Stats", START, meetings=count, groups=number, rule=rule)
    made = await cohorts.create(MOD, draft, open_now=True)
    await membership.add(MOD, made.group_ids[0], 2, "fay", role=Role.facilitator)
    await membership.add(MOD, made.group_ids[0], 3, "ann")
    async with get_database().transaction() as session:
        first = update(Group).where(Group.id == made.group_ids[0])
        await session.execute(first.values(status="active"))
    return made.group_ids


async def seen(group_id: int) -> list[tuple[int | None, str, datetime]]:
    found = await meeting_views.list_for_group(GUILD, group_id, past=True)
    return [(m.number, m.status, m.starts_at) for m in found]


async def ids(group_id: int) -> list[int]:
    return [m.id for m in await meeting_views.list_for_group(GUILD, group_id, past=True)]


async def keys(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list(await session.scalars(select(Delivery.key).order_by(Delivery.id)))


async def answer(database: Database, meeting_id: int, user_id: int, status: str) -> None:
    async with database.transaction() as session:
        await session.execute(insert(User).values(id=user_id).on_conflict_do_nothing())
        session.add(
            Rsvp(meeting_id=meeting_id, user_id=user_id, guild_id=GUILD, status=status,
                 source="button", answered_at=datetime(2026, 2, 1, tzinfo=UTC), interested=True)
        )  # fmt: skip


async def refused(code: str, doing: object) -> None:
    with pytest.raises(Refusal) as found:
        await doing  # type: ignore[misc]
    assert found.value.code == code, found.value


async def test_a_cohort_with_a_time_has_its_meetings(database: Database) -> None:
    first, second = await season(number=2)
    for group in (first, second):
        assert await seen(group) == [
            (n, "planned", FIRST + (n - 1) * WEEK - (HOUR if n > 4 else 0 * HOUR))
            for n in range(1, 5)
        ]  # fmt: skip
    view = (await meeting_views.list_for_group(GUILD, first))[0]
    assert view.label == "Group 1 · Week 1 · Wed 4 March"
    assert (view.zone, view.minutes) == ("Europe/Berlin", 60)


async def test_a_draft_gets_them_when_it_opens(database: Database) -> None:
    draft = cohorts.CohortDraft("Stats", START, meetings=2, groups=1, rule=RULE)
    made = await cohorts.create(MOD, draft, open_now=False)
    assert await seen(made.group_ids[0]) == []
    await cohorts.open_(MOD, made.id)
    assert [n for n, _, _ in await seen(made.group_ids[0])] == [1, 2]


async def test_a_move_keeps_number_and_answers(database: Database) -> None:
    [group] = await season()
    first = (await ids(group))[0]
    await answer(database, first, 3, "attending")
    after = await meetings.move(MOD, first, FIRST + DAY, seen=FIRST)
    assert (after.id, after.number, after.starts_at, after.moved) == (first, 1, FIRST + DAY, True)
    async with database.transaction() as session:
        row = await session.get_one(Rsvp, (first, 3))
        assert (row.status, row.source) == ("attending", "button")
        due = await session.scalars(select(SyncState.status).where(SyncState.group_id == group))
        assert set(due) == {"due"}
        entry = await session.get_one(AuditEntry, after.entry_id)
        assert entry.action == "meeting_moved"
    assert f"moved:{first}:{after.entry_id}" in await keys(database)


async def test_a_move_can_ask_again(database: Database) -> None:
    [group] = await season()
    first = (await ids(group))[0]
    await answer(database, first, 3, "attending")
    await meetings.move(FACILITATOR, first, FIRST + HOUR, 90, ask_again=True)
    async with database.transaction() as session:
        row = await session.get_one(Rsvp, (first, 3))
        assert (row.status, row.source, row.interested) == ("pending", "move", False)
        assert (await session.get_one(Meeting, first)).minutes == 90


async def test_a_skip_keeps_the_other_numbers(database: Database) -> None:
    [group] = await season()
    second = (await ids(group))[1]
    after = await meetings.skip(MOD, second)
    assert [(n, s) for n, s, _ in await seen(group)] == [
        (1, "planned"), (2, "skipped"), (3, "planned"), (4, "planned"),
    ]  # fmt: skip
    assert f"skipped:{second}:{after.entry_id}" in await keys(database)
    await refused("wrong_status", meetings.skip(MOD, second))
    await refused("wrong_status", meetings.move(MOD, second, FIRST + DAY))
    await meetings.restore(MOD, second)
    assert [(n, s) for n, s, _ in await seen(group)][1] == (2, "planned")
    # The group never heard of it, so there is nothing to take back.
    assert not [k for k in await keys(database) if k.startswith("restored")]
    await refused("wrong_status", meetings.restore(MOD, second))


async def test_a_group_that_heard_of_a_skip_hears_that_it_is_taken_back(
    database: Database,
) -> None:
    [group] = await season()
    second = (await ids(group))[1]
    await meetings.skip(MOD, second)
    async with database.transaction() as session:
        await session.execute(update(Delivery).values(status="sent", sent_at=FIRST))
    after = await meetings.restore(MOD, second)
    assert (await keys(database))[-1] == f"restored:{second}:{after.entry_id}"


async def test_a_postpone_renumbers_and_adds_one_at_the_end(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    await meetings.postpone(FACILITATOR, before[1])
    found = await seen(group)
    assert [(n, s) for n, s, _ in found] == [
        (1, "planned"), (None, "postponed"), (2, "planned"), (3, "planned"), (4, "planned"),
    ]  # fmt: skip
    assert found[-1][2] == FIRST + 4 * WEEK - HOUR  # 1 April: the clocks changed on 29 March
    assert (await ids(group))[:4] == before  # nobody lost an answer
    await meetings.restore(MOD, before[1])
    assert await ids(group) == before
    assert [n for n, _, _ in await seen(group)] == [1, 2, 3, 4]


async def test_an_extra_meeting_stands_beside_the_series(database: Database) -> None:
    [group] = await season()
    extra = await meetings.add(FACILITATOR, group, FIRST + 2 * DAY, 45)
    assert (extra.extra, extra.number, extra.name) == (True, None, "Extra meeting")
    same_day = await meetings.add(MOD, group, FIRST + 3 * HOUR)
    assert same_day.starts_at == FIRST + 3 * HOUR
    await refused("overlaps", meetings.add(MOD, group, FIRST + timedelta(minutes=30)))
    await refused("extra", meetings.postpone(MOD, extra.id))
    await meetings.skip(MOD, extra.id)
    assert len(await seen(group)) == 6


async def test_what_cannot_be(database: Database) -> None:
    [group] = await season()
    first, second, *_ = await ids(group)
    now = datetime(2026, 2, 1, 12, tzinfo=UTC)
    await refused("in_the_past", meetings.move(MOD, first, now))
    await refused("too_far", meetings.move(MOD, first, now + timedelta(days=9999)))
    await refused("out_of_range", meetings.move(MOD, first, FIRST + HOUR, 0))
    await refused("out_of_range", meetings.move(MOD, first, FIRST + HOUR, 1441))
    await refused("overlaps", meetings.move(MOD, first, FIRST + WEEK + timedelta(minutes=59)))
    await refused("same", meetings.move(MOD, first, FIRST))
    await refused("changed_meanwhile", meetings.move(MOD, first, FIRST + DAY, seen=FIRST + HOUR))
    await refused("meeting_not_found", meetings.move(MOD, 2**62, FIRST + DAY))
    await meetings.move(MOD, first, FIRST + WEEK + HOUR)  # right after the second one
    at(FIRST + WEEK + timedelta(minutes=1))
    await refused("begun", meetings.move(MOD, second, FIRST + 3 * DAY + WEEK))
    await refused("begun", meetings.skip(MOD, second))
    assert (await meeting_views.show(GUILD, second)).status == "planned"


async def test_who_may(database: Database) -> None:
    [group] = await season()
    elsewhere = await cohorts.create(
        OTHER, cohorts.CohortDraft("Theirs", START, groups=1, rule=RULE), open_now=True
    )
    first = (await ids(group))[0]
    for actor, code in (
        (MEMBER, "not_allowed"), (Actor(GUILD, 77, "stranger"), "not_allowed"),
        (OTHER, "meeting_not_found"), (Actor(600, 2, "fay elsewhere"), "meeting_not_found"),
    ):  # fmt: skip
        await refused(code, meetings.move(actor, first, FIRST + DAY))
        await refused(code, meetings.skip(actor, first))
        await refused(code, meetings.postpone(actor, first))
        await refused(code, meetings.restore(actor, first))
        await refused(code, meetings.manage(actor, first))
        await refused(code, meetings.preview(actor, first, "skip"))
        gone = "not_allowed" if actor.guild_id == GUILD else "group_not_found"
        await refused(gone, meetings.add(actor, group, FIRST + DAY))
        await refused(gone, slots.change(actor, group, RULE))
    await refused("group_not_found", meetings.add(MOD, elsewhere.group_ids[0], FIRST + DAY))
    await refused("not_allowed", slots.change_cohort(FACILITATOR, elsewhere.id, RULE))
    assert await meeting_views.choices(MEMBER) == []
    assert len(await meeting_views.choices(FACILITATOR)) == 4
    assert len(await meeting_views.choices(MOD)) == 4
    assert len(await meeting_views.choices(OTHER)) == 8
    await membership.remove(MOD, group, 2)
    await refused("not_allowed", meetings.skip(FACILITATOR, first))
    assert await meeting_views.choices(FACILITATOR) == []


async def test_choices_on_a_large_server(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting_views, "MOST", 3)
    _, second = await season(number=2)
    assert len(await meeting_views.choices(MOD)) == 3
    last = (await ids(second))[-1]
    for typed in ("Group 2 · Week", "group 2", "GROUP 2"):
        labels = [c.label for c in await meeting_views.choices(MOD, typed)]
        assert labels == [f"Group 2 · Week {n} · Wed {4 + 7 * (n - 1)} March" for n in (1, 2, 3)]
    assert [c.id for c in await meeting_views.choices(MOD, f"meeting:{last}")] == [last]
    assert len(await meeting_views.choices(MOD, "%")) == 3  # nothing is called that
    assert await meeting_views.choices(OTHER, f"meeting:{last}") == []


async def test_a_new_slot_from_a_week_on(database: Database) -> None:
    """The past stays, answers stay, and the notice is one."""
    [group] = await season()
    before = await ids(group)
    await answer(database, before[2], 3, "attending")
    thursday = Rule((Piece(Slot(3, time(20), "Europe/Berlin", 90)),))
    shown = await slots.preview(FACILITATOR, group, thursday, date(2026, 3, 18))
    assert (shown.series.changed, shown.series.made, shown.series.removed) == (2, 0, 0)
    assert shown.series.effect.people == 2
    done = await slots.change(FACILITATOR, group, thursday, date(2026, 3, 18))
    assert await ids(group) == before
    assert [s for _, _, s in await seen(group)] == [
        FIRST, FIRST + WEEK, FIRST + 2 * WEEK + DAY + HOUR, FIRST + 3 * WEEK + DAY + HOUR,
    ]  # fmt: skip
    async with database.transaction() as session:
        assert (await session.get_one(Rsvp, (before[2], 3))).status == "attending"
    assert done.entry_id is not None
    # The group hears once, of the first one that moved.
    moved = [k for k in await keys(database) if k.startswith("moved")]
    assert moved == [f"moved:{before[2]}:{done.entry_id}"]
    again = await slots.change(FACILITATOR, group, thursday, date(2026, 3, 18))
    assert again.entry_id is None


async def test_a_whole_new_slot_moves_what_is_to_come(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    await meetings.move(MOD, before[1], FIRST + WEEK + DAY)
    at(FIRST + DAY)
    monday = Rule((Piece(Slot(0, time(7, 30), "Asia/Kolkata", 30)),))
    done = await slots.change(MOD, group, monday)
    found = await seen(group)
    assert found[0] == (1, "planned", FIRST)  # it was
    assert found[1] == (2, "planned", FIRST + WEEK + DAY)  # a person moved it
    assert [s.isoformat() for _, _, s in found[2:]] == [
        "2026-03-16T02:00:00+00:00", "2026-03-23T02:00:00+00:00",
    ]  # fmt: skip
    assert await ids(group) == before
    assert done.entry_id is not None
    back = await undo.apply(MOD, done.entry_id)
    assert [line.code for line in back.does] == [Code.group_field]
    assert [s for _, _, s in await seen(group)][2:] == [FIRST + 2 * WEEK, FIRST + 3 * WEEK]
    assert await ids(group) == before


async def test_a_cohort_at_once_with_a_break_week(database: Database) -> None:
    first, second = await season(number=2)
    shown = await slots.preview_cohort(MOD, await cohort_of(database, first), RULE, [FIRST.date()])
    assert [p.name for p in shown] == ["Group 1", "Group 2"]
    # The week of 9 March: given by any day in it.
    cohort = await cohort_of(database, first)
    done = await slots.change_cohort(MOD, cohort, breaks=[date(2026, 3, 12)])
    for group in (first, second):
        assert [s for _, _, s in await seen(group)] == [
            FIRST, FIRST + 2 * WEEK, FIRST + 3 * WEEK, FIRST + 4 * WEEK - HOUR,
        ]  # fmt: skip
    daily = Rule((Piece(Slot(4, time(8), "UTC")),), every=2)
    both = await slots.change_cohort(MOD, cohort, daily)
    assert both.group_ids == (first, second)
    assert both.entry_id is not None
    assert done.entry_id is not None
    assert [line.code for line in (await undo.apply(MOD, both.entry_id)).does] == [Code.slots]
    assert [line.code for line in (await undo.apply(MOD, done.entry_id)).does] == [
        Code.cohort_field
    ]
    assert [s for _, _, s in await seen(first)] == [FIRST + n * WEEK for n in range(4)]


async def cohort_of(database: Database, group_id: int) -> int:
    async with database.transaction() as session:
        return (await session.get_one(Group, group_id)).cohort_id


async def test_hostile_rules(database: Database) -> None:
    [group] = await season()
    for bad, code in (
        (Rule((Piece(Slot(2, time(19), "Mars/Olympus")),)), "unknown_zone"),
        (Rule((Piece(Slot(2, time(19), "../../etc/passwd")),)), "unknown_zone"),
        (Rule((Piece(Slot(2, time(19), "UTC", 1441)),)), "out_of_range"),
        (Rule((Piece(WED),), dates=(date(9999, 12, 31),)), "out_of_range"),
        (Rule((Piece(WED),), dates=tuple(START + n * DAY for n in range(201))), "out_of_range"),
    ):
        await refused(code, slots.change(MOD, group, bad))
        await refused(code, slots.preview(MOD, group, bad))
    cohort = await cohort_of(database, group)
    weeks = [START + n * WEEK for n in range(61)]
    await refused("out_of_range", slots.change_cohort(MOD, cohort, breaks=weeks))
    stale: dict[str, object] = {"pieces": []}
    await refused("changed_meanwhile", slots.change(MOD, group, RULE, seen=stale))
    assert len(await seen(group)) == 4


async def test_moves_at_the_same_moment(database: Database) -> None:
    """Two meetings to one time: one gets it. One meeting twice: the stale press does nothing."""
    [group] = await season()
    first, second, *_ = await ids(group)
    goal = FIRST + 3 * DAY
    results = await asyncio.gather(
        meetings.move(MOD, first, goal), meetings.move(FACILITATOR, second, goal),
        return_exceptions=True,
    )  # fmt: skip
    assert sorted(type(r).__name__ for r in results) == ["MeetingView", "Refusal"]
    mine = (await meeting_views.show(GUILD, second)).starts_at
    other = goal + 2 * DAY
    presses = await asyncio.gather(
        *(meetings.move(MOD, second, other + n * 2 * HOUR, seen=mine) for n in range(5)),
        return_exceptions=True,
    )
    assert sum(not isinstance(r, BaseException) for r in presses) == 1
    assert {r.code for r in presses if isinstance(r, Refusal)} == {"changed_meanwhile"}


async def test_presses_at_the_same_moment_postpone_once(database: Database) -> None:
    [group] = await season()
    first = (await ids(group))[0]
    await asyncio.gather(*(meetings.postpone(MOD, first) for _ in range(4)), return_exceptions=True)
    assert [s for _, s, _ in await seen(group)].count("postponed") == 1
    assert len(await seen(group)) == 5


async def test_the_end_takes_them_along_and_back(database: Database) -> None:
    first, second = await season(number=2)
    cohort = await cohort_of(database, first)
    at(FIRST + DAY)
    await meetings.skip(MOD, (await ids(first))[2])
    closed = await cohorts.close(MOD, cohort)
    assert [s for _, s, _ in await seen(first)] == [
        "planned", "cancelled", "skipped", "cancelled",
    ]  # fmt: skip
    assert closed.entry_id is not None
    told = f"cancelled:{(await ids(first))[1]}:{closed.entry_id}"
    assert next(k for k in await keys(database) if k.startswith("cancelled")) == told
    await refused("group_ended", meetings.add(MOD, first, FIRST + 3 * DAY))
    await undo.apply(MOD, closed.entry_id)
    assert [s for _, s, _ in await seen(first)] == ["planned", "planned", "skipped", "planned"]
    archived = await groups.archive(MOD, second)
    assert [s for _, s, _ in await seen(second)] == ["planned", *["cancelled"] * 3]
    assert archived.entry_id is not None
    await undo.apply(MOD, archived.entry_id)
    assert [s for _, s, _ in await seen(second)] == ["planned"] * 4
    await groups.merge(MOD, first, second)
    assert [s for _, s, _ in await seen(first)].count("planned") == 1
    assert [s for _, s, _ in await seen(second)] == ["planned"] * 4


async def test_a_cohorts_new_start_and_number(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    cohort = await cohort_of(database, group)
    await cohorts.edit(MOD, cohort, meetings=5, start_date=START + WEEK)
    assert [s for _, _, s in await seen(group)] == [
        FIRST + WEEK, FIRST + 2 * WEEK, FIRST + 3 * WEEK,
        FIRST + 4 * WEEK - HOUR, FIRST + 5 * WEEK - HOUR,
    ]  # fmt: skip
    # A meeting of a day that stays a day of the series is still that meeting.
    assert (await ids(group))[:4] == [*before[1:], before[0]]
    await cohorts.edit(MOD, cohort, meetings=1)
    assert await ids(group) == before[1:2]
    async with database.transaction() as session:
        told = (await session.scalars(select(Delivery).where(Delivery.kind == "cancelled"))).all()
    assert [(d.meeting_id, d.payload) for d in told] == [(before[2], {"later": True})]
    # What comes back is what was there, with its answers.
    await cohorts.edit(MOD, cohort, meetings=4)
    assert await ids(group) == [*before[1:], before[0]]


async def test_a_new_group_meets_like_the_others(database: Database) -> None:
    [group] = await season(number=1)
    cohort = await cohort_of(database, group)
    more = await groups.create(MOD, cohort, "Late")
    assert [n for n, _, _ in await seen(more.id)] == [1, 2, 3, 4]
    await slots.change(MOD, more.id, Rule((Piece(Slot(0, time(9), "UTC")),)))
    another = await groups.create(MOD, cohort, "Later")  # they differ: nobody knows its time
    assert await seen(another.id) == []
    assert (await meeting_views.slots(GUILD, [another.id]))[another.id].rule is None


async def test_undo_of_a_move_a_skip_a_postpone_and_an_extra(database: Database) -> None:
    [group] = await season()
    first, second, third, _ = await ids(group)
    moved = await meetings.move(MOD, first, FIRST + DAY, ask_again=True)
    skipped = await meetings.skip(MOD, second)
    postponed = await meetings.postpone(MOD, third)
    added = await meetings.add(MOD, group, FIRST + 5 * DAY)
    wanted = {
        moved.entry_id: Code.meeting_time, skipped.entry_id: Code.meeting_back,
        postponed.entry_id: Code.meeting_back, added.entry_id: Code.meeting_off,
    }  # fmt: skip
    undone: dict[int | None, int] = {}
    for entry_id, code in wanted.items():
        assert entry_id is not None
        done = await undo.apply(MOD, entry_id)
        assert [line.code for line in done.does] == [code]
        assert done.group_ids == (group,)
        assert done.entry_id is not None
        undone[entry_id] = done.entry_id
    regular = [m for m in await meeting_views.list_for_group(GUILD, group) if not m.extra]
    assert [(m.number, m.status, m.starts_at) for m in regular] == [
        (n, "planned", FIRST + (n - 1) * WEEK) for n in range(1, 5)
    ]
    assert (await meeting_views.show(GUILD, added.id)).status == "skipped"
    again = await undo.apply(MOD, undone[postponed.entry_id])  # done again
    assert [line.code for line in again.does] == [Code.meeting_later]
    assert (await meeting_views.show(GUILD, third)).number is None


async def test_undo_says_what_it_cannot(database: Database) -> None:
    [group] = await season()
    first, second, *_ = await ids(group)
    moved = await meetings.move(MOD, first, FIRST + DAY)
    await meetings.move(MOD, first, FIRST + 2 * DAY)
    assert moved.entry_id is not None
    shown = await undo.preview(MOD, moved.entry_id)
    assert [line.code for line in shown.cannot] == [Code.meeting_since]
    late = await meetings.move(MOD, second, FIRST + 9 * DAY)
    assert late.entry_id is not None
    await meetings.add(MOD, group, FIRST + WEEK)
    shown = await undo.preview(MOD, late.entry_id)
    assert [line.code for line in shown.cannot] == [Code.meeting_busy]
    at(FIRST + WEEK + DAY)
    shown = await undo.preview(MOD, late.entry_id)
    assert [line.code for line in shown.cannot] == [Code.meeting_past]
    at(FIRST + 9 * DAY)
    shown = await undo.preview(MOD, late.entry_id)
    assert [line.code for line in shown.cannot] == [Code.meeting_begun]


async def test_a_members_meetings_with_their_answers(database: Database) -> None:
    [group] = await season()
    first, second, *_ = await ids(group)
    await answer(database, first, 3, "pending")  # but Discord says: interested
    await meetings.skip(MOD, second)
    found = await meeting_views.list_for_member(MEMBER)
    assert [(m.number, m.answer) for m in found] == [
        (1, "attending"), (3, "pending"), (4, "pending"),
    ]  # fmt: skip
    assert await meeting_views.list_for_member(Actor(600, 3, "ann elsewhere")) == []


async def test_the_preview_says_whose_night_it_is(database: Database) -> None:
    [group] = await season()
    first = (await ids(group))[0]
    await answer(database, first, 3, "attending")
    async with database.transaction() as session:
        await session.execute(update(User).where(User.id == 3).values(zone="Asia/Tokyo"))
        await session.execute(update(User).where(User.id == 2).values(zone="No/Where"))
    found = await meetings.preview(FACILITATOR, first, "move", FIRST + DAY)
    assert (found.effect.people, found.effect.yes) == (2, 1)
    assert found.effect.nights == ((time(3), 1),)
    assert not found.effect.clocks
    later = await meetings.preview(MOD, first, "move", FIRST + 6 * WEEK)
    assert later.effect.clocks
    extra = await meetings.preview_add(MOD, group, FIRST + DAY)
    assert extra.people == 2
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEntry)) == 3


async def test_the_preview_names_another_meeting_of_the_same_person(database: Database) -> None:
    [group] = await season()
    other = await cohorts.create(
        MOD, cohorts.CohortDraft("Chess", START, groups=1, rule=RULE), open_now=True
    )
    await membership.add(MOD, other.group_ids[0], 3, "ann")
    first = (await ids(group))[0]
    clash = await meetings.preview(MOD, first, "move", FIRST + timedelta(minutes=30))
    assert clash.effect.clashes == (("Group 1", 1),)
    free = await meetings.preview(MOD, first, "move", FIRST + HOUR)
    assert free.effect.clashes == ()


async def numbers(group_id: int) -> list[int | None]:
    return [number for number, status, _ in await seen(group_id) if status == "planned"]


def crowded(effect: Effect) -> list[list[int | None]]:
    """The numbers of the meetings on each day that gets a second one."""
    return [[row.number for row in crowd.meetings] for crowd in effect.crowds]


async def test_a_new_slot_on_the_day_of_an_extra(database: Database) -> None:
    """The series loses none, the extra stays where it is, and the preview says so."""
    [group] = await season()
    extra = await meetings.add(MOD, group, FIRST + WEEK + DAY - 4 * HOUR)
    moved = (await ids(group))[0]
    await meetings.move(MOD, moved, FIRST + 2 * WEEK + DAY)
    thursday = Rule((Piece(Slot(3, time(19), "Europe/Berlin")),))
    found = (await slots.preview(FACILITATOR, group, thursday)).series
    assert (found.made, found.changed, found.removed) == (0, 4, 0)
    assert [row.id for row in found.kept] == [moved]
    assert crowded(found.effect) == [[None, 2], [1, 3]]
    await slots.change(FACILITATOR, group, thursday)
    assert await numbers(group) == [None, 2, 1, 3, 4]
    at_then = await meeting_views.show(GUILD, extra.id)
    assert (at_then.starts_at, at_then.name) == (extra.starts_at, "Extra meeting")
    # There and back again.
    await slots.change(FACILITATOR, group, RULE)
    assert await numbers(group) == [2, None, 3, 1, 4]


async def test_a_postpone_that_ends_on_the_day_of_an_extra(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    last = FIRST + 4 * WEEK - HOUR  # the clocks have changed by then
    assert crowded(await meetings.preview_add(MOD, group, last + 2 * HOUR)) == []
    await meetings.add(MOD, group, last + 2 * HOUR)
    found = await meetings.preview(MOD, before[0], "postpone")
    assert crowded(found.effect) == [[4, None]]
    await meetings.postpone(MOD, before[0])
    assert await numbers(group) == [1, 2, 3, 4, None]
    assert (await seen(group))[-2] == (4, "planned", last)
    await meetings.restore(MOD, before[0])
    assert await numbers(group) == [1, 2, 3, 4, None]
    await refused("overlaps", meetings.add(MOD, group, FIRST + timedelta(minutes=30)))


async def test_the_previews_of_an_extra_and_of_a_move_name_that_day(database: Database) -> None:
    [group] = await season()
    first, second, *_ = await ids(group)
    assert crowded(await meetings.preview_add(MOD, group, FIRST - 4 * HOUR)) == [[None, 1]]
    assert crowded(await meetings.preview_add(MOD, group, FIRST + DAY)) == []
    found = await meetings.preview(MOD, first, "move", FIRST + WEEK + HOUR)
    assert crowded(found.effect) == [[2, 1]]
    await meetings.move(MOD, first, FIRST + WEEK + HOUR)
    again = await meetings.preview(MOD, second, "skip")
    assert crowded(again.effect) == []
    await meetings.skip(MOD, second)
    back = await meetings.preview(MOD, second, "restore")
    assert crowded(back.effect) == [[2, 1]]


async def test_a_skipped_meeting_follows_the_numbers(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    await meetings.postpone(MOD, before[0])
    await meetings.skip(MOD, before[1])
    await meetings.restore(MOD, before[0])
    assert [(n, status) for n, status, _ in await seen(group)] == [
        (1, "planned"), (2, "skipped"), (3, "planned"), (4, "planned"),
    ]  # fmt: skip
