"""/sync plan, apply and status as a moderator meets them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.ui import plans
from core import sync
from core.clock import utcnow
from core.db.engine import Database
from core.errors import Refusal
from core.operations import cohorts, history, membership, settings
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.operations.overview import Planned, PlannedGroup
from tests.meetings_here import meet
from tests.world import World, text_of, world

DENY_VIEW = discord.Permissions(view_channel=True).value


@dataclass
class Made:
    """A world with a cohort "Stats autumn" of two groups, nobody in them and nothing made."""

    w: World
    cohort: int
    groups: list[int]

    @property
    def mod(self) -> Actor:
        return Actor(self.w.guild.id, self.w.mod.id, "mod", moderator=True)

    async def put(self, number: int, group: int) -> Any:
        """Member `number` joins one of the groups; nothing is synced."""
        person = self.w.members[number]
        await membership.join(Actor(self.w.guild.id, person.id, person.name), self.groups[group])
        return person

    async def slash(self, command: str, **options: Any) -> Any:
        return await self.w.mod.slash(self.w.room, command, **options)

    def channel(self, name: str) -> Any:
        guild = self.w.bot.get_guild(self.w.guild.id)
        assert guild is not None
        return guild.get_channel(self.w.guild.channels[name].id)

    async def keep_out(self, person: Any) -> None:
        """Somebody denies a person the text channel by hand."""
        entry = Overwrite(person.id, OverwriteType.MEMBER, 0, DENY_VIEW)
        self.w.env.backend.set_overwrite(self.w.guild.channels["group-1"].id, entry)
        await self.w.settle()


def labels(result: Any) -> list[str]:
    return [
        c.get("label") or c.get("placeholder")
        for row in result.response.components
        for c in row["components"]
    ]


async def cohort_in(
    guild_id: int, mod_id: int, name: str, groups: int = 2
) -> tuple[int, list[int]]:
    made = await cohorts.create(
        Actor(guild_id, mod_id, "mod", moderator=True),
        CohortDraft(name, (utcnow() + timedelta(days=30)).date(), groups=groups),
        open_now=True,
    )
    return made.id, made.group_ids


def in_season(test: Callable[[Made], Awaitable[None]]) -> Callable[[Database], Awaitable[None]]:
    """Run a test within its own world. No fixture: SimCord's clock belongs to one task."""

    async def run(database: Database) -> None:
        async with world(database) as w:
            cohort, groups = await cohort_in(w.guild.id, w.mod.id, "Stats autumn")
            await test(Made(w, cohort, groups))
            # SimCord keeps what the ladder answered; only refusals were meant to happen.
            for error in w.env.errors:
                assert isinstance(getattr(error, "original", error), Refusal), error

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_season
async def test_plan_in_words_then_done(made: Made) -> None:
    await made.put(0, 0)
    await made.put(1, 1)
    calls = len(made.w.env.http_requests)
    shown = await made.slash("sync plan")
    text = text_of(shown)
    first = text.splitlines()[0]
    assert first.startswith("1 category, 4 channels, 0 removals"), text
    assert text.count("create the category “Stats autumn”") == 1
    assert "**Group 1 · Stats autumn**" in text
    assert "**Group 2 · Stats autumn**" in text
    assert "let member1 in from the start" in text
    assert shown.ephemeral
    made_channels = [r for r in made.w.env.http_requests[calls:] if "/guilds/" in r.path]
    assert made_channels == []
    assert labels(shown) == ["Do it", "Cancel"]
    done = await made.w.mod.click(shown.response, label="Do it")
    assert "4 created" in text_of(done) or "5 created" in text_of(done)
    assert "2 granted" in text_of(done)
    assert set(made.w.guild.channels) >= {"Stats autumn", "group-1", "group-2"}
    again = await made.slash("sync plan")
    assert "nothing to change; 2 groups looked at" in text_of(again)
    assert again.response.components == []


@in_season
async def test_a_plan_names_the_events_of_meetings(made: Made) -> None:
    await made.put(0, 0)
    await sync.sync_group(made.groups[0])
    await meet(made.groups[0], number=3)
    shown = await made.slash("sync plan")
    assert "create the event “Group 1 - Week 3”" in text_of(shown)
    guild = made.w.bot.get_guild(made.w.guild.id)
    assert guild is not None
    assert not guild.scheduled_events
    await made.w.mod.click(shown.response, label="Do it")
    assert [e.name for e in guild.scheduled_events] == ["Group 1 - Week 3"]
    assert "create the event" not in text_of(await made.slash("sync plan"))


@in_season
async def test_cancel_changes_nothing(made: Made) -> None:
    await made.put(0, 0)
    shown = await made.slash("sync plan")
    answer = await made.w.mod.click(shown.response, label="Cancel")
    assert "Nothing changed" in text_of(answer)
    assert set(made.w.guild.channels) == {"general"}


@in_season
async def test_apply_of_one_group_by_its_label(made: Made) -> None:
    await made.put(0, 0)
    await made.put(1, 1)
    result = await made.slash("sync apply", what="group 2 · stats AUTUMN")
    assert "Planned: 1 category, 2 channels, 0 removals" in text_of(result)
    assert "1 granted" in text_of(result)
    assert "group-2" in made.w.guild.channels
    assert "group-1" not in made.w.guild.channels
    by_value = await made.slash("sync apply", what=f"cohort:{made.cohort}")
    assert "group-1" in made.w.guild.channels, text_of(by_value)
    nothing = await made.slash("sync apply", what="Stats autumn")
    assert "nothing to change" in text_of(nothing)


@in_season
async def test_apply_asks_before_access_is_taken(made: Made) -> None:
    person = await made.put(0, 0)
    await made.put(1, 0)
    await made.slash("sync apply")
    await membership.leave(Actor(made.w.guild.id, person.id, person.name), made.groups[0])
    shown = await made.slash("sync apply")
    assert "2 removals" in text_of(shown)
    assert "take access from member1 in #group-1" in text_of(shown).replace("\\", "")
    assert made.channel("group-1").permissions_for(person.member).view_channel
    await made.w.mod.click(shown.response, label="Do it")
    assert not made.channel("group-1").permissions_for(person.member).view_channel


@in_season
async def test_a_plan_that_changed_is_shown_again(made: Made) -> None:
    await made.put(0, 0)
    shown = await made.slash("sync plan")
    await made.put(1, 0)
    pressed = await made.w.mod.click(shown.response, label="Do it")
    assert "Something changed in the meantime" in text_of(pressed)
    assert "let member2 in" in text_of(pressed)
    assert set(made.w.guild.channels) == {"general"}
    await made.w.mod.click(pressed.response, label="Do it")
    assert "group-1" in made.w.guild.channels


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


@in_season
async def test_wrong_input_and_other_guilds(made: Made) -> None:
    other = made.w.env.create_guild(name="Elsewhere")
    boss = other.add_member(made.w.env.create_user("boss"))
    await made.w.settle()
    cohort, groups = await cohort_in(other.id, boss.id, "Secret season")
    theirs = [f"group:{groups[0]}", f"cohort:{cohort}", "Secret season", "Group 1 · Secret season"]
    for what in [*theirs, "nonsense", "group:999999", "group:x", "'; drop table"]:
        answer = text_of(await made.slash("sync plan", what=what))
        assert "No cohort or group here is called that" in answer, answer
        assert "Secret" not in answer
        assert "No cohort or group" in text_of(await made.slash("sync apply", what=what))
    assert "More than one" in text_of(await made.slash("sync plan", what="group"))
    names = [c["name"] for c in await made.w.mod.autocomplete(made.w.room, "sync plan", "what", "")]
    assert names == [
        "Everything", "Stats autumn", "Group 1 · Stats autumn", "Group 2 · Stats autumn",
    ]  # fmt: skip
    some = await made.w.mod.autocomplete(made.w.room, "sync apply", "what", "up 2")
    assert [c["value"] for c in some] == [f"group:{made.groups[1]}"]
    status = text_of(await made.slash("sync status"))
    assert "Secret" not in status


@in_season
async def test_only_moderators(made: Made) -> None:
    """A person with Manage Server sees the commands, but the chosen role decides."""
    await made.put(0, 0)
    shown = await made.slash("sync plan")
    role = made.w.guild.create_role("Keepers")
    await made.w.settle()
    await settings.change(made.mod, moderator_role_id=role.id)
    for command in ("sync plan", "sync apply", "sync status"):
        assert "Only moderators can do that" in text_of(await made.slash(command))
    for label in ("Do it", "Cancel"):
        pressed = await made.w.mod.click(shown.response, label=label)
        assert "Only moderators can do that" in text_of(pressed)
    assert await made.w.mod.autocomplete(made.w.room, "sync plan", "what", "") == []
    done = [entry.action for entry in await history.page(made.w.guild.id)]
    assert "sync_applied" not in done
    seen = made.w.members[0].available_commands(made.w.room)
    assert not {c for c in seen if c.startswith(("sync", "check", "history", "settings"))}


def _long(groups: int, each: int) -> plans.Preview:
    planned = Planned(grants=groups * each, looked_at=groups)
    for n in range(groups):
        told = tuple(f"let person {n}-{i} in" for i in range(each))
        planned.groups.append(PlannedGroup(n, f"Group {n} · Long", told, ()))
    return plans.Preview(
        plans.Scope("Everything"), planned, frozenset(), can_put_back=False, troubled=()
    )


@pytest.mark.parametrize(("groups", "each"), [(1, 300), (60, 5), (1, 1)])
def test_pages_hold_every_line(groups: int, each: int) -> None:
    shown = plans.pages(_long(groups, each))
    assert all(len(text) <= 2000 for text in shown)
    assert sum(text.count("\n- let person") for text in shown) == groups * each
    assert all(text.startswith("0 categories, 0 channels, 0 removals") for text in shown)


@in_season
async def test_long_plans_are_paged(made: Made) -> None:
    _, groups = await cohort_in(made.w.guild.id, made.w.mod.id, "Many", groups=20)
    for group in groups:
        for n in range(4):
            user = 10**15 + group * 10 + n
            await membership.add(made.mod, group, user, f"someone {user}")
    shown = await made.slash("sync plan", what="Many")
    first = text_of(shown)
    assert "Page 1 of " in first
    assert "More" in labels(shown)
    turned = await made.w.mod.click(shown.response, label="More")
    assert "Page 2 of " in text_of(turned)
    back = await made.w.mod.click(turned.response, label="Back")
    assert text_of(back) == first


@in_season
async def test_the_51st_channel_needs_a_second_category(made: Made) -> None:
    """Discord's limit is 50 channels per category: 26 groups of two rooms need two."""
    cohort, groups = await cohort_in(made.w.guild.id, made.w.mod.id, "Big", groups=26)
    del cohort
    for n, group in enumerate(groups):
        await membership.add(made.mod, group, 10**15 + n, "x")
    preview = await plans.look(made.w.guild.id, plans.Scope("Big", tuple(groups)))
    assert plans.sums(preview.planned).startswith("2 categories, 52 channels, 0 removals")
    lines = [line for g in preview.planned.groups for line in g.lines]
    assert lines.count("create the category “Big”") == 1
    assert lines.count("create the category “Big (2)”") == 1
