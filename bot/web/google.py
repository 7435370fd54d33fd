"""Where Google sends a moderator's browser back to: one page that says what became of it."""

from __future__ import annotations

from html import escape

import discord
import structlog
from aiohttp import web

from bot import checks
from bot.web import page
from core.calendars.google_desk import Desk
from core.errors import MusterError, PermanentError, Refusal
from core.keys import Keys
from core.operations import google_connect, settings
from core.operations.calendar_link import left_behind
from core.operations.google_connect import MINUTES, Connected
from core.words import speaking, t

log = structlog.get_logger(__name__)

PATH = "/google/callback"


def routes(desk: Desk, keys: Keys, bot: discord.Client) -> list[web.RouteDef]:
    """For bot.web.server.application. `bot` knows who is a moderator now."""

    async def may(guild_id: int, user_id: int) -> bool:
        guild = bot.get_guild(guild_id)
        member = guild.get_member(user_id) if guild is not None else None
        if member is None:
            return False
        return checks.is_moderator(member, await settings.get(guild_id))

    async def callback(request: web.Request) -> web.Response:
        with speaking(page.language_of(request)):
            try:
                done = await google_connect.finish(desk, keys, request.query, may)
            except MusterError as error:
                log.info("google_not_connected", kind=_kind(error))
                return _not_connected(error)
            return _connected(done)

    return [web.get(PATH, callback)]


def _kind(error: MusterError) -> str:
    return error.code if isinstance(error, Refusal) else str(getattr(error, "kind", "unknown"))


def _connected(done: Connected) -> web.Response:
    title = t("Google Calendar is connected")
    lines = [
        t("Muster writes the meetings of {server} into a calendar of its own.", server=done.server),
        t("In your Google Calendar you find it under “My calendars”, within a minute or two."),
        t("Muster sees no other calendar of yours. You can close this page."),
        *filter(None, [left_behind(done.left)]),
    ]
    away = t(
        "To end it: /settings → Calendar on Discord, or myaccount.google.com/connections at Google."
    )
    return page.document(title, _page("✅", title, lines, away))


def _not_connected(error: MusterError) -> web.Response:
    """A refusal is the person's to mend (400), the rest is Google's or the operator's (502)."""
    title = t("Google Calendar is not connected")
    refused = isinstance(error, Refusal)
    lasting = refused or isinstance(error, PermanentError)
    what = (
        t("On Discord: /settings → Calendar → Connect Google. A new link is good for {n} minutes.",
          n=MINUTES)
        if lasting
        else t("Try again in a few minutes: /settings → Calendar → Connect Google on Discord.")
    )  # fmt: skip
    body = _page("⚠️", title, [str(error)], what)
    return page.document(title, body, status=400 if refused else 502)


def _page(sign: str, title: str, lines: list[str], soft: str) -> str:
    said = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<h1>{sign} {escape(title)}</h1>{said}<p class="soft">{escape(soft)}</p>'
