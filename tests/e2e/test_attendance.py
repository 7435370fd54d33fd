"""/attendance show and export, corrections, and who may see whose."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from PIL import Image
from sqlalchemy import select

from bot.ui.attendance import number, pages
from core.db.engine import get_database
from core.db.meeting_models import Answer
from core.db.models import AuditEntry, Group, Member, Membership, User
from core.db.queries.attendance import came
from core.errors import Refusal
from core.operations import attendance, attendance_sheet, membership, settings
from core.operations.common import Actor
from tests.e2e._acting import labels, mod_of, moderator_elsewhere, on_discord
from tests.e2e._attendance import (
    START,
    WEEK,
    answer,
    at,
    groups,
    later,
    lead,
    meeting,
    rows,
    seen,
    since,
    visit,
)
from tests.world import World, parts_of, text_of


def options(message: Any) -> dict[str, tuple[str, str]]:
    """The choices of a message's select: label to value and description."""
    return {
        o["label"]: (o["value"], o.get("description") or "")
        for part in parts_of(message)
        for o in part.get("options", [])
    }


def picked(message: Any, beginning: str) -> str:
    return next(v for label, (v, _) in options(message).items() if label.startswith(beginning))


async def season(w: World) -> tuple[int, int, list[int]]:
    """A group of three with a facilitator, another group, and three meetings, the last empty."""
    first, second = await groups(w, people=3)
    await lead(w, first, w.members[3])
    await since(w, START - WEEK)
    ids = [await meeting(w, first, START + n * WEEK, number=n + 1) for n in range(3)]
    ann, bob, cid, head, *_ = w.members
    for person in (ann, head):
        await seen(w, ids[0], person, 55)
    await seen(w, ids[0], bob, 4)
    for person in (ann, bob, head):
        await seen(w, ids[1], person, 30)
    await answer(w, ids[1], cid, Answer.not_attending, START)
    at(START + 2 * WEEK + timedelta(hours=2))
    return first, second, ids


@on_discord
async def test_the_picture_has_a_twin_in_words(w: World) -> None:
    first, _, _ = await season(w)
    shown = await w.mod.slash(w.room, "attendance show", group=f"group:{first}")
    said = text_of(shown)
    assert "**Group 1 · Stats** · Attendance" in said
    assert "Week 1 (<t:1772647200:d>) to Week 3" in said
    assert "**member1** ✅✅❔ 2/2" in said
    assert "**member2** ❌✅❔ 1/2" in said
    assert "**member3** ❌❌❔ 0/2" in said
    assert said.index("member4") < said.index("member1")  # who facilitates stands first
    assert "for 10 minutes" in said
    (file,) = shown.response.attachments
    assert file.filename == "attendance.png"
    assert "Attendance of Group 1 · Stats: 4 people and 3 meetings" in file.description
    image = Image.open(io.BytesIO(await file.read()))
    assert (image.format, image.width) == ("PNG", 1000)
    assert shown.response.flags.ephemeral


@on_discord
async def test_a_correction_wins_and_is_in_the_history(w: World) -> None:
    _, _, ids = await season(w)
    head, bob, cid = w.members[3], w.members[1], w.members[2]
    shown = await head.slash(w.room, "attendance show")  # their only group
    people = await head.select(shown.response, values=[str(ids[0])])
    assert not people.response.attachments
    assert options(people.response)["3 · member2"][1] == "❌ was not there · 4 minutes there"
    card = await head.select(people.response, values=[picked(people.response, "3 · member2")])
    assert labels(card.response) == ["Came", "Was not there", "Excused", "Somebody else"]
    done = await head.click(card.response, label="Came")
    assert "✅ member2: came." in text_of(done)
    assert options(done.response)["3 · member2"][1].startswith("✅ came · noted by hand")
    row = (await rows(ids[0]))[bob.id]
    assert (row.mark, row.marked_by, row.seconds) == ("attended", head.id, 240)
    back = await head.click(done.response, label="Back to the picture")
    assert "**member2** ✅✅❔ 2/2" in text_of(back)
    assert len(back.response.attachments) == 1
    history = text_of(await w.mod.slash(w.room, "history"))
    assert "member4 noted that member2 came to Group 1 (Stats): Week 1" in history
    # Where nobody was seen, a mark says something about this one only.
    actor = Actor(w.guild.id, head.id, "member4")
    await attendance.mark(actor, [ids[2]], cid.id, "absent")
    again = text_of(await head.slash(w.room, "attendance show"))
    assert "**member3** ❌❌❌ 0/3" in again
    assert "**member1** ✅✅❔ 2/2" in again
    # Taken back, what was seen counts again; the same once more changes and tells nothing.
    assert (await attendance.mark(actor, [ids[0]], bob.id, None)).changed
    assert not (await attendance.mark(actor, [ids[0]], bob.id, None)).changed
    async with get_database().transaction() as session:
        told = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "attendance_marked")
        )
        assert len(list(told)) == 3


@on_discord
async def test_the_threshold_is_a_setting(w: World) -> None:
    await season(w)
    panel = await w.mod.slash(w.room, "settings")
    first = await w.mod.click(panel.response, label="Accept all")
    assert len(parts_of(first.response)) + 1 <= 40  # Discord's limit, with the box around them
    assert "for 10 minutes, or for half" in str(parts_of(first.response))
    for typed, said in (("ten", "is no whole number"), ("0", "Between 1 and 240"),
                        ("241", "Between 1 and 240")):  # fmt: skip
        form = await w.mod.click(first.response, label="Change")
        refused = await w.mod.submit_modal(form, {"minutes": typed})
        assert said in str(parts_of(refused.response))
    form = await w.mod.click(first.response, label="Change")
    saved = await w.mod.submit_modal(form, {"minutes": "4"})
    assert "✅ Saved" in str(parts_of(saved.response))
    assert "for 4 minutes, or for half" in str(parts_of(saved.response))
    said = text_of(await w.mod.slash(w.room, "attendance show", group="Group 1"))
    assert "**member2** ✅✅❔ 2/2" in said
    history = text_of(await w.mod.slash(w.room, "history"))
    assert "minutes that count as having come from 10 to 4" in history


@on_discord
async def test_who_may_see_whose(w: World) -> None:
    first, second, ids = await season(w)
    head, member = w.members[3], w.members[0]
    for asker in (member, w.members[5]):
        for command in ("attendance show", "attendance export"):
            assert "Only moderators and the facilitators" in text_of(
                await asker.slash(w.room, command, group=f"group:{first}")
            )
        assert await offered(w, asker) == []
    assert await offered(w, head) == ["Group 1 · Stats"]
    assert await offered(w, w.mod) == ["Group 1 · Stats", "Group 2 · Stats"]
    other = await head.slash(w.room, "attendance show", group=f"group:{second}")
    assert "No group here is called that" in text_of(other)
    which = await w.mod.slash(w.room, "attendance show")
    assert "Of which group?" in text_of(which)
    # Buttons that are older than the rights, and made-up ones.
    shown = await head.slash(w.room, "attendance show")
    people = await head.select(shown.response, values=[str(ids[0])])
    card = await head.select(people.response, values=[picked(people.response, "3 · member2")])
    other_panel = await head.slash(w.room, "attendance show")
    await membership.remove(mod_of(w), first, head.id, "gone")
    refused = await head.click(card.response, label="Came")
    assert "Only moderators and the facilitators" in text_of(refused)
    refused = await head.click(other_panel.response, label="Spreadsheet")
    assert "Only moderators and the facilitators" in text_of(refused)
    assert (await rows(ids[0]))[w.members[1].id].mark is None


async def offered(w: World, person: Any) -> list[str]:
    return [c["name"] for c in await person.autocomplete(w.room, "attendance show", "group", "")]


@on_discord
async def test_another_server_finds_nothing(w: World) -> None:
    first, _, ids = await season(w)
    lobby, stranger = await moderator_elsewhere(w)
    other = stranger.guild
    for typed in (f"group:{first}", "Group 1 · Stats"):
        for command in ("attendance show", "attendance export"):
            assert "No group here is called that" in text_of(
                await stranger.slash(lobby, command, group=typed)
            )
    assert await stranger.autocomplete(lobby, "attendance show", "group", "") == []
    theirs = Actor(other.id, stranger.id, "stranger", moderator=True)
    for call in (
        attendance.mark(theirs, [ids[0]], w.members[0].id, "absent"),
        attendance.export(theirs, first),
        attendance_sheet.sheet(theirs, first),
        attendance_sheet.sheet(Actor(w.guild.id, w.members[0].id, "member1"), first),
    ):
        code = await refusal(call)
        assert code in {"meeting_not_found", "not_allowed"}


async def refusal(call: Any) -> str:
    try:
        await call
    except Refusal as refused:
        return refused.code
    raise AssertionError


@on_discord
async def test_what_cannot_be_corrected(w: World) -> None:
    first, second, ids = await season(w)
    lead_of_all = mod_of(w)
    to_come = await meeting(w, first, START + 5 * WEEK, number=6)
    off = await meeting(w, first, START + timedelta(days=1), number=None, status="skipped")
    elsewhere = await meeting(w, second, START)
    ann, stranger = w.members[0].id, w.members[5].id
    for meetings, person, said, code in (
        ([to_come], ann, "attended", "not_yet"),
        ([off], ann, "attended", "meeting_not_found"),
        ([10**9], ann, "attended", "meeting_not_found"),
        ([ids[0], elsewhere], ann, "attended", "meeting_not_found"),
        ([ids[0]], stranger, "attended", "not_in_group"),
        ([ids[0]], ann, "late", "unknown_choice"),
    ):
        assert await refusal(attendance.mark(lead_of_all, meetings, person, said)) == code


@on_discord
async def test_the_spreadsheet(w: World) -> None:
    first, _, ids = await season(w)
    ann, bob, cid = w.members[:3]
    await settings.change(mod_of(w), zone="Europe/Berlin")
    await visit(w, ids[1], w.members[4])
    await seen(w, ids[1], w.members[4], 20)
    async with get_database().transaction() as session:
        (await session.get_one(Member, (w.guild.id, ann.id))).name = "=cmd|'/C calc'!A0"
    await membership.remove(mod_of(w), first, bob.id, "left")
    shown = await w.members[3].slash(w.room, "attendance export")
    (file,) = shown.followups[-1].attachments if shown.followups else shown.response.attachments
    assert file.filename == "attendance-group-1-stats.csv"
    text = (await file.read()).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    by = {(r["id"], r["meeting"]): r for r in lines}
    assert by[str(ann.id), "Week 1"]["member"] == "'=cmd|'/C calc'!A0"
    assert by[str(ann.id), "Week 1"]["date"] == "2026-03-04T19:00:00+01:00"
    assert by[str(ann.id), "Week 1"]["minutes"] == "55"
    assert by[str(bob.id), "Week 1"]["attendance"] == "absent"  # who left stays in it
    assert by[str(cid.id), "Week 2"]["answer"] == "not_attending"
    assert by[str(cid.id), "Week 3"]["attendance"] == "unknown"
    assert by[str(w.members[4].id), "Week 2"]["attendance"] == "attended"
    assert (str(w.members[4].id), "Week 1") not in by
    assert len(lines) == 3 * 4 + 1


@on_discord
async def test_people_are_expected_only_while_they_are_in_the_group(w: World) -> None:
    first, _, _ = await season(w)
    cid, late = w.members[2], w.members[5]
    at(START + WEEK - timedelta(days=1))
    await membership.remove(mod_of(w), first, cid.id, "left")
    at(START + 2 * WEEK - timedelta(days=1))
    await membership.add(mod_of(w), first, late.id, late.name)
    at(START + 2 * WEEK + timedelta(hours=2))
    said = text_of(await w.mod.slash(w.room, "attendance show", group="Group 1"))
    assert "**member6** ▫️▫️❔ –" in said
    assert "member3" not in said
    _, content_ = await attendance.export(mod_of(w), first)
    found = [r for r in csv.DictReader(io.StringIO(content_.decode("utf-8-sig"), newline=""))
             if r["id"] == str(cid.id)]  # fmt: skip
    assert [r["meeting"] for r in found] == ["Week 1"]


@on_discord
async def test_a_long_term_of_a_large_group_goes_by_pages(w: World) -> None:
    first, _ = await groups(w, people=0)
    async with get_database().transaction() as session:
        group = await session.get_one(Group, first)
        for n in range(45):
            session.add(User(id=1000 + n))
            await session.flush()
            name = f"日本 {n:02}" + "_" * 20
            session.add(Member(guild_id=w.guild.id, user_id=1000 + n, name=name))
            session.add(
                Membership(guild_id=w.guild.id, cohort_id=group.cohort_id, group_id=first,
                           user_id=1000 + n, created_at=START - WEEK)
            )  # fmt: skip
    for n in range(30):
        await meeting(w, first, START + n * WEEK, number=n + 1)
    at(START + 40 * WEEK)
    shown = await w.mod.slash(w.room, "attendance show", group="Group 1")
    assert "Week 19" in text_of(shown)
    assert "日本 00" in text_of(shown)
    assert "more" not in text_of(shown)  # twenty rows fit, with the longest names
    assert {"Earlier meetings", "More people"} <= set(buttons(shown.response))
    older = await w.mod.click(shown.response, label="Earlier meetings")
    assert "Week 7" in text_of(older)
    further = await w.mod.click(older.response, label="More people")
    assert "`21` **日本 20" in text_of(further)
    assert "Week 7" in text_of(further)
    last = await w.mod.click(further.response, label="More people")
    assert "More people" not in buttons(last.response)
    oldest = await w.mod.click(last.response, label="Earlier meetings")
    assert "Week 1 (" in text_of(oldest)
    assert "Earlier meetings" not in buttons(oldest.response)
    again = await w.mod.slash(w.room, "attendance show", group="Group 1")
    people = await w.mod.select(again.response, values=[picked(again.response, "Week 30")])
    more = await w.mod.click(people.response, label="More people")
    assert any(label.startswith("21 · ") for label in options(more.response))


def buttons(message: Any) -> list[str]:
    return [c["label"] for row in message.components for c in row["components"] if c.get("label")]


def test_a_button_carries_the_group_and_both_pages() -> None:
    assert pages(number(987654321, 16, 24)) == (987654321, 16, 24)


@on_discord
async def test_before_the_first_meeting(w: World) -> None:
    first, _ = await groups(w)
    await meeting(w, first)
    later(-60)
    shown = await w.mod.slash(w.room, "attendance show", group="Group 1")
    assert "No meeting has begun yet." in text_of(shown)
    assert not shown.response.attachments


@on_discord
async def test_how_many_came(w: World) -> None:
    first, _, ids = await season(w)
    skipped = await meeting(w, first, START + 4 * WEEK, number=5)
    actor = mod_of(w)

    async def asked() -> list[int | None]:
        async with get_database().transaction() as session:
            found = await came(session, [*ids, skipped])
        return [found[i] for i in [*ids, skipped]]

    assert await asked() == [2, 3, None, None]
    await attendance.mark(actor, [ids[0]], w.members[0].id, "excused")
    await attendance.mark(actor, [ids[2]], w.members[0].id, "attended")
    assert await asked() == [1, 3, 1, None]
    await settings.change(actor, attended_minutes=4)
    assert await asked() == [2, 3, 1, None]
    async with get_database().transaction() as session:
        assert await came(session, []) == {}
