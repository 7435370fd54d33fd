"""Give and take access, with the cheapest calls that are safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import discord

from core.discord_outbound.bot import get_bot
from core.discord_outbound.cache import is_fresh
from core.discord_outbound.outcome import OK, Outcome, attempt
from core.plan import NOTHING, Bits, SetAccess
from core.reconcile.permissions import TEXT_ACCESS, VIEW_CHANNEL, VOICE_ACCESS
from core.words import mark, t

GROUP_SYNC = mark("Group sync")  # what the audit log says where the caller gave no reason

# Up to this many differences a channel are written one by one: race-free and idempotent.
SINGLE_CALLS = 2
# Discord's OpenAPI description allows no more entries in one create or edit call, although a
# channel holds 1,000; beyond it only single calls work.
LIST_LIMIT = 100


async def grant_channel_access(
    member: discord.Member,
    text_channel: discord.abc.GuildChannel | None,
    voice_channel: discord.abc.GuildChannel | None = None,
    reason: str = GROUP_SYNC,
) -> Outcome:
    """Let one member into a group's channels. Bits that others set for them survive."""

    def given(have: Bits, allow: int) -> Bits:
        return Bits(have.allow | allow, have.deny & ~allow)

    return await _change_both(member, text_channel, voice_channel, given, reason)


async def revoke_channel_access(
    member: discord.Member,
    text_channel: discord.abc.GuildChannel | None,
    voice_channel: discord.abc.GuildChannel | None = None,
    reason: str = GROUP_SYNC,
) -> Outcome:
    """Take back what `grant_channel_access` gave, and only that."""

    def taken(have: Bits, allow: int) -> Bits:
        return have.without(Bits(allow, 0))

    return await _change_both(member, text_channel, voice_channel, taken, reason)


async def _change_both(
    member: discord.Member,
    text_channel: discord.abc.GuildChannel | None,
    voice_channel: discord.abc.GuildChannel | None,
    change: Callable[[Bits, int], Bits],
    reason: str,
) -> Outcome:
    """`change` the entry in each channel, where that differs; the last failure, if any."""
    result = OK
    for channel, allow in ((text_channel, TEXT_ACCESS), (voice_channel, VOICE_ACCESS)):
        if channel is None:
            continue
        have = _bits(channel, member.id)
        want = change(have, allow)
        if want != have:
            outcome = await _write(channel.id, member.id, want, is_role=False, reason=reason)
            result = result if outcome else outcome
    return result


def get_members_with_access(channel: discord.abc.GuildChannel) -> set[str]:
    """Ids (as str) of the members who have an own entry in `channel` that lets them see it."""
    return {
        str(o.id)
        for o in channel._overwrites  # noqa: SLF001 - raw and fast, see cache.py
        if o.is_member() and o.allow & VIEW_CHANNEL
    }


def _bits(channel: discord.abc.GuildChannel, target: int) -> Bits:
    for overwrite in channel._overwrites:  # noqa: SLF001 - raw and fast, see cache.py
        if overwrite.id == target:
            return Bits(overwrite.allow, overwrite.deny)
    return NOTHING


async def _write(
    channel_id: int, target: int, bits: Bits, *, is_role: bool, reason: str
) -> Outcome:
    http = get_bot().http
    reason = t(GROUP_SYNC) if reason == GROUP_SYNC else reason
    if bits == NOTHING:
        outcome = await attempt(http.delete_channel_permissions(channel_id, target, reason=reason))
        # Gone already is what we wanted; a missing channel is not.
        return OK if outcome.error_class in {"not_found", "unknown_overwrite"} else outcome
    return await attempt(
        http.edit_channel_permissions(
            channel_id,
            target,
            str(bits.allow),
            str(bits.deny),
            0 if is_role else 1,
            reason=reason,
        )
    )


async def apply_to_channel(
    channel_id: int, changes: Sequence[SetAccess], reason: str
) -> list[tuple[SetAccess, Outcome]]:
    """Make the changes of one channel: one or two by PUT or DELETE, more by one PATCH.

    The PATCH merges into the raw list, so that entries of others go back as they are; without
    a fresh cache the list is read first. A refused PATCH is tried once more one by one, so
    that a single impossible entry does not stop the others.
    """
    if len(changes) > SINGLE_CALLS:
        outcome = await _patch(channel_id, changes, reason)
        if outcome or outcome.error_class not in {"missing_permission", "invalid"}:
            return [(change, outcome) for change in changes]
    results = []
    refused: Outcome | None = None
    for change in changes:
        outcome = refused or await _write(
            channel_id, change.target_id, change.after, is_role=change.is_role, reason=reason
        )
        if outcome.error_class in {"missing_access", "unknown_channel"}:
            refused = outcome  # the same answer awaits the rest, and 403s count towards a ban
        results.append((change, outcome))
    return results


async def _patch(channel_id: int, changes: Sequence[SetAccess], reason: str) -> Outcome:
    bot = get_bot()
    channel = bot.get_channel(channel_id)
    raw: dict[int, dict[str, Any]]
    if is_fresh() and isinstance(channel, discord.abc.GuildChannel):
        raw = {o.id: dict(o._asdict()) for o in channel._overwrites}  # noqa: SLF001 - keeps unknown bits
    else:
        outcome = await attempt(bot.http.get_channel(channel_id))
        if not outcome:
            return outcome
        raw = {int(o["id"]): dict(o) for o in outcome.value["permission_overwrites"]}
    merged = dict(raw)
    for change in changes:
        if change.after == NOTHING:
            merged.pop(change.target_id, None)
        else:
            merged[change.target_id] = {
                "id": change.target_id,
                "allow": str(change.after.allow),
                "deny": str(change.after.deny),
                "type": 0 if change.is_role else 1,
            }
    ours = {c.target_id for c in changes}
    if len(merged) > LIST_LIMIT:
        return Outcome("invalid", t("too many entries for one call"), permanent=True)
    outcome = await attempt(
        bot.http.edit_channel(
            channel_id, permission_overwrites=list(merged.values()), reason=reason
        )
    )
    if outcome:
        await _restore_lost(channel_id, raw, merged, ours, reason)
    return outcome


async def _restore_lost(
    channel_id: int,
    sent_from: dict[int, dict[str, Any]],
    sent: dict[int, dict[str, Any]],
    ours: set[int],
    reason: str,
) -> None:
    """There is no If-Match: an entry that somebody added while we wrote is put back by PUT.

    CHANNEL_UPDATE events that came in between have changed the cached list; what it holds now
    and we neither sent nor knew was lost by our write.
    """
    channel = get_bot().get_channel(channel_id)
    if not isinstance(channel, discord.abc.GuildChannel):
        return
    for overwrite in list(channel._overwrites):  # noqa: SLF001 - raw and fast, see cache.py
        known = overwrite.id in sent_from or overwrite.id in sent or overwrite.id in ours
        if not known:
            bits = Bits(overwrite.allow, overwrite.deny)
            await _write(channel_id, overwrite.id, bits, is_role=overwrite.is_role(), reason=reason)


async def apply_to_role(
    guild_id: int, role_id: int, changes: Sequence[SetAccess], reason: str
) -> list[tuple[SetAccess, Outcome]]:
    """Give or take a group's role: one call per person."""
    http = get_bot().http
    results = []
    for change in changes:
        call = http.add_role if change.after != NOTHING else http.remove_role
        outcome = await attempt(call(guild_id, change.target_id, role_id, reason=reason))
        if outcome.error_class == "unknown_member" and change.after == NOTHING:
            outcome = OK  # who left has no role any more
        results.append((change, outcome))
    return results
