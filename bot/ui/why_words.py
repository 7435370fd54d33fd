"""The words for each code of core.reconcile.why: for moderators, and for the person themselves."""

from __future__ import annotations

from typing import Any

from bot.ui.text import plain, when
from core.errors import sentence
from core.operations.why import Answer
from core.reconcile.doctor import names_of
from core.words import again, mark, t

# By code; "_by" where somebody is named, "_when" where a time is known.
MODERATORS = {
    "right": mark(
        "✅ Everything is right on our side: {person} can see {channel}. Ask them to restart "
        "Discord, to look whether its category is folded up, and to turn on “Show All Channels” "
        "in the server's menu."
    ),
    "sees_all": mark(
        "✅ {person} sees every channel, as the server's owner or an administrator, {channel} as "
        "well. If it does not show, ask them to restart Discord."
    ),
    "bot": mark("🤖 {person} is a bot. Bots are in no group."),
    "not_here": mark("🚪 {person} is not on this server."),
    "left": mark("🚪 {person} is not on this server any more, since {at}."),
    "expected": mark(
        "📋 {person} is on the imported list of {group}, but not on this server yet. The seat is "
        "kept, and they are let in when they arrive."
    ),
    "category": mark(
        "📁 {channel} is a category: people see it as soon as they see a channel in it. Ask about "
        "the channel."
    ),
    "not_ours": mark(
        "Muster does not look after {channel}; the channel's own permissions decide, and they do "
        "not let {person} in."
    ),
    "not_ours_sees": mark(
        "Muster does not look after {channel}; the channel's own permissions decide, and they let "
        "{person} in."
    ),
    "pending": mark(
        "📜 {person} has not accepted this server's rules yet. The channels appear as soon as they "
        "have."
    ),
    "by_moderator": mark("{person} is not in {group}, but sees {channel} as a moderator."),
    "sees_own": mark(
        "{person} is not in {group}, but sees {channel} by an entry of their own in its "
        "permissions."
    ),
    "sees_role": mark("{person} is not in {group}, but the role {name} lets them into {channel}."),
    "sees_open": mark("{person} is not in {group}, but {channel} is open for everybody."),
    "cancelled": mark("🚫 {group} was cancelled, so only moderators see its channels."),
    "guest_open": mark(
        "✅ Everything is right on our side: {person} is a guest of {group} and can see {channel} "
        "until {at}. Ask them to restart Discord."
    ),
    "guest_early": mark(
        "⏳ {person} comes to a meeting of {group} as a guest; its channels open for them {at}."
    ),
    "guest_over": mark(
        "{person} is in **{name}** and was a guest of {group}; its channels closed for them {at}."
    ),
    "guest_withdrawn": mark(
        "{person} is in **{name}** and was to be a guest of {group}; that visit was taken back "
        "{at}."
    ),
    "guest_off": mark(
        "{person} is in **{name}** and was to be a guest of {group}; that meeting does not take "
        "place."
    ),
    "shared_off": mark(
        "🔒 The shared channel of {cohort} is switched off, so only moderators see {channel}."
    ),
    "in_none": mark(
        "{person} is in no group of {cohort}; {channel} is for everybody who is in one of them."
    ),
    "other_group": mark(
        "{person} is in **{name}**, another group of the same cohort, and not in {group}."
    ),
    "other_group_by": mark(
        "{person} is in **{name}**, another group of the same cohort: {who} moved them there {at}."
    ),
    "expected_here": mark(
        "📋 {person} is on the imported list of {group}, but was not put into it yet."
    ),
    "no_group": mark("{person} is not in {group}, nor in another group of {cohort}."),
    "left_group": mark("{person} left {group} {at}."),
    "removed": mark("{person} was taken out of {group} {at}."),
    "removed_by": mark("{who} took {person} out of {group} {at}."),
    "draft": mark(
        "📝 {cohort} is still a draft, so {group} has no channels. They come when you open the "
        "group or the cohort."
    ),
    "ended_unopened": mark("📦 {group} ended before it had channels."),
    "deleted": mark("🗑️ {channel} was deleted on Discord."),
    "role_deleted": mark("🗑️ The role {name}, which lets people into {group}, was deleted."),
    "role_too_low": mark(
        "⚠️ Muster cannot give {person} the role {name}: Muster's own role is not above it."
    ),
    "bot_lacks": mark("⚠️ Muster lacks **{bits}** in {channel}, so it cannot let {person} in."),
    "bot_lacks_here": mark(
        "⚠️ Muster lacks **{bits}** on this server, so it cannot let {person} into {channel}."
    ),
    "gave_up": mark("⚠️ Muster gave up letting {person} into {channel}: {reason}"),
    "queued": mark("⏳ {channel} opens for {person} by itself: {reason}"),
    "queued_when": mark("⏳ {channel} opens for {person} by itself, tried again {at}: {reason}"),
    "soon": mark("⏳ {channel} opens for {person} in a moment."),
    "taken_out": mark("✋ {person} was taken out of {channel} by hand."),
    "taken_out_by": mark("✋ {who} took {person} out of {channel} by hand."),
    "denied": mark("✋ {person} is kept out of {channel} by hand, in the channel's permissions."),
    "denied_by": mark("✋ {who} keeps {person} out of {channel}, in the channel's permissions."),
    "muted": mark("✋ {person} sees {channel}, but **{bits}** was taken from them by hand."),
    "muted_by": mark("✋ {person} sees {channel}, but {who} took **{bits}** from them by hand."),
    "role_taken": mark("✋ The role {name} was taken from {person} by hand."),
    "role_taken_by": mark("✋ {who} took the role {name} from {person} by hand."),
    "role_closed": mark(
        "✋ The role {name} is kept out of {channel} by hand, and with it everybody of {group}."
    ),
    "role_closed_by": mark(
        "✋ {who} keeps the role {name} out of {channel}, and with it everybody of {group}."
    ),
    "timed_out": mark(
        "🔇 {person} is timed out on this server until {at}: they see {channel}, but cannot write "
        "or speak."
    ),
    "archived": mark("📦 {group} is archived: {person} can read {channel}, but not write."),
    "closed": mark("📦 {cohort} is closed: {person} can read {channel}, but not write."),
    "unclear": mark(
        "❓ Muster let {person} into {channel}, but Discord does not show it to them. Look at the "
        "channel's permissions."
    ),
}

_BROKEN = mark("Something keeps Muster from letting you into {channel}.")
_HAND = mark("Your access to {channel} was changed by hand on this server.")
_NOT_IN = mark("You are not in {group}.")
_READ = mark("{group} has ended: you can read {channel}, but not write.")
MEMBER = {
    "right": mark(
        "✅ Everything is right on our side: {channel} is open for you. Restart Discord, look "
        "whether its category is folded up, and turn on “Show All Channels” in the server's menu."
    ),
    "pending": mark(
        "📜 Accept this server's rules first: Discord asks you when you open the server. Your "
        "channels appear as soon as you have."
    ),
    "cancelled": mark("🚫 {group} was cancelled."),
    "guest_open": mark(
        "✅ Everything is right on our side: {channel} is open for you as a guest of {group} until "
        "{at}. Restart Discord, and look whether its category is folded up."
    ),
    "guest_early": mark("⏳ You are a guest of {group}: its channels open for you {at}."),
    "guest_over": mark("Your visit to {group} is over: its channels closed for you {at}."),
    "guest_withdrawn": mark("Your visit to {group} was taken back {at}."),
    "guest_off": mark("The meeting of {group} that you were to visit does not take place."),
    "other_group": mark("You are in **{name}** now, and not in {group} any more."),
    "left_group": mark("You left {group} {at}."),
    "removed": mark("You are not in {group} any more, since {at}."),
    "draft": mark(
        "📝 {group} is not open yet. Its channels appear for you when the moderators open it."
    ),
    "ended_unopened": mark("📦 {group} ended before it had channels."),
    "deleted": mark("🗑️ {channel} was deleted on Discord."),
    "queued": mark("⏳ We are on it: your channels appear by themselves."),
    "queued_when": mark("⏳ We are on it: it will be there {at}."),
    "soon": mark("⏳ We are on it: your channels appear in a moment."),
    "timed_out": mark(
        "🔇 You are timed out on this server until {at}: you can read {channel}, but not write or "
        "speak."
    ),
    "archived": _READ,
    "closed": _READ,
    "taken_out": _HAND,
    "denied": _HAND,
    "muted": _HAND,
    "role_taken": _HAND,
    "role_closed": _HAND,
    "no_group": _NOT_IN,
    "expected_here": _NOT_IN,
    "by_moderator": _NOT_IN,
    "sees_own": _NOT_IN,
    "sees_role": _NOT_IN,
    "sees_open": _NOT_IN,
}
_UNTIL = frozenset({"timed_out", "guest_open"})  # their time is an end
# Neither the member nor time can mend these: moderators have to.
MODERATORS_MEND = frozenset(
    {"deleted", "role_deleted", "role_too_low", "bot_lacks", "bot_lacks_here", "gave_up",
     "taken_out", "denied", "muted", "role_taken", "role_closed", "unclear"}
)  # fmt: skip

_MOVES = mark(
    "**Add to a group** asks you which, then moves {person} there: they lose the channels of "
    "**{name}**."
)
# What a fix does, before it is pressed; by its name, or by its name and the code.
FIXES = {
    "sync": mark("**Sync now** looks at {group} again at once and makes what is missing."),
    "put_back": mark(
        "**Put it back** gives {person} what they should have in {channel}; nobody else is touched."
    ),
    "put_back:role_taken": mark("**Put it back** gives {person} the role {name} again."),
    "put_back:role_closed": mark(
        "**Put it back** lets the role {name} into {channel} again, and with it everybody of "
        "{group}."
    ),
    "open": mark(
        "**Open the group** creates the channels of {group} and lets its people in; {cohort} stays "
        "a draft."
    ),
    "add": mark("**Add to a group** asks you which, then puts {person} into it."),
    "add:other_group": _MOVES,
    "add:guest_over": _MOVES,
    "add:guest_withdrawn": _MOVES,
    "add:guest_off": _MOVES,
    "repair": mark("**Create it again** makes {channel} anew. Its old messages do not come back."),
    "repair:role_deleted": mark(
        "**Create it again** makes the role anew and gives it to the people of {group}."
    ),
    "check": mark("**Check rights** names what Muster lacks and the way to give it."),
}
LABELS = {
    "sync": mark("Sync now"),
    "put_back": mark("Put it back"),
    "open": mark("Open the group"),
    "add": mark("Add to a group"),
    "repair": mark("Create it again"),
    "check": mark("Check rights"),
}


def for_moderators(answer: Answer) -> str:
    """The one sentence, and on a line of its own what the fix would do."""
    link = answer.link
    said = t(MODERATORS[_key(answer, MODERATORS)], **_values(answer))
    if link.fix is None:
        return said
    fix = FIXES.get(f"{link.fix}:{link.code}", FIXES[link.fix])
    return f"{said}\n→ {t(fix, **_values(answer))}"


def for_member(answer: Answer) -> str:
    """The same to the person themselves; it names nobody else."""
    key = _key(answer, MEMBER)
    said = MEMBER.get(key, MEMBER["right"] if answer.link.fine else _BROKEN)
    return t(said, **_values(answer))


def _key(answer: Answer, table: dict[str, str]) -> str:
    link = answer.link
    if link.who is not None and f"{link.code}_by" in table:
        return f"{link.code}_by"
    if link.at is not None and f"{link.code}_when" in table:
        return f"{link.code}_when"
    return link.code


def _values(answer: Answer) -> dict[str, Any]:
    """Everything that a sentence may name, safe to show."""
    link = answer.link
    group = f"**{plain(answer.group)}** · {plain(answer.cohort)}"
    there = link.door is not None and link.door.there
    if answer.channel_id is not None and there:
        channel: str = f"<#{answer.channel_id}>"
    elif answer.channel_name:
        channel = f"**#{plain(answer.channel_name)}**"
    else:
        channel = t("the channels of {group}", group=group)
    return {
        "person": f"**{plain(answer.name)}**",
        "channel": channel,
        "group": group,
        "cohort": f"**{plain(answer.cohort)}**",
        "name": plain(link.name),
        "who": f"<@{link.who}>",
        "at": when(link.at, "f" if link.code in _UNTIL else "R") if link.at else "",
        "bits": ", ".join(names_of(link.bits)),
        "reason": plain(sentence(again(link.reason))) if link.reason else "",
    }
