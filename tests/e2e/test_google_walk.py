"""A moderator at Google and back: the page that the browser ends on, in Chromium on a phone.

MUSTER_SCREENSHOTS names a directory that the screenshots are saved in.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession
from playwright.async_api import Page, async_playwright, expect

from bot.web import google as pages
from bot.web.server import application, serving
from core.calendars.google_desk import Desk
from core.db.calendar_models import CalendarLink
from core.db.engine import get_database
from core.keys import Keys
from core.operations import google_connect
from tests.e2e._acting import mod_of, on_discord
from tests.e2e._browser import CHROMIUM, FLAGS
from tests.e2e._google import GoogleStandIn, google
from tests.world import World


@dataclass
class Dance:
    """Muster's web server, Google, and how a moderator gets from one to the other."""

    w: World
    stand_in: GoogleStandIn
    desk: Desk
    keys: Keys

    async def start(self) -> str:
        return await google_connect.start(mod_of(self.w), self.desk, self.keys)


@asynccontextmanager
async def dance(w: World) -> AsyncIterator[Dance]:
    keys = Keys(["k" * 43])
    async with google() as stand_in:
        desk = Desk(
            stand_in.client, "", partial(google_connect.rotated, keys), api_base=stand_in.api_base
        )
        app = application(pages.routes(desk, keys, w.bot))
        async with serving(app, "127.0.0.1", 0) as port:
            desk.redirect = f"http://127.0.0.1:{port}{pages.PATH}"
            stand_in.redirects.add(desk.redirect)
            yield Dance(w, stand_in, desk, keys)
        await desk.close()


@asynccontextmanager
async def phone() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = await browser.new_page(viewport={"width": 390, "height": 844}, is_mobile=True)
            page.set_default_timeout(30_000)
            troubles: list[str] = []
            page.on("console", lambda said: troubles.append(said.text))
            page.on("pageerror", lambda error: troubles.append(str(error)))
            yield page
            # A browser says in its console that a page came with a status of 400.
            assert [t for t in troubles if "status of" not in t and "favicon" not in t] == []
        finally:
            await browser.close()


async def says(page: Page, heading: str, *texts: str) -> None:
    await expect(page.get_by_role("heading", name=heading)).to_be_visible()
    for text in texts:
        await expect(page.get_by_text(text)).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "en"
    wide = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide == 0
    if folder := os.environ.get("MUSTER_SCREENSHOTS"):
        name = "-".join(heading.lower().split())
        await page.screenshot(path=Path(folder) / f"google-{name}-{len(texts)}.png")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed on this machine")
@on_discord
async def test_the_page_that_the_browser_ends_on(w: World) -> None:
    """Denied, Google down, connected, loaded again; one browser, since its start takes longest."""
    async with dance(w) as d, phone() as page:
        await page.goto(await d.start())
        await page.click("#no")
        await says(page, "Google Calendar is not connected", "told not to let Muster in")
        await page.goto(await d.start())
        d.stand_in.fail(503, "backendError", suits=lambda seen: seen.path == "/token")
        await page.click("#yes")
        await says(page, "Google Calendar is not connected", "in a few minutes", "not answer")
        await page.set_extra_http_headers({"Accept-Language": "de-DE,de;q=0.9"})
        await page.goto(await d.start())
        await page.click("#yes")
        assert await page.locator("html").get_attribute("lang") == "de"
        async with get_database().transaction() as session:
            assert await session.get(CalendarLink, w.guild.id) is not None
        await page.set_extra_http_headers({"Accept-Language": "en"})
        await page.goto(await d.start())
        await page.click("#yes")
        await says(page, "Google Calendar is connected", "meetings of Study Hall", "My calendars")
        await page.reload()
        await says(page, "Google Calendar is not connected", "was used before")


@on_discord
async def test_who_lost_the_role_meanwhile(w: World) -> None:
    """The rights are those of the callback, not those of the button."""
    async with dance(w) as d, ClientSession() as browser:
        async with browser.get(await d.start()) as response:
            back = (await response.text()).split("<a id=yes href='")[1].split("'")[0]
        member = w.bot.get_guild(w.guild.id).get_member(w.mod.id)  # type: ignore[union-attr]
        assert member is not None
        await member.remove_roles(*[role for role in member.roles if role.name == "Moderators"])
        await w.settle()
        async with browser.get(back) as answer:
            text = await answer.text()
        assert answer.status == 400
        assert "Only moderators" in text
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        async with get_database().transaction() as session:
            assert await session.get(CalendarLink, w.guild.id) is None


@on_discord
async def test_what_came_with_the_address_is_not_repeated(w: World) -> None:
    async with dance(w) as d, ClientSession() as browser:
        query = {"state": "<script>x</script>", "code": "c", "error": "<b>oops</b>"}
        async with browser.get(d.desk.redirect, params=query) as answer:
            text = await answer.text()
        assert answer.status == 400
        assert "script>x" not in text
        assert "oops" not in text
