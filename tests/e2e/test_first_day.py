"""A moderator's first day, walked in the demo by a real Chromium on a phone, and part at a desk.

Invited → set up → create → import forty people → a member sees the channel → a mistaken move is
taken back; then, at the desk, channels that are there are adopted. Every command, press, choice and
form counts as a step; the README has the sum.
MUSTER_SCREENSHOTS names a directory that the screenshots are saved in.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from playwright.async_api import Page, async_playwright, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from bot.demo.town import MEMBERS, QUIET
from tests.e2e.test_demo import ROOT, visited
from tests.e2e.test_demo_walk import CHROMIUM, FLAGS, Visitor

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed on this machine"),
]

PATIENCE = 6  # times five seconds
MODERATOR = "Mira Novak"
FORTY = [name for name, _ in MEMBERS] + [full.split()[0].lower() for full in QUIET]
SCREENS = {"phone": (390, 844), "desk": (1000, 760)}


class Newcomer(Visitor):
    """The moderator, who counts what it takes."""

    def __init__(self, page: Page, name: str, url: str) -> None:
        super().__init__(page, name)
        self.url = url
        self.steps = 0

    async def comes(self) -> None:
        await self.page.goto(self.url)

    async def goes(self, person: str, channel: str) -> None:
        """To a channel; on a phone past the list of people."""
        back = self.page.get_by_role("button", name="Back to the people")
        if await back.is_visible():
            await back.click()
        if channel != "Messages":
            await self.be(person, channel)
            return
        card = self.page.locator(f'.person[data-person="{person}"]')
        await card.get_by_role("button", name="Messages").click()
        await expect(self.page.locator("#who-name")).to_have_text(person)

    async def sees_own_group(self, person: str, cohort: str) -> None:
        """Somebody who was imported has a channel of that cohort, and can open it."""
        back = self.page.get_by_role("button", name="Back to the people")
        if await back.is_visible():
            await back.click()
        card = self.page.locator(f'.person[data-person="{person}"]')
        await card.locator(f'button[title="{cohort}"]').first.click()
        await expect(self.page.locator("#who-name")).to_have_text(person)
        await self.says("New in this group")
        await self.look()

    async def asks(self, command: str, description: str, *options: tuple[str, str]) -> None:
        """Type a command, choose what its options offer, send it."""
        self.steps += 1
        box = self.inside.locator("#channel-composer-input")
        await box.click()
        await box.press_sequentially(command)
        await expect(self.inside.get_by_text(description).first).to_be_visible()
        await self.page.keyboard.press("Enter")
        await expect(self.inside.get_by_label(f"Command {command}")).to_be_visible()
        for typed, offered in options:
            choice = self.inside.get_by_role("option").filter(has_text=offered).first
            await self.page.keyboard.type(typed)
            for _ in range(PATIENCE):  # a busy machine may fail to offer anything: ask again
                with suppress(PlaywrightTimeout):
                    await choice.click(timeout=5_000)
                    break
                await self.page.keyboard.press("Backspace")
                await self.page.keyboard.type(typed[-1])
        await self.inside.locator("#send-message").click()

    async def presses(self, button: str) -> None:
        self.steps += 1
        await self.inside.get_by_role("button", name=button, exact=True).last.click()

    async def chooses(self, select: str, option: str) -> None:
        self.steps += 1
        await self.inside.get_by_role("combobox", name=select).last.click()
        await self.inside.get_by_role("option", name=option).last.click()
        apply = self.inside.get_by_role("button", name="Apply")
        if await apply.is_visible():  # a select that takes several
            await apply.click()

    async def fills(self, values: dict[int, str]) -> None:
        """Fill fields of the form by their place, leave the others, and send it."""
        self.steps += 1
        form = self.inside.locator("#modal-root")
        fields = form.locator("input, textarea")
        await expect(fields.first).to_be_visible()
        for place, value in values.items():
            await fields.nth(place).fill(value)
        await self.look()
        await form.get_by_role("button", name="Submit").click()


@asynccontextmanager
async def arrived() -> AsyncIterator[tuple[Newcomer, Newcomer]]:
    """The demo, open on a phone and on a desk."""
    async with visited() as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            visitors = []
            for screen, (width, height) in SCREENS.items():
                phone = screen == "phone"
                page = await browser.new_page(
                    viewport={"width": width, "height": height}, has_touch=phone, is_mobile=phone
                )
                visitors.append(Newcomer(page, f"first-day-{screen}", url))
            yield visitors[0], visitors[1]
            for mira in visitors:
                await mira.sees_no_sideways_scrolling()
                assert mira.troubles == []
        finally:
            await browser.close()


async def _set_up(mira: Newcomer) -> None:
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


async def _create(mira: Newcomer) -> None:
    await mira.asks("/cohort create", "A new cohort with all its groups")
    await mira.fills({0: "Chess winter", 3: "6"})
    await mira.presses("Create all")
    await mira.says("Chess winter: open for joining")
    await mira.look()


async def _adopt(mira: Newcomer) -> None:
    await mira.asks("/cohort adopt", "Take over channels")
    await mira.says("Adopt channels that you have")
    await mira.chooses("A category with all its channels", "Book club")
    await mira.says("mystery")
    await mira.look()
    await mira.presses("Adopt")
    await mira.says("Nothing was changed on Discord")
    await mira.look()


async def _import(mira: Newcomer) -> None:
    await mira.asks("/member import", "Bring many people in", ("Chess", "Chess winter"))
    await mira.fills({0: "\n".join(FORTY)})
    await mira.says("40 found")
    await mira.look()
    await mira.presses("Spread evenly")
    await mira.look()
    await mira.presses("Do it")
    await mira.says("40 people")
    await mira.look()


async def _mistake(mira: Newcomer) -> None:
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


async def test_the_first_day() -> None:
    async with arrived() as (mira, at_her_desk):
        await mira.comes()
        await _set_up(mira)
        await _create(mira)
        await _import(mira)
        await mira.sees_own_group("Jonas Weber", "Chess winter")
        await mira.goes(MODERATOR, "general")
        await _mistake(mira)
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        told = re.search(r"first day takes (\d+) steps", readme)
        assert told is not None
        assert int(told[1]) == mira.steps
        await at_her_desk.comes()
        await at_her_desk.goes(MODERATOR, "general")
        await _adopt(at_her_desk)
