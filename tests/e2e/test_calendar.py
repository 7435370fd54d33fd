"""/calendar and the button on a meeting's post, as members meet them; and the page in a browser."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
from playwright.async_api import Page, async_playwright, expect

from bot.web.feeds import Feeds
from bot.web.server import application, serving
from core.clock import set_clock, utcnow
from core.db.calendar_models import FeedKind
from core.db.engine import Database
from core.discord_outbound.messages import Button, send_channel_message
from core.keys import Keys
from core.operations import feeds, mine
from core.operations.common import Actor
from core.operations.feeds import Links
from tests.e2e._acting import filled, labels, last, made, on_discord, restart
from tests.e2e._answers import post_of, started
from tests.e2e._browser import CHROMIUM, FLAGS
from tests.e2e._setup import menu
from tests.integration.test_feeds import MINE, NOW, person, season
from tests.meetings_here import meet
from tests.world import World, parts_of, text_of

KEYS = Keys(["k" * 43])
LINKS = Links(KEYS, "https://muster.example.org")


def page_of(result: Any) -> str:
    """The address behind the button that opens the page."""
    [url] = [part["url"] for part in parts_of(last(result)) if part.get("url")]
    assert isinstance(url, str)
    return url


async def opens(url: str) -> FeedKind | None:
    """What the link behind the button opens."""
    feed, token = url.rpartition("/")[2].split("-")
    found = await feeds.find(KEYS, int(feed), token)
    return FeedKind(found.kind) if found else None


async def entries(result: Any) -> list[Any]:
    """The meetings in the file that came with an answer."""
    [file] = last(result).attachments
    assert file.filename == "muster.ics"
    return list(icalendar.Calendar.from_ical(await file.read()).walk("VEVENT"))


async def group_with_meetings(w: World) -> tuple[int, list[Any]]:
    cohort = await made(w, "Sta*ts", groups=2)
    people = await filled(w, cohort)
    for days in (2, 9):
        await meet(cohort.group_ids[0], number=None, starts_at=utcnow() + timedelta(days=days))
    return cohort.group_ids[0], people


@on_discord
async def test_links_are_private_and_can_be_replaced(w: World) -> None:
    group, [ann, ben] = await group_with_meetings(w)
    w.bot.links = LINKS
    shown = await ann.slash(w.room, "calendar")
    assert last(shown).flags.ephemeral
    assert "Study Hall: my meetings" in text_of(shown)
    assert "No calendar program has read it yet" in text_of(shown)
    own = page_of(shown)
    assert own.startswith("https://muster.example.org/calendar/")
    assert await opens(own) is FeedKind.member
    assert page_of(await ben.slash(w.room, "calendar")) != own
    picker = menu(shown, "calendar_of")
    of_group = await ann.select(last(shown), [f"group:{group}"], custom_id=picker)
    assert r"**Group 1 · Sta\*ts**" in text_of(of_group)
    old = page_of(of_group)
    assert await opens(old) is FeedKind.group
    asked = await ann.click(last(of_group), label="New link")
    assert "show nothing new any more" in text_of(asked)
    back = await ann.click(last(asked), label="Back")
    assert page_of(back) == old
    asked = await ann.click(last(back), label="New link")
    renewed = await ann.click(last(asked), label="End it and make a new one")
    assert "The old link has ended" in text_of(renewed)
    assert await opens(page_of(renewed)) is FeedKind.group
    assert await opens(old) is None
    assert await opens(own) is FeedKind.member
    home = await ann.click(last(renewed), label="My own calendar")
    assert page_of(home) == own
    told = await w.mod.slash(w.room, "history")
    assert "replaced their calendar link of Group 1" in text_of(told)
    data = await mine.data(Actor(w.guild.id, ann.id, "ann"))
    assert [one["kind"] for one in data["calendar_links"]] == ["member", "group"]


@on_discord
async def test_nobody_replaces_or_reads_the_link_of_another(w: World) -> None:
    _, [ann, ben] = await group_with_meetings(w)
    w.bot.links = LINKS
    own = page_of(await ann.slash(w.room, "calendar"))
    number = int(own.rpartition("/")[2].split("-")[0])
    for action in ("calendar_new", "calendar_renew", "calendar_one"):
        await send_channel_message(w.room.id, "x", buttons=[Button("Press", action, number)])
        pressed = await ben.click(w.room.last_message, label="Press")
        assert "not there any more" in text_of(pressed)
        assert "https://" not in text_of(pressed)
    assert await opens(own) is FeedKind.member


@on_discord
async def test_without_an_address_it_is_a_file(w: World) -> None:
    group, [ann, _] = await group_with_meetings(w)
    shown = await ann.slash(w.room, "calendar")
    assert "Later changes do not reach it" in text_of(shown)
    assert len(await entries(shown)) == 2
    assert not [part for part in parts_of(last(shown)) if part.get("url")]
    assert "127.0.0.1" not in text_of(shown)
    picked = await ann.select(
        last(shown), [f"group:{group}"], custom_id=menu(shown, "calendar_of")
    )  # fmt: skip
    assert len(await entries(picked)) == 2
    wrong = await ann.slash(w.room, "my")
    assert "Calendar" in labels(wrong.response)
    by_home = await ann.click(wrong.response, label="Calendar")
    assert len(await entries(by_home)) == 2
    outsider = await w.members[4].slash(w.room, "calendar")
    assert await entries(outsider) == []


@on_discord
async def test_a_meeting_as_a_file_from_its_post(w: World) -> None:
    group, meeting, [ann, *_] = await started(w)
    post = await post_of(w, group)
    [entry] = await entries(await ann.click(post, label="Add to calendar"))
    assert str(entry["SUMMARY"]) == "Group 1 - Week 3 · Stats"
    assert entry.decoded("DTSTART") == (utcnow() + timedelta(days=2)).replace(microsecond=0)
    assert str(entry["URL"]) == f"https://discord.com/channels/{w.guild.id}/{post.channel.id}"
    button = Button("Add to calendar", "meeting_ics", meeting)
    await send_channel_message(w.room.id, "x", buttons=[button])
    refused = await w.members[5].click(w.room.last_message, label="Add to calendar")
    assert "no such meeting of yours" in text_of(refused)
    by_mod = await w.mod.click(w.room.last_message, label="Add to calendar")
    assert len(await entries(by_mod)) == 1


@on_discord
async def test_after_a_restart(w: World) -> None:
    group, _, [ann, *_] = await started(w)
    w.bot.links = LINKS
    shown = await ann.slash(w.room, "calendar")
    old, post = page_of(shown), await post_of(w, group)
    await restart(w)
    w.bot.links = LINKS
    assert len(await entries(await ann.click(post, label="Add to calendar"))) == 1
    asked = await ann.click(last(shown), label="New link")
    renewed = await ann.click(last(asked), label="End it and make a new one")
    assert await opens(old) is None
    assert await opens(page_of(renewed)) is FeedKind.member
    # An operator who took the address away again: the old buttons say so.
    w.bot.links = None
    gone = await ann.click(last(renewed), label="New link")
    assert "gives out no links any more" in text_of(gone)


# --- the page ------------------------------------------------------------------------------------

browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed on this machine")
LONG = "Statistics for people who never liked statistics, autumn and winter"


async def _looked_at(page: Page, name: str) -> None:
    """A screenshot where MUSTER_SCREENSHOTS names a folder; and nothing to scroll sideways."""
    if folder := os.environ.get("MUSTER_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"calendar-{name}.png", full_page=True)
    wide = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide == 0


def _heard(page: Page) -> list[str]:
    """What goes wrong on a page, as it does."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@browser
@pytest.mark.browser
async def test_the_page_in_a_browser(database: Database) -> None:
    set_clock(lambda: NOW)
    (group,) = await season(LONG)
    link = await feeds.link(person(100), KEYS, FeedKind.group, group)
    await feeds.link(person(100), KEYS, MINE)
    served = Feeds(KEYS, "https://muster.example.org")
    async with (
        serving(application(served.routes()), "127.0.0.1", 0) as port,
        async_playwright() as p,
    ):
        chromium = await p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            for width, script, scheme in ((390, True, "light"), (1000, False, "dark")):
                context = await chromium.new_context(
                    viewport={"width": width, "height": 800}, java_script_enabled=script,
                    color_scheme="dark" if scheme == "dark" else "light", locale="en-GB",
                )  # fmt: skip
                page = await context.new_page()
                troubles = _heard(page)
                await page.goto(f"http://127.0.0.1:{port}/calendar/{link.path}")
                await expect(page.get_by_role("heading", level=1)).to_contain_text(LONG)
                feed = f"https://muster.example.org/feed/{link.path}.ics"
                subscribe = page.get_by_role("link", name="Subscribe")
                assert await subscribe.get_attribute("href") == feed.replace("https", "webcal")
                google = page.get_by_role("link", name="Add to Google Calendar")
                assert "render?cid=webcal" in (await google.get_attribute("href") or "")
                field = page.get_by_label("Link of this calendar")
                assert await field.input_value() == feed
                copy = page.locator("#copy")
                assert await copy.is_visible() == script
                if script:
                    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
                    await copy.click()
                    await expect(copy).to_have_text("Copied")
                    assert await page.evaluate("navigator.clipboard.readText()") == feed
                    for target in (subscribe, google, copy):  # large enough for a thumb
                        box = await target.bounding_box()
                        assert box is not None
                        assert box["height"] >= 44
                    await _looked_at(page, f"{width}")
                elif folder := os.environ.get("MUSTER_SCREENSHOTS"):
                    await page.screenshot(path=Path(folder) / f"calendar-{width}.png")
                await page.goto(f"http://127.0.0.1:{port}/calendar/1-{'a' * 32}")
                await expect(page.get_by_role("heading")).to_have_text("This link does not work")
                assert [t for t in troubles if "404" not in t] == []
                await context.close()
        finally:
            await chromium.close()
