"""/cohort adopt and Release as moderators press them."""

from __future__ import annotations

from typing import Any

import pytest

from core.operations import cohorts, group_views, history, settings
from core.operations.cohort_draft import CohortDraft
from tests.e2e._acting import (
    SOON,
    allow,
    buttons,
    defaults,
    dismiss,
    labels,
    last,
    mod_of,
    on_discord,
)
from tests.e2e._hand_made import (
    TEXT,
    HandMade,
    adopt_it,
    choices,
    menu,
    nothing_to_do,
    ours,
)
from tests.world import World, text_of

CATEGORY, ROOMS, ROLES = "A category", "Channels one", "Roles that"


class Walk:
    """One moderator with one private message that is edited in place."""

    def __init__(self, w: World, made: HandMade, message: Any) -> None:
        self.w, self.made, self.message = w, made, message

    @classmethod
    async def begin(cls, w: World, made: HandMade) -> Walk:
        return cls(w, made, last(await w.mod.slash(w.room, "cohort adopt")))

    def handle(self, name: str) -> Any:
        return self.w.guild.channels[name]

    async def native(self, placeholder: str, *names: str) -> Walk:
        values = [self.w.guild.roles.get(n) or self.w.guild.channels[n] for n in names]
        await self.w.mod.select(self.message, values, custom_id=menu(self.message, placeholder))
        return self

    async def correct(self, key: str) -> Any:
        return await self.w.mod.select(self.message, [key], custom_id=menu(self.message, "Correct"))

    async def choose(self, *shown: str) -> Walk:
        offered = choices(self.message)
        wanted = [offered[label] for label in shown]
        await self.w.mod.select(self.message, wanted, custom_id=menu(self.message, "Choose"))
        return self

    async def press(self, label: str) -> Walk:
        await self.w.mod.click(self.message, label=label)
        return self

    @property
    def text(self) -> str:
        return str(self.message.content)


async def two(w: World) -> HandMade:
    made = HandMade(w)
    home = made.category("stats-autumn")
    made.pair("group-1", w.members[:2], home)
    made.pair("group-2", w.members[2:4], home)
    await w.settle()
    return made


@on_discord
async def test_choose_look_adopt_release(w: World) -> None:
    made = await two(w)
    desk = w.guild.create_text_channel("desk")
    await settings.change(mod_of(w), moderator_channel_id=desk.id)
    await w.settle()
    before, since = made.snapshot(), len(w.env.http_requests)
    walk = await Walk.begin(w, made)
    assert "Nothing changes on Discord" in walk.text
    await walk.native(CATEGORY, "stats-autumn")
    assert "**Stats autumn**: 2 groups, 4 people; nothing changes on Discord." in walk.text
    assert f"**Group 1** · <#{made.ids['group-1']}> <#{made.ids['group-1 voice']}>" in walk.text
    assert "⚠️" not in walk.text
    assert buttons(walk.message)[:2] == ["Adopt", "Cancel"]
    await walk.press("Adopt")
    assert "**Stats autumn: adopted** · 2 groups" in walk.text
    assert "2 groups, 4 people. Nothing was changed on Discord." in walk.text
    assert "0 created · 0 granted · 0 revoked · 0 failed" in walk.text
    await w.settle()
    await nothing_to_do(w)
    # The one call that anybody sees: the lasting post in the moderators' channel.
    posts = made.calls(since)
    assert {p for _, p in posts} <= {f"/channels/{desk.id}/messages"} | {
        p for m, p in posts if m == "PATCH" and f"/channels/{desk.id}/messages/" in p
    }
    assert made.snapshot() == before
    card = last(await w.mod.slash(w.room, "cohort show", cohort="Stats autumn"))
    assert "Release" in labels(card)
    since = len(w.env.http_requests)
    await w.mod.click(card, label="Release")
    assert "Nothing changes on Discord: 4 people keep the access that they have." in card.content
    assert len(await ours(w)) == 2
    await w.mod.click(card, label="Do it")
    assert "**Stats autumn** is released: 5 places are yours again" in card.content
    assert await ours(w) == ([], 0)
    assert made.calls(since) == []
    actions = [e.action for e in await history.page(w.guild.id)]
    assert actions[:2] == ["cohort_released", "cohort_adopted"]
    told = text_of(await w.mod.slash(w.room, "history"))
    assert "mod adopted the cohort Stats autumn with 2 groups and 4 people" in told
    assert "mod released the cohort Stats autumn" in told


@on_discord
async def test_corrections(w: World) -> None:
    made = await two(w)
    walk = await (await Walk.begin(w, made)).native(CATEGORY, "stats-autumn")
    form = await walk.correct("name")
    assert defaults(form) == {"name": "Stats autumn"}
    await w.mod.submit_modal(form, {"name": "  Owls\u202e "})
    assert "**Owls**: 2 groups, 4 people" in walk.text
    await walk.correct("out")
    assert {*choices(walk.message)} == {
        "#group-1", "#group-2", "🔊 group-1 voice", "🔊 group-2 voice",
    }  # fmt: skip
    await walk.choose("🔊 group-1 voice", "🔊 group-2 voice")
    assert f"Left out: <#{made.ids['group-1 voice']}> <#{made.ids['group-2 voice']}>" in walk.text
    await walk.correct("in")
    await walk.choose("🔊 group-2 voice")
    await walk.correct("pair")
    await walk.choose("🔊 group-2 voice")
    await walk.choose("#group-1")
    assert f"<#{made.ids['group-1']}> <#{made.ids['group-2 voice']}>" in walk.text
    assert "❔ 2 people see several groups and are in none yet" in walk.text
    await walk.correct("several")
    await walk.choose("member3")
    await walk.choose("Group 2")
    assert "❔ 1 person sees several groups" in walk.text
    await walk.correct("people")
    await walk.choose("Group 1")
    assert {*choices(walk.message)} == {"member1", "member2"}
    await walk.choose("member2")
    assert "**Owls**: 2 groups, 2 people" in walk.text
    await walk.correct("again")
    await walk.choose("member2")
    assert "**Owls**: 2 groups, 3 people" in walk.text
    await walk.correct("out")
    await walk.press("Back")
    await walk.press("Adopt")
    shown = await cohorts.show(w.guild.id, 1)
    assert (shown.name, [g[3] for g in shown.groups]) == ("Owls", [2, 1])
    await w.settle()
    await nothing_to_do(w)


@on_discord
async def test_roles_by_hand(w: World) -> None:
    made = HandMade(w)
    home = made.category("teams")
    red, blue = (w.guild.create_role(n) for n in ("Red", "Blue"))
    for person, role in ((w.members[0], red), (w.members[1], blue)):
        w.env.backend.add_member_role(w.guild.id, person.id, role.id)
    made.channel("first", "text", {red: TEXT}, home)
    made.channel("second", "text", {blue: TEXT}, home)
    # One more room, outside: so neither role is clearly its group's.
    made.channel("archive-1", "text", {red: TEXT})
    made.channel("archive-2", "text", {blue: TEXT})
    await w.settle()
    walk = await (await Walk.begin(w, made)).native(CATEGORY, "teams")
    assert "2 groups, 0 people" in walk.text
    for group, role in (("First", "Red"), ("Second", "Blue")):
        await walk.correct("role")
        await walk.choose(group)
        await walk.choose(role)
    assert "2 groups, 2 people" in walk.text
    assert "Who joins later gets the group's role" in walk.text
    await walk.correct("mode")
    assert "Who joins later is let into the group's channels" in walk.text
    await walk.correct("mode")
    await walk.press("Adopt")
    shown = await cohorts.show(w.guild.id, 1)
    assert shown.access_mode == "role"
    await w.settle()
    await nothing_to_do(w)


@on_discord
async def test_channels_and_roles_one_by_one(w: World) -> None:
    made = await two(w)
    made.channel("team-red", "text", {}, hidden=False)
    red = w.guild.create_role("Team Red")
    w.env.backend.add_member_role(w.guild.id, w.members[5].id, red.id)
    await w.settle()
    walk = await (await Walk.begin(w, made)).native(ROLES, "Team Red")
    assert "The roles are noted" in walk.text
    await walk.native(ROOMS, "team-red", "group-1")
    assert "2 groups, 3 people" in walk.text
    assert "ℹ️ 1 member is let in by a role or by everybody's rights" in walk.text
    await walk.correct("more")
    await walk.native(ROOMS, "group-2")
    assert "3 groups, 5 people" in walk.text
    await walk.press("Cancel")
    assert walk.text == "Cancelled. Nothing changed."
    assert await ours(w) == ([], 0)


@on_discord
async def test_pages_of_twenty_five_groups(w: World) -> None:
    made = HandMade(w)
    home = made.category("season")
    for n in range(30):
        person = w.guild.add_member(w.env.create_user(f"p{n}"))
        made.channel(f"room {n}", "text", {person: TEXT}, home)
    await w.settle()
    walk = await (await Walk.begin(w, made)).native(CATEGORY, "season")
    assert "**Season**: 30 groups, 30 people" in walk.text
    assert "Page 1 of 3" in walk.text
    await walk.press("More")
    assert "**Room 10**" in walk.text
    await walk.press("More")
    assert "**Room 29**" in walk.text
    assert "More" not in buttons(walk.message)
    await walk.correct("out")
    assert len(choices(walk.message)) == 25
    await walk.press("Next")
    assert {*choices(walk.message)} == {f"#room {n}" for n in range(25, 30)}
    await walk.press("Previous")
    await walk.press("Next")
    await walk.choose("#room 29")
    assert "29 groups, 29 people" in walk.text
    await walk.press("Adopt")
    assert "29 groups, 29 people. Nothing was changed on Discord." in walk.text
    await nothing_to_do(w)


@on_discord
async def test_hostile_names(w: World) -> None:
    made = HandMade(w)
    home = made.category("@everyone **x** `y`")
    nasty = w.guild.add_member(w.env.create_user("x"), nick="@everyone <@&1>")
    made.channel("<#1> [click](http://x)", "text", {nasty: TEXT}, home)
    made.channel("@here", "text", {w.members[0]: TEXT, nasty: TEXT}, home)
    await w.settle()
    walk = await (await Walk.begin(w, made)).native(CATEGORY, "@everyone **x** `y`")
    assert "@everyone" not in walk.text
    assert "<#1>" not in walk.text
    await walk.correct("several")
    await walk.choose("@everyone <@&1>")
    assert "@everyone" not in walk.text
    await walk.press("Back")
    await walk.press("Adopt")
    assert "adopted" in walk.text
    assert "@everyone" not in walk.text


@on_discord
async def test_nothing_there_and_everything_taken(w: World) -> None:
    made = await two(w)
    made.category("empty")
    await w.settle()
    walk = await (await Walk.begin(w, made)).native(CATEGORY, "empty")
    assert "There is no text or voice channel that you can see" in walk.text
    await walk.press("Choose again")
    await walk.native(CATEGORY, "stats-autumn")
    # Somebody else adopts it in the meantime; a second press of [Adopt] finds it done.
    await adopt_it(w, categories=(made.ids["stats-autumn"],))
    await walk.press("Adopt")
    assert "belong to “Group 1 · Stats autumn” already" in walk.text
    assert walk.message.components == []
    shown = [e.action for e in await history.page(w.guild.id)]
    assert shown == ["cohort_adopted"]


@on_discord
async def test_changed_or_deleted_meanwhile(w: World) -> None:
    made = await two(w)
    walk = await (await Walk.begin(w, made)).native(CATEGORY, "stats-autumn")
    w.env.backend.delete_channel(made.ids["group-2"])
    w.env.backend.delete_channel(made.ids["group-2 voice"])
    await w.env.settle()
    await walk.press("Adopt")
    assert "⚠️ Something changed in the meantime, so nothing was adopted" in walk.text
    assert "1 group, 2 people" in walk.text
    assert await ours(w) == ([], 0)
    await walk.correct("people")
    w.env.backend.delete_channel(made.ids["group-1"])
    w.env.backend.delete_channel(made.ids["group-1 voice"])
    await w.env.settle()
    await walk.choose("Group 1")
    await walk.press("Back")
    assert "There is no text or voice channel that you can see" in walk.text
    del made


@on_discord
async def test_a_name_that_is_taken_is_asked_again(w: World) -> None:
    made = await two(w)
    walk = await (await Walk.begin(w, made)).native(CATEGORY, "stats-autumn")
    form = await walk.correct("name")
    await w.mod.submit_modal(form, {"name": "Twice"})
    await cohorts.create(mod_of(w), CohortDraft("twice", SOON), open_now=True)
    await walk.press("Adopt")
    assert "There is a cohort called “Twice” already" in walk.text
    assert "Adopt" in buttons(walk.message)
    form = await walk.correct("name")
    again = await w.mod.submit_modal(form, {"name": "\u200b"})
    assert "Edit again" in buttons(walk.message)
    del again


@on_discord
async def test_rights_count_at_every_press(w: World) -> None:
    """A member sees the command by an admin's mistake; a moderator is one no longer."""
    made = await two(w)
    allow(w, "cohort", w.members[5])
    refused = await w.members[5].slash(w.room, "cohort adopt")
    assert "Only moderators can do that" in text_of(refused)
    walk = await (await Walk.begin(w, made)).native(CATEGORY, "stats-autumn")
    picking = await (await Walk.begin(w, made)).native(CATEGORY, "stats-autumn")
    await picking.correct("out")
    first = await Walk.begin(w, made)
    await dismiss(w, w.mod)
    allow(w, "cohort", w.mod)
    for press in (
        walk.press("Adopt"), walk.correct("people"), walk.press("Cancel"),
        picking.choose("#group-1"), picking.press("Back"), first.native(CATEGORY, "stats-autumn"),
    ):  # fmt: skip
        shown = (walk.text, picking.text, first.text)
        await press
        assert (walk.text, picking.text, first.text) == shown
    assert await ours(w) == ([], 0)


@on_discord
@pytest.mark.parametrize("kind", ["cohort", "group"])
async def test_release_is_authorized_and_happens_once(w: World, kind: str) -> None:
    made = await two(w)
    done = await adopt_it(w, categories=(made.ids["stats-autumn"],))
    chosen = {"cohort": "Stats autumn"} if kind == "cohort" else {"group": "Group 1"}
    cards = [last(await w.mod.slash(w.room, f"{kind} show", **chosen)) for _ in range(2)]
    for card in cards:
        await w.mod.click(card, label="Release")
        assert card.content.startswith("Release **")
    await w.mod.click(cards[0], label="Do it")
    assert "is released" in cards[0].content
    await w.mod.click(cards[1], label="Do it")
    assert "is adopted, so there is nothing to release" in cards[1].content
    again = await adopt_it(w, channels=(made.ids["group-1"],))
    name = "Group 1" if kind == "group" else (await cohorts.show(w.guild.id, again.cohort_id)).name
    shown = {"group": f"group:{again.group_ids[0]}"} if kind == "group" else {"cohort": name}
    card = last(await w.mod.slash(w.room, f"{kind} show", **shown))
    await w.mod.click(card, label="Release")
    await dismiss(w, w.mod)
    allow(w, kind, w.mod)
    await w.mod.click(card, label="Do it")
    assert (await group_views.show(w.guild.id, again.group_ids[0])).status == "active"
    del done


@on_discord
async def test_what_previews_promise_of_adopted_channels(w: World) -> None:
    made = await two(w)
    done = await adopt_it(w, categories=(made.ids["stats-autumn"],))
    archive = await w.mod.slash(w.room, "group archive", group="Group 1")
    assert "they stay as they are, also for its people" in text_of(archive)
    close = await w.mod.slash(w.room, "cohort close", cohort="Stats autumn")
    assert "Adopted channels stay as they are, also for their people" in text_of(close)
    assert "can still read" not in text_of(close)
    cancel = await w.mod.slash(w.room, "cohort cancel", cohort="Stats autumn")
    assert "Adopted channels otherwise stay as they are" in text_of(cancel)
    assert "Only moderators see them" not in text_of(cancel)
    merge = await w.mod.slash(w.room, "group merge", group="Group 1", into="Group 2")
    assert "are adopted and otherwise stay as they are" in text_of(merge)
    before = made.entries("group-2")
    await w.mod.click(last(cancel), label="Do it")
    await w.settle()
    after = made.entries("group-1")
    assert not {w.members[0].id, w.members[1].id} & after.keys()
    assert {*before} - {*made.entries("group-2")} == {w.members[2].id, w.members[3].id}
    await nothing_to_do(w)
    assert (await group_views.show(w.guild.id, done.group_ids[0])).members == 0
