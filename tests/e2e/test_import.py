"""/member import as moderators use it, on the simulated Discord."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from sqlalchemy import select

from core import sync
from core.db.engine import get_database
from core.db.models import AuditEntry, Expected, Membership
from core.operations import cohorts, groups, membership, settings
from tests.e2e._acting import allow, dismiss, labels, last, made, mod_of, on_discord, sees
from tests.world import World, text_of


async def pasted(w: World, lines: str = "", **more: Any) -> Any:
    """The form filled in with these lines (or a file), and what the answer is then."""
    form = await w.mod.slash(w.room, "member import", cohort="Stats")
    assert form.modal["title"] == "Import into Stats"
    values: dict[str, Any] = {"lines": lines} if lines else {}
    return await w.mod.submit_modal(form, {**values, **more})


async def press(w: World, message: Any, *pressed: str) -> None:
    for label in pressed:
        await w.mod.click(message, label=label)


async def memberships() -> dict[int, int]:
    async with get_database().transaction() as session:
        rows = await session.execute(
            select(Membership.user_id, Membership.group_id).where(Membership.status == "active")
        )
        return dict(rows.all())


async def expected() -> list[str]:
    async with get_database().transaction() as session:
        return list(await session.scalars(select(Expected.name).order_by(Expected.name)))


async def crowd(w: World, names: list[str], **more: Any) -> list[Any]:
    """People who come to the server, a few at a time."""
    came = []
    for start in range(0, len(names), 8):
        some = names[start : start + 8]
        came += [w.guild.add_member(w.env.create_user(name, **more)) for name in some]
        await w.env.settle()
    return came


def report(w: World, result: Any) -> str:
    """The report that came as a file, as text."""
    (attachment,) = result.followups[-1].attachments
    assert result.followups[-1].ephemeral
    data = w.env.backend.cdn.get(attachment.url)
    assert data is not None
    return data.decode("utf-8-sig")


def calls(w: World, method: str, part: str, since: int) -> list[str]:
    return [r.path for r in w.env.http_requests[since:] if r.method == method and part in r.path]


# --- the whole way -------------------------------------------------------------------------------


@on_discord
async def test_forty_people_into_six_groups(w: World) -> None:
    """One PATCH a channel, one post a group, no direct message, one lasting result."""
    office = w.guild.create_text_channel("office")
    cohort = await made(w, groups=6, seats=10)
    await settings.change(mod_of(w), moderator_channel_id=office.id, language="de")
    first = await crowd(w, [f"early{n}" for n in range(6)])
    people = await crowd(w, [f"fresh{n:02d}" for n in range(40)])
    for person, group_id in zip(first, cohort.group_ids, strict=True):
        await membership.add(mod_of(w), group_id, person.id, person.name)
        await sync.sync_group(group_id)
    await w.settle()
    shown = await pasted(w, "\n".join(p.name for p in people))
    message = last(shown)
    assert (
        "**Import into Stats** · 40 lines\n40 found, 0 unclear, 0 not here yet" in message.content
    )
    await press(w, message, "Spread evenly")
    assert "**Group 1**: 7 more, then 8 of 10 seats taken" in message.content
    assert "**Group 6**: 6 more, then 7 of 10 seats taken" in message.content
    assert len(await memberships()) == 6
    since = len(w.env.http_requests)
    await press(w, message, "Do it")
    channels = {c.id for name, c in w.guild.channels.items() if "roup" in name}
    patched = calls(w, "PATCH", "/channels/", since)
    ours = [p for p in patched if "/messages" not in p]
    assert len(ours) == len(set(ours)) == 12, ours
    assert not calls(w, "PUT", "/permissions/", since)
    assert {int(p.split("/")[2]) for p in ours} == channels
    posted = calls(w, "POST", "/messages", since)
    assert len(posted) == len(set(posted)) == 7, posted  # six groups, and the moderators' channel
    assert not calls(w, "POST", "/users/@me/channels", since)
    assert "40 people are in 6 groups now." in message.content
    inside = await memberships()
    assert {p.id for p in people} <= inside.keys()
    assert all(sees(w, p, f"group-{1 + cohort.group_ids.index(inside[p.id])}") for p in people)
    welcome = w.guild.channels["group-1"].history()[-1]
    assert welcome.content.startswith("👋")
    assert welcome.content.count("<@") == 7
    sent = [r for r in w.env.http_requests[since:] if r.path in posted and r.method == "POST"]
    bodies: list[Any] = [r.json for r in sent]
    assert all(body["allowed_mentions"] == {"parse": []} for body in bodies)
    assert sum(bool(body.get("nonce")) for body in bodies) >= 6
    assert len(office.history()) == 1
    await w.settle()
    assert len(w.guild.channels["group-1"].history()) == 1
    assert len(calls(w, "PATCH", "/channels/", since)) <= len(patched) + 1


@on_discord
async def test_who_comes_later_has_a_seat(w: World) -> None:
    await made(w, groups=1, seats=3)
    absent = w.env.create_user("zoe.7", global_name="Zoe")
    shown = await pasted(w, f"member1\n@Zoe.7\n{absent.id + 1}")
    assert "1 found, 0 unclear, 2 not here yet" in last(shown).content
    await press(w, last(shown), "Spread evenly", "Do it")
    assert "2 people are in 1 group now." in last(shown).content
    assert "1 is not here yet and holds a seat." in last(shown).content
    full = await w.mod.slash(w.room, "group show", group="Group 1")
    assert "3 of 3 seats taken" in text_of(full)
    assert "1 seat is held for somebody who is not here yet." in text_of(full)
    zoe = w.guild.add_member(absent)
    await w.settle()
    assert await expected() == []
    assert zoe.id in await memberships()
    assert sees(w, zoe, "group-1")


@on_discord
async def test_who_came_while_nobody_listened(w: World) -> None:
    """Between the preview and [Do it], or while the bot was away."""
    await made(w, groups=1)
    shown = await pasted(w, "@zoe")
    await press(w, last(shown), "Spread evenly")
    zoe = w.guild.add_member(w.env.create_user("zoe"))
    await w.settle()
    await press(w, last(shown), "Do it")
    assert await memberships() == {zoe.id: (await groups.of_member(w.guild.id, zoe.id))[0].id}
    assert sees(w, zoe, "group-1")


@on_discord
async def test_it_is_taken_back(w: World) -> None:
    """[Undo] takes everybody out again, and gives up the seats that were held."""
    cohort = await made(w, groups=1)
    await membership.add(mod_of(w), cohort.group_ids[0], w.members[4].id, "member5")
    shown = await pasted(w, "member1\nmember2\n@zoe\n@yan")
    message = last(shown)
    await press(w, message, "Spread evenly", "Do it")
    assert labels(message) == ["Undo"]
    zoe = w.guild.add_member(w.env.create_user("zoe"))
    await w.settle()
    assert sees(w, zoe, "group-1")
    asked = await w.mod.click(message, label="Undo")
    await w.mod.click(last(asked), label="Undo")
    assert set(await memberships()) == {w.members[4].id, zoe.id}
    assert await expected() == []
    assert not sees(w, w.members[0], "group-1")
    # Who came since is here by an entry of their own, which can be taken back as well.
    assert "zoe" in last(asked).content


# --- sources -------------------------------------------------------------------------------------


@on_discord
async def test_a_file_with_groups_and_roles(w: World) -> None:
    cohort = await made(w, groups=2)
    text = "Benutzername;Gruppe;Rolle\r\nmember1;2;\r\nmember2;Group 1;Leitung\r\nmember3;Grün;\r\n"
    shown = await pasted(w, file=("liste.csv", text.encode("utf-16")))
    message = last(shown)
    assert "Line 1 was read as headings." in message.content
    assert labels(message)[:2] == ["Spread evenly", "Use the list's groups"]
    await press(w, message, "Use the list's groups")
    assert "**Group 1**: 0 more, then 0 of 8 seats taken · 1 facilitator more" in message.content
    assert "1 × the cohort has no group of this name: line 4" in message.content
    await press(w, message, "Do it")
    one, two = cohort.group_ids
    assert await memberships() == {w.members[0].id: two, w.members[1].id: one}
    assert (await groups.show(w.guild.id, one)).members == 0


@on_discord
async def test_the_file_option(w: World) -> None:
    await made(w)
    data = "name\nmember1\nJürgen\n".encode("cp1252")
    shown = await w.mod.slash(w.room, "member import", cohort="Stats", file=("a.csv", data))
    assert "1 found, 0 unclear, 0 not here yet, 1 not usable" in last(shown).content
    for bad in (b"PK\x03\x04 a workbook", b"\x00\x01\x02\x03"):
        shown = await w.mod.slash(w.room, "member import", cohort="Stats", file=("a.xlsx", bad))
        assert "This file cannot be read as a text." in text_of(shown)


@on_discord
async def test_a_role(w: World) -> None:
    await made(w)
    role = w.guild.create_role("Course")
    robot = w.guild.add_member(w.env.create_user("robot", bot=True), roles=[role])
    people = [w.guild.add_member(w.env.create_user(f"p{n}"), roles=[role]) for n in range(3)]
    empty = w.guild.create_role("Empty")
    await w.settle()
    shown = await w.mod.slash(w.room, "member import", cohort="Stats", role=role)
    assert "3 found, 0 unclear, 0 not here yet, 1 not usable" in last(shown).content
    assert "1 × a bot; bots cannot be in groups: line" in last(shown).content
    await press(w, last(shown), "Spread evenly", "Do it")
    assert set(await memberships()) == {p.id for p in people}
    assert robot.id not in await memberships()
    shown = await w.mod.slash(w.room, "member import", cohort="Stats", role=empty)
    assert "Nobody has the role Empty." in text_of(shown)
    both = {"role": role, "file": ("a.csv", b"x")}
    shown = await w.mod.slash(w.room, "member import", cohort="Stats", **both)
    assert "Give a file or a role, not both." in text_of(shown)


@on_discord
async def test_a_list_that_cannot_be_used(w: World) -> None:
    """A sentence, and [Edit again] with what was typed."""
    await made(w)
    shown = await pasted(w)
    assert "There is nobody on the list." in last(shown).content
    shown = await pasted(w, "member1", file=("a.csv", b"member2"))
    assert "There are pasted lines and a file." in last(shown).content
    again = await w.mod.click(last(shown), label="Edit again")
    typed = again.modal["components"][0]["component"]
    assert typed["value"] == "member1"
    shown = await w.mod.submit_modal(again, {"lines": "member1"})
    assert "1 found" in last(shown).content
    many = "\n".join(f"user{n}" for n in range(10_001)).encode()
    shown = await pasted(w, file=("a.csv", many))
    assert "The list has 10001 lines; 10000 are possible at once." in last(shown).content
    shown = await pasted(w, file=("a.csv", b"a" * 4_000_001))
    assert "The file is larger than 4 MB." in last(shown).content


# --- what becomes of the lines -------------------------------------------------------------------


@on_discord
async def test_every_line_is_reported(w: World) -> None:
    cohort = await made(w, groups=2)
    await membership.add(mod_of(w), cohort.group_ids[1], w.members[5].id, "member6")
    text = (
        "member1\n\nmember1\n=HYPERLINK(1)\n@here\n[x](http://x)\n**bold**\n<@&123456789012345678>"
        "\n1.2E+17\nmember6\nmember\u202e1\nstranger_1"
    )
    shown = await pasted(w, text)
    message = last(shown)
    assert "1 found, 0 unclear, 2 not here yet, 1 in it already, 7 not usable" in message.content
    assert "@here" not in message.content
    told = report(w, await w.mod.click(message, label="Every line")).split("\r\n")
    assert told[:4] == [
        "1: member1 → member1 (@member1)", "3: member1 → the same person as on line 1",
        "4: '=HYPERLINK(1) → a formula, not a name", "5: here → @here, not here yet",
    ]  # fmt: skip
    assert told[8:] == [
        "10: member6 → member6 (@member6), in it already → Group 2",
        "11: member1 → the same person as on line 1", "12: stranger_1 → @stranger_1, not here yet",
    ]  # fmt: skip
    assert "1.2E+17 → the spreadsheet cut this id short" in told[7]
    await press(w, message, "Spread evenly")
    told = report(w, await w.mod.click(message, label="Every line")).split("\r\n")
    assert told[0] == "1: member1 → member1 (@member1) → Group 1"
    await press(w, message, "Cancel")
    assert message.content == "Cancelled. Nothing changed."
    assert len(await memberships()) == 1


@on_discord
async def test_unclear_lines_are_decided_one_by_one(w: World) -> None:
    await made(w, groups=1)
    anna, other = await crowd(w, ["anna_s", "annas2"], global_name="Anna <@1> **Smith**")
    shown = await pasted(w, "Anna <@1> **Smith**\nmember11\nmembr3\nmember2")
    message = last(shown)
    assert "1 found, 3 unclear, 0 not here yet" in message.content
    assert labels(message)[:2] == ["Decide 3 unclear", "Leave the unclear out"]
    await press(w, message, "Decide 3 unclear")
    assert "Who is it? (1 of 3)" in message.content
    assert "<@1>" not in message.content
    await w.mod.select(message, values=[str(other.id)])
    assert "Line 2: **member11**. Who is it? (2 of 3)" in message.content
    await press(w, message, "Not here yet: hold a seat for @member11")
    await press(w, message, "Leave out")
    assert "2 found, 0 unclear, 1 not here yet, 1 not usable" in message.content
    assert "1 × left out: line 3" in message.content
    await press(w, message, "Spread evenly", "Do it")
    assert set(await memberships()) == {other.id, w.members[1].id}
    assert anna.id not in await memberships()
    assert await expected() == ["member11"]


@on_discord
async def test_the_unclear_may_be_left_out_together(w: World) -> None:
    await made(w)
    shown = await pasted(w, "membr1\nmembr2\nmember3")
    await press(w, last(shown), "Leave the unclear out")
    assert "1 found, 0 unclear, 0 not here yet, 2 not usable" in last(shown).content


@on_discord
async def test_more_people_than_seats(w: World) -> None:
    await made(w, groups=2, seats=1)
    text = "\n".join(p.name for p in w.members[:5])
    shown = await pasted(w, text)
    message = last(shown)
    await press(w, message, "Spread evenly")
    assert "⚠️ 3 people do not fit." in message.content
    await press(w, message, "Do it")
    assert "3 did not fit." in message.content
    assert len(await memberships()) == 2
    shown = await pasted(w, text)
    message = last(shown)
    await press(w, message, "Spread evenly")
    assert "So there is nobody to bring in." in message.content
    await press(w, message, "Put 3 more in, past the seats")
    assert "⚠️ 3 people more than there are seats." in message.content
    await press(w, message, "Do it")
    assert len(await memberships()) == 5


@on_discord
async def test_ten_thousand_lines(w: World) -> None:
    cohort = await made(w, groups=20, seats=500, open_now=False)
    lines = [f"user_{n:05d}" for n in range(9_994)] + [p.name for p in w.members]
    shown = await pasted(w, file=("all.csv", "\n".join(lines).encode()))
    assert "6 found, 0 unclear, 9994 not here yet" in last(shown).content
    told = report(w, await w.mod.click(last(shown), label="Every line"))
    assert len(told.split("\r\n")) == 10_000
    await press(w, last(shown), "Spread evenly", "Do it")
    assert len(await expected()) == 9_994
    assert len(await memberships()) == 6
    assert (await cohorts.show(w.guild.id, cohort.id)).people == 6


# --- rights, and what changes meanwhile ----------------------------------------------------------


@on_discord
@pytest.mark.parametrize("steps", [(), ("Spread evenly",), ("Decide 1 unclear",)])
async def test_rights_are_asked_at_every_press(w: World, steps: tuple[str, ...]) -> None:
    await made(w)
    shown = await pasted(w, "member1\nmembr2" if steps[:1] == ("Decide 1 unclear",) else "member1")
    message = last(shown)
    await press(w, message, *steps)
    await dismiss(w, w.mod)
    before = message.content
    for part in [c for row in message.components for c in row["components"]]:
        pressed = {"custom_id": part["custom_id"]}
        if "options" in part:
            refused = await w.mod.select(message, [part["options"][0]["value"]], **pressed)
        else:
            refused = await w.mod.click(message, **pressed)
        assert "Only moderators can do that." in text_of(refused), part
    assert message.content == before
    assert await memberships() == {}


@on_discord
async def test_the_form_is_refused_as_well(w: World) -> None:
    await made(w)
    form = await w.mod.slash(w.room, "member import", cohort="Stats")
    await dismiss(w, w.mod)
    refused = await w.mod.submit_modal(form, {"lines": "member1"})
    assert "Only moderators can do that." in text_of(refused)
    allow(w, "member", w.members[0])
    refused = await w.members[0].slash(w.room, "member import", cohort="Stats")
    assert "Only moderators can do that." in text_of(refused)
    assert refused.modal is None


@on_discord
async def test_another_guilds_moderator_reaches_nothing(w: World) -> None:
    await made(w)
    there = w.env.create_guild(name="Elsewhere")
    room = there.create_text_channel("general")
    keys = there.create_role("Keys", permissions=discord.Permissions(manage_guild=True))
    stranger = there.add_member(w.env.create_user("elsewhere"), roles=[keys])
    await w.settle()
    refused = await stranger.slash(room, "member import", cohort="Stats")
    assert "No cohort here is called that" in text_of(refused)
    assert "Stats" not in text_of(refused)


@on_discord
async def test_the_cohort_is_closed_meanwhile(w: World) -> None:
    cohort = await made(w)
    shown = await pasted(w, "member1")
    await press(w, last(shown), "Spread evenly")
    await cohorts.close(mod_of(w), cohort.id)
    await press(w, last(shown), "Do it")
    assert "This cohort is closed; it takes nobody any more." in last(shown).content
    assert await memberships() == {}
    refused = await w.mod.slash(w.room, "member import", cohort="Stats")
    assert "This cohort is closed" in text_of(refused)


@on_discord
async def test_the_groups_change_meanwhile(w: World) -> None:
    """A seat is taken before [Do it]: nothing is done, the new numbers are shown."""
    cohort = await made(w, groups=1, seats=2)
    shown = await pasted(w, "member1\nmember2")
    await press(w, last(shown), "Spread evenly")
    await membership.add(mod_of(w), cohort.group_ids[0], w.members[4].id, "member5")
    await press(w, last(shown), "Do it")
    assert "The groups changed in the meantime, so nothing was done." in last(shown).content
    assert "1 person does not fit." in last(shown).content
    assert len(await memberships()) == 1
    await press(w, last(shown), "Do it")
    assert len(await memberships()) == 2


@on_discord
async def test_a_draft_has_no_posts(w: World) -> None:
    await made(w, open_now=False)
    shown = await pasted(w, "member1")
    await press(w, last(shown), "Spread evenly", "Do it")
    assert "The cohort is a draft, so there are no channels yet" in last(shown).content
    assert "group-1" not in w.guild.channels


@on_discord
async def test_a_post_that_fails_is_told(w: World) -> None:
    await made(w, groups=1)
    shown = await pasted(w, "member1")
    await press(w, last(shown), "Spread evenly")
    w.env.inject_error(
        "POST", "/channels/*/messages", status=403, code=50013, message="no", times=9
    )
    await press(w, last(shown), "Do it")
    assert "1 × Muster lacks a permission" in last(shown).content
    assert len(await memberships()) == 1
    async with get_database().transaction() as session:
        actions = await session.scalars(select(AuditEntry.action))
        assert list(actions).count("members_imported") == 1
