"""Settings → Calendar: how it looks. Rendering only."""

from __future__ import annotations

import discord

from bot.ui.lasting import Panel, press
from bot.ui.text import plain, when
from core.calendars.google_desk import Desk
from core.errors import sentence
from core.operations.calendar_status import Exchange, Ways
from core.words import mark, t, tn

KINDS = {
    "caldav": mark("CalDAV"),
    "google": mark("Google Calendar"),
    "service": mark("Google Calendar, shared with Muster"),
    "memory": mark("A calendar for trying out"),
}
_SHOWN = 4  # entries that are asked about; Discord allows 40 components
_DANGER = discord.ButtonStyle.danger


def standing(found: Exchange) -> str:
    """When it was last exchanged and what went wrong, safe to show."""
    at = t("Last exchange {ago}", ago=when(found.at, "R")) if found.at else t("No exchange yet")
    if found.error is None:
        return f"✅ {at}"
    problem = sentence(plain(found.error))
    if found.stopped:
        return t("⚠️ Stopped: {problem} {at}.", problem=problem, at=at)
    return t("⏳ {problem} Muster goes on trying. {at}.", problem=problem, at=at)


def line(found: Exchange | None) -> str | None:
    """For the moderators' home; None where no calendar is connected."""
    if found is None:
        return None
    asked = ""
    if n := len(found.asked):
        asked = " " + tn("{n} entry was deleted there: “Settings” → Calendar.",
                         "{n} entries were deleted there: “Settings” → Calendar.", n)  # fmt: skip
    return f"🗓️ {t('Calendar')}: {standing(found)}{asked}"


def panel(found: Exchange | None, ways: Ways, desk: Desk | None, note: str = "") -> Panel:
    """The whole panel. `note` must be safe to show."""
    view = Panel()
    view.text("\n".join([t("### Calendar of the server"), *([note] if note else [])]))
    if found is None:
        view.text(
            t("Muster writes one entry per group into a calendar of yours, with all its meetings. "
              "Members who give an address in `/calendar` are invited, and their answers come "
              "back. Nobody needs this for the links in `/calendar`.")
        )  # fmt: skip
    else:
        _connected(view, found)
    _ways(view, found, ways, desk)
    return view


def _connected(view: Panel, found: Exchange) -> None:
    where = f" · {plain(found.where)}" if found.where else ""
    entries = tn("{n} entry", "{n} entries", found.entries)
    view.text(f"**{t(KINDS[found.backend])}**{where}\n{entries} · {standing(found)}",
              press(t("Disconnect"), "calendar_off"))  # fmt: skip
    _invitations(view, found)
    for group_id, name in found.asked[:_SHOWN]:
        view.text(t("🗓️ The entry of **{group}** was deleted in the calendar twice.",
                    group=plain(name)))  # fmt: skip
        view.row(press(t("Put it back"), "calendar_back", group_id),
                 press(t("Leave it out"), "calendar_leave", group_id))  # fmt: skip
    if len(found.asked) > _SHOWN:
        view.text(t("… and {n} more", n=len(found.asked) - _SHOWN))


def _invitations(view: Panel, found: Exchange) -> None:
    title = f"**{t('Invitations')}**"
    if not found.guests:
        view.text(f"{title}\n{t('A calendar that is shared with Muster takes no guests.')}")
        return
    said = t("Nobody is invited.")
    if found.invites:
        said = t("Members who gave an address are invited.")
    if found.invites and not found.told:
        said = t("Members who gave an address stand in the entries. This server sends nobody an "
                 "invitation: to answer there, people have to see this calendar.")  # fmt: skip
    label = t("Invite nobody") if found.invites else t("Invite members")
    view.text(f"{title}\n{said}", press(label, "calendar_invites", int(not found.invites)))


def _ways(view: Panel, found: Exchange | None, ways: Ways, desk: Desk | None) -> None:
    row = []
    again = found is not None
    if ways.caldav:
        row.append(press(t("Connect CalDAV"), "calendar_dav"))
    if ways.own:
        row.append(press(t("Connect the account that is set here"), "calendar_own"))
    if desk is not None and desk.client is not None:
        row.append(press(t("Connect Google"), "calendar_google"))
    if desk is not None and desk.service is not None:
        row.append(press(t("Connect a shared Google calendar"), "calendar_shared"))
    if not row:
        view.text(t("Calendars cannot be connected here."))
        return
    if ways.caldav:
        text = t(
            "ℹ️ What is typed into a form passes through Discord. Use an app password that "
            "can be taken back, or have whoever runs Muster set MUSTER_CALDAV_ACCOUNTS."
        )
        if not ways.sealed:
            text = t(
                "ℹ️ Before a password or a Google account can be kept, whoever runs Muster "
                "has to set MUSTER_KEYS."
            )
        view.text(text)
    if again:
        view.text(t("Connecting another calendar takes the place of this one: the entries here are "
                    "deleted, and written there."))  # fmt: skip
    view.row(*row)


def ask_off(entries: int) -> Panel:
    """Before a calendar is disconnected."""
    text = tn(
        "Muster forgets the calendar. Its {n} entry there can be deleted, with the invitations, or "
        "stay as it is: then nobody keeps it any more.",
        "Muster forgets the calendar. Its {n} entries there can be deleted, with the invitations, "
        "or stay as they are: then nobody keeps them any more.",
        entries,
    )
    return Panel().text(text).row(
        press(t("Delete the entries"), "calendar_end", 1, style=_DANGER),
        press(t("Leave them there"), "calendar_end", 0),
        press(t("Cancel"), "setup_calendar"),
    )  # fmt: skip
