"""What /check shows."""

from __future__ import annotations

import discord

from bot import checks
from bot.ui.answer import acknowledge, show
from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain
from core.operations import check
from core.reconcile.doctor import Finding
from core.words import t, tn


def finding_text(finding: Finding) -> str:
    """What, what it stops, and how to give it; core's own bold stays."""
    what, effect, fix = (
        plain(part).replace(r"\*\*", "**") for part in (finding.what, finding.effect, finding.fix)
    )
    return f"⚠️ {what}\n{effect}.\n→ {fix}"


async def show_check(interaction: discord.Interaction) -> None:
    """Look at every permission and show what is missing, with [Check again]."""
    actor = await checks.moderator(interaction)
    await acknowledge(interaction)
    found = await check.check(actor.guild_id)
    if found:
        text = lines(finding_text(f) for f in found)
    else:
        n = await check.counted(actor.guild_id)
        text = t(
            "✅ Everything is right: {permissions} of this server, {channels} and {roles} were "
            "looked at.",
            permissions=tn("{n} permission", "{n} permissions", n.permissions),
            channels=tn("{n} channel", "{n} channels", n.channels),
            roles=tn("{n} role", "{n} roles", n.roles),
        )
    view = LastingView().button(t("Check again"), "home_check").button(t("Home"), "home")
    await show(interaction, text, view)
