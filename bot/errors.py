"""The one command-error ladder: whatever happens, the person reads a sentence."""

from __future__ import annotations

import secrets

import discord
import sentry_sdk
import structlog
from discord import app_commands

from bot.ui.text import plain
from core.errors import PermanentError, Refusal, TemporaryError, sentence
from core.words import t

log = structlog.get_logger(__name__)


async def answer(interaction: discord.Interaction, error: BaseException) -> None:
    """Tell the person what happened, what it affects and what to do; log the rest with an id."""
    while isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    text = _sentence(error)
    if text is None:
        error_id = secrets.token_hex(4)
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("error_id", error_id)
            sentry_sdk.capture_exception(error)
        log.error("command_failed", error_id=error_id, exc_info=error)
        text = t(
            "Something went wrong on our side, so this may not have been done. Try again; if it "
            "stays, tell a moderator this number: `{number}`.",
            number=error_id,
        )
    await say(interaction, text)


def too_old() -> Refusal:
    """What a press gets that nobody remembers any more."""
    return Refusal(
        "too_old",
        t(
            "This is too old, or Muster was restarted meanwhile. Nothing was changed: open it "
            "again."
        ),
    )


def _sentence(error: BaseException) -> str | None:
    """What is known to happen, in words; None for what is not."""
    if isinstance(error, Refusal):
        return plain(str(error))
    if isinstance(error, TemporaryError):
        problem = plain(sentence(str(error)))
        return t("{problem} Nothing is lost: Muster tries again by itself.", problem=problem)
    if isinstance(error, PermanentError):
        return t("{problem} `/check` names what is missing.", problem=plain(sentence(str(error))))
    if isinstance(error, app_commands.CheckFailure):
        return t("You cannot use this here. Nothing was changed.")
    if isinstance(error, app_commands.TransformerError):
        return t("That is not one of the choices. Pick one from the list.")
    return None


async def say(interaction: discord.Interaction, text: str) -> None:
    """Answer privately, whatever was or was not answered before."""
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except discord.HTTPException as failure:
        # The token is 15 minutes old, or Discord is down: there is nobody left to tell.
        log.warning("answer_not_delivered", error=str(failure), text=text)
