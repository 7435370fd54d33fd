"""The steps of an import: preview, decide what is unclear, choose groups, do it. Moderators only.

Nothing is kept but in the buttons of the private answer, and nothing is done before [Do it].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import discord
import structlog

from bot import checks
from bot.ui import imports as ui
from bot.ui.answer import acknowledge, show
from bot.ui.base import Handler, View
from bot.ui.lasting import LastingView
from bot.ui.results import look_after, sync_groups
from bot.ui.text import lines, plain
from bot.ui.undo import undo_view
from core import words
from core.discord_outbound.messages import send_channel_message
from core.errors import Refusal
from core.operations import arrivals, imports, roster, settings
from core.operations.common import Actor
from core.operations.imports import Facts, Imported
from core.reconcile.roster_list import Row
from core.reconcile.roster_match import OUT, WAIT, Match, People, Status, decide, settle
from core.reconcile.roster_seats import Seating, by_list, spread
from core.words import t, tn

log = structlog.get_logger(__name__)

Interaction = discord.Interaction


@dataclass
class Import:
    """One list on its way in. `choices` are decisions on unclear rows, by their index."""

    guild_id: int
    facts: Facts
    people: People
    raw: tuple[Match, ...]
    heading_line: int | None
    choices: dict[int, int] = field(default_factory=dict)
    lists_groups: bool = False  # the list's own groups are used
    over: bool = False  # also past the seats

    def matches(self) -> list[Match]:
        """Every row with what was decided about it, and who is in the cohort by now."""
        decided = [
            decide(found, self.choices[n], self.people) if n in self.choices else found
            for n, found in enumerate(self.raw)
        ]
        return settle(decided, self.facts.inside, self.facts.expected)

    def open(self) -> list[int]:
        """Indexes of the rows that nobody decided yet."""
        return [
            n for n, m in enumerate(self.raw)
            if m.status == Status.unclear and n not in self.choices
        ]  # fmt: skip

    def seating(self) -> Seating:
        place = by_list if self.lists_groups else spread
        return place(self.matches(), self.facts.places, over=self.over)

    async def actor(self, interaction: Interaction) -> Actor:
        """The presser, who must be a moderator of this very server, now."""
        actor = await checks.moderator(interaction)
        if actor.guild_id != self.guild_id:
            raise Refusal("not_allowed", t("Only moderators can do that. Nothing was changed."))
        return actor


async def begin(
    interaction: Interaction,
    actor: Actor,
    cohort_id: int,
    rows: Sequence[Row],
    heading_line: int | None = None,
) -> None:
    """Match the rows with the server's people and show the preview."""
    looked = await imports.preview(actor, cohort_id, rows)
    state = Import(actor.guild_id, looked.facts, looked.people, looked.matches, heading_line)
    await Overview(state).show(interaction)


class _Step(View):
    """What all steps share: their import, [Every line] and [Cancel]."""

    def __init__(self, state: Import) -> None:
        super().__init__()
        self.state = state

    def _ending(self, seats: Seating | None = None) -> None:
        async def every_line(interaction: Interaction) -> None:
            await self.state.actor(interaction)
            await interaction.response.defer(ephemeral=True)
            state = self.state
            file = ui.report(state.facts, state.people, state.matches(), seats)
            await interaction.followup.send(file=file, ephemeral=True)

        self.add_button(t("Every line"), every_line, row=1)
        self.add_button(t("Cancel"), self._cancel, row=1)

    async def _cancel(self, interaction: Interaction) -> None:
        await self.state.actor(interaction)
        self.stop()
        await show(interaction, t("Cancelled. Nothing changed."))


class Overview(_Step):
    """The preview of the list, and where to go from there."""

    def __init__(self, state: Import) -> None:
        super().__init__(state)
        matches = state.matches()
        undecided = len(state.open())
        primary = discord.ButtonStyle.primary
        if undecided:
            label = tn("Decide {n} unclear", "Decide {n} unclear", undecided)
            self.add_button(label, self._decide, style=primary)
            self.add_button(t("Leave the unclear out"), self._leave_out)
        elif any(m.status in ui.PLACED for m in matches):
            self.add_button(t("Spread evenly"), self._spread, style=primary)
            if any(m.row.group for m in matches):
                self.add_button(t("Use the list's groups"), self._by_list)
        self._ending()
        self._text = ui.overview(state.facts, matches, state.heading_line)

    async def show(self, interaction: Interaction) -> None:
        """In place of what was shown before."""
        await show(interaction, self._text, self)

    async def _decide(self, interaction: Interaction) -> None:
        await self.state.actor(interaction)
        self.stop()
        await Decide(self.state).show(interaction)

    async def _leave_out(self, interaction: Interaction) -> None:
        await self.state.actor(interaction)
        self.stop()
        self.state.choices |= dict.fromkeys(self.state.open(), OUT)
        await Overview(self.state).show(interaction)

    async def _spread(self, interaction: Interaction) -> None:
        await self._seats(interaction, lists_groups=False)

    async def _by_list(self, interaction: Interaction) -> None:
        await self._seats(interaction, lists_groups=True)

    async def _seats(self, interaction: Interaction, *, lists_groups: bool) -> None:
        actor = await self.state.actor(interaction)
        self.stop()
        await acknowledge(interaction)
        self.state.lists_groups, self.state.over = lists_groups, False
        await show_seats(interaction, actor, self.state)


class Decide(_Step):
    """One unclear row after the other."""

    def __init__(self, state: Import) -> None:
        super().__init__(state)
        undecided = state.open()
        self._index = undecided[0]
        found = state.raw[self._index]
        total = sum(m.status == Status.unclear for m in state.raw)
        options = ui.candidates(found, state.people, state.facts)
        self.add_select(t("Who is it?"), options, self._chosen)
        if found.may_wait:
            label = t("Not here yet: hold a seat for @{user}", user=found.row.who.lower())
            self.add_button(label, self._taken_as(WAIT), row=1)
        self.add_button(t("Leave out"), self._taken_as(OUT), row=1)
        self.add_button(t("Cancel"), self._cancel, row=1)
        self._text = ui.question(found, total - len(undecided) + 1, total)

    async def show(self, interaction: Interaction) -> None:
        """In place of what was shown before."""
        await show(interaction, self._text, self)

    async def _chosen(self, interaction: Interaction, values: list[str]) -> None:
        await self._take(interaction, int(values[0]))

    def _taken_as(self, choice: int) -> Handler:
        async def pressed(interaction: Interaction) -> None:
            await self._take(interaction, choice)

        return pressed

    async def _take(self, interaction: Interaction, choice: int) -> None:
        await self.state.actor(interaction)
        self.stop()
        self.state.choices[self._index] = choice
        following = Decide(self.state) if self.state.open() else Overview(self.state)
        await following.show(interaction)


async def show_seats(interaction: Interaction, actor: Actor, state: Import, note: str = "") -> None:
    """The groups as they would be, with the seats of this moment; `note` goes above."""
    state.facts = await imports.facts(actor, state.facts.cohort_id)
    view = Seats(state)
    text = ui.seating(state.facts, state.matches(), view.seating)
    await show(interaction, lines([*([note] if note else []), text]), view)


class Seats(_Step):
    """[Do it] under the groups; [Put … in] where seats are missing."""

    def __init__(self, state: Import) -> None:
        super().__init__(state)
        self.seating = state.seating()
        if self.seating.placed:
            self.add_button(t("Do it"), self._do, style=discord.ButtonStyle.success)
        if missing := self.seating.left_for("full"):
            label = tn(
                "Put {n} more in, past the seats", "Put {n} more in, past the seats", missing
            )
            self.add_button(label, self._over)
        self.add_button(t("Back"), self._back)
        self._ending(self.seating)

    async def _over(self, interaction: Interaction) -> None:
        actor = await self.state.actor(interaction)
        self.stop()
        await acknowledge(interaction)
        self.state.over = True
        await show_seats(interaction, actor, self.state)

    async def _back(self, interaction: Interaction) -> None:
        await self.state.actor(interaction)
        self.stop()
        await Overview(self.state).show(interaction)

    async def _do(self, interaction: Interaction) -> None:
        """All of it in one transaction; where something changed, the new numbers instead."""
        actor = await self.state.actor(interaction)
        self.stop()  # a second press of an impatient thumb does nothing
        await show(interaction, t("⏳ Working…"))
        state = self.state
        try:
            imported = await imports.apply(
                actor, state.facts.cohort_id, self.seating.placed, over=state.over
            )
        except Refusal as refusal:
            if refusal.code != "import_changed":
                await show(interaction, plain(str(refusal)))
                return
            await show_seats(interaction, actor, state, f"⚠️ {plain(str(refusal))}")
            return
        await _follow(interaction, state, imported, self.seating)


async def _follow(
    interaction: Interaction, state: Import, imported: Imported, seating: Seating
) -> None:
    """Access, one post in each group, the moderators' post, the answer with [Undo]."""
    # Who arrived between the preview and now was not expected by anybody then.
    late = await arrivals.catch_up(state.guild_id)
    group_ids = sorted({*imported.group_ids, *late})
    notes = ui.done(state.facts, imported, seating)
    title = t("Import into {cohort}", cohort=state.facts.cohort_name)
    totals = await sync_groups(interaction, group_ids, title, note=notes)
    unposted = await welcome_all(state.guild_id, imported)
    look_after(interaction, group_ids)
    parts = len(imported.entry_ids)
    apart = t("To take it back, take back its {n} entries in `/history`.", n=parts)
    icon = "⚠️" if totals.failed or unposted else "✅"
    text = lines(
        [
            f"{icon} **{plain(title)}**", " ".join(notes), totals.summary(),
            *totals.troubles(), *(f"⚠️ {n} × {plain(why)}" for why, n in unposted.items()),
            *([apart] if parts > 1 else []),
        ]
    )  # fmt: skip
    await show(interaction, text, _undo(imported))


def _undo(imported: Imported) -> LastingView | None:
    """[Undo], where the whole import is one entry of the history; else /history has its parts."""
    return undo_view(imported.entry_ids[0]) if len(imported.entry_ids) == 1 else None


async def welcome_all(guild_id: int, imported: Imported) -> Counter[str]:
    """One post in each group's channel that names who is new there, and pings nobody.

    Returns why some could not be posted, with how many.
    """
    failed: Counter[str] = Counter()
    if not imported.entry_ids:
        return failed
    language = (await settings.get(guild_id)).language
    rosters = await roster.of_groups(guild_id, sorted(imported.people))
    for group_id, users in sorted(imported.people.items()):
        channels = rosters[group_id].channels
        if not channels:
            continue  # a draft, or what kept the channels from being made is told already
        with words.speaking(language):
            text = ui.welcome(users)
        sent = await send_channel_message(
            channels[0], text, key=f"import:{imported.entry_ids[0]}:{group_id}"
        )
        if not sent:
            log.warning("welcome_not_posted", group_id=group_id, error=sent.text)
            failed[sent.text] += 1
    return failed
