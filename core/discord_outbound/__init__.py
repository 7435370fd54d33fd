"""The only code that calls Discord. It knows no database, and failures come out classified."""

from core.discord_outbound.bot import get_bot, get_or_fetch_member, set_bot
from core.discord_outbound.channels import (
    create_category,
    create_text_channel,
    create_voice_channel,
    get_or_fetch_channel,
)
from core.discord_outbound.events import create_scheduled_event
from core.discord_outbound.messages import send_channel_message, send_dm
from core.discord_outbound.permissions import (
    get_members_with_access,
    grant_channel_access,
    revoke_channel_access,
)

__all__ = [
    "create_category",
    "create_scheduled_event",
    "create_text_channel",
    "create_voice_channel",
    "get_bot",
    "get_members_with_access",
    "get_or_fetch_channel",
    "get_or_fetch_member",
    "grant_channel_access",
    "revoke_channel_access",
    "send_channel_message",
    "send_dm",
    "set_bot",
]
