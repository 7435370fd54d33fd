"""What became of a long piece of work: shown while it runs, summed up, errors grouped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import discord
import structlog

from bot.client import Muster
from bot.ui.answer import acknowledge
from bot.ui.text import lines, plain
from core import sync, words
from core.discord_outbound.messages import edit_channel_message, send_channel_message
from core.errors import MusterError
from core.operations import settings
from core.systems import discord as discord_system
from core.systems import events as event_system
from core.systems.counts import DiscordCounts, SyncResult
from core.words import mark, t, tn
from core.worker import Worker

log = structlog.get_logger(__name__)

# Seconds between two edits of one message: Discord allows about three in six seconds per channel.
EVERY = 2.0
# Systems by the words that people know them by.
_SYSTEMS = {
    "calendar": mark("Calendar"), "reminders": mark("Meetings and reminders"),
    "rsvps": mark("Events and answers"),
}  # fmt: skip


@dataclass
class Totals:
    """Sums over groups. `granted` and `revoked` count people, `problems` sentences.

    Sums and sentences are said in the language of the moment at which they are asked for.
    """

    groups: int = 0
    existed: int = 0
    created: int = 0
    granted: int = 0
    revoked: int = 0
    failed: int = 0
    waits: int = 0  # renames, for Discord's limit
    problems: Counter[str] = field(default_factory=Counter)
    _said: dict[str, str] = field(default_factory=dict)  # each as it can be said again

    def add(self, result: SyncResult) -> None:
        """Count one group's `sync_group` result."""
        self.groups += 1
        systems: Any = result
        for system, part in systems.items():
            if "error" in part:
                problem = str(part["error"])
                if system in _SYSTEMS:
                    problem = t("{system}: {problem}", system=t(_SYSTEMS[system]), problem=problem)
                self._problem(problem)
                self.failed += 1
            elif system == "discord":
                self.count(part)
            else:
                self.failed += part.get("failed", 0)
                for sentence in part.get("problems", []):
                    self._problem(sentence)

    def count(self, part: DiscordCounts) -> None:
        """Add the counts of one run over a group's channels."""
        self.existed += part.get("existed", 0)
        self.created += part.get("created", 0)
        self.granted += part["granted"]
        self.revoked += part["revoked"]
        self.failed += part["failed"]
        self.waits += part.get("waits", 0)
        for sentence in part.get("problems", []):
            self._problem(sentence)

    def _problem(self, sentence: str) -> None:
        self.problems[_bare(sentence)] += 1
        self._said.setdefault(_bare(sentence), sentence)

    def summary(self) -> str:
        """One line of sums."""
        return t(
            "{existed} existed · {created} created · {granted} granted · {revoked} revoked · "
            "{failed} failed",
            existed=self.existed, created=self.created, granted=self.granted,
            revoked=self.revoked, failed=self.failed,
        )  # fmt: skip

    def troubles(self) -> list[str]:
        """One line a kind of error with its number, the most frequent first; then what waits."""
        return [
            *(
                f"⚠️ {n} × {plain(_bare(words.again(self._said[text])))}"
                for text, n in self.problems.most_common()
            ),
            *([f"🕓 {self.waits} × {t(discord_system.RENAME_WAITS)}"] if self.waits else []),
        ]


def _bare(sentence: str) -> str:
    return sentence.strip().rstrip(".")


class Progress:
    """One piece of work as two messages: the asker's private answer, and the moderators' post.

    Both are edited in place, at most once in EVERY seconds, and once more at the end. The answer
    is in the asker's language, the post in the server's, as far as `title` and the notes come
    from t() and tn().
    """

    def __init__(
        self,
        interaction: discord.Interaction,
        title: str,
        total: int,
        *,
        post: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.totals = Totals()
        self.done = 0
        self._interaction = interaction
        self._title = title
        self._total = total
        self._post = post
        self._clock = clock
        self._shown_at = clock()
        self._private = True
        self._view: discord.ui.View | None = None
        self._channel_id: int | None = None
        self._message_id: int | None = None
        self._language = words.language()  # of the post; the server's, once that is known

    async def begin(self) -> None:
        """Acknowledge what has not been acknowledged, and say that work has begun."""
        interaction = self._interaction
        await acknowledge(interaction)
        if self._post and interaction.guild_id is not None:
            chosen = await settings.get(interaction.guild_id)
            self._channel_id, self._language = chosen.moderator_channel_id, chosen.language
        if self._total > 1:
            await self._tell(self._running())

    async def step(self) -> None:
        """One group is done; the messages follow when it is time."""
        self.done += 1
        if self.done < self._total and self._clock() - self._shown_at >= EVERY:
            await self._show(self._running)

    async def finish(self, *notes: str, view: discord.ui.View | None = None) -> None:
        """The last edit: sums, grouped errors, and one line of notes (already safe to show).

        `view` goes under the private answer.
        """
        self._view = view
        await self._show(lambda: self._finished(notes))

    def _running(self) -> str:
        progress = tn(
            "⏳ **{title}** · {done} of {n} group", "⏳ **{title}** · {done} of {n} groups",
            self._total, title=plain(words.again(self._title)), done=self.done,
        )  # fmt: skip
        return f"{progress}\n{self.totals.summary()}"

    def _finished(self, notes: Sequence[str]) -> str:
        totals = self.totals
        icon = "⚠️" if totals.failed else "✅"
        groups = tn("{n} group", "{n} groups", totals.groups)
        parts = [f"{icon} **{plain(words.again(self._title))}** · {groups}"]
        note = " ".join(words.again(n) for n in notes if n)
        parts += [note] if note else []
        parts.append(totals.summary())
        parts += totals.troubles()
        if totals.failed:
            parts.append(
                t(
                    "Everything else was done. Muster tries again by itself; `/sync status` "
                    "shows what is left, `/check` what is missing."
                )
            )
        return lines(parts)

    async def _show(self, draw: Callable[[], str]) -> None:
        self._shown_at = self._clock()
        await self._tell(draw())
        if self._channel_id is None:
            return
        with words.speaking(self._language):
            text = f"{draw()}\n— {self._interaction.user.mention}"
        if self._message_id is None:
            sent = await send_channel_message(self._channel_id, text)
            self._message_id = sent.value.id if sent else None
        else:
            sent = await edit_channel_message(self._channel_id, self._message_id, text)
        if not sent:
            # The work matters more than its post; the asker still has the private answer.
            log.warning("progress_not_posted", channel_id=self._channel_id, error=sent.text)
            self._channel_id = None

    async def _tell(self, text: str) -> None:
        """Edit the private answer, until its token is 15 minutes old."""
        if not self._private:
            return
        try:
            await self._interaction.edit_original_response(content=text, view=self._view)
        except discord.HTTPException as failure:
            log.info("progress_not_shown", error=str(failure))
            self._private = False


async def sync_groups(
    interaction: discord.Interaction,
    group_ids: Sequence[int],
    title: str,
    *,
    repair: bool = False,
    note: str | Sequence[str] = "",
    post: bool = True,
    view: discord.ui.View | None = None,
) -> Totals:
    """Sync each of these groups (of the asker's guild), showing progress and a summary.

    `title` is shown as it is, markdown does nothing in it; `note` (one sentence, or several) is
    added to the summary and must be safe to show. Both should come as they are from t() or tn(),
    so that the moderators' channel reads them in its own language. `repair` also puts back what
    was changed by hand. `post` False keeps it out of that channel. `view` goes under the summary.
    What fails is counted, shown and retried, never raised.
    """
    progress = Progress(interaction, title, len(group_ids), post=post)
    # Else the worker does some of it at the same time, and the sums say too little.
    with _worker(interaction).holding(group_ids) as done:
        await progress.begin()
        for group_id in group_ids:
            await _sync_one(progress.totals, group_id, repair=repair)
            done(group_id)
            await progress.step()
    await progress.finish(*([note] if isinstance(note, str) else note), view=view)
    return progress.totals


async def _sync_one(totals: Totals, group_id: int, *, repair: bool) -> None:
    """One group into the totals; a repair's own sums count beside those of the sync after it."""
    if repair:
        try:
            by_hand = await discord_system.sync(group_id, repair=True)
        except MusterError as error:
            log.info("repair_failed", group_id=group_id, error=str(error))
        else:
            # What exists and what fails is counted by the sync below, which sees the same.
            totals.created += by_hand.get("created", 0)
            totals.granted += by_hand["granted"]
            totals.revoked += by_hand["revoked"]
        try:
            await event_system.sync(group_id, repair=True)
        except MusterError as error:
            log.info("event_repair_failed", group_id=group_id, error=str(error))
    totals.add(await sync.sync_group(group_id))


def look_after(interaction: discord.Interaction, group_ids: Iterable[int]) -> None:
    """Have what depends on these groups (freed seats, posted lists) follow in the background."""
    _worker(interaction).bump(group_ids)


def _worker(interaction: discord.Interaction) -> Worker:
    bot = interaction.client
    assert isinstance(bot, Muster)
    return bot.worker
