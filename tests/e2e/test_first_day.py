"""The demo, walked by a real Chromium: a moderator's first day on a phone, and what is around it.

Invited → set up → create → import forty people → a member sees the channel → a mistaken move is
taken back. Every command, press, choice and form counts as a step; the README has the sum. Before
that, at the desk, a member joins and channels that are there are adopted; after it, a calendar.
It is one test because the demo and the browser cost more to start than all the steps together.
MUSTER_SCREENSHOTS names a directory that the screenshots are saved in.
"""

from __future__ import annotations

import re

import pytest
from playwright.async_api import async_playwright

from bot.demo.town import MEMBERS, QUIET
from tests.e2e._browser import CHROMIUM, DESK, FLAGS, PHONE, Visitor, needs_chromium, visiting
from tests.e2e._calendar_steps import MODERATOR, from_the_settings_to_an_answer_on_the_post
from tests.e2e._first_steps import at_the_desk, on_the_phone
from tests.e2e.test_demo import ROOT, visited
from tests.integration._calendars import (
    Servers,
    servers,  # noqa: F401 - a fixture
)

pytestmark = [pytest.mark.browser, needs_chromium]

FORTY = [name for name, _ in MEMBERS] + [full.split()[0].lower() for full in QUIET]


async def _set_up(mira: Visitor) -> None:
    await mira.goes(MODERATOR, "Messages")
    await mira.says("Thank you for inviting Muster")
    await mira.look()
    await mira.goes(MODERATOR, "general")
    await mira.asks("/setup", "The first steps")
    await mira.says("Set up Muster")
    await mira.look()
    await mira.presses("Accept all")
    await mira.says("Everything is right")
    await mira.look()


async def _create(mira: Visitor) -> None:
    await mira.asks("/cohort create", "A new cohort with all its groups")
    await mira.fills({0: "Chess winter", 3: "6"})
    await mira.presses("Create all")
    await mira.says("Chess winter: open for joining")
    await mira.look()


async def _adopt(mira: Visitor) -> None:
    await mira.goes(MODERATOR, "general")
    await mira.asks("/cohort adopt", "Take over channels")
    await mira.says("Adopt channels that you have")
    await mira.chooses("A category with all its channels", "Book club")
    await mira.says("mystery")
    await mira.look()
    await mira.presses("Adopt")
    await mira.says("Nothing was changed on Discord")
    await mira.look()


async def _import(mira: Visitor) -> None:
    await mira.asks("/member import", "Bring many people in", ("Chess", "Chess winter"))
    await mira.fills({0: "\n".join(FORTY)})
    await mira.says("40 found")
    await mira.look()
    await mira.presses("Spread evenly")
    await mira.look()
    await mira.presses("Do it")
    await mira.says("40 people")
    await mira.says("0 existed · 13 created · 40 granted")
    await mira.look()


async def _somebody_sees_it(jonas: Visitor) -> None:
    await jonas.goes_to_own_group("Jonas Weber", "Chess winter")
    await jonas.says("New in this group")
    await jonas.look()


async def _mistake(mira: Visitor) -> None:
    await mira.goes(MODERATOR, "general")
    await mira.asks(
        "/member move", "Move somebody", ("Ada", "Ada Brandt"), ("Group 6", "Group 6 · Chess")
    )
    await mira.presses("Do it")
    await mira.says("is a member of")
    await mira.look()
    await mira.presses("Undo")
    await mira.says("This happens")
    await mira.look()
    await mira.presses("Undo")
    await mira.says("Taken back")
    await mira.look()


async def _first_day(mira: Visitor) -> None:
    begun = mira.steps
    await _set_up(mira)
    await _create(mira)
    await _import(mira)
    await _somebody_sees_it(mira)
    await _mistake(mira)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.search(r"first day takes (\d+) steps", readme)
    assert told is not None
    assert int(told[1]) == mira.steps - begun


async def test_the_first_day(
    servers: Servers,  # noqa: F811 - the fixture
) -> None:
    calendar = f"http://127.0.0.1:{servers.port('radicale')}/"
    async with visited() as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            async with visiting(browser, "desk", url, DESK) as desk:
                await at_the_desk(desk)
                await _adopt(desk)
            async with visiting(browser, "phone", url, PHONE) as phone:
                await on_the_phone(phone)
                await _first_day(phone)
                await from_the_settings_to_an_answer_on_the_post(phone, calendar)
        finally:
            await browser.close()
