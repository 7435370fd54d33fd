"""The README's first steps, as members take them at a desk and on a phone."""

from __future__ import annotations

from tests.e2e._browser import Visitor


async def at_the_desk(desk: Visitor) -> None:
    """The bot answers, and a member joins a group whose channel appears."""
    await desk.goes("Mira Novak", "general")
    await desk.asks("/ping", "Is Muster awake?")
    await desk.says("Here I am.")
    await desk.look()
    await desk.goes("Jonas Weber", "general")
    await desk.has_all_of_it_already()
    await desk.asks("/groups", "Groups you can join")
    await desk.look()
    await desk.chooses("Join a group", "Group 3 · Statistics autumn")
    await desk.sees_channel("Jonas Weber", "group-3")
    await desk.look()
    await desk.goes("Jonas Weber", "group-3")


async def on_the_phone(phone: Visitor) -> None:
    """The list of people has the screen to itself, and the post for joining works there."""
    await phone.sees_channel("Mira Novak", "general")
    await phone.look()
    await phone.sees_no_sideways_scrolling()
    await phone.goes("Grace Mwangi", "general")
    await phone.presses("Join a group")
    await phone.look()
    await phone.chooses("Join a group", "Group 2 · Statistics autumn")
    await phone.says("Group 2")
    await phone.look()
    await phone.people()
    await phone.sees_channel("Grace Mwangi", "group-2")
    await phone.look()
