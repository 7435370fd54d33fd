"""/sync plan and /sync apply: what would change, and that it is done after a look."""

from __future__ import annotations

import asyncio

import pytest

from bot.ui import plans
from core import sync
from core.operations import history, membership, settings
from core.operations.common import Actor
from core.operations.overview import Planned, PlannedGroup
from tests.e2e._sync_command import Made, cohort_in, in_season, labels
from tests.meetings_here import meet
from tests.world import text_of


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
    assert "5 created" in text_of(done)
    assert "2 granted" in text_of(done)
    assert set(made.w.guild.channels) >= {"Stats autumn", "group-1", "group-2"}
    again = await made.slash("sync plan")
    assert "nothing to change; 2 groups looked at" in text_of(again)
    assert again.response.components == []


@in_season
async def test_what_is_summed_up_was_done_by_nobody_else(made: Made) -> None:
    """The worker, which hears of each change, leaves the groups to the one who was asked."""
    await made.put(0, 0)
    await made.put(1, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.worker.QUIET", 0)
        working = asyncio.create_task(made.w.worker.run())
        done = text_of(await made.slash("sync apply"))
        made.w.worker.close()
        await working
    assert "0 existed · 5 created · 2 granted" in done, done


@in_season
async def test_a_group_that_somebody_syncs_is_the_workers_again_afterwards(made: Made) -> None:
    worker, groups = made.w.worker, made.groups
    await made.put(0, 0)
    await made.put(1, 1)
    with worker.holding(groups) as done, worker.holding(groups[1:]):
        worker.bump(groups)
        worker.ask_sweep()
        assert await worker.drain() == 0
        await worker.retry("discord", groups[0])
        assert set(made.w.guild.channels) == {"general"}
        done(groups[0])
        done(groups[1])  # somebody else still has it
        assert await worker.drain() == 1
    assert await worker.drain() == 1


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
async def test_a_cohort_called_everything_is_told_apart(made: Made) -> None:
    await cohort_in(made.w.guild.id, made.w.mod.id, "Everything")
    offered = await made.w.mod.autocomplete(made.w.room, "sync plan", "what", "every")
    assert [c["name"] for c in offered][:2] == ["Everything", "Everything (2)"]
    assert offered[0]["value"] == "everything"


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
