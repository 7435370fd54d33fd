"""/why in every situation, each built for real on the simulated Discord; with its fix pressed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType
from sqlalchemy import update

from bot.ui import why
from bot.ui.lasting import LastingView
from core import sync
from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Expected, SyncState
from core.discord_outbound import seen
from core.operations import cohorts, groups, membership, settings
from core.operations import why as operations
from core.operations.common import Actor
from core.words import pack, t
from tests.e2e._acting import filled, labels, last, made, mod_of, on_discord, sees, writes
from tests.world import World

VIEW = discord.Permissions(view_channel=True).value
SEND = discord.Permissions(send_messages=True).value


def text_of(result: Any) -> str:
    """What stands there privately after a command or a press."""
    message = last(result)
    assert message.ephemeral
    return str(message.content)


class Stage:
    """A world with the open cohort "Stats"; the first two members are in Group 1."""

    def __init__(self, w: World, cohort: Any) -> None:
        self.w, self.cohort = w, cohort
        self.ids = cohort.group_ids

    def place(self, name: str = "group-1") -> Any:
        return self.w.guild.channels[name]

    async def ask(self, person: Any, channel: str = "group-1") -> Any:
        await self.w.settle()
        return await self.w.mod.slash(self.w.room, "why", member=person, channel=channel)

    async def says(self, person: Any, code: str, *parts: str, channel: str = "group-1") -> Any:
        """The code by the operation, the sentence by the command; the command's result."""
        result = await self.ask(person, channel)
        answer = await operations.explain(
            mod_of(self.w), person.id, person.name, self.place(channel).id
        )
        assert answer.link.code == code
        text = text_of(result)
        for part in parts:
            assert part in text, text
        return result

    async def fix(self, result: Any, label: str) -> str:
        """Press the fix and let everything that follows happen; what is answered."""
        pressed = await self.w.mod.click(last(result), label=label)
        await self.w.settle()
        return text_of(pressed)

    def entry(
        self, person: Any, allow: int = 0, deny: int = 0, *, channel: str = "group-1"
    ) -> None:
        """A hand changes somebody's entry in a channel."""
        kind = OverwriteType.MEMBER
        self.w.env.backend.set_overwrite(
            self.place(channel).id, Overwrite(person.id, kind, allow, deny)
        )

    def logged(self, action: int, target: int, *, by: Any, **options: str) -> None:
        """What Discord's audit log has of it; SimCord writes none for what tests do by hand."""
        self.w.env.backend.record_audit_log(
            self.w.guild.id, action, target_id=target, user_id=by.id, options=options
        )

    def member(self, person: Any, **changes: Any) -> None:
        self.w.env.backend.edit_member(self.w.guild.id, person.id, changes)

    def bot_may(self, *, give: int = 0, take: int = 0) -> None:
        """Change what the bot's own role may do."""
        guild = self.w.env.backend.get_guild(self.w.guild.id)
        for role_id in guild.members[self.w.env.backend.bot_user.id].role_ids:
            role = guild.roles[role_id]
            bits = (role.permissions | give) & ~take
            self.w.env.backend.edit_role(self.w.guild.id, role_id, {"permissions": bits})


async def stage(w: World, **more: Any) -> Stage:
    cohort = await made(w, **more)
    await filled(w, cohort)
    return Stage(w, cohort)


# --- the person ----------------------------------------------------------------------------------


@on_discord
async def test_everything_is_right(w: World) -> None:
    s = await stage(w)
    shown = await s.says(w.members[0], "right", "✅", "restart Discord", f"<#{s.place().id}>")
    assert labels(last(shown)) == ["Look again"]
    again = await w.mod.click(last(shown), label="Look again")
    assert text_of(again) == text_of(shown)


@on_discord
async def test_not_on_the_server_and_left(w: World) -> None:
    s = await stage(w)
    stranger = w.env.create_user("stranger")
    await s.says(stranger, "not_here", "**stranger** is not on this server.")
    user = w.env.create_user("gone")
    gone = w.guild.add_member(user)
    await w.settle()
    w.guild.remove_member(gone)
    await s.says(user, "left", "**gone** is not on this server any more, since <t:")


@on_discord
async def test_imported_but_not_here(w: World) -> None:
    s = await stage(w)
    await expect(s, "Newcomer")
    newcomer = w.env.create_user("newcomer")
    await s.says(newcomer, "expected", "imported list of **Group 1** · Stats", "seat is kept")


@on_discord
async def test_a_bot(w: World) -> None:
    s = await stage(w)
    other = w.guild.add_member(w.env.create_user("helper", bot=True))
    await s.says(other, "bot", "**helper** is a bot")


@on_discord
async def test_rules_not_accepted(w: World) -> None:
    s = await stage(w)
    late = w.members[3]
    pending(w, late, now=True)
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    await sync.sync_group(s.ids[0])
    shown = await s.says(late, "pending", "**member4** has not accepted this server's rules yet")
    assert labels(last(shown)) == ["Look again"]
    pending(w, late, now=False)
    await s.says(late, "right")
    assert sees(w, late, "group-1")


@on_discord
async def test_timed_out(w: World) -> None:
    s = await stage(w)
    until = discord.utils.utcnow() + timedelta(days=3000)
    s.member(w.members[0], timed_out_until=until.isoformat())
    shown = await s.says(w.members[0], "timed_out", "until <t:", "cannot write or speak")
    assert labels(last(shown)) == ["Look again"]
    assert sees(w, w.members[0], "group-1")


@on_discord
async def test_administrators_see_everything(w: World) -> None:
    s = await stage(w)
    role = w.guild.create_role("Admins", permissions=discord.Permissions(administrator=True))
    boss = w.guild.add_member(w.env.create_user("boss"), roles=[role])
    await s.says(boss, "sees_all", "sees every channel")


@on_discord
async def test_a_moderator_sees_through_the_role(w: World) -> None:
    s = await stage(w)
    role = w.guild.roles["Moderators"]
    _, touched = await settings.change(mod_of(w), moderator_role_id=role.id)
    for group_id in touched:
        await sync.sync_group(group_id)
    await s.says(w.mod, "by_moderator", "**mod** is not in **Group 1**", "as a moderator")


# --- the group -----------------------------------------------------------------------------------


@on_discord
async def test_in_no_group_then_added(w: World) -> None:
    s = await stage(w)
    lone = w.members[3]
    shown = await s.says(lone, "no_group", "**member4** is not in **Group 1**", "asks you which")
    asked = await w.mod.click(last(shown), label="Add to a group")
    options = last(asked).components[0]["components"][0]["options"]
    assert options[0]["label"] == "Group 1 · Stats"
    assert len(options) == len(s.ids)
    done = await w.mod.select(last(asked), [f"group:{s.ids[0]}"])
    await w.settle()
    assert text_of(done).startswith("✅ Done.\n✅ Everything is right")
    assert sees(w, lone, "group-1")


@on_discord
async def test_in_another_group_then_moved(w: World) -> None:
    s = await stage(w)
    mover = w.members[0]
    await membership.move(mod_of(w), s.ids[1], mover.id, mover.name)
    await sync.sync_after_group_change(s.ids[1], s.ids[0])
    shown = await s.says(
        mover, "other_group", "is in **Group 2**", f"<@{w.mod.id}> moved them there <t:"
    )
    asked = await w.mod.click(last(shown), label="Add to a group")
    assert "they lose the channels of **Group 2**" in text_of(asked)
    await w.mod.select(last(asked), [f"group:{s.ids[0]}"])
    await w.settle()
    assert sees(w, mover, "group-1")
    assert not sees(w, mover, "group-2")


@on_discord
async def test_switched_by_themselves(w: World) -> None:
    s = await stage(w)
    mover = w.members[0]
    await membership.join(Actor(w.guild.id, mover.id, mover.name), s.ids[1])
    await sync.sync_after_group_change(s.ids[1], s.ids[0])
    shown = await s.says(mover, "other_group", "is in **Group 2**")
    assert "moved" not in text_of(shown).split("→")[0]


@on_discord
async def test_left_and_removed(w: World) -> None:
    s = await stage(w)
    first, second = w.members[:2]
    await membership.leave(Actor(w.guild.id, first.id, first.name), s.ids[0])
    await membership.remove(mod_of(w), s.ids[0], second.id)
    await sync.sync_group(s.ids[0])
    await s.says(first, "left_group", "**member1** left **Group 1** · Stats <t:")
    await s.says(second, "removed", f"<@{w.mod.id}> took **member2** out of **Group 1**")


@on_discord
async def test_on_the_list_but_not_put_in(w: World) -> None:
    s = await stage(w)
    await expect(s, "MEMBER4")
    await s.says(w.members[3], "expected_here", "was not put into it yet")


@on_discord
async def test_outsiders_who_see_it(w: World) -> None:
    s = await stage(w)
    friend, helper = w.members[3:5]
    s.entry(friend, VIEW)
    await s.says(friend, "sees_own", "by an entry of their own")
    role = w.guild.create_role("Helpers")
    s.member(helper, role_ids=[role.id])
    w.env.backend.set_overwrite(s.place().id, Overwrite(role.id, OverwriteType.ROLE, VIEW, 0))
    await s.says(helper, "sees_role", "the role Helpers lets them into")
    w.env.backend.set_overwrite(s.place().id, Overwrite(w.guild.id, OverwriteType.ROLE, VIEW, 0))
    await s.says(w.members[5], "sees_open", "is open for everybody")


@on_discord
async def test_a_draft_is_opened(w: World) -> None:
    cohort = await made(w, open_now=False)
    s, person = Stage(w, cohort), w.members[0]
    await membership.add(mod_of(w), s.ids[0], person.id, person.name)
    await sync.sync_group(s.ids[0])
    answer = await operations.explain_group(mod_of(w), person.id, person.name, s.ids[0])
    assert (answer.link.code, answer.link.fix) == ("draft", "open")
    menu = await w.mod.click(await posted(s, person), label="Look at it")
    assert "still a draft" in text_of(menu)
    assert (await s.fix(menu, "Open the group")).startswith("✅ Done.")
    assert sees(w, person, "group-1")


@on_discord
async def test_archived_closed_and_cancelled(w: World) -> None:
    s = await stage(w)
    person = w.members[0]
    await groups.archive(mod_of(w), s.ids[0])
    await sync.sync_group(s.ids[0])
    await s.says(person, "archived", "**Group 1** · Stats is archived", "not write")
    assert sees(w, person, "group-1")
    assert not writes(w, person, "group-1")
    await cohorts.close(mod_of(w), s.cohort.id)
    await s.says(person, "closed", "**Stats** is closed")
    again = await stage(w, name="Next")
    await cohorts.cancel(mod_of(w), again.cohort.id)
    for group_id in again.ids:
        await sync.sync_group(group_id)
    answer = await operations.explain_group(mod_of(w), person.id, person.name, again.ids[0])
    assert answer.link.code == "cancelled"


# --- the channel ---------------------------------------------------------------------------------


@on_discord
async def test_not_musters_and_categories(w: World) -> None:
    s = await stage(w)
    await s.says(w.members[0], "not_ours_sees", "does not look after", channel="general")
    s.entry(w.members[0], deny=VIEW, channel="general")
    await s.says(w.members[0], "not_ours", "do not let **member1** in", channel="general")
    await s.says(w.members[0], "category", "is a category", channel="Stats")


@on_discord
async def test_deleted_is_created_again(w: World) -> None:
    s = await stage(w)
    person, old = w.members[0], s.place().id
    shown = await s.ask(person)
    w.env.backend.delete_channel(old)
    await w.settle()
    pressed = await w.mod.click(last(shown), label="Look again")
    text = text_of(pressed)
    assert "**#group-1** was deleted on Discord" in text
    assert "Its old messages do not come back" in text
    assert (await s.fix(pressed, "Create it again")).startswith("✅ Done.")
    assert s.place().id != old
    assert sees(w, person, "group-1")


@on_discord
async def test_voice_as_well(w: World) -> None:
    s = await stage(w)
    [voice] = [n for n in w.guild.channels if "oice" in n and "1" in n]
    await s.says(w.members[0], "right", channel=voice)
    s.entry(w.members[0], deny=VIEW, channel=voice)
    shown = await s.says(w.members[0], "denied", channel=voice)
    await s.fix(shown, "Put it back")
    assert sees(w, w.members[0], voice)
    await s.says(w.members[0], "right", channel=voice)


# --- the sync ------------------------------------------------------------------------------------


@on_discord
async def test_due_then_synced(w: World) -> None:
    s = await stage(w)
    late = w.members[3]
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    shown = await w.mod.slash(w.room, "why", member=late, channel="group-1")
    assert "follows in a moment" in text_of(shown)
    assert (await s.fix(shown, "Sync now")).startswith("✅ Done.")
    assert sees(w, late, "group-1")


@on_discord
async def test_queued_until_a_time_then_now(w: World) -> None:
    s = await stage(w)
    late = w.members[3]
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    at = utcnow() + timedelta(minutes=7)
    text = pack(t("Discord asked us to slow down"))
    await state(s.ids[0], status="waiting", next_attempt_at=at, error_text=text)
    shown = await w.mod.slash(w.room, "why", member=late, channel="group-1")
    assert f"tried again <t:{int(at.timestamp())}:R>: Discord asked us to slow down." in text_of(
        shown
    )
    assert (await s.fix(shown, "Sync now")).startswith("✅ Done.")
    assert sees(w, late, "group-1")


@on_discord
async def test_gave_up_with_the_reason(w: World) -> None:
    s = await stage(w)
    late = w.members[3]
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    w.env.inject_error("PUT", "/channels/*/permissions/*", status=403, code=50013, times=None)
    await sync.sync_group(s.ids[0])
    shown = await s.says(late, "gave_up", "gave up", "Muster lacks a permission")
    w.env.backend.faults.clear()
    assert (await s.fix(shown, "Sync now")).startswith("✅ Done.")
    assert sees(w, late, "group-1")


@on_discord
async def test_the_bot_lacks_a_bit(w: World) -> None:
    s = await stage(w)
    late, bot_id = w.members[3], w.env.backend.bot_user.id
    kind = OverwriteType.MEMBER
    w.env.backend.set_overwrite(s.place().id, Overwrite(bot_id, kind, VIEW, SEND))
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    shown = await s.says(late, "bot_lacks", "lacks **Send Messages", "names what Muster lacks")
    found = await w.mod.click(last(shown), label="Check rights")
    assert "In #group-1 Muster lacks" in text_of(found)


@on_discord
async def test_the_bot_may_nothing_on_the_server(w: World) -> None:
    s = await stage(w)
    late = w.members[3]
    s.bot_may(take=discord.Permissions(manage_roles=True, administrator=True).value)
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    await s.says(late, "bot_lacks_here", "lacks **Manage Roles** on this server")


@on_discord
async def test_the_bots_role_is_too_low(w: World) -> None:
    s = await stage(w, access_mode="role")
    late = w.members[3]
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    role = next(r for r in guild.roles if r.name.startswith("Stats"))
    high = max(r.position for r in guild.roles) + 5
    w.env.backend.edit_role(w.guild.id, role.id, {"position": high})
    await w.env.settle()
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    await s.says(late, "role_too_low", f"the role {role.name}", "not above it")


# --- hands ---------------------------------------------------------------------------------------


@on_discord
async def test_taken_out_by_hand(w: World) -> None:
    s = await stage(w)
    person, other = w.members[:2]
    w.env.backend.delete_overwrite(s.place().id, person.id)
    shown = await s.says(person, "taken_out", "was taken out of", "nobody else is touched")
    assert "<@" not in text_of(shown)
    s.entry(other, deny=VIEW)  # theirs is not put back with it
    await w.settle()
    assert (await s.fix(shown, "Put it back")).startswith("✅ Done.")
    assert sees(w, person, "group-1")
    assert writes(w, person, "group-1")
    assert not sees(w, other, "group-1")
    # Put back is ours again: who leaves loses it.
    await membership.leave(Actor(w.guild.id, person.id, person.name), s.ids[0])
    await sync.sync_group(s.ids[0])
    assert not sees(w, person, "group-1")


@on_discord
async def test_by_whom_where_the_audit_log_says_so(w: World) -> None:
    s = await stage(w)
    person, place = w.members[0], s.place().id
    w.env.backend.delete_overwrite(place, person.id)
    s.logged(seen.OVERWRITE_DELETE, place, by=w.members[4], id=str(w.members[1].id), type="1")
    s.logged(seen.OVERWRITE_DELETE, place, by=w.members[5], id=str(person.id), type="1")
    s.bot_may(take=discord.Permissions(view_audit_log=True, administrator=True).value)
    await w.settle()
    calls = len(w.env.http_requests)
    text = text_of(await s.ask(person))
    assert "was taken out" in text
    assert not [r for r in w.env.http_requests[calls:] if "audit-logs" in r.path]
    s.bot_may(give=discord.Permissions(view_audit_log=True).value)
    await w.settle()
    calls = len(w.env.http_requests)
    text = text_of(await s.ask(person))
    assert f"<@{w.members[5].id}> took **member1** out of" in text
    assert len([r for r in w.env.http_requests[calls:] if "audit-logs" in r.path]) == 1


@on_discord
async def test_denied_by_hand(w: World) -> None:
    s = await stage(w)
    person = w.members[0]
    speak = discord.Permissions(add_reactions=True).value
    s.entry(person, deny=VIEW | speak)
    s.logged(seen.OVERWRITE_UPDATE, s.place().id, by=w.members[5], id=str(person.id), type="1")
    s.bot_may(give=discord.Permissions(view_audit_log=True).value)
    shown = await s.says(person, "denied", f"<@{w.members[5].id}> keeps **member1** out of")
    assert (await s.fix(shown, "Put it back")).startswith("✅ Done.")
    assert sees(w, person, "group-1")
    # What else the hand denied stays theirs.
    [own] = [
        o for o in w.env.backend.get_channel(s.place().id).overwrites if o.target_id == person.id
    ]
    assert own.deny == speak


@on_discord
async def test_writing_was_denied(w: World) -> None:
    s = await stage(w)
    person = w.members[0]
    s.entry(person, allow=VIEW, deny=SEND)
    shown = await s.says(person, "muted", "sees <#", "Send Messages")
    assert (await s.fix(shown, "Put it back")).startswith("✅ Done.")
    assert writes(w, person, "group-1")


@on_discord
async def test_the_role_was_taken(w: World) -> None:
    s = await stage(w, access_mode="role")
    person = w.members[0]
    assert sees(w, person, "group-1")
    role = next(r for r in person.member.roles if r.name.startswith("Stats"))
    s.member(person, role_ids=[])
    s.bot_may(give=discord.Permissions(view_audit_log=True).value)
    await w.settle()
    w.env.backend.record_audit_log(
        w.guild.id, seen.MEMBER_ROLE_UPDATE, target_id=person.id, user_id=w.members[5].id,
        changes=[{"key": "$remove", "new_value": [{"id": str(role.id), "name": role.name}]}],
    )  # fmt: skip
    shown = await s.says(
        person, "role_taken", f"<@{w.members[5].id}> took the role {role.name} from **member1**"
    )
    assert (await s.fix(shown, "Put it back")).startswith("✅ Done.")
    assert sees(w, person, "group-1")


@on_discord
async def test_role_mode_denied_and_closed(w: World) -> None:
    s = await stage(w, access_mode="role")
    person, other = w.members[:2]
    s.entry(person, deny=VIEW)
    shown = await s.says(person, "denied")
    assert (await s.fix(shown, "Put it back")).startswith("✅ Done.")
    assert sees(w, person, "group-1")
    role = next(r for r in person.member.roles if r.name.startswith("Stats"))
    w.env.backend.set_overwrite(s.place().id, Overwrite(role.id, OverwriteType.ROLE, 0, VIEW))
    shown = await s.says(other, "role_closed", f"The role {role.name} is kept out of")
    assert "everybody of **Group 1**" in text_of(shown)
    assert (await s.fix(shown, "Put it back")).startswith("✅ Done.")
    assert sees(w, other, "group-1")
    assert sees(w, person, "group-1")


@on_discord
async def test_the_role_was_deleted(w: World) -> None:
    s = await stage(w, access_mode="role")
    person = w.members[0]
    role = next(r for r in person.member.roles if r.name.startswith("Stats"))
    w.env.backend.delete_role(w.guild.id, role.id)
    shown = await s.says(person, "role_deleted", f"The role {role.name}", "was deleted")
    assert (await s.fix(shown, "Create it again")).startswith("✅ Done.")
    assert sees(w, person, "group-1")


# --- what stands beside it -----------------------------------------------------------------------


async def expect(s: Stage, name: str) -> None:
    """An imported list has this user name for Group 1."""
    async with get_database().transaction() as session:
        session.add(
            Expected(
                guild_id=s.w.guild.id, cohort_id=s.cohort.id, group_id=s.ids[0], name=name,
                seat=7, created_at=utcnow(),
            )
        )  # fmt: skip


async def posted(s: Stage, person: Any) -> Any:
    """A message with [Look at it] about a person's group, as moderators' channels get them."""
    view = why.button(LastingView(), "Look at it", "again", person.id, f"g{s.ids[0]}")
    channel = s.w.bot.get_channel(s.w.room.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("Somebody asks", view=view)
    await s.w.settle()
    return s.w.room.last_message


async def state(group_id: int, **values: Any) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            update(SyncState)
            .where(SyncState.group_id == group_id, SyncState.system == "discord")
            .values(**values)
        )


def pending(w: World, person: Any, *, now: bool) -> None:
    """Whether somebody has yet to accept the rules."""
    w.env.backend.get_guild(w.guild.id).members[person.id].pending = now
    w.env.backend.edit_member(w.guild.id, person.id, {})
