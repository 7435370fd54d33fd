"""Pure: what an answer of Google means, by docs of "Handle API errors" and what is known beyond.

`about` is what the request was about: a calendar, its list of entries (or that with a cursor), or
one entry.
"""

from __future__ import annotations

from typing import Literal

from core.calendars.port import (
    AttendeesPaused,
    CalendarGone,
    Changed,
    CursorGone,
    Exists,
    Refused,
    SlowDown,
    Unauthorized,
    Unreachable,
    Vanished,
)
from core.errors import MusterError
from core.words import t

About = Literal["calendar", "list", "cursor", "entry"]

_RATE = "LimitExceeded"  # rate…, userRate…, concurrent… and whatever comes
# These end with the day (Pacific time) or after hours, whatever is tried before.
_QUOTAS = {"quotaExceeded", "dailyLimitExceeded"}
_LONG = 3600.0  # seconds; our choice for limits that last for hours
_NOT_ON = {"accessNotConfigured", "SERVICE_DISABLED"}
_SERVER = 500
# Request Timeout, and redirects, which Google does not do: something is between us and it.
_PASSING = {408, *range(300, 400)}


def failure(
    status: int,
    reason: str,
    about: About,
    retry_after: float | None = None,
    *,
    inviting: bool = False,
) -> MusterError:
    """The port's error for an answer with this HTTP status and Google's `reason`.

    `reason` is "" where the answer was not Google's JSON. `retry_after` in seconds. `inviting`:
    attendees were to be written.
    """
    if status >= _SERVER or status in _PASSING:
        return Unreachable(t("Google Calendar does not answer just now."), retry_after)
    if about == "cursor" and status in {400, 410}:
        return CursorGone(t("Google Calendar forgot where we were."))
    match status:
        case 429:
            return SlowDown(_slowly(), retry_after)
        case 403:
            return _limit(reason, retry_after, inviting=inviting) or _forbidden(reason)
        case 404 | 410:
            return _missing(about)
    return _refusal(status, reason)


def _limit(reason: str, retry_after: float | None, *, inviting: bool) -> MusterError | None:
    if reason == "quotaExceeded" and inviting:
        return AttendeesPaused(
            t("Google Calendar takes no invitations for some hours: there were too many.")
        )
    if reason in _QUOTAS:
        return SlowDown(_slowly(), retry_after or _LONG)
    return SlowDown(_slowly(), retry_after) if reason.endswith(_RATE) else None


def _forbidden(reason: str) -> MusterError:
    if not reason:  # a page of something between us and Google
        return Unreachable(t("Google Calendar gave an answer that makes no sense."))
    if reason in _NOT_ON:
        return Unauthorized(
            t(
                "The Google Calendar API is not switched on. Whoever runs Muster has to enable it "
                "in the Google Cloud project of Muster's client."
            )
        )
    if reason == "forbiddenForServiceAccounts":
        return Refused(t("A service account cannot invite people."))
    return Unauthorized(
        t("Google does not let Muster write to this calendar ({code}).", code=reason)
    )


def _missing(about: About) -> MusterError:
    if about == "entry":
        return Vanished(t("Somebody deleted the entry in Google Calendar."))
    return CalendarGone(t("The calendar is no longer at Google, or not shared with Muster."))


def _refusal(status: int, reason: str) -> MusterError:
    match status:
        case 401:
            return Unauthorized(again())
        case 409:
            return Exists(t("Google Calendar has an entry of that id already."))
        case 412:
            return Changed(t("Somebody changed the entry in Google Calendar meanwhile."))
    return Refused(t("Google Calendar refused what Muster wrote ({code}).", code=reason or status))


def again() -> str:
    """What a moderator reads when Google no longer takes the permission that was given."""
    return t(
        "Google no longer takes the permission that Muster was given. It was withdrawn, or the "
        "password was changed; or the operator's app at Google is still in “Testing”, where every "
        "permission ends after 7 days. Connect Google again: /settings → Calendar."
    )


def _slowly() -> str:
    return t("Google Calendar asks Muster to wait.")
