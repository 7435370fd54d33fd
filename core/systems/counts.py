"""What a sub-sync reports. Plain dicts, so that callers and tests need nothing of ours."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class DiscordCounts(TypedDict):
    granted: int
    revoked: int
    unchanged: int
    failed: int
    existed: NotRequired[int]  # categories, roles and channels that were there
    created: NotRequired[int]
    waits: NotRequired[int]  # renames that Discord does not take yet
    problems: NotRequired[list[str]]  # a sentence each time that something failed


class CalendarCounts(TypedDict):
    meetings: int
    created: int
    patched: int
    unchanged: int
    failed: int


class ReminderCounts(TypedDict):
    meetings: int  # planned and not over
    created: int  # messages to come: written, taken back, moved to another time
    deleted: int
    moved: int
    unchanged: int


class EventCounts(TypedDict):
    meetings: int  # that take place or took place
    created: int  # Discord's events: made, taken back or ended, changed
    deleted: int
    moved: int
    unchanged: int
    failed: int
    problems: NotRequired[list[str]]  # a sentence each time that something failed


class RsvpCounts(EventCounts):
    posts: int  # with answers: put up, or become a line


class Failed(TypedDict):
    error: str


class SyncResult(TypedDict):
    discord: DiscordCounts | Failed
    calendar: CalendarCounts | Failed
    reminders: ReminderCounts | Failed
    rsvps: RsvpCounts | Failed
