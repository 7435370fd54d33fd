"""What is said is worked out from rows: real Postgres, a constant number of statements."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select, update

from core.clock import set_clock
from core.db.engine import Database
from core.db.meeting_models import (
    Announcement,
    Attendance,
    Delivery,
    Meeting,
    Rsvp,
    Visit,
)
from core.db.models import Cohort, Group, Guild, ManagedObject, Member, Membership, User
from core.db.queries.deliveries import New
from core.notifications import actions, notices
from core.notifications.outgoing import Done, Send, Skip, Wait
from tests.integration._actions import (
    GUILD,
    NOW,
    ROOM,
    decided,
    group,
    meets,
    reminder,
    stored,
    user,
    written,
)
from tests.integration._sending import statements


@pytest.fixture(autouse=True)
def _march() -> None:
    set_clock(lambda: NOW)


@pytest.fixture
async def base(database: Database) -> Database:
    """A server with a cohort."""
    async with database.transaction() as session:
        await session.execute(
            insert(Guild).values(id=GUILD, name="Study Hall", joined_at=NOW, settings={})
        )
        await session.execute(
            insert(Cohort).values(
                guild_id=GUILD, name="Spring", start_date=date(2026, 3, 1), meetings=6,
                seats=8, created_at=NOW,
            )
        )  # fmt: skip
    return database


async def test_a_reminder_mentions_those_who_may_come(base: Database) -> None:
    await group(base, 1, people=5)
    await group(base, 2)
    meeting = await meets(base, 1, NOW + timedelta(hours=1))
    async with base.transaction() as session:
        for index, status, interested in (
            (1, "not_attending", True), (2, "pending", True), (3, "tentative", False),
        ):  # fmt: skip
            await session.execute(
                insert(Rsvp).values(
                    meeting_id=meeting.id, user_id=user(1, index), guild_id=GUILD, status=status,
                    interested=interested,
                )
            )  # fmt: skip
        await session.execute(
            insert(Visit).values(
                guild_id=GUILD, meeting_id=meeting.id, user_id=user(2), created_at=NOW
            )
        )
        await session.execute(
            update(User).where(User.id == user(1, 4)).values(switches={"mentions": False})
        )
    rows = await written(
        base,
        reminder("remind_last", meeting, NOW),
        reminder("remind_first", meeting, NOW),
        reminder("nudge", meeting, NOW),
    )
    last, first, nudge = await decided(base, *rows)
    assert isinstance(last, Send)
    assert last.channel_id == ROOM + 1
    assert last.message.mention == (user(1, 0), user(1, 2), user(1, 3), user(2))
    assert [(b.action, b.number) for b in last.message.buttons] == [
        ("rsvp_yes", meeting.id), ("rsvp_maybe", meeting.id), ("rsvp_no", meeting.id),
    ]  # fmt: skip
    assert isinstance(first, Send)
    assert (first.message.silent, first.message.mention) == (True, ())
    assert isinstance(nudge, Send)  # the facilitator has not answered
    assert (nudge.message.silent, nudge.message.mention) == (True, (user(1, 0),))


async def test_a_meeting_that_moved_has_other_reminders(base: Database) -> None:
    await group(base, 1)
    meeting = await meets(base, 1, NOW + timedelta(hours=1))
    old = await written(base, reminder("remind_last", meeting, NOW))
    async with base.transaction() as session:
        await session.execute(update(Meeting).values(starts_at=NOW + timedelta(hours=2)))
    (found,) = await decided(base, *old)
    assert isinstance(found, Skip)
    assert found.code == "moved"


async def test_there_and_back_is_no_news(base: Database) -> None:
    await group(base, 1)
    at = NOW + timedelta(days=2)
    meeting = await meets(base, 1, at)
    first, second = await written(
        base, notices.meeting("moved", meeting, 1, NOW), notices.meeting("moved", meeting, 2, NOW)
    )
    assert [getattr(d, "code", None) for d in await decided(base, first, second)] == [
        "newer", "no_news",
    ]  # fmt: skip
    async with base.transaction() as session:
        await session.execute(update(Meeting).values(starts_at=at + timedelta(hours=1)))
    older, newer = await decided(base, first, second)
    assert (older.code, type(newer)) == ("newer", Send)
    stamp = int(at.timestamp())
    assert f"<t:{stamp}:F>" in newer.message.text
    assert f"<t:{stamp + 3600}:F>" in newer.message.text
    async with base.transaction() as session:
        await actions.sent(session, [Done(second, 1, 2, NOW, newer.extra)])
    async with base.transaction() as session:
        assert await session.scalar(select(Meeting.told_starts_at)) == at + timedelta(hours=1)
    (again,) = await decided(base, second)
    assert again.code == "no_news"


async def test_what_was_told_is_noted_with_one_statement(base: Database) -> None:
    """Of several messages about a meeting the last one counts."""
    await group(base, 1)
    days = [NOW + timedelta(days=n) for n in (2, 3)]
    meetings = [await meets(base, 1, at) for at in days]
    rows = await written(
        base,
        *(notices.meeting("moved", m, n, NOW) for n, m in enumerate((*meetings, meetings[1]))),
    )
    hours = [timedelta(hours=n) for n in (1, 2, 3)]
    told = [
        Done(row, 1, 2, NOW, {"starts_at": (at + more).isoformat()})
        for row, at, more in zip(rows, (*days, days[1]), hours, strict=True)
    ]
    elsewhere = Done(rows[0]._replace(guild_id=501), 1, 2, NOW, {"starts_at": NOW.isoformat()})
    with statements(base) as seen:
        async with base.transaction() as session:
            await actions.sent(session, [*told, elsewhere, Done(rows[0], 1, 2, NOW)])
    assert len(seen) == 1
    async with base.transaction() as session:
        found = (await session.scalars(select(Meeting.told_starts_at).order_by(Meeting.id))).all()
    assert list(found) == [days[0] + hours[0], days[1] + hours[2]]


async def test_what_is_too_late_is_heard_once_by_each_facilitator(base: Database) -> None:
    for number in (1, 2, 3):
        await group(base, number)
    async with base.transaction() as session:
        # One person facilitates two of them.
        await session.execute(
            update(Membership).where(Membership.user_id == user(2, 1)).values(role="facilitator")
        )
        await session.execute(update(Guild).values(settings={"moderator_channel_id": 77}))
        await session.execute(
            update(Membership).where(Membership.group_id == 3).values(role="participant")
        )
    late = NOW - timedelta(hours=20)
    rows = []
    for number in (1, 2, 3):
        for hours in (1, 2):
            meeting = await meets(
                base, number, NOW + timedelta(hours=hours), occurrence_date=date(2026, 3, hours)
            )
            rows += await written(base, reminder("remind_first", meeting, late))
    found = await decided(base, *rows)
    assert [d.code for d in found] == ["too_late"] * 6
    assert await decided(base, *rows) == found  # a second look writes nothing new
    async with base.transaction() as session:
        await session.execute(
            update(Delivery)
            .where(Delivery.id.in_([r.id for r in rows]))
            .values(status="skipped", error_class="too_late")
        )
        keys = (await session.scalars(select(Delivery.key).where(Delivery.kind == "missed"))).all()
    assert sorted(keys) == sorted(
        f"missed:{GUILD}:{who}:2026-03-02" for who in (user(1, 0), user(2, 0), user(2, 1), 0)
    )
    missed = await stored(base, *keys)
    said = {
        row.user_id: decision.message.text
        for row, decision in zip(
            missed, await decided(base, *missed, now=NOW + timedelta(minutes=6)), strict=True
        )
    }
    assert said[user(1, 0)].count("Group 1") == 2
    assert "Group 2" not in said[user(1, 0)]
    assert said[None].count("Group 3") == 2
    assert "Group 1" not in said[None]


async def test_everything_else_reads_its_rows(base: Database) -> None:
    await group(base, 1, people=4)
    await group(base, 2)
    past = await meets(base, 1, NOW - timedelta(days=6))
    coming = await meets(base, 1, NOW + timedelta(days=1), number=2)
    async with base.transaction() as session:
        visit = Visit(guild_id=GUILD, meeting_id=coming.id, user_id=user(2), created_at=NOW)
        session.add(visit)
        note = Announcement(
            guild_id=GUILD, draft_id=1, author_id=1, content="Bring **pens**", targets={},
            ping=True, created_at=NOW,
        )  # fmt: skip
        session.add(note)
        await session.flush()
        visit_id, note_id = visit.id, note.id
        await session.execute(
            insert(Attendance).values(
                meeting_id=past.id, user_id=user(1, 1), guild_id=GUILD, seconds=3000
            )
        )
        await session.execute(
            update(User).where(User.id == user(1, 1)).values(switches={"assigned_dm": True})
        )
        for index, status in ((1, "attending"), (2, "not_attending")):
            await session.execute(
                insert(Rsvp).values(
                    meeting_id=coming.id, user_id=user(1, index), guild_id=GUILD, status=status
                )
            )
    rows = await written(
        base,
        notices.assigned(GUILD, 1, NOW),
        *notices.assigned_dms(GUILD, 1, [user(1, 1), user(1, 2)], NOW),
        notices.joined(GUILD, 1, user(1, 1), NOW),
        notices.left(GUILD, 1, user(2), NOW),
        New(GUILD, "digest", "digest", NOW, user_id=user(1, 0), group_id=1),
        New(
            GUILD, "shift", "shift", NOW, user_id=user(1, 0), group_id=1, meeting_id=coming.id,
            payload={"day": "2026-03-29", "times": [["19:00", 7], ["18:00", 1]]},
        ),
        notices.guest(GUILD, visit_id, 1, coming.id, user(2), NOW),
        notices.announce(
            GUILD, note_id, ROOM + 1, NOW, 1, mention=[user(1, n) for n in range(4)]
        ),
        reminder("remind_dm", coming, NOW, user_id=user(1, 1)),
    )  # fmt: skip
    by_kind = dict(zip([r.key for r in rows], await decided(base, *rows), strict=True))
    assigned, dm, not_chosen, joined, left, digest, shift, guest, announced, own = by_kind.values()
    assert assigned.message.mention == (user(1, 0), user(1, 2), user(1, 3))  # one is told by DM
    assert f"In it: <@{user(1, 0)}>, <@{user(1, 1)}>" in assigned.message.text
    assert f"<t:{int(coming.starts_at.timestamp())}:F>" in assigned.message.text
    assert (dm.user_id, dm.fallback_channel_id) == (user(1, 1), ROOM + 1)
    assert f"<#{ROOM + 1}>" in dm.message.text
    assert "Study Hall" in dm.message.text
    assert dm.fallback.mention == (user(1, 1),)
    assert (not_chosen.code, own.code) == ("switched_off", "switched_off")
    assert (joined.message.silent, joined.message.mention) == (True, ())
    assert f"**p{user(1, 1)}** is in this group" in joined.message.text
    assert f"**p{user(2)}** left" in left.message.text
    assert "1 yes, 0 maybe, 1 no, 2 without an answer" in digest.message.text
    assert "1 person came, not: " in digest.message.text
    assert "19:00 for 7 people and 18:00 for 1 person" in shift.message.text
    assert [b.action for b in shift.fallback.buttons] == ["meeting_manage"]
    assert f"**p{user(2)}** comes to Week 2" in guest.message.text
    assert announced.message.text.startswith("Bring **pens**\n<@")
    assert announced.message.mention == tuple(user(1, n) for n in range(4))


async def test_somebody_who_is_not_here_is_waited_for(base: Database) -> None:
    await group(base, 1)
    async with base.transaction() as session:
        await session.execute(update(Member).where(Member.user_id == user(1)).values(left_at=NOW))
        await session.execute(update(User).values(switches={"assigned_dm": True}))
    (row,) = await written(base, *notices.assigned_dms(GUILD, 1, [user(1)], NOW))
    (found,) = await decided(base, row)
    assert isinstance(found, Wait)
    assert found.code == "not_here"
    (found,) = await decided(base, row, now=NOW + timedelta(days=15))
    assert found.code == "expired"


async def test_another_guild_sees_nothing(base: Database) -> None:
    await group(base, 1)
    meeting = await meets(base, 1, NOW + timedelta(hours=1))
    async with base.transaction() as session:
        await session.execute(insert(Guild).values(id=501, name="Other", joined_at=NOW))
    row = (await written(base, reminder("remind_last", meeting, NOW)))[0]
    (found,) = await decided(base, row._replace(guild_id=501))
    assert found.code == "group_gone"


@pytest.mark.parametrize("count", [10, 500])
async def test_as_many_statements_for_ten_as_for_five_hundred(base: Database, count: int) -> None:
    async with base.transaction() as session:
        ids = range(1, count + 1)
        await session.execute(
            insert(Group),
            [
                {"guild_id": GUILD, "cohort_id": 1, "name": f"G{n}", "seats": 8,
                 "status": "active", "created_at": NOW}
                for n in ids
            ],
        )  # fmt: skip
        await session.execute(insert(User), [{"id": user(n)} for n in ids])
        await session.execute(
            insert(Member), [{"guild_id": GUILD, "user_id": user(n), "name": "x"} for n in ids]
        )
        await session.execute(
            insert(Membership),
            [
                {"guild_id": GUILD, "cohort_id": 1, "group_id": n, "user_id": user(n),
                 "role": "participant", "seat": 1, "created_at": NOW}
                for n in ids
            ],
        )  # fmt: skip
        await session.execute(
            insert(ManagedObject),
            [
                {"guild_id": GUILD, "kind": "text", "group_id": n, "discord_id": ROOM + n,
                 "state": "created", "name": "x", "intent_at": NOW}
                for n in ids
            ],
        )  # fmt: skip
        await session.execute(
            insert(Meeting),
            [
                {"guild_id": GUILD, "group_id": n, "occurrence_date": NOW.date(),
                 "starts_at": NOW + timedelta(hours=1), "minutes": 60, "number": 1,
                 "created_at": NOW}
                for n in ids
            ],
        )  # fmt: skip
    async with base.transaction() as session:
        meetings = (await session.scalars(select(Meeting).order_by(Meeting.id))).all()
        session.expunge_all()
    rows = await written(base, *[reminder("remind_last", m, NOW) for m in meetings])
    assert len(rows) == count
    with statements(base) as seen:
        found = await decided(base, *rows)
    assert {type(d) for d in found} == {Send}
    assert len(seen) == 7, seen
