"""SimCord's preview, one for each browser tab, and the clock that moves everything in it.

SimCord allows one action at a time, and moving its clock is one of them: everything that touches
it takes `Stage.lock`. It also knows one preview at a time; the one that a tab is about to use is
put in that place under the same lock, so that several tabs can be different people.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from simcord import ChannelHandle, MemberActor, Preview, SetupError
from simcord.preview import _markdown

from bot.demo.town import Town
from core.clock import utcnow

log = structlog.get_logger(__name__)

TICK = 1.0  # seconds between two movements of the simulated clock
TABS = 6  # more open previews than anybody looks at; the one longest unused gives way

_make_parser: Any = _markdown._markdown_parser  # noqa: SLF001 - see below
_parsers: dict[tuple[tuple[str, bool | str], ...], tuple[Any, dict[str, Any]]] = {}


def _parser(policy: Mapping[str, bool | str], context: Mapping[str, Any]) -> Any:
    """SimCord's parser for one kind of text; a text is parsed before the next one asks.

    SimCord makes one, with all its patterns, for each text of a page each time it changes: that was
    a sixth of the demo's work.
    """
    key = tuple(sorted(policy.items()))
    if key not in _parsers:
        named: dict[str, Any] = {}
        _parsers[key] = _make_parser(policy, named), named
    parser, named = _parsers[key]
    named.clear()
    named.update(context)
    return parser


_markdown._markdown_parser = _parser  # noqa: SLF001 - there is no other place


@dataclass
class Showing:
    """What one tab shows: one person in one channel."""

    preview: Preview
    person: MemberActor
    channel_id: int
    seen: int = 0
    opened: bool = False  # a browser has loaded its page

    @property
    def capability(self) -> str:
        return urlsplit(self.preview.url).fragment

    @property
    def origin(self) -> str:
        return self.preview.url.partition("/#")[0]


class Stage:
    def __init__(self, town: Town) -> None:
        self.town = town
        self.env: Any = town.env
        self.lock = asyncio.Lock()
        self.tabs: OrderedDict[str, Showing] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()

    async def show(self, tab: str, person: MemberActor, channel: ChannelHandle) -> Showing:
        """Show the channel to the person in this tab. Raises SetupError where it is hidden."""
        viewer = person.user if channel.guild is None else person
        async with self.lock:
            old = self.tabs.pop(tab, None)
            if old is not None:
                self._end(old)
            while len(self.tabs) >= TABS:
                self._end(self.tabs.popitem(last=False)[1])
            self.env._preview = None  # noqa: SLF001 - the one place for a preview, see above
            preview = self.env.preview(channel, viewers=[viewer], layout="channel")
            await preview.__aenter__()
            made = Showing(preview, person, channel.id)
            made.seen = self._print(made)
            self.tabs[tab] = made
            return made

    def _end(self, showing: Showing) -> None:
        """Nobody waits for it: a preview waits up to a minute for connections that say nothing."""
        ending = asyncio.create_task(showing.preview.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def by_capability(self, capability: str | None) -> Showing | None:
        """The preview that a request of its page belongs to."""
        return next((s for s in self.tabs.values() if s.capability == capability), None)

    def alive(self, tab: str) -> bool:
        """Whether this tab still shows something that answers."""
        showing = self.tabs.get(tab)
        if showing is None:
            return False
        # A page ends by itself ten minutes after the browser last looked (a laptop that slept);
        # the preview's own, which no browser shows, stays.
        return not showing.opened or len(showing.preview._pages) > 1  # noqa: SLF001

    def use(self, showing: Showing) -> None:
        """Put this preview in SimCord's one place; only while holding the lock."""
        self.env._preview = showing.preview  # noqa: SLF001 - likewise

    def noticed(self, showing: Showing) -> None:
        """Its page is up to date with what is in the channel now."""
        showing.seen = self._print(showing)

    def _print(self, showing: Showing) -> int:
        """A number that changes when the page would look different."""
        backend = self.env.backend
        channel = backend.channels.get(showing.channel_id)
        rights = None
        if channel is not None and channel.guild_id is not None:
            rights = backend.compute_permissions(channel.guild_id, showing.person.id, channel.id)
        messages = backend.messages.get(showing.channel_id, {}).values()
        return hash((repr(channel), rights, "".join(map(repr, messages))))

    async def run(self) -> None:
        """Keep SimCord's clock at real time, and its pages up to date, until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            try:
                await self.tick()
            except (SetupError, TimeoutError) as error:
                log.warning("demo_tick_failed", error=str(error))

    async def tick(self) -> None:
        """Move the clock to now, which runs what is due, and refresh the pages that it changed."""
        async with self.lock:
            behind = (utcnow() - self.env.now()).total_seconds()
            if behind > 0:
                await self.env.advance_time(behind)
            for showing in self.tabs.values():
                if self._print(showing) != showing.seen:
                    self.use(showing)
                    await showing.preview.refresh()
                    self.noticed(showing)

    async def close(self) -> None:
        """End all previews."""
        while self.tabs:
            self._end(self.tabs.popitem()[1])
        await asyncio.gather(*self._ending)
