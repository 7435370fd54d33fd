"""What can be imported: pasted lines, files, roles."""

from __future__ import annotations

from core.operations import cohorts, group_views
from tests.e2e._acting import labels, last, made, on_discord
from tests.e2e._importing import expected, memberships, pasted, press, report
from tests.world import World, text_of


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
    assert (await group_views.show(w.guild.id, one)).members == 0


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
