"""/why about guests, and about the channel that all groups of a cohort share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core import sync
from core.clock import set_clock, utcnow
from core.db.meeting_models import Answer, Source
from core.operations import answers, groups, meetings, membership, shared_channel, visits
from core.operations import why as operations
from core.operations.common import Actor
from tests.e2e._acting import channel, labels, last, made, mod_of, on_discord, sees
from tests.e2e._why import Stage, expect, text_of
from tests.meetings_here import meet
from tests.world import World

DAY = timedelta(days=1)
ALL = "stats-all"


class Visit:
    """member1 of Group 1 comes to a meeting of Group 2 that is 20 days ahead."""

    def __init__(self, s: Stage, missed: int, host: int) -> None:
        self.s, self.missed, self.host = s, missed, host
        self.begins = utcnow() + 20 * DAY
        self.person = s.w.members[0]
        self.actor = Actor(s.w.guild.id, self.person.id, self.person.name)

    async def at(self, after: timedelta) -> None:
        """So long after (or before) the meeting begins, once everybody's access is looked at."""
        set_clock(lambda moment=self.begins + after: moment)  # type: ignore[misc]
        for group_id in self.s.ids:
            await sync.sync_group_discord_permissions(group_id)

    async def says(self, code: str, *parts: str) -> Any:
        return await self.s.says(self.person, code, *parts, channel="group-2")

    async def mine(self, *parts: str) -> None:
        """What [I can't see my group] answers about the group that is visited."""
        home = await self.person.slash(self.s.w.room, "my")
        asked = await self.person.click(last(home), label="I can't see my group")
        asked = await self.person.select(last(asked), [f"g{self.s.ids[1]}"])
        for part in parts:
            assert part in text_of(asked), text_of(asked)


async def visiting(w: World) -> Visit:
    s = Stage(w, await made(w, groups=2))
    for index, person in enumerate(w.members[:2]):
        await membership.add(mod_of(w), s.ids[index], person.id, person.name)
        await sync.sync_group(s.ids[index])
    then = utcnow() + 20 * DAY
    missed = await meet(s.ids[0], starts_at=then)
    host = await meet(s.ids[1], starts_at=then, minutes=60)
    found = Visit(s, missed, host)
    await answers.answer(found.actor, missed, Answer.not_attending, Source.button)
    await visits.visit(found.actor, missed, host)
    await w.settle()
    return found


@on_discord
async def test_a_guest_before_during_and_after(w: World) -> None:
    v = await visiting(w)
    shown = await v.says("guest_early", "comes to a meeting of **Group 2**", "open for them <t:")
    assert labels(last(shown)) == ["Look again"]
    await v.mine("You are a guest of **Group 2**", "open for you <t:")
    await v.at(-6 * DAY)
    assert sees(w, v.person, "group-2")
    await v.says("guest_open", "is a guest of **Group 2**", f"<#{v.s.place('group-2').id}>")
    await v.mine("✅ Everything is right", "as a guest of **Group 2**")
    await v.at(timedelta(minutes=60) + 3 * DAY)
    assert not sees(w, v.person, "group-2")
    shown = await v.says("guest_over", "is in **Group 1**", "was a guest", "they lose the channels")
    assert "Add to a group" in labels(last(shown))


@on_discord
async def test_a_guest_who_was_taken_out_by_hand_is_put_back(w: World) -> None:
    v = await visiting(w)
    await v.at(-DAY)
    v.s.entry(v.person, channel="group-2")
    await w.settle()
    shown = await v.says("taken_out", "by hand")
    assert (await v.s.fix(shown, "Put it back")).startswith("✅ Done.")
    assert sees(w, v.person, "group-2")


@on_discord
async def test_a_guest_whose_access_is_still_owed(w: World) -> None:
    v = await visiting(w)
    set_clock(lambda: v.begins - DAY)
    answer = await operations.explain(mod_of(w), v.person.id, "", v.s.place("group-2").id)
    assert (answer.link.code, answer.link.fix) == ("soon", "sync")
    await v.mine("✅ Everything is right", "as a guest of **Group 2**")  # asking looks again
    assert sees(w, v.person, "group-2")


@on_discord
async def test_a_visit_whose_meeting_does_not_take_place(w: World) -> None:
    """A skip is said in the host's channel: the guest has to be able to read it there."""
    v = await visiting(w)
    await v.at(-DAY)
    await meetings.skip(mod_of(w), v.host)
    await v.at(-DAY)
    await v.says("guest_open")
    assert sees(w, v.person, "group-2")
    await meetings.restore(mod_of(w), v.host)
    await groups.archive(mod_of(w), v.s.ids[1])
    await v.at(-DAY)
    await v.says("guest_off", "is in **Group 1**", "that meeting does not take place")
    assert not sees(w, v.person, "group-2")


@on_discord
async def test_a_visit_that_is_taken_back(w: World) -> None:
    v = await visiting(w)
    await v.at(-DAY)
    await v.says("guest_open")
    await visits.cancel(v.actor, v.missed)
    await v.at(-DAY)
    await v.says("guest_withdrawn", "was to be a guest", "taken back <t:")
    # It is no group of theirs any more, so it is not offered.
    home = await v.person.slash(w.room, "my")
    asked = await v.person.click(last(home), label="I can't see my group")
    assert "✅ Everything is right" in text_of(asked)
    assert "Group 2" not in text_of(asked)


@on_discord
async def test_a_guest_who_joins_and_one_who_leaves_the_cohort(w: World) -> None:
    v = await visiting(w)
    await v.at(-DAY)
    await membership.move(mod_of(w), v.s.ids[1], v.person.id, v.person.name)
    await v.at(-DAY)
    await v.says("right")
    await membership.remove(mod_of(w), v.s.ids[1], v.person.id)
    await v.at(-DAY)
    await v.says("removed")


# --- the shared channel --------------------------------------------------------------------------


async def sharing(w: World, **more: Any) -> Stage:
    """Two groups with a person each, and the shared channel."""
    s = Stage(w, await made(w, groups=2, **more))
    for index, person in enumerate(w.members[:2]):
        await membership.add(mod_of(w), s.ids[index], person.id, person.name)
    await shared_channel.switch(mod_of(w), s.cohort.id, on=True)
    for group_id in s.ids:
        await sync.sync_group(group_id)
    await w.settle()
    return s


@on_discord
async def test_somebody_of_a_group_in_the_shared_channel(w: World) -> None:
    s = await sharing(w)
    for person in w.members[:2]:
        await s.says(person, "right", f"<#{s.place(ALL).id}>", channel=ALL)
    s.entry(w.members[1], channel=ALL)
    await w.settle()
    shown = await s.says(w.members[1], "taken_out", f"<#{s.place(ALL).id}>", channel=ALL)
    assert (await s.fix(shown, "Put it back")).startswith("✅ Done.")
    assert sees(w, w.members[1], ALL)
    # Their own group's channels are right, so this is what is wrong for them.
    s.entry(w.members[1], channel=ALL)
    await w.settle()
    mine = await operations.for_member(w.guild.id, w.members[1].id, "", s.ids[1])
    assert (mine.link.code, mine.channel_id) == ("taken_out", s.place(ALL).id)


@on_discord
async def test_the_role_of_a_group_in_the_shared_channel(w: World) -> None:
    s = await sharing(w, access_mode="role")
    await s.says(w.members[0], "right", channel=ALL)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    member = guild.get_member(w.members[0].id)
    assert member is not None
    await member.remove_roles(*member.roles[1:])
    await w.settle()
    shown = await s.says(w.members[0], "role_taken", channel=ALL)
    await s.fix(shown, "Put it back")
    assert sees(w, w.members[0], ALL)


@on_discord
async def test_who_is_in_no_group_is_put_into_one(w: World) -> None:
    s = await sharing(w)
    lone = w.members[3]
    shown = await s.says(lone, "in_none", "is in no group of **Stats**", channel=ALL)
    asked = await w.mod.click(last(shown), label="Add to a group")
    assert len(last(asked).components[0]["components"][0]["options"]) == 2
    await w.mod.select(last(asked), [f"group:{s.ids[1]}"])
    await w.settle()
    await s.says(lone, "right", channel=ALL)
    await membership.remove(mod_of(w), s.ids[1], lone.id)
    await s.says(lone, "removed", "out of **Group 2**", channel=ALL)
    await expect(s, w.members[4].name)
    await s.says(w.members[4], "expected_here", "list of **Group 1**", channel=ALL)


@on_discord
async def test_a_group_that_is_not_open(w: World) -> None:
    s = Stage(w, await made(w, groups=2, open_now=False))
    for index, person in enumerate(w.members[:2]):
        await membership.add(mod_of(w), s.ids[index], person.id, person.name)
    await shared_channel.switch(mod_of(w), s.cohort.id, on=True)
    await groups.open_(mod_of(w), s.ids[0])
    await sync.sync_group(s.ids[0])
    await s.says(w.members[0], "right", channel=ALL)
    # It is for everybody in one of the groups, whether theirs is open or not.
    await s.says(w.members[1], "right", channel=ALL)
    mine = await operations.for_member(w.guild.id, w.members[1].id, "", s.ids[1])
    assert mine.link.code == "draft"


@on_discord
async def test_it_was_deleted(w: World) -> None:
    s = await sharing(w)
    await channel(w, ALL).delete()
    await w.settle()
    shown = await w.mod.slash(w.room, "why", member=w.members[0], channel=f"{ALL} (deleted)")
    assert "**#stats-all** was deleted on Discord" in text_of(shown)
    assert (await s.fix(shown, "Create it again")).startswith("✅ Done.")
    assert sees(w, w.members[0], ALL)


@on_discord
async def test_it_was_switched_off(w: World) -> None:
    s = await sharing(w)
    await shared_channel.switch(mod_of(w), s.cohort.id, on=False)
    for group_id in s.ids:
        await sync.sync_group(group_id)
    shown = await s.says(w.members[0], "shared_off", "of **Stats** is switched off", channel=ALL)
    assert labels(last(shown)) == ["Look again"]
    mine = await operations.for_member(w.guild.id, w.members[0].id, "", s.ids[0])
    assert mine.link.code == "right"
