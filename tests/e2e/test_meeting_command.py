"""/meeting, [Manage] and /meetings as people use them, on the simulated Discord."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import select, update

from core.db.engine import get_database
from core.db.meeting_models import Rsvp
from core.db.models import Role, User
from core.discord_outbound.messages import Button, send_channel_message
from core.operations import history, meeting_views, meetings, membership, undo
from core.schedule import Piece, Rule, Slot
from tests.e2e._acting import allow, defaults, labels, last, made, mod_of, on_discord
from tests.world import World, text_of

RULE = Rule((Piece(Slot(2, time(19), "Europe/Berlin")),))
FIRST = datetime(2026, 3, 4, 18, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


async def season(w: World) -> int:
    """A group with member1 as its facilitator and member2 and member3 in it."""
    cohort = await made(w, meetings=4, groups=2, rule=RULE)
    group: int = cohort.group_ids[0]
    for person, role in zip(
        w.members, (Role.facilitator, Role.participant, Role.participant), strict=False
    ):
        await membership.add(mod_of(w), group, person.id, person.name, role=role)
    w.worker.bump(cohort.group_ids)
    await w.settle()
    return group


async def listed(w: World, group: int) -> list[Any]:
    return await meeting_views.list_for_group(w.guild.id, group, past=True)


async def zone(person: Any, name: str) -> None:
    async with get_database().transaction() as session:
        await session.execute(update(User).where(User.id == person.id).values(zone=name))


async def manage(w: World, person: Any, meeting_id: int) -> Any:
    """[Manage] as it stands on a meeting's post, pressed by this person."""
    button = Button("Manage", "meeting_manage", meeting_id)
    sent = await send_channel_message(w.room.id, "Week 1", buttons=[button])
    assert sent.value is not None
    return await person.click(w.room.last_message, label="Manage")


# --- commands ------------------------------------------------------------------------------------


@on_discord
async def test_move_asks_again(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    fay, ann, _ = w.members[:3]
    await zone(fay, "America/New_York")
    await zone(ann, "Asia/Tokyo")
    async with get_database().transaction() as session:
        session.add(
            Rsvp(meeting_id=first.id, user_id=ann.id, guild_id=w.guild.id, status="attending",
                 source="button", answered_at=datetime(2026, 1, 1, tzinfo=UTC))
        )  # fmt: skip
    asked = await fay.slash(w.room, "meeting move", meeting=first.label, to="Thu 5 March 8pm")
    assert asked.ephemeral
    text = text_of(asked)
    goal = FIRST + DAY + timedelta(hours=1)
    assert f"<t:{int(FIRST.timestamp())}:F>" in text
    assert f"Thu 5 March 20:00 Europe/Berlin, that is <t:{int(goal.timestamp())}:F>" in text
    assert "for you Thu 5 March 14:00 America/New_York" in text
    assert "3 people; 1 had said yes; 04:00 at night for one of them." in text
    assert labels(asked.response) == ["Move, ask again", "Move, keep answers", "Edit", "Cancel"]
    assert (await listed(w, group))[0].starts_at == FIRST  # nothing happened yet
    await fay.click(asked.response, label="Move, ask again")
    assert "Week 1 is <t:" in asked.response.content
    assert "asked again" in asked.response.content
    assert labels(asked.response) == ["Manage"]  # no Undo: she is no moderator
    assert (await listed(w, group))[0].starts_at == goal
    async with get_database().transaction() as session:
        row = await session.scalar(select(Rsvp).where(Rsvp.meeting_id == first.id))
        assert row is not None
        assert (row.status, row.source) == ("pending", "move")


@on_discord
async def test_a_moderator_keeps_answers_and_undoes(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    asked = await w.mod.slash(w.room, "meeting move", meeting=first.label, to="20:30", minutes=90)
    assert "Wed 4 March 20:30 Europe/Berlin" in text_of(asked)
    assert "90 minutes" in text_of(asked)
    await w.mod.click(asked.response, label="Move, keep answers")
    assert "answers stay" in asked.response.content
    assert labels(asked.response) == ["Undo", "Manage"]
    preview = await w.mod.click(asked.response, label="Undo")
    assert "Group 1, Week 1: from <t:" in text_of(preview)
    entry = next(e for e in await history.page(w.guild.id) if e.action == "meeting_moved")
    await undo.apply(mod_of(w), entry.id)
    after = (await listed(w, group))[0]
    assert (after.starts_at, after.minutes, after.moved) == (FIRST, 60, False)
    told = text_of(await w.mod.slash(w.room, "history"))
    assert "mod moved Week 1 of Group 1 (Stats) from <t:" in told


@on_discord
async def test_a_misspelt_zone_is_refused_with_suggestions(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    asked = await w.mod.slash(
        w.room, "meeting move", meeting=first.label, to="Thu 19:00 Europe/Berlln"
    )
    text = text_of(asked)
    assert "Europe/Berlln" in text
    assert "Did you mean" in text
    assert "Europe/Berlin" in text
    assert labels(asked.response) == ["Edit again"]
    form = await w.mod.click(asked.response, label="Edit again")
    assert defaults(form) == {"when": "Thu 19:00 Europe/Berlln", "minutes": None}
    right = {"when": "Thu 5 March 19:00 Europe/Berlin", "minutes": "60"}
    await w.mod.submit_modal(form, right)
    assert labels(asked.response)[0] == "Move, ask again"
    assert (await listed(w, group))[0].starts_at == FIRST


@on_discord
async def test_what_is_past_or_nonsense_is_refused(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    for typed in ("yesterday", "5 March 2025 19:00", "@everyone", "x" * 400, "in 99999999 years"):
        asked = await w.mod.slash(w.room, "meeting move", meeting=first.label, to=typed)
        assert "Move, ask again" not in labels(asked.response)
        assert len(text_of(asked)) > 10
    assert (await listed(w, group))[0].starts_at == FIRST


@on_discord
async def test_skip_and_postpone(w: World) -> None:
    group = await season(w)
    first, second, *_ = await listed(w, group)
    asked = await w.members[0].slash(w.room, "meeting skip", meeting=first.label)
    assert "the others keep their numbers" in text_of(asked)
    assert "3 people" in text_of(asked)
    await w.members[0].click(asked.response, label="Skip")
    assert (await listed(w, group))[0].status == "skipped"
    later = await w.mod.slash(w.room, "meeting postpone", meeting=second.label)
    assert "one is added at the end" in text_of(later)
    await w.mod.click(later.response, label="Postpone")
    assert [m.number for m in await listed(w, group)] == [1, None, 2, 3, 4]
    stale = await w.mod.slash(w.room, "meeting skip", meeting=f"meeting:{second.id}")
    assert "postponed already" in text_of(stale)


@on_discord
async def test_a_stale_preview_does_nothing(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    asked = await w.mod.slash(w.room, "meeting skip", meeting=first.label)
    await meetings.move(mod_of(w), first.id, FIRST + DAY)
    await w.mod.click(asked.response, label="Skip")
    assert "changed in the meantime" in asked.response.content
    assert (await listed(w, group))[0].status == "planned"
    cancelled = await w.mod.slash(w.room, "meeting skip", meeting=f"meeting:{first.id}")
    await w.mod.click(cancelled.response, label="Cancel")
    assert "Nothing changed" in cancelled.response.content


@on_discord
async def test_add(w: World) -> None:
    group = await season(w)
    asked = await w.members[0].slash(
        w.room, "meeting add", group="Group 1", when="Fri 6 March 18:00", minutes=45
    )
    assert "One more meeting of **Group 1 · Stats**?" in text_of(asked)
    assert "45 minutes" in text_of(asked)
    await w.members[0].click(asked.response, label="Add")
    assert [m.name for m in await listed(w, group)][:2] == ["Week 1", "Extra meeting"]


@on_discord
async def test_slot_by_command(w: World) -> None:
    group = await season(w)
    asked = await w.members[0].slash(
        w.room, "meeting slot", group="Group 1", when="Thu 20:00", since="18.3.2026", minutes=90
    )
    text = text_of(asked)
    assert "Now: Wed 19:00 Europe/Berlin, 60 minutes" in text
    assert "from Mon 16 March Thu 20:00 Europe/Berlin, 90 minutes" in text
    assert "2 meetings change" in text
    await w.members[0].click(asked.response, label="Save")
    assert [m.starts_at for m in await listed(w, group)][2] == FIRST + 2 * WEEK + DAY + timedelta(
        hours=1
    )


@on_discord
async def test_slot_by_form(w: World) -> None:
    group = await season(w)
    form = await w.mod.slash(w.room, "meeting slot", group="Group 1")
    assert defaults(form)["when"] == "Wed 19:00 Europe/Berlin"
    typed = {"when": "Fri 7pm", "minutes": "60", "rhythm": ["biweekly"], "dates": "", "since": ""}
    shown = await w.mod.submit_modal(form, typed)
    assert "every two weeks, Fri 19:00 Europe/Berlin, 60 minutes" in text_of(shown)
    await w.mod.click(shown.response, label="Save")
    assert "every two weeks" in shown.response.content
    found = [m.starts_at for m in await listed(w, group)]
    assert found[1] - found[0] == 2 * WEEK
    await w.mod.click(shown.response, label="Undo")
    listing = await w.mod.slash(w.room, "group show", group="Group 1")
    assert "every two weeks" in text_of(listing)


# --- who may -------------------------------------------------------------------------------------


@on_discord
async def test_members_are_refused(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    ann = w.members[1]
    for command, options in (
        ("meeting move", {"meeting": first.label, "to": "Thu 20:00"}),
        ("meeting skip", {"meeting": f"meeting:{first.id}"}),
        ("meeting postpone", {"meeting": first.label}),
        ("meeting add", {"group": "Group 1", "when": "Thu 20:00"}),
        ("meeting slot", {"group": "Group 1", "when": "Thu 20:00"}),
        ("meeting slot", {"group": "Group 1"}),
    ):
        refused = await ann.slash(w.room, command, **options)
        assert "Only moderators and facilitators can do that" in text_of(refused), command
    pressed = await manage(w, ann, first.id)
    assert "Only moderators and the facilitators of this group" in text_of(pressed)
    assert (await listed(w, group))[0].starts_at == FIRST


@on_discord
async def test_facilitators_reach_their_own_group_only(w: World) -> None:
    await season(w)
    other = (await listed(w, 2))[0]
    refused = await w.members[0].slash(w.room, "meeting skip", meeting=f"meeting:{other.id}")
    assert "no such meeting that you can manage" in text_of(refused)
    pressed = await manage(w, w.members[0], other.id)
    assert "Only moderators and the facilitators of this group" in text_of(pressed)
    found = await w.members[0].autocomplete(w.room, "meeting skip", "meeting", "")
    assert [c["name"] for c in found] == [
        f"Group 1 · Week {n} · Wed {day} March" for n, day in ((1, 4), (2, 11), (3, 18), (4, 25))
    ]
    assert len(await w.mod.autocomplete(w.room, "meeting skip", "meeting", "week 2")) == 2
    assert await w.members[1].autocomplete(w.room, "meeting skip", "meeting", "") == []


# --- [Manage] ------------------------------------------------------------------------------------


@on_discord
async def test_a_facilitator_moves_by_manage(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    fay = w.members[0]
    shown = await manage(w, fay, first.id)
    assert shown.ephemeral
    panel = last(shown)
    assert "**Group 1** · Stats · Week 1" in text_of(shown)
    assert "Wed 19:00 Europe/Berlin, 60 minutes" in text_of(shown)
    form = await fay.click(panel, label="Move")
    assert defaults(form)["minutes"] == "60"
    await fay.submit_modal(form, {"when": "Thu 5 March 19:00 Europe/Berln", "minutes": "60"})
    assert "Did you mean" in panel.content
    form = await fay.click(panel, label="Edit again")
    await fay.submit_modal(form, {"when": "Thu 5 March 19:00", "minutes": "60"})
    await fay.click(panel, label="Move, keep answers")
    assert (await listed(w, group))[0].starts_at == FIRST + DAY
    back = await fay.click(panel, label="Manage")
    assert back is not None
    await fay.click(panel, label="Skip")
    await membership.remove(mod_of(w), group, fay.id)  # who is none any more does nothing
    await fay.click(panel, label="Skip")
    assert "Only moderators and the facilitators" in panel.content
    assert (await listed(w, group))[0].status == "planned"


@on_discord
async def test_taking_a_skip_back(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    await meetings.skip(mod_of(w), first.id)
    shown = await manage(w, w.members[0], first.id)
    panel = last(shown)
    assert "does not take place" in text_of(shown)
    await w.members[0].click(panel, label="Take place after all")
    await w.members[0].click(panel, label="Take place after all")
    assert "takes place after all" in panel.content
    assert (await listed(w, group))[0].status == "planned"


# --- /meetings -----------------------------------------------------------------------------------


@on_discord
async def test_my_meetings(w: World) -> None:
    group = await season(w)
    first = (await listed(w, group))[0]
    ann = w.members[1]
    shown = await ann.slash(w.room, "meetings")
    assert shown.ephemeral
    text = text_of(shown)
    assert f"<t:{int(FIRST.timestamp())}:F>" in text
    assert text.count("you have not answered") == 4
    message = last(shown)
    await ann.click(message, label="1: Attending")
    async with get_database().transaction() as session:
        row = await session.get(Rsvp, (first.id, ann.id))
        assert row is not None
        assert row.status == "attending"
    again = await ann.slash(w.room, "meetings")
    assert "✅ you attend" in text_of(again)
    home = await ann.slash(w.room, "my")
    assert "Meetings" in labels(last(home))
    nobody = await w.members[5].slash(w.room, "meetings")
    assert "No meeting is to come" in text_of(nobody)


@on_discord
async def test_groups_show_when_they_meet(w: World) -> None:
    await season(w)
    shown = await w.members[5].slash(w.room, "groups")
    assert text_of(shown).count(f"<t:{int(FIRST.timestamp())}:F>") == 2
    allow(w, "cohort", w.mod)
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "All groups: Wed 19:00 Europe/Berlin, 60 minutes" in text_of(card)
