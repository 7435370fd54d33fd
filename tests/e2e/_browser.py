"""Somebody in front of the demo's page, in a real headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FrameLocator, Locator, Page, Response, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # SimCord's page has 30 MB of fonts, which Chromium would check for each channel that is opened.
    *([] if "MUSTER_SCREENSHOTS" in os.environ else ["--disable-remote-fonts"]),
]  # fmt: skip
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed on this machine"
)
DESK: dict[str, Any] = {"viewport": {"width": 1000, "height": 760}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True,
}  # fmt: skip

PATIENCE = 6  # times five seconds
TRIES = 5
GLANCE = 100.0  # milliseconds between two looks at what SimCord's page says of itself
# The machine may be busy with other tests; a step that does come takes a moment.
expect.set_options(timeout=30_000)

# SimCord's page drops what is pressed while it works on something else, without a word.
AT_REST = """() => {
  const page = document.querySelector("iframe")?.contentWindow?.simcordPreview;
  return page?.ready && !page.pendingQuery && !(page.awaitingRevision > page.publishedRevision);
}"""
# What it asks the bot when somebody does something; the others look for what a field may offer.
DEEDS = frozenset({"click", "select", "modal_submit", "run_command"})


# Of the page in the frame: the files of SimCord's that came over the wire, and its fonts.
LOADED = """() => {
  const inside = document.querySelector("iframe").contentWindow;
  const files = inside.performance.getEntriesByType("resource");
  const ours = files.filter((e) => e.name.includes("/kept/"));
  const fonts = [...inside.document.fonts].map((face) => face.family.replaceAll('"', ""));
  return { files: ours.length, sent: ours.filter((e) => e.transferSize).map((e) => e.name), fonts };
}"""


class Visitor:
    """Acts as people of the demo, and counts the steps: commands, presses, choices, forms."""

    def __init__(self, page: Page, name: str, url: str) -> None:
        self.page = page
        self.name = name
        self.url = url
        self.steps = 0
        self.shots = 0
        self.troubles: list[str] = []
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    @property
    def inside(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    async def comes(self) -> None:
        await self.page.goto(self.url)

    async def look(self) -> None:
        self.shots += 1
        if folder := os.environ.get("MUSTER_SCREENSHOTS"):
            await self.page.screenshot(path=Path(folder) / f"{self.name}-{self.shots}.png")

    async def tell(self) -> None:
        """Write down what the page shows; pytest has it where a test fails."""
        shown = [self.name, await self.page.locator("body").inner_text()]
        if await self.page.locator("iframe").count():
            shown.append(await self.inside.locator("body").inner_text())
        sys.stdout.write("\n".join(shown))

    async def sees_no_sideways_scrolling(self) -> None:
        wide = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide == 0

    async def has_all_of_it_already(self) -> None:
        """What SimCord's page needs came with an earlier channel; scripts' large fonts never do."""
        await self._at_rest()
        found = await self.page.evaluate(LOADED)
        assert found["files"] > 10
        assert found["sent"] == []
        assert "Noto Color Emoji" in found["fonts"]
        assert "Noto Sans SC" not in found["fonts"]

    async def people(self) -> None:
        """To the list of people; on a phone it has the screen to itself."""
        back = self.page.get_by_role("button", name="Back to the people")
        if await back.is_visible():
            await back.click()

    def card(self, person: str) -> Locator:
        return self.page.locator(f'.person[data-person="{person}"]')

    async def goes(self, person: str, channel: str) -> None:
        """To a channel, or to the person's "Messages"."""
        # A dot beside it says that there is something new.
        named = re.compile(rf"^(# )?{re.escape(channel)}( Something new)?$")
        if channel == "Messages":
            named = re.compile(channel)
        await self._opens(person, self.card(person).get_by_role("button", name=named))
        if channel != "Messages":
            await expect(self.inside.locator("#channel-name")).to_have_text(channel)

    async def goes_to_own_group(self, person: str, cohort: str) -> None:
        """To the first of the channels that the person has of that cohort."""
        await self._opens(person, self.card(person).locator(f'button[title="{cohort}"]').first)

    async def _opens(self, person: str, button: Locator) -> None:
        await self.people()
        await button.click()
        await expect(self.page.locator("#who-name")).to_have_text(person)
        await expect(self.page.get_by_title(f"The channel, as {person} sees it")).to_be_visible()

    async def says(self, text: str) -> None:
        await expect(self.inside.get_by_text(text).last).to_be_visible()

    async def sees_channel(self, person: str, channel: str) -> None:
        button = self.card(person).get_by_role("button", name=f"# {channel}", exact=True)
        await expect(button).to_be_visible()

    async def asks(self, command: str, description: str, *options: tuple[str, str]) -> None:
        """Type a command, choose what its options offer, send it."""
        self.steps += 1
        await self._at_rest()
        box = self.inside.locator("#channel-composer-input")
        await box.click()
        await self.page.keyboard.insert_text(command)
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
        await self._does(self.inside.locator("#send-message").click)

    async def presses(self, button: str) -> None:
        self.steps += 1
        await self._does(self.inside.get_by_role("button", name=button, exact=True).last.click)

    async def chooses(self, select: str, option: str) -> None:
        self.steps += 1
        offered = self.inside.get_by_role("option", name=option).last

        async def open_it() -> None:
            await self.inside.get_by_role("combobox", name=select).last.click()
            await expect(offered).to_be_visible()

        async def choose() -> None:
            await offered.click()
            apply = self.inside.get_by_role("button", name="Apply")
            if await apply.is_visible():  # a select that takes several
                await apply.click()

        await self._does(choose, first=open_it)

    async def fills(self, values: dict[int, str]) -> None:
        """Fill fields of the form by their place, leave the others, and send it."""
        self.steps += 1
        form = self.inside.locator("#modal-root")
        fields = form.locator("input, textarea")
        await expect(fields.first).to_be_visible()
        for place, value in values.items():
            await fields.nth(place).fill(value)
        await self.look()
        await self._does(form.get_by_role("button", name="Submit").click)

    async def _at_rest(self) -> None:
        await self.page.wait_for_function(AT_REST, polling=GLANCE)

    async def _does(
        self,
        action: Callable[[], Awaitable[None]],
        first: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Do it and wait for the bot's answer; `first` is what may be done in vain.

        SimCord refuses what was pressed while the channel changed: then it is pressed again.
        """
        for _ in range(TRIES):
            await self._at_rest()
            if first is not None:
                await first()
                await self._at_rest()
            async with self.page.expect_response(_answers_a_deed) as answered:
                await action()
            answer = await (await answered.value).json()
            await self._at_rest()
            if not answer["rejected"]:
                return
        raise AssertionError(f"it was refused {TRIES} times")


def _answers_a_deed(response: Response) -> bool:
    if not response.url.endswith("/api/action"):
        return False
    asked: Any = response.request.post_data_json
    return asked["kind"] in DEEDS


@asynccontextmanager
async def visiting(
    browser: Browser, name: str, url: str, screen: dict[str, Any]
) -> AsyncIterator[Visitor]:
    """A visitor on that screen, who has come; no script of the page may have failed meanwhile."""
    context = await browser.new_context(reduced_motion="reduce", **screen)
    visitor = Visitor(await context.new_page(), name, url)
    try:
        await visitor.comes()
        yield visitor
        await visitor.sees_no_sideways_scrolling()
        assert visitor.troubles == []
    except Exception:
        await visitor.tell()
        raise
    finally:
        await context.close()
