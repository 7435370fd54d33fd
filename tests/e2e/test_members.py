"""The members' side as a person uses it: /my, /groups, the posted list, and waiting for a seat."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import discord
import pytest
from simcord.actors import _component_interaction
from sqlalchemy import func, select

from bot.client import Muster
from bot.cogs import groups as groups_cog
from bot.ui import lasting
from core.clock import set_clock
from core.db.engine import Database
from core.db.models import Membership, Projection, SeatWatch
from core.discord_outbound import set_bot
from core.operations import cohorts, groups, membership
from core.operations.cohorts import CohortSummary
from core.operations.common import Actor
from tests.world import World, world

# SimCord's clock stands at 2026-01-01.
FUTURE, PAST = date(2026, 3, 1), date(2025, 12, 1)


def in_world(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Run the test with a world `w`. No fixture: SimCord wants one context from start to end."""
    wanted = inspect.signature(test).parameters
    others = [p for name, p in wanted.items() if name not in {"w", "database"}]

    async def run(database: Database, **extra: Any) -> None:
        async with world(database, members=5) as w:
            given = {"w": w, "database": database, **extra}
            await test(**{name: given[name] for name in wanted})

    first = inspect.Parameter("database", inspect.Parameter.KEYWORD_ONLY)
    keywords = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in others]
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    run.__signature__ = inspect.Signature([first, *keywords])  # type: ignore[attr-defined]  # pytest
    return run


def moderator(w: World, guild: Any = None) -> Actor:
    return Actor((guild or w.guild).id, w.mod.id, "mod", moderator=True)


def actor(person: Any) -> Actor:
    return Actor(person.guild.id, person.id, person.name)


async def cohort(
    w: World, name: str = "Stats", *, start: date = FUTURE, guild: Any = None, **draft: Any
) -> CohortSummary:
    made = cohorts.CohortDraft(name, start, **{"groups": 3, "seats": 4, **draft})
    return await cohorts.create(moderator(w, guild), made, open_now=True)


def shown(result: Any) -> str:
    """What stands there now: the answer that the press changed or made."""
    assert result.acknowledged
    found = [m.content for m in [result.response, *result.followups] if m is not None]
    assert found, result
    assert all(m.ephemeral for m in [result.response, *result.followups] if m is not None)
    return "\n".join(found)


def items(message: Any) -> list[dict[str, Any]]:
    return [c for row in message.components for c in row["components"]]


def labels(message: Any) -> list[str]:
    return [c["label"] for c in items(message) if "label" in c]


def choices(message: Any, action: str) -> dict[str, str]:
    """Value by label of one select."""
    return {
        o["label"]: o["value"]
        for c in items(message)
        if c["custom_id"].startswith(f"muster-pick:{action}:")
        for o in c["options"]
    }


async def pick(person: Any, message: Any, action: str, label: str) -> Any:
    value = choices(message, action)[label]
    (custom_id,) = [
        c["custom_id"] for c in items(message) if c["custom_id"].startswith(f"muster-pick:{action}")
    ]
    return await person.select(message, [value], custom_id=custom_id)


async def join(w: World, person: Any, label: str = "Group 1 · Stats") -> Any:
    """Through /groups, as people do."""
    listed = await person.slash(w.room, "groups")
    result = await pick(person, listed.response, "join", label)
    await w.settle()
    return result


def can_write(w: World, person: Any, channel: str) -> bool:
    guild = w.bot.get_guild(person.guild.id)
    assert guild is not None
    found = guild.get_channel(w.guild.channels[channel].id)
    return bool(found and found.permissions_for(person.member).send_messages)


def text_channel(w: World, cohort_name: str, group: str) -> Any:
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    (found,) = [
        c for c in guild.text_channels if c.name == group and str(c.category) == cohort_name
    ]
    return found


async def active(database: Database, person: Any) -> list[int]:
    async with database.transaction() as session:
        rows = await session.scalars(
            select(Membership.group_id).where(
                Membership.user_id == person.id, Membership.status == "active"
            )
        )
        return list(rows)


# --- joining -----------------------------------------------------------------------------------


@in_world
async def test_nobody_offers_anything(w: World) -> None:
    me = w.members[0]
    home = await me.slash(w.room, "my")
    assert "no group yet" in shown(home)
    listed = await me.click(home.response, label="Find a group")
    assert "no group to join right now" in shown(listed)
    assert labels(listed.response) == []


@in_world
async def test_join_says_which_channels(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    home = await me.slash(w.room, "my")
    listed = await me.click(home.response, label="Find a group")
    text = shown(listed)
    assert "starts Sun 1 March 2026" in text
    assert text.count("4 of 4 seats free") == 3
    assert "Post the list here" not in labels(listed.response)
    joined = await pick(me, listed.response, "join", "Group 1 · Stats")
    group = await groups.show(w.guild.id, made.group_ids[0], me.id)
    assert f"<#{group.text_id}> and <#{group.voice_id}>" in shown(joined)
    assert can_write(w, me, "group-1")
    home = await me.click(joined.response, label="My groups")
    assert "**Group 1** · Stats" in shown(home)
    assert f"<#{group.text_id}>" in shown(home)
    assert labels(home.response) == [
        "Switch",
        "Leave",
        "Meetings",
        "Calendar",
        "All groups",
        "I can't see my group",
        "My settings",
    ]
    again = await me.click(home.response, label="All groups")
    assert "✅ **Group 1** · you are here" in shown(again)
    assert "Group 1 · Stats" not in choices(again.response, "join")


@in_world
async def test_good_size_is_marked_and_smallest_first(w: World) -> None:
    made = await cohort(w)
    for person in w.members[1:4]:
        await membership.join(actor(person), made.group_ids[0])
    listed = await w.members[0].slash(w.room, "groups")
    text = shown(listed)
    assert "**Group 1** · 1 of 4 seats free · 👍 good size" in text
    assert text.index("Group 2") < text.index("Group 3") < text.index("Group 1")


@in_world
async def test_a_full_group_offers_to_tell(w: World, database: Database) -> None:
    """The last seat goes while somebody looks at the list."""
    made = await cohort(w, seats=1)
    me, other = w.members[:2]
    listed = await me.slash(w.room, "groups")
    await join(w, other)
    refused = await pick(me, listed.response, "join", "Group 1 · Stats")
    assert "is full (1 seat)" in shown(refused)
    assert await active(database, me) == []
    watching = await me.click(refused.response, label="Tell me when a seat is free")
    assert "I tell you once" in shown(watching)
    await w.settle()
    assert me.user.dm_channel.history() == []
    home = await other.slash(w.room, "my")
    sure = await other.click(home.response, label="Leave")
    await other.click(sure.response, label="Leave")
    await w.settle()
    (told,) = me.user.dm_channel.history()
    assert "A seat is free in **Group 1 · Stats** on Study Hall" in told.content
    await w.settle()
    await groups_cog.look_after(made.group_ids[0])
    assert len(me.user.dm_channel.history()) == 1
    async with database.transaction() as session:
        assert await session.scalar(select(SeatWatch.told_at)) is not None
    await join(w, me)
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(SeatWatch)) == 0


@in_world
async def test_a_started_group_takes_nobody_new(w: World, database: Database) -> None:
    """It starts while somebody looks at the list; afterwards it is not in it."""
    made = await cohort(w)
    me = w.members[0]
    listed = await me.slash(w.room, "groups")
    await cohorts.edit(moderator(w), made.id, start_date=PAST)
    refused = await pick(me, listed.response, "join", "Group 1 · Stats")
    assert "has started already" in shown(refused)
    assert await active(database, me) == []
    listed = await me.click(refused.response, label="See all groups")
    assert "no group to join" in shown(listed)


@in_world
async def test_joining_twice_changes_nothing(w: World, database: Database) -> None:
    await cohort(w)
    me = w.members[0]
    listed = await me.slash(w.room, "groups")
    value = choices(listed.response, "join")["Group 1 · Stats"]
    custom_id = items(listed.response)[0]["custom_id"]
    await join(w, me)
    forged = await choose(w, me, listed.response, custom_id, value)
    assert "Already in “Group 1”" in shown(forged)
    assert len(await active(database, me)) == 1


@in_world
async def test_a_closed_cohort_is_gone(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    listed = await me.slash(w.room, "groups")
    await cohorts.close(moderator(w), made.id)
    refused = await pick(me, listed.response, "join", "Group 1 · Stats")
    assert "does not take anybody any more" in shown(refused)


@in_world
async def test_discord_fails_and_the_channels_follow(w: World) -> None:
    await cohort(w)
    me = w.members[0]
    w.env.inject_error("POST", "/guilds/*/channels", status=403, code=50013, times=None)
    joined = await join(w, me)
    assert "You are in **Group 1**" in shown(joined)
    assert "they follow by themselves" in shown(joined)
    assert "<#" not in shown(joined)
    assert "Channels follow." in shown(await me.slash(w.room, "my"))
    w.env.backend.faults.clear()
    set_clock(lambda: w.env.now() + timedelta(hours=2))
    await w.settle()
    assert can_write(w, me, "group-1")


@in_world
async def test_who_has_not_accepted_the_rules_waits(w: World) -> None:
    await cohort(w)
    me = w.members[0]
    await screening(w, me, pending=True)
    joined = await join(w, me)
    assert "accept this server's rules" in shown(joined)
    assert "accept this server's rules" in shown(await me.slash(w.room, "my"))
    await join(w, w.members[1])
    assert not can_write(w, me, "group-1")
    await screening(w, me, pending=False)
    assert can_write(w, me, "group-1")
    assert "rules" not in shown(await me.slash(w.room, "my"))


async def screening(w: World, person: Any, *, pending: bool) -> None:
    """What Discord does when somebody has yet to accept the rules, or just did."""
    backend = w.env.backend
    member = backend.get_guild(w.guild.id).members[person.id]
    member.pending = pending
    from simcord.backend import serializers

    payload = dict(serializers.member_payload(backend, backend.get_guild(w.guild.id), member))
    backend.emit("GUILD_MEMBER_UPDATE", {**payload, "guild_id": str(w.guild.id)})
    await w.settle()


# --- switching and leaving ---------------------------------------------------------------------


@in_world
async def test_switch_says_what_is_lost_before(w: World, database: Database) -> None:
    made = await cohort(w)
    me, other = w.members[:2]
    await join(w, me)
    await join(w, other, "Group 2 · Stats")
    one, two = [await groups.show(w.guild.id, g, me.id) for g in made.group_ids[:2]]
    home = await me.slash(w.room, "my")
    where = await me.click(home.response, label="Switch")
    assert set(choices(where.response, "switch_to")) == {"Group 2 · Stats", "Group 3 · Stats"}
    before = await pick(me, where.response, "switch_to", "Group 2 · Stats")
    assert f"You lose <#{one.text_id}> and <#{one.voice_id}>" in shown(before)
    assert f"gain <#{two.text_id}> and <#{two.voice_id}>" in shown(before)
    assert await active(database, me) == [one.id]
    done = await me.click(before.response, label="Switch to Group 2")
    assert "You are in **Group 2**" in shown(done)
    assert "You left **Group 1**" in shown(done)
    assert await active(database, me) == [two.id]
    assert can_write(w, me, "group-2")
    assert not can_write(w, me, "group-1")


@in_world
async def test_choosing_another_group_in_the_list_is_a_switch(w: World, database: Database) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    listed = await me.slash(w.room, "groups")
    asked = await pick(me, listed.response, "join", "Group 3 · Stats")
    assert "Switch from **Group 1** · Stats to **Group 3**?" in shown(asked)
    assert "made when you come" in shown(asked)
    assert await active(database, me) == [made.group_ids[0]]
    kept = await me.click(asked.response, label="Cancel")
    assert "**Group 1** · Stats" in shown(kept)
    assert await active(database, me) == [made.group_ids[0]]


@in_world
async def test_switching_after_the_start(w: World, database: Database) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    await cohorts.edit(moderator(w), made.id, start_date=PAST)
    home = await me.slash(w.room, "my")
    assert "started Mon 1 December 2025" in shown(home)
    where = await me.click(home.response, label="Switch")
    before = await pick(me, where.response, "switch_to", "Group 2 · Stats")
    await me.click(before.response, label="Switch to Group 2")
    assert await active(database, me) == [made.group_ids[1]]


@in_world
async def test_nowhere_to_switch_to(w: World) -> None:
    await cohort(w, groups=1)
    me = w.members[0]
    await join(w, me)
    home = await me.slash(w.room, "my")
    nowhere = await me.click(home.response, label="Switch")
    assert "No other group of Stats has a free seat" in shown(nowhere)
    assert "**Group 1**" in shown(await me.click(nowhere.response, label="Back"))


@in_world
async def test_leave_says_what_is_lost_and_asks(w: World, database: Database) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    group = await groups.show(w.guild.id, made.group_ids[0], me.id)
    home = await me.slash(w.room, "my")
    asked = await me.click(home.response, label="Leave")
    assert f"You lose <#{group.text_id}>" in shown(asked)
    assert "only a moderator" not in shown(asked)
    stayed = await me.click(asked.response, label="Stay")
    assert "**Group 1**" in shown(stayed)
    assert await active(database, me) == [group.id]
    asked = await me.click(stayed.response, label="Leave")
    left = await me.click(asked.response, label="Leave")
    assert "You left **Group 1**" in shown(left)
    assert await active(database, me) == []
    assert not can_write(w, me, "group-1")
    assert "no group yet" in shown(await me.click(left.response, label="My groups"))


@in_world
async def test_leaving_a_started_group_warns(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    await cohorts.edit(moderator(w), made.id, start_date=PAST)
    home = await me.slash(w.room, "my")
    asked = await me.click(home.response, label="Leave")
    assert "only a moderator can bring you back" in shown(asked)


@in_world
async def test_leaving_what_a_moderator_took_away(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    home = await me.slash(w.room, "my")
    asked = await me.click(home.response, label="Leave")
    await membership.remove(moderator(w), made.group_ids[0], me.id)
    assert "not in “Group 1”" in shown(await me.click(asked.response, label="Leave"))


# --- two cohorts, two guilds -------------------------------------------------------------------


@in_world
async def test_equal_group_names_in_two_cohorts(w: World, database: Database) -> None:
    stats, maths = await cohort(w), await cohort(w, "Maths")
    me = w.members[0]
    await join(w, me, "Group 1 · Maths")
    assert await active(database, me) == [maths.group_ids[0]]
    joined = await join(w, me)
    assert "You left" not in shown(joined)
    assert sorted(await active(database, me)) == [stats.group_ids[0], maths.group_ids[0]]
    for name in ("Stats", "Maths"):
        channel = text_channel(w, name, "group-1")
        assert channel.permissions_for(me.member).send_messages
    home = await me.slash(w.room, "my")
    assert {"Leave: Group 1 · Stats", "Leave: Group 1 · Maths"} < set(labels(home.response))
    where = await me.click(home.response, label="Switch: Group 1 · Maths")
    assert set(choices(where.response, "switch_to")) == {"Group 2 · Maths", "Group 3 · Maths"}
    asked = await me.click(where.response, label="Back")
    asked = await me.click(asked.response, label="Leave: Group 1 · Maths")
    await me.click(asked.response, label="Leave")
    assert await active(database, me) == [stats.group_ids[0]]


async def choose(w: World, person: Any, message: Any, custom_id: str, value: str) -> Any:
    """What a changed client could send: a value that the select does not offer."""
    stored = w.env.backend.get_message(message.channel_id, message.id)
    data = {"custom_id": custom_id, "component_type": 3, "values": [value]}
    return await _component_interaction(person, stored, data)


async def far_group(w: World) -> tuple[Any, int]:
    """A second guild in which member 1 is as well, and its group, which they have joined."""
    away = w.env.create_guild(name="Far away")
    me = away.add_member(w.members[0].user)
    await w.settle()
    group = (await cohort(w, "Secret", guild=away)).group_ids[0]
    await membership.join(actor(me), group)
    return me, group


FORGED = ("group:{far}", "group:x", "cohort:1", "group:" + "9" * 30, "group:²", "")


@pytest.mark.parametrize("action", ["join", "watch_pick", "switch_to"])
@in_world
async def test_values_that_were_not_offered(w: World, database: Database, action: str) -> None:
    me = w.members[0]
    _, far = await far_group(w)
    await cohort(w, seats=1, groups=2)
    await join(w, me)
    option = discord.SelectOption(label="x", value="group:0")
    view = lasting.LastingView().select("?", action, [option])
    message = message_of(await forged(w, view))
    before = await active(database, me)
    for value in FORGED:
        custom_id = f"muster-pick:{action}:0"
        result = await choose(w, me, message, custom_id, value.format(far=far))
        assert "There is no such group here" in shown(result), value
        assert "Secret" not in shown(result)
    assert await active(database, me) == before
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(SeatWatch)) == 0


async def forged(w: World, view: discord.ui.View) -> discord.Message:
    """A message of the bot's with any custom_id at all."""
    channel = w.bot.get_channel(w.room.id)
    assert isinstance(channel, discord.TextChannel)
    return await channel.send("forged", view=view)


def message_of(message: discord.Message) -> Any:
    class Where:
        id, channel_id = message.id, message.channel.id

    return Where


@in_world
async def test_buttons_with_another_guilds_group(w: World, database: Database) -> None:
    """Pressed here, they reach nothing there, though the person is a member of both."""
    me = w.members[0]
    _, far = await far_group(w)
    here = (await cohort(w)).group_ids[0]
    await join(w, me)
    view = lasting.LastingView()
    actions = ("watch", "switch", "switch_do", "leave", "leave_do")
    for action in actions:
        view.button(action, action, far)
    message = await forged(w, view)
    for action in actions:
        text = shown(await me.click(message, label=action))
        assert "no such group here" in text or "not in that group" in text, (action, text)
        assert "Secret" not in text
    assert sorted(await active(database, me)) == [far, here]


# --- the posted list ---------------------------------------------------------------------------


async def post(w: World) -> Any:
    listed = await w.mod.slash(w.room, "groups")
    answer = await w.mod.click(listed.response, label="Post the list here")
    assert "Posted and pinned" in shown(answer), shown(answer)
    (message,) = w.room.pinned_messages()
    assert f"/{w.room.id}/{message.id}" in shown(answer)
    return message


def posts_in(room: Any) -> list[discord.Message]:
    return [m for m in room.history() if "Find your group" in m.content]


@in_world
async def test_post_is_pinned_opens_the_list_and_follows(w: World) -> None:
    await cohort(w)
    message = await post(w)
    assert message.content.count("4 of 4 seats free") == 3
    me = w.members[0]
    listed = await me.click(message, label="Join a group")
    await pick(me, listed.response, "join", "Group 1 · Stats")
    await w.settle()
    (now,) = posts_in(w.room)
    assert now.id == message.id
    assert "**Group 1** · 3 of 4 seats free" in now.content
    calls = len(w.env.http_requests)
    await groups_cog.refresh_posts(w.guild.id)
    await groups_cog.look_at_the_clock()
    assert len(w.env.http_requests) == calls


@in_world
async def test_only_moderators_post(w: World, database: Database) -> None:
    await cohort(w)
    me = w.members[0]
    view = lasting.LastingView().button("Post", "groups_post")
    message = await forged(w, view)
    assert "Only moderators" in shown(await me.click(message, label="Post"))
    assert posts_in(w.room) == []
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Projection)) == 0


@in_world
async def test_one_post_a_channel(w: World) -> None:
    await cohort(w)
    message = await post(w)
    listed = await w.mod.slash(w.room, "groups")
    again = await w.mod.click(listed.response, label="Post the list here")
    assert "in this channel already" in shown(again)
    assert [m.id for m in posts_in(w.room)] == [message.id]


@in_world
async def test_a_post_that_cannot_be_sent_leaves_nothing(w: World, database: Database) -> None:
    w.env.inject_error("POST", "/channels/*/messages", status=403, code=50013)
    listed = await w.mod.slash(w.room, "groups")
    answer = await w.mod.click(listed.response, label="Post the list here")
    assert "lacks a permission" in shown(answer)
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Projection)) == 0


@in_world
async def test_a_post_that_cannot_be_pinned_says_so(w: World) -> None:
    w.env.inject_error("PUT", "/channels/*/messages/pins/*", status=403, code=50013)
    listed = await w.mod.slash(w.room, "groups")
    answer = await w.mod.click(listed.response, label="Post the list here")
    assert "could not be pinned: Muster lacks a permission" in shown(answer)
    assert len(posts_in(w.room)) == 1


async def delete(w: World, message: Any) -> None:
    """Somebody who may manage messages tidies up."""
    rights = discord.Permissions(manage_messages=True)
    tidy = w.guild.create_role("Tidy", permissions=rights)
    await w.guild.add_member(w.env.create_user("janitor"), roles=[tidy]).delete(message)


@in_world
async def test_a_deleted_post_is_put_back(w: World) -> None:
    """Noticed at the next change at the latest; it has its button and its pin again."""
    await cohort(w)
    message = await post(w)
    await delete(w, message)
    await join(w, w.members[0])
    (back,) = posts_in(w.room)
    assert back.id != message.id
    assert [m.id for m in w.room.pinned_messages()] == [back.id]
    assert "3 of 4" in back.content
    assert "Group 2" in shown(await w.members[1].click(back, label="Join a group"))


@in_world
async def test_a_deletion_that_discord_tells_of_is_repaired_at_once(w: World) -> None:
    await cohort(w)
    message = await post(w)
    await delete(w, message)
    data: Any = {"id": message.id, "channel_id": w.room.id, "guild_id": w.guild.id}
    w.bot.dispatch("raw_message_delete", discord.RawMessageDeleteEvent(data))
    await w.settle()
    (back,) = posts_in(w.room)
    bulk: Any = {"ids": [back.id], "channel_id": w.room.id, "guild_id": w.guild.id}
    await delete(w, back)
    w.bot.dispatch("raw_bulk_message_delete", discord.RawBulkMessageDeleteEvent(bulk))
    await w.settle()
    (again,) = posts_in(w.room)
    assert again.id not in {message.id, back.id}


@in_world
async def test_a_failed_edit_is_made_up_for(w: World) -> None:
    await cohort(w)
    await post(w)
    w.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50013)
    await join(w, w.members[0])
    (stale,) = posts_in(w.room)
    assert "3 of 4" not in stale.content
    await groups_cog.look_at_the_clock()
    (now,) = posts_in(w.room)
    assert "3 of 4" in now.content


@in_world
async def test_a_post_whose_channel_is_gone_is_forgotten(w: World, database: Database) -> None:
    await cohort(w)
    await post(w)
    channel = w.bot.get_channel(w.room.id)
    assert isinstance(channel, discord.TextChannel)
    lobby = w.guild.create_text_channel("lobby")
    await channel.delete()
    await w.settle()
    w.room = lobby
    await join(w, w.members[0])
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Projection)) == 0


@in_world
async def test_groups_that_start_leave_the_post(w: World) -> None:
    await cohort(w)
    await post(w)
    set_clock(lambda: w.env.now() + timedelta(days=70))
    await groups_cog.look_at_the_clock()
    (now,) = posts_in(w.room)
    assert "No group has a free seat" in now.content


# --- waiting for a seat ------------------------------------------------------------------------


@in_world
async def test_closed_direct_messages_become_a_mention(w: World, database: Database) -> None:
    made = await cohort(w, seats=1, groups=1)
    await post(w)
    me, other = w.members[:2]
    await join(w, other)
    listed = await me.slash(w.room, "groups")
    assert "🔒 **Group 1** · full" in shown(listed)
    await pick(me, listed.response, "watch_pick", "Group 1 · Stats")
    w.env.inject_error("POST", "/users/@me/channels", status=403, code=50007)
    await membership.remove(moderator(w), made.group_ids[0], other.id)
    await groups_cog.look_after(made.group_ids[0])
    told = [m for m in w.room.history() if m.content.startswith(f"<@{me.id}>")]
    assert len(told) == 1
    assert [u.id for u in told[0].mentions] == [me.id]
    async with database.transaction() as session:
        assert await session.scalar(select(SeatWatch.told_at)) is not None


@in_world
async def test_a_message_that_fails_for_now_is_sent_later(w: World) -> None:
    made = await cohort(w, seats=1, groups=1)
    me, other = w.members[:2]
    await join(w, other)
    listed = await me.slash(w.room, "groups")
    await pick(me, listed.response, "watch_pick", "Group 1 · Stats")
    w.env.inject_error("POST", "/users/@me/channels", status=503, times=1)
    await membership.remove(moderator(w), made.group_ids[0], other.id)
    await groups_cog.look_after(made.group_ids[0])
    assert me.user.dm_channel.history() == []
    await w.env.advance_time(timedelta(minutes=25).total_seconds())
    assert len(me.user.dm_channel.history()) == 1


@in_world
async def test_as_many_are_told_as_there_are_seats(w: World) -> None:
    made = await cohort(w, seats=1, groups=1)
    other, *waiting = w.members[:4]
    await join(w, other)
    for person in waiting:
        listed = await person.slash(w.room, "groups")
        await pick(person, listed.response, "watch_pick", "Group 1 · Stats")
    await membership.remove(moderator(w), made.group_ids[0], other.id)
    w.guild.remove_member(waiting[1])
    await groups_cog.look_after(made.group_ids[0])
    assert [len(p.user.dm_channel.history()) for p in waiting] == [1, 0, 0]


# --- pages and restarts ------------------------------------------------------------------------


@in_world
async def test_many_groups_have_pages(w: World, database: Database) -> None:
    made = await cohort(w, groups=30)
    me = w.members[0]
    seen: list[str] = []
    listed = await me.slash(w.room, "groups")
    for _ in range(2):
        seen += choices(listed.response, "join")
        listed = await me.click(listed.response, label="More groups")
    seen += choices(listed.response, "join")
    assert seen == [f"Group {n} · Stats" for n in range(1, 31)]
    assert "More groups" not in labels(listed.response)
    await pick(me, listed.response, "join", "Group 30 · Stats")
    assert await active(database, me) == [made.group_ids[29]]


@in_world
async def test_many_groups_of_mine_have_pages(w: World) -> None:
    me = w.members[0]
    for number in range(6):
        made = await cohort(w, f"Course {number}", groups=1)
        await membership.join(actor(me), made.group_ids[0])
    home = await me.slash(w.room, "my")
    assert "Course 3" in shown(home)
    assert "Course 4" not in shown(home)
    home = await me.click(home.response, label="More")
    assert "Course 5" in shown(home)
    home = await me.click(home.response, label="Back")
    asked = await me.click(home.response, label="Leave: Group 1 · Course 2")
    assert "Leave **Group 1** · Course 2?" in shown(asked)


async def restart(w: World) -> None:
    """A new process's bot: nothing of the old one's memory."""
    w.bot = Muster(w.worker, rest_per_second=50)
    set_bot(w.bot)
    await w.env.restart_bot(w.bot)
    await w.settle()


@in_world
async def test_everything_works_after_a_restart(w: World, database: Database) -> None:
    made = await cohort(w)
    message = await post(w)
    me, other = w.members[:2]
    listed = await me.slash(w.room, "groups")
    await restart(w)
    await pick(me, listed.response, "join", "Group 1 · Stats")
    assert await active(database, me) == [made.group_ids[0]]
    opened = await other.click(message, label="Join a group")
    assert "Group 1" in shown(opened)
    home = await me.slash(w.room, "my")
    asked = await me.click(home.response, label="Leave")
    await restart(w)
    await me.click(asked.response, label="Leave")
    assert await active(database, me) == []
    await w.settle()
    (now,) = posts_in(w.room)
    assert now.id == message.id
    assert now.content.count("4 of 4 seats free") == 3


@in_world
async def test_names_cannot_ping_or_link(w: World) -> None:
    made = await cohort(w, "@everyone <#1>", groups=1)
    await groups.edit(moderator(w), made.group_ids[0], name="**loud** <@1>")
    me = w.members[0]
    message = await post(w)
    listed = await me.slash(w.room, "groups")
    for text in (message.content, shown(listed)):
        assert "@everyone" not in text
        assert "<@1>" not in text
        assert "<#1>" not in text
        assert r"\*\*loud" in text
