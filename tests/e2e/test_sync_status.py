"""/sync status: what is not right, what was changed by hand or deleted, and [Repair]."""

from __future__ import annotations

import re

from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from core import sync
from core.operations import settings
from tests.e2e._sync_command import DENY_VIEW, Made, in_season, labels
from tests.world import text_of


@in_season
async def test_changed_by_hand_is_reported_then_put_back(made: Made) -> None:
    person = await made.put(0, 0)
    await made.slash("sync apply")
    await made.keep_out(person)
    stranger = made.w.members[3]
    see = Overwrite(stranger.id, OverwriteType.MEMBER, DENY_VIEW, 0)
    made.w.env.backend.set_overwrite(made.w.guild.channels["group-1"].id, see)
    await made.w.settle()
    text = made.channel("group-1")
    assert not text.permissions_for(person.member).view_channel  # report only, by default
    shown = await made.slash("sync plan", what="Group 1")
    words = text_of(shown).replace("\\", "")
    assert "member1 was taken out of #group-1 by hand\n" in words + "\n"
    assert "member4 has access to #group-1 by hand (stays" in words
    assert labels(shown) == ["Put back what was changed by hand", "Cancel"]
    status = text_of(await made.slash("sync status"))
    assert "changed by hand" in status
    done = await made.w.mod.click(shown.response, label="Put back what was changed by hand")
    assert "1 granted" in text_of(done)
    assert text.permissions_for(person.member).view_channel
    assert text.permissions_for(stranger.member).view_channel  # never ours to take
    left = await made.slash("sync plan", what="Group 1")
    assert left.response.components == []


@in_season
async def test_policy_puts_back_by_itself(made: Made) -> None:
    person = await made.put(0, 0)
    await made.slash("sync apply")
    await settings.change(made.mod, by_hand="repair")
    await made.w.settle()
    entry = Overwrite(person.id, OverwriteType.MEMBER, 0, DENY_VIEW)
    made.w.env.backend.set_overwrite(made.w.guild.channels["group-1"].id, entry)
    await made.w.env.settle()
    shown = await made.slash("sync plan")
    assert "member1" in text_of(shown)
    assert labels(shown)[0] == "Do it"
    await made.w.settle()
    assert made.channel("group-1").permissions_for(person.member).view_channel
    assert "nothing to change" in text_of(await made.slash("sync plan"))


@in_season
async def test_deleted_channel_is_flagged_and_repaired(made: Made) -> None:
    person = await made.put(0, 0)
    await made.slash("sync apply")
    made.w.env.backend.delete_channel(made.w.guild.channels["group-1"].id)
    await made.w.settle()
    assert "group-1" not in made.w.guild.channels
    assert "Deleted on Discord" in text_of(await made.slash("sync plan"))
    shown = await made.slash("sync status")
    assert "deleted on Discord: text channel “group-1”" in text_of(shown).replace("\\", "")
    assert labels(shown) == ["Repair", "Look again"]
    done = await made.w.mod.click(shown.response, label="Repair")
    assert "1 created" in text_of(done)
    assert made.channel("group-1").permissions_for(person.member).send_messages
    assert "Everything is right" in text_of(await made.slash("sync status"))


@in_season
async def test_repair_of_one_of_several(made: Made) -> None:
    await made.put(0, 0)
    await made.put(1, 1)
    await made.slash("sync apply")
    for name in ("group-1", "group-2"):
        made.w.env.backend.delete_channel(made.w.guild.channels[name].id)
    await made.w.settle()
    shown = await made.slash("sync status")
    assert labels(shown) == ["Repair which group?", "Look again"]
    await made.w.mod.select(shown.response, [str(made.groups[1])])
    assert "group-2" in made.w.guild.channels
    assert "group-1" not in made.w.guild.channels


@in_season
async def test_a_deleted_category_can_be_repaired(made: Made) -> None:
    await made.put(0, 0)
    await made.slash("sync apply")
    made.w.env.backend.delete_channel(made.w.guild.channels["Stats autumn"].id)
    await made.w.settle()
    shown = await made.slash("sync status")
    assert "category “Stats autumn”" in text_of(shown)
    await made.w.mod.click(shown.response, label="Repair")
    assert "Stats autumn" in made.w.guild.channels


@in_season
async def test_status_after_a_failure_and_its_recovery(made: Made) -> None:
    person = await made.put(0, 0)
    await made.slash("sync apply")
    made.w.env.inject_error(
        "*", "/channels/*", status=403, code=50013, message="Missing Permissions", times=None
    )
    await made.put(1, 0)
    await made.w.settle()
    shown = await made.slash("sync status")
    words = text_of(shown)
    assert "**Group 1 · Stats autumn**, channels and access: gave up: Muster lacks" in words
    assert re.search(r"<t:\d+:R>", words)
    assert "parked" not in words
    made.w.env.backend.faults.clear()
    assert "granted" in text_of(await made.slash("sync apply", what="Group 1"))
    other = made.w.members[1]
    assert made.channel("group-1").permissions_for(other.member).view_channel
    assert made.channel("group-1").permissions_for(person.member).view_channel
    again = await made.w.mod.click(shown.response, label="Look again")
    assert "Everything is right in 2 groups; last looked at" in text_of(again) or (
        "Everything is right in 1 group; last looked at" in text_of(again)
    )


@in_season
async def test_status_says_what_waits_and_when(made: Made) -> None:
    await made.put(0, 0)
    made.w.env.inject_error("*", "/guilds/*/channels", status=500, times=None)
    await sync.sync_group(made.groups[0])
    words = text_of(await made.slash("sync status"))
    assert re.search(r"channels and access: waiting: .*Next try <t:\d+:R>", words), words


@in_season
async def test_nothing_yet(made: Made) -> None:
    assert "Nothing was created yet" in text_of(await made.slash("sync status"))
