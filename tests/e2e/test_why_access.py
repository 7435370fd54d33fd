"""/why about channels, the sync and hands, each built for real; with its fix pressed."""

from __future__ import annotations

from datetime import timedelta

import discord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from core import sync
from core.clock import utcnow
from core.discord_outbound import seen
from core.operations import membership
from core.operations.common import Actor
from core.words import pack, t
from tests.e2e._acting import last, mod_of, on_discord, sees, writes
from tests.e2e._why import (
    SEND,
    VIEW,
    stage,
    state,
    text_of,
)
from tests.world import World

# --- the channel ---------------------------------------------------------------------------------


@on_discord
async def test_not_musters_and_categories(w: World) -> None:
    s = await stage(w)
    await s.says(w.members[0], "not_ours_sees", "does not look after", channel="general")
    s.entry(w.members[0], deny=VIEW, channel="general")
    await s.says(w.members[0], "not_ours", "do not let **member1** in", channel="general")
    w.guild.create_category("Our rooms")
    await s.says(w.members[0], "category", "is a category", channel="Our rooms")


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
    assert "opens for" in text_of(shown)
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
    roles = discord.Permissions(manage_roles=True).value
    w.env.backend.set_overwrite(s.place().id, Overwrite(bot_id, kind, VIEW, roles))
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    shown = await s.says(late, "bot_lacks", "lacks **Manage Roles** in", "names what Muster lacks")
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
