"""This week in /muster: how many come, day by day, and a tap for the names."""

from __future__ import annotations

from datetime import date, time, timedelta

from sqlalchemy import insert

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting, Rsvp
from core.schedule import Slot
from tests.e2e._acting import filled, last, made, on_discord
from tests.e2e.test_series import give, rows
from tests.world import World, text_of


async def answer(w: World, meeting: Meeting, answers: dict[int, tuple[str, bool]]) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            insert(Rsvp),
            [
                {"meeting_id": meeting.id, "user_id": w.members[n].id, "guild_id": w.guild.id,
                 "status": status, "interested": interested, "answered_at": utcnow()}
                for n, (status, interested) in answers.items()
            ],
        )  # fmt: skip


@on_discord
async def test_the_week_counts_answers_and_a_tap_shows_names(w: World) -> None:
    """SimCord's day is Thursday, 1 January 2026."""
    cohort = await made(w, groups=2, start=date(2026, 1, 1))
    await give(cohort.group_ids[0], Slot(2, time(19), "Europe/Berlin"))
    await filled(w, cohort, people=5)
    meeting = (await rows(Meeting, cohort.group_ids[0]))[0]
    await answer(w, meeting, {
        0: ("attending", False), 1: ("pending", True), 2: ("tentative", False),
        3: ("not_attending", True),
    })  # fmt: skip
    home = await w.mod.slash(w.room, "muster")
    week = await w.mod.click(last(home), label="This week")
    assert "2 yes, 1 maybe, 1 no, 1 silent · 1 meeting" in text_of(week)
    shown = text_of(await w.mod.select(last(week), ["2026-01-07"]))
    for line in ("✅ member1, member2", "❔ member3", "❌ member4", "silent: member5"):
        assert line in shown
    assert "Week 1" in shown


@on_discord
async def test_what_lies_outside_the_week_or_in_another_server_is_not_shown(w: World) -> None:
    cohort = await made(w, groups=1, start=utcnow().date() + timedelta(days=20))
    await give(cohort.group_ids[0])
    await filled(w, cohort)
    home = await w.mod.slash(w.room, "muster")
    week = await w.mod.click(last(home), label="This week")
    assert "Nobody meets within seven days." in text_of(week)
