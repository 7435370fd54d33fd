"""What somebody reads after they answered, and who answered what. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ui.lasting import LastingView
from bot.ui.meeting_words import local
from bot.ui.text import lines, plain, when
from core.operations.answers import Answered, Roll
from core.operations.visits import Offer, Visiting
from core.reconcile import answers as pure
from core.words import mark, t, tn

_NOW = {
    pure.ATTENDING: mark("✅ You are coming to {meeting} of **{group}**, {time}."),
    pure.TENTATIVE: mark("❔ You may come to {meeting} of **{group}**, {time}."),
    pure.NOT_ATTENDING: mark("❌ You can't come to {meeting} of **{group}**, {time}."),
    pure.PENDING: mark("You have not answered for {meeting} of **{group}**, {time}."),
}


def answered(done: Answered, offers: Sequence[Offer] = ()) -> tuple[str, LastingView]:
    """The private answer to a press, with what else can be said now."""
    number, view = done.meeting.id, LastingView()
    parts = [
        t(_NOW[done.status], meeting=done.meeting.name, group=plain(done.group_name),
          time=when(done.meeting.starts_at, "F"))
    ]  # fmt: skip
    if not done.changed:
        parts.append(t("A later answer of yours stands."))
    if done.status == pure.ATTENDING:
        view.button(t("Can't come after all"), "rsvp_no", number)
    elif done.status == pure.TENTATIVE:
        view.button(t("Attending"), "rsvp_yes", number, style=discord.ButtonStyle.success)
        view.button(t("Can't come"), "rsvp_no", number)
    else:
        _declined(done, offers, parts, view)
    if done.visiting and done.status != pure.NOT_ATTENDING:
        parts.append(t("You are still a guest of another group instead."))
        view.button(t("Cancel the visit"), "visit_cancel", number)
    return "\n".join(parts), view


def _declined(done: Answered, offers: Sequence[Offer], parts: list[str], view: LastingView) -> None:
    number = done.meeting.id
    if done.reason is not None:
        parts.append(t("Your reason, for your facilitators: {reason}", reason=plain(done.reason)))
    label = t("Say why") if done.reason is None else t("Change the reason")
    view.button(label, "rsvp_why", number, row=1)
    view.button(t("I can come after all"), "rsvp_yes", number, row=1)
    if done.visiting:
        parts.append(t("You are a guest of another group instead."))
        view.button(t("Cancel the visit"), "visit_cancel", number, row=1)
    if offers:
        parts.append(t("There is room in another group this week, if you want to come there."))
        view.select(
            t("Visit another group this week"), "visit", [_option(o) for o in offers], number,
            row=0,
        )  # fmt: skip


def _option(offer: Offer) -> discord.SelectOption:
    return discord.SelectOption(
        label=f"{offer.group_name} · {offer.meeting.name}"[:100],
        value=f"meeting:{offer.meeting.id}",
        description=t(
            "{time} · {room}",
            time=local(offer.meeting.starts_at, offer.zone),
            room=tn("room for {n}", "room for {n}", offer.free),
        )[:100],
    )  # fmt: skip


def visiting(done: Visiting, missed_id: int, *, open_now: bool) -> tuple[str, LastingView]:
    """After a visit was booked: where, when, and how long the channels are open."""
    parts = [
        t("🧳 You are a guest of **{group}** for {meeting}, {time}.",
          group=plain(done.group_name), meeting=done.meeting.name,
          time=when(done.meeting.starts_at, "F"))
    ]  # fmt: skip
    links = " ".join(f"<#{c}>" for c in done.channels)
    until = when(done.ends_at, "F")
    if open_now and links:
        parts.append(t("Its channels are yours until {until}: {links}", links=links, until=until))
    elif links:
        parts.append(
            t("You see its channels from {since} until {until}.",
              since=when(done.begins_at, "F"), until=until)
        )  # fmt: skip
    view = LastingView().button(t("Cancel the visit"), "visit_cancel", missed_id)
    return "\n".join(parts), view


_ANSWERS = (
    (pure.ATTENDING, mark("✅ **Attending ({n})**")),
    (pure.TENTATIVE, mark("❔ **Maybe ({n})**")),
    (pure.NOT_ATTENDING, mark("❌ **Can't come ({n})**")),
    (pure.PENDING, mark("💤 **No answer ({n})**")),
)


def roll(found: Roll) -> str:
    """Who answered what, one line each where there is a reason to show."""
    head = t("**{meeting}** of **{group}** · {time}", meeting=found.meeting.name,
             group=plain(found.group_name), time=when(found.meeting.starts_at, "F"))  # fmt: skip
    parts = [head]
    for answer, heading in _ANSWERS:
        those = [p for p in found.people if p.answer == answer]
        if not those:
            continue
        parts.append(t(heading, n=len(those)))
        silent = [p for p in those if not p.reason]
        if silent:
            names = [pure.Answered(plain(p.name), answer, p.guest) for p in silent]
            parts.append(pure.listed(names, room=300))
        parts += [f"• {plain(p.name)}: {plain(p.reason)}" for p in those if p.reason]
    return lines(parts)
