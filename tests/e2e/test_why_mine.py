"""“I can't see my group”, the way in from a person's menu, and who may ask and fix what."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord import app_commands
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType
from sqlalchemy import event, func, select, update

from bot.ui import why as ui
from bot.ui.lasting import LastingView
from core import sync
from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import AuditEntry, SyncState
from core.errors import Refusal
from core.operations import by_hand, groups, membership, settings
from core.operations import why as operations
from core.operations.common import Actor
from core.words import pack, t
from tests.e2e._acting import (
    allow,
    dismiss,
    filled,
    labels,
    last,
    made,
    mod_of,
    moderator_elsewhere,
    on_discord,
    sees,
)
from tests.world import World

VIEW = discord.Permissions(view_channel=True).value
BUTTON = "I can't see my group"


def text_of(result: Any) -> str:
    message = last(result)
    assert message.ephemeral
    return str(message.content)


def shut_out(w: World, person: Any) -> None:
    """Somebody denies them the text channel by hand."""
    place = w.guild.channels["group-1"].id
    w.env.backend.set_overwrite(place, Overwrite(person.id, OverwriteType.MEMBER, 0, VIEW))


async def help_me(w: World, person: Any) -> Any:
    home = await person.slash(w.room, "my")
    return await person.click(last(home), label=BUTTON)


async def team_room(w: World) -> Any:
    room = w.guild.create_text_channel("team")
    await settings.change(mod_of(w), moderator_channel_id=room.id)
    return room


def posts(room: Any) -> list[Any]:
    return [m for m in room.history() if m.content.startswith("🙋")]


@on_discord
async def test_in_no_group(w: World) -> None:
    shown = await help_me(w, w.members[0])
    assert "in no group here yet" in text_of(shown)
    assert labels(last(shown)) == ["Find a group"]


@on_discord
async def test_it_is_right(w: World) -> None:
    [me, _] = await filled(w, await made(w))
    shown = await help_me(w, me)
    assert "✅ Everything is right on our side" in text_of(shown)
    assert f"<#{w.guild.channels['group-1'].id}>" in text_of(shown)


@on_discord
async def test_which_of_several(w: World) -> None:
    first = await made(w)
    [me, _] = await filled(w, first)
    second = await made(w, "Biology")
    await filled(w, second)
    asked = await help_me(w, me)
    assert "Which group do you not see?" in text_of(asked)
    shown = await me.select(last(asked), [f"g{second.group_ids[0]}"])
    assert "Everything is right" in text_of(shown)
    # A made-up number is somebody else's group.
    channel = w.bot.get_channel(w.room.id)
    assert isinstance(channel, discord.TextChannel)
    forged = LastingView().button("Look again", "why_mine_group", first.group_ids[1])
    await channel.send("Forged", view=forged)
    await w.settle()
    refused = await me.click(w.room.last_message, label="Look again")
    assert "You are not in that group any more" in text_of(refused)


@on_discord
async def test_what_is_due_is_done_at_once(w: World) -> None:
    cohort = await made(w)
    await filled(w, cohort)
    me = w.members[3]
    await membership.add(mod_of(w), cohort.group_ids[0], me.id, me.name)
    assert not sees(w, me, "group-1")
    shown = await help_me(w, me)
    assert "✅ Everything is right" in text_of(shown)
    assert sees(w, me, "group-1")


@on_discord
async def test_we_are_on_it(w: World) -> None:
    cohort = await made(w)
    await filled(w, cohort)
    room, me = await team_room(w), w.members[3]
    await membership.add(mod_of(w), cohort.group_ids[0], me.id, me.name)
    at = utcnow().replace(hour=23)
    async with get_database().transaction() as session:
        await session.execute(
            update(SyncState)
            .where(SyncState.group_id == cohort.group_ids[0], SyncState.system == "discord")
            .values(
                status="waiting",
                next_attempt_at=at,
                error_text=pack(t("Discord asked us to slow down")),
            )
        )
    shown = await help_me(w, me)
    assert f"We are on it: it will be there <t:{int(at.timestamp())}:R>" in text_of(shown)
    assert posts(room) == []


@on_discord
async def test_rules_first(w: World) -> None:
    cohort = await made(w)
    await filled(w, cohort)
    me = w.members[3]
    w.env.backend.get_guild(w.guild.id).members[me.id].pending = True
    w.env.backend.edit_member(w.guild.id, me.id, {})
    await membership.add(mod_of(w), cohort.group_ids[0], me.id, me.name)
    await sync.sync_group(cohort.group_ids[0])
    assert "Accept this server's rules first" in text_of(await help_me(w, me))


@on_discord
async def test_moderators_are_told_once(w: World) -> None:
    [me, _] = await filled(w, await made(w))
    room = await team_room(w)
    shut_out(w, me)
    await w.settle()
    shown = await help_me(w, me)
    assert "changed by hand on this server. The moderators were told." in text_of(shown)
    again = await me.click(last(shown), label="Look again")
    assert text_of(again) == text_of(shown)
    [post] = posts(room)
    assert (
        f"<@{me.id}> asks why they cannot see **Group 1** · Stats. ✋ **member1**" in post.content
    )
    [sent] = [
        r.json or {} for r in w.env.http_requests if r.path == f"/channels/{room.id}/messages"
    ]
    assert sent["allowed_mentions"] == {"parse": []}  # it pings nobody
    # The post leads a moderator to the fix, and a member nowhere.
    refused = await w.members[4].click(post, label="Look at it")
    assert "Only moderators can do that" in text_of(refused)
    looked = await w.mod.click(post, label="Look at it")
    assert labels(last(looked)) == ["Put it back", "Look again"]
    await w.mod.click(last(looked), label="Put it back")
    await w.settle()
    assert sees(w, me, "group-1")
    fine = await me.click(last(again), label="Look again")
    assert "Everything is right" in text_of(fine)
    # Another time is another time.
    shut_out(w, me)
    await w.settle()
    await me.click(last(fine), label="Look again")
    assert len(posts(room)) == 2


@on_discord
async def test_nobody_to_tell(w: World) -> None:
    [me, _] = await filled(w, await made(w))
    shut_out(w, me)
    await w.settle()
    shown = await help_me(w, me)
    owner = w.bot.get_guild(w.guild.id).owner_id  # type: ignore[union-attr]
    assert f"Ask the server's owner, <@{owner}>" in text_of(shown)
    role = w.guild.roles["Moderators"]
    await settings.change(mod_of(w), moderator_role_id=role.id)
    asked = await me.click(last(shown), label="Look again")
    assert f"Ask somebody with the role <@&{role.id}>" in text_of(asked)
    room = await team_room(w)
    w.env.inject_error("POST", f"/channels/{room.id}/messages", status=403, code=50013)
    failed = await me.click(last(asked), label="Look again")
    assert "Ask somebody with the role" in text_of(failed)
    told = await me.click(last(failed), label="Look again")
    assert "The moderators were told." in text_of(told)
    assert len(posts(room)) == 1


@on_discord
async def test_who_was_in_one_is_told_so(w: World) -> None:
    cohort = await made(w)
    [me, other] = await filled(w, cohort)
    await membership.remove(mod_of(w), cohort.group_ids[0], me.id)
    await membership.leave(Actor(w.guild.id, other.id, other.name), cohort.group_ids[0])
    await sync.sync_group(cohort.group_ids[0])
    shown = text_of(await help_me(w, me))
    assert "You are not in **Group 1** · Stats any more, since <t:" in shown
    assert f"<@{w.mod.id}>" not in shown
    assert "You left **Group 1** · Stats <t:" in text_of(await help_me(w, other))


# --- the way in from a person's menu -------------------------------------------------------------


@on_discord
async def test_from_a_menu(w: World) -> None:
    cohort = await made(w)
    [first, _] = await filled(w, cohort)

    @app_commands.context_menu(name="Why not")
    async def menu(interaction: discord.Interaction, member: discord.Member) -> None:
        await ui.start(interaction, member)

    w.bot.tree.add_command(menu)
    await w.bot.tree.sync()
    asked = await w.mod.context_menu(w.room, "Why not", first)
    options = last(asked).components[0]["components"][0]["options"]
    assert [o["label"] for o in options] == ["#group-1", "#Group 1 Voice"]
    shown = await w.mod.select(last(asked), [options[0]["value"]])
    assert "Everything is right" in text_of(shown)
    asked = await w.mod.context_menu(w.room, "Why not", w.members[4])
    assert "**member5** is in no group" in text_of(asked)
    await w.mod.select(last(asked), [f"group:{cohort.group_ids[0]}"])
    await w.settle()
    assert sees(w, w.members[4], "group-1")
    refused = await first.context_menu(w.room, "Why not", first)
    assert "Only moderators can do that" in text_of(refused)


@on_discord
async def test_choices(w: World) -> None:
    cohort = await made(w)
    [first, _] = await filled(w, cohort)
    secret = w.guild.create_text_channel("secret")
    w.env.backend.set_overwrite(secret.id, Overwrite(w.guild.id, OverwriteType.ROLE, 0, VIEW))
    await w.settle()
    offered = await w.mod.autocomplete(w.room, "why", "channel", "", member=first)
    names = [c["name"] for c in offered]
    assert names[:2] == ["#group-1 · Group 1 · Stats", "#Group 1 Voice · Group 1 · Stats"]
    assert "Group 2 · Stats (no channels yet)" in names
    assert "#general" in names
    assert "#secret" not in names
    # Those of the person's own groups come first.
    await membership.add(mod_of(w), cohort.group_ids[2], w.members[4].id, "member5")
    offered = await w.mod.autocomplete(w.room, "why", "channel", "", member=w.members[4])
    assert offered[0]["name"] == "Group 3 · Stats (no channels yet)"
    allow(w, "why", first)
    assert await first.autocomplete(w.room, "why", "channel", "", member=first) == []
    refused = await first.slash(w.room, "why", member=first, channel="group-1")
    assert "Only moderators can do that" in text_of(refused)
    shown = await w.mod.slash(w.room, "why", member=first, channel="nonsense")
    assert "No channel here is called that" in text_of(shown)
    place = w.guild.channels["group-1"].id
    shown = await w.mod.slash(w.room, "why", member=first, channel=f"<#{place}>")
    assert "Everything is right" in text_of(shown)
    shown = await w.mod.slash(w.room, "why", member=w.members[5], channel="Group 2")
    assert "is not in **Group 2** · Stats" in text_of(shown)


# --- who may -------------------------------------------------------------------------------------


@on_discord
async def test_rights_are_checked_on_every_press(w: World) -> None:
    cohort = await made(w)
    [me, _] = await filled(w, cohort)
    shut_out(w, me)
    await w.settle()
    shown = await w.mod.slash(w.room, "why", member=me, channel="group-1")
    await dismiss(w, w.mod)
    refused = await w.mod.click(last(shown), label="Put it back")
    assert "Only moderators can do that" in text_of(refused)
    await w.settle()
    assert not sees(w, me, "group-1")


@on_discord
async def test_another_guilds_people_and_channels(w: World) -> None:
    cohort = await made(w)
    [me, _] = await filled(w, cohort)
    place = w.guild.channels["group-1"].id
    room, other = await moderator_elsewhere(w)
    elsewhere = other.guild
    for typed in (f"c{place}", f"<#{place}>", f"g{cohort.group_ids[0]}", "group-1"):
        shown = await other.slash(room, "why", member=other, channel=typed)
        assert "No channel here is called that" in text_of(shown)
    theirs = Actor(elsewhere.id, other.id, "other mod", moderator=True)
    for call, code in (
        (operations.explain(theirs, me.id, "", place), "channel_not_found"),
        (operations.explain_group(theirs, me.id, "", cohort.group_ids[0]), "group_not_found"),
        (by_hand.put_back_access(theirs, me.id, cohort.group_ids[0], place), "group_not_found"),
        (operations.sync_now(theirs, cohort.group_ids[0]), "group_not_found"),
    ):
        with pytest.raises(Refusal) as refused:
            await call
        assert refused.value.code == code
    # Somebody of another server is nobody here.
    answer = await operations.explain(mod_of(w), other.id, "", place)
    assert (answer.link.code, answer.name) == ("not_here", "This person")


@on_discord
async def test_pressed_too_late(w: World) -> None:
    """After a restart, twice, and with everything gone meanwhile."""
    cohort = await made(w)
    [me, _] = await filled(w, cohort)
    shut_out(w, me)
    await w.settle()
    shown = await w.mod.slash(w.room, "why", member=me, channel="group-1")
    # As after a restart: nothing is remembered of the message, only its ids are left.
    w.bot._connection._view_store._views.clear()
    await w.mod.click(last(shown), label="Put it back")
    await w.settle()
    assert sees(w, me, "group-1")
    view = LastingView()
    ui.button(view, "Put it back", "put_back", me.id, f"c{w.guild.channels['group-1'].id}")
    ui.button(view, "Nowhere", "again", me.id, "c123456789012345678")
    ui.button(view, "No group", "again", me.id, "g999999")
    ui.button(view, "Too long", "again", me.id, "g9999999999999999999")
    channel = w.bot.get_channel(w.room.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("Old buttons", view=view)
    await w.settle()
    old = w.room.last_message
    twice = await w.mod.click(old, label="Put it back")
    assert "changed meanwhile, so nothing was done" in text_of(twice)
    assert "no such channel here" in text_of(await w.mod.click(old, label="Nowhere"))
    assert "no such group here" in text_of(await w.mod.click(old, label="No group"))
    assert "no such channel here" in text_of(await w.mod.click(old, label="Too long"))
    async with get_database().transaction() as session:
        done = await session.scalar(
            select(func.count()).where(AuditEntry.action == "difference_put_back")
        )
    assert done == 1


@on_discord
async def test_put_back_refuses_what_is_not_so(w: World) -> None:
    cohort = await made(w)
    [me, _] = await filled(w, cohort)
    place, group_id = w.guild.channels["group-1"].id, cohort.group_ids[0]
    for user_id, code in ((me.id, "nothing_by_hand"), (w.members[4].id, "not_in_group")):
        with pytest.raises(Refusal) as refused:
            await by_hand.put_back_access(mod_of(w), user_id, group_id, place)
        assert refused.value.code == code
    await groups.archive(mod_of(w), group_id)
    assert not await operations.claim_telling(w.guild.id, me.id, group_id, "x")


@on_discord
async def test_a_constant_number_of_statements(w: World) -> None:
    cohort = await made(w)
    [me, _] = await filled(w, cohort)
    await filled(w, await made(w, "Biology"), people=5)
    place, counted = w.guild.channels["group-1"].id, []

    def statement(*_: Any) -> None:
        counted.append(1)

    engine = get_database().engine.sync_engine
    event.listen(engine, "before_cursor_execute", statement)
    try:
        await operations.explain(mod_of(w), me.id, me.name, place)
    finally:
        event.remove(engine, "before_cursor_execute", statement)
    assert len(counted) <= 12
