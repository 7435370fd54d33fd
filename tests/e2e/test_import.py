"""/member import as moderators use it, on the simulated Discord."""

from __future__ import annotations

from typing import Any

from core import sync
from core.operations import membership, settings
from tests.e2e._acting import labels, last, made, mod_of, on_discord, sees
from tests.e2e._importing import calls, crowd, expected, memberships, pasted, press, report
from tests.world import World, text_of


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
async def test_a_draft_has_no_posts(w: World) -> None:
    await made(w, open_now=False)
    shown = await pasted(w, "member1")
    await press(w, last(shown), "Spread evenly", "Do it")
    assert "The cohort is a draft, so there are no channels yet" in last(shown).content
    assert "group-1" not in w.guild.channels
