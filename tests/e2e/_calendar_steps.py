"""A server's calendar and a member's own.

A moderator connects a CalDAV server, a member gives an address, somebody answers there with another
program, and the meeting's post shows it.
"""

from __future__ import annotations

import json

from playwright.async_api import expect

from tests.e2e._browser import Visitor
from tests.integration._calendars import PASSWORD, USER
from tests.oracles import run

MODERATOR = "Mira Novak"
DANIEL, ADDRESS = "Daniel Kim", "daniel@example.org"  # the one in #harbour who has not answered

# What a calendar program does: it finds the entry that somebody is invited to, and accepts.
ACCEPTED = """
import json, sys
import caldav
url, user, password, address = sys.argv[1:]
account = caldav.DAVClient(url=url, username=user, password=password).principal()
seen = []
for entry in (e for c in account.calendars() for e in c.events()):
    events = entry.icalendar_instance.events
    [series] = [e for e in events if "RECURRENCE-ID" not in e]
    people = series.get("ATTENDEE", [])
    people = people if isinstance(people, list) else [people]
    seen.append([str(series["SUMMARY"]), [str(p) for p in people]])
    for person in people:
        if person == f"mailto:{address}":
            person.params["PARTSTAT"] = "ACCEPTED"
            entry.save()
print(json.dumps(sorted(seen)))
"""


async def from_the_settings_to_an_answer_on_the_post(walker: Visitor, url: str) -> None:
    """With the CalDAV server at `url`, on a Discord server where the first steps are done."""
    await _connects(walker, url)
    await _gives_an_address(walker)
    seen = json.loads(run(ACCEPTED, url, USER, PASSWORD, ADDRESS))
    assert seen == [
        ["Harbour · Photo walks", [f"mailto:{ADDRESS}"]], ["Old town · Photo walks", []],
    ]  # fmt: skip
    await _an_hour_passes(walker)
    await walker.goes(DANIEL, "harbour")
    await walker.says("Attending (3)")
    await walker.look()


async def _connects(mira: Visitor, url: str) -> None:
    await mira.goes(MODERATOR, "general")
    await mira.asks("/setup", "The first steps")
    await mira.presses("Calendar")
    for password, said in (("wrong", "nothing was changed"), (PASSWORD, "Connected")):
        await mira.presses("Connect CalDAV")
        await mira.fills({0: url, 1: USER, 2: password})
        await mira.says(said)
        await mira.look()


async def _gives_an_address(daniel: Visitor) -> None:
    await daniel.goes(DANIEL, "harbour")
    await daniel.says("Attending (2)")
    await daniel.asks("/calendar", "Your meetings in your own calendar")
    await daniel.presses("Invitations by e-mail")
    await daniel.presses("Give an address")
    await daniel.fills({0: ADDRESS})
    await daniel.says("Saved")
    await daniel.says("tells nobody by itself")  # Radicale sends no invitations
    await daniel.look()


async def _an_hour_passes(visitor: Visitor) -> None:
    """So much that the calendar is due to be read."""
    await visitor.people()
    hour = visitor.page.locator('[data-to="hour"]')
    await hour.click()
    await expect(hour).to_be_disabled()
    await expect(hour).to_be_enabled()
