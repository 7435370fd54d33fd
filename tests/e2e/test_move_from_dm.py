"""[Move] in the direct message about a change of the clocks: the same steps as on the server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from bot.ui.lasting import LastingView
from core import sync
from core.db.engine import get_database
from core.db.models import Membership, Role, User
from core.operations import meeting_views, settings
from core.schedule import Piece, Rule
from tests.e2e._acting import dismiss, filled, labels, last, made, mod_of, on_discord, restart
from tests.e2e._notices import BERLIN, deliveries, later
from tests.world import World, text_of

BEFORE = timedelta(days=14)  # facilitators hear of it so long ahead


async def is_now(role: Role, person: Any) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            update(Membership).where(Membership.user_id == person.id).values(role=role)
        )


async def told(w: World) -> Any:
    """Fay facilitates a group with somebody in India, and was told; the direct message."""
    rule = Rule((Piece(BERLIN),))
    cohort = await made(w, groups=1, meetings=8, rule=rule)
    fay, ann = await filled(w, cohort)
    group_id = cohort.group_ids[0]
    await is_now(Role.facilitator, fay)
    async with get_database().transaction() as session:
        for person, zone in ((fay, "Europe/Berlin"), (ann, "Asia/Kolkata")):
            await session.execute(update(User).where(User.id == person.id).values(zone=zone))
    await sync.sync_group(group_id)
    rows = await meeting_views.list_for_group(w.guild.id, group_id)
    await later(w, rows[4].starts_at - BEFORE)  # 1 April, the first one in summer
    await sync.sync_group(group_id)
    await w.settle()
    [row] = await deliveries("shift")
    assert (row.status, row.user_id) == ("sent", fay.id)
    [message] = [m for m in fay.user.dm_channel.history(viewer=fay.user) if m.id == row.message_id]
    assert "Press **Move**" in message.content
    assert [part.label for part in message.components[0].children] == ["Move"]
    return message


@on_discord
async def test_a_facilitator_moves_it_there(w: World) -> None:
    message = await told(w)
    fay = w.members[0].user
    panel = await fay.click(message, label="Move")
    assert "**Group 1** · Stats · Week 5" in text_of(panel)
    assert last(panel).ephemeral
    form = await fay.click(last(panel), label="Move")
    asked = await fay.submit_modal(form, {"when": "2026-04-02 18:00", "minutes": "60"})
    assert "Thu 2 April 18:00 Europe/Berlin" in text_of(asked)
    done = await fay.click(last(asked), label="Move, keep answers")
    assert "✅ **Group 1** · Stats · Week 5 is <t:" in text_of(done)
    assert labels(last(done)) == ["Manage"]
    panel = await fay.click(last(done), label="Manage")
    form = await fay.click(last(panel), label="Meeting time")
    asked = await fay.submit_modal(form, {
        "when": "Wed 18:00", "minutes": "60", "rhythm": ["weekly"], "since": "2026-03-30",
    })  # fmt: skip
    assert "Week 5 was moved by hand and stays at <t:" in text_of(asked)
    done = await fay.click(last(asked), label="Save")
    assert "from Mon 30 March Wed 18:00 Europe/Berlin" in text_of(done)
    asked = await fay.click(last(await fay.click(last(done), label="Manage")), label="Skip")
    assert "does not take place" in text_of(await fay.click(last(asked), label="Skip"))
    panel = await fay.click(message, label="Move")
    shown = await fay.click(last(panel), label="Answers")
    shown = await fay.select(last(shown), [str(w.members[1].id)])
    saved = await fay.select(last(shown), [f"{w.members[1].id}:attending"])
    assert "✅ Saved." in text_of(saved)


@on_discord
async def test_it_lasts_over_a_restart_and_an_extra_is_added(w: World) -> None:
    message = await told(w)
    fay = w.members[0].user
    panel = await fay.click(message, label="Move")
    await restart(w)
    form = await fay.click(last(panel), label="Add a meeting")
    assert form.modal, text_of(form)
    asked = await fay.submit_modal(form, {"when": "2026-04-01 21:00", "minutes": "60"})
    assert "More than one meeting on Wed 1 April: Week 5 (<t:" in text_of(asked)
    assert "is added" in text_of(await fay.click(last(asked), label="Add"))
    assert "Week 5" in text_of(await fay.click(message, label="Move"))


@on_discord
async def test_rights_are_those_of_that_moment_on_that_server(w: World) -> None:
    message = await told(w)
    fay = w.members[0]
    group_id = (await meeting_views.group_choices(mod_of(w)))[0].id
    panel = await fay.user.click(message, label="Move")
    form = await fay.user.click(last(panel), label="Move")
    asked = await fay.user.submit_modal(form, {"when": "2026-04-02 18:00", "minutes": "60"})
    await is_now(Role.participant, fay)
    before = await meeting_views.list_for_group(w.guild.id, group_id)
    only = "Only moderators and the facilitators of this group can do that."
    assert only in text_of(await fay.user.click(last(asked), label="Move, keep answers"))
    assert only in text_of(await fay.user.click(message, label="Move"))
    assert await meeting_views.list_for_group(w.guild.id, group_id) == before
    # A moderator of that server may, as long as they are one.
    role = w.guild.roles["Moderators"]
    await settings.change(mod_of(w), moderator_role_id=role.id)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    member = guild.get_member(fay.id)
    found = guild.get_role(role.id)
    assert member is not None
    assert found is not None
    await member.add_roles(found)
    await w.settle()
    assert "Week 5" in text_of(await fay.user.click(message, label="Move"))
    await dismiss(w, fay)
    assert only in text_of(await fay.user.click(message, label="Move"))
    w.guild.remove_member(fay)
    await w.settle()
    gone = await fay.user.click(message, label="Move")
    assert "You are not on that server any more." in text_of(gone)


@on_discord
async def test_no_meeting_of_another_server_is_told_to_anybody(w: World) -> None:
    """Whoever was never on the server gets nothing from a number."""
    message = await told(w)
    stranger = w.env.create_user("stranger")
    other = w.env.create_guild(name="Elsewhere")
    other.add_member(stranger)
    await w.settle()
    number = message.components[0].children[0].custom_id.rpartition(":")[2]
    channel = await w.bot.create_dm(await w.bot.fetch_user(stranger.id))
    view = LastingView().button("Move", "meeting_manage", int(number))
    await channel.send("x", view=view)
    await w.settle()
    [copy] = stranger.dm_channel.history(viewer=stranger)
    shown = await stranger.click(copy, label="Move")
    assert "There is no such meeting here any more." in text_of(shown)
