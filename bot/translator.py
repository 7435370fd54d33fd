"""The command tree in the languages that people read.

Command names are the same in every language: a post in the server's language is read by people
whose Discord speaks another one, and both must find the command that it names. Descriptions,
options and choices are translated.
"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Place

from core import words

_NAMES = {Place.command_name, Place.group_name}


class Translator(app_commands.Translator):
    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """None: Discord shows the English text."""
        if words.nearest(locale.value) == words.SOURCE:
            return None
        if context.location in _NAMES and not isinstance(context.data, app_commands.ContextMenu):
            return None
        return words.of_command(string.message, locale.value)
