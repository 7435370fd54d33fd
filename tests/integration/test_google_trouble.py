"""Every row of the error table, provoked at the stand-in; tokens that end, turn or are wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.calendars import google_http, port
from core.calendars.google import Google
from core.calendars.google_tokens import ServiceTokens, UserTokens, service_account
from core.clock import set_clock, utcnow
from core.errors import ConfigurationError, MusterError
from tests.e2e._google import GoogleStandIn, google
from tests.e2e._google_parts import Book
from tests.integration._google_there import (
    ANN,
    BEN,
    DAYS,
    There,
    changed,
    connected,
    private_key,
    series,
    wanted,
)  # fmt: skip


@pytest.fixture
async def there() -> AsyncIterator[There]:
    async with connected() as found:
        yield found


@pytest.fixture
def later() -> Iterator[Callable[[timedelta], None]]:
    """Move the clock forward."""
    start = utcnow()
    yield lambda by: set_clock(lambda: start + by)
    set_clock(None)


TABLE: list[tuple[int, str, type[MusterError]]] = [
    (400, "invalid", port.Refused),
    (403, "rateLimitExceeded", port.SlowDown),
    (403, "userRateLimitExceeded", port.SlowDown),
    (403, "concurrentLimitExceeded", port.SlowDown),
    (403, "quotaExceeded", port.AttendeesPaused),
    (403, "dailyLimitExceeded", port.SlowDown),
    (403, "accessNotConfigured", port.Unauthorized),
    (403, "insufficientPermissions", port.Unauthorized),
    (403, "requiredAccessLevel", port.Unauthorized),
    (404, "notFound", port.Vanished),
    (409, "duplicate", port.Exists),
    (410, "deleted", port.Vanished),
    (412, "conditionNotMet", port.Changed),
    (413, "uploadTooLarge", port.Refused),
    (422, "invalid", port.Refused),
    (429, "rateLimitExceeded", port.SlowDown),
    (500, "backendError", port.Unreachable),
    (503, "backendError", port.Unreachable),
]


@pytest.mark.parametrize(("status", "reason", "error"), TABLE)
async def test_a_refused_write(
    there: There, status: int, reason: str, error: type[MusterError]
) -> None:
    stored = await there.calendar.put(series(ANN), None)
    there.stand_in.fail(status, reason, suits=lambda seen: seen.method == "PUT")
    with pytest.raises(error) as failed:
        await there.calendar.put(series(ANN, BEN), stored)
    assert type(failed.value) is error
    assert failed.value.text
    # What was refused for a time works afterwards, on the very version that is known.
    await there.calendar.put(series(ANN, BEN), stored)


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (400, "invalid", port.CursorGone),
        (403, "rateLimitExceeded", port.SlowDown),
        (403, "quotaExceeded", port.SlowDown),
        (404, "notFound", port.CalendarGone),
        (410, "fullSyncRequired", port.CursorGone),
        (500, "backendError", port.Unreachable),
    ],
)
async def test_a_refused_poll(
    there: There, status: int, reason: str, error: type[MusterError]
) -> None:
    cursor = (await there.calendar.changes(None)).cursor
    there.stand_in.fail(status, reason)
    with pytest.raises(error) as failed:
        await there.calendar.changes(cursor)
    assert type(failed.value) is error


async def test_retry_after_is_handed_on(there: There) -> None:
    there.stand_in.fail(429, "rateLimitExceeded", retry_after=17)
    with pytest.raises(port.SlowDown) as failed:
        await there.calendar.changes(None)
    assert failed.value.retry_after == 17


async def test_without_attendees_the_entry_can_still_be_written(there: There) -> None:
    there.stand_in.fail(
        403, "quotaExceeded", times=9, suits=lambda seen: bool((seen.body or {}).get("attendees"))
    )
    with pytest.raises(port.AttendeesPaused):
        await there.calendar.put(series(ANN), None)
    await there.calendar.put(series(), None)
    assert there.event["summary"] == "Rust study"


@pytest.mark.parametrize(
    "trouble",
    [
        {"raw": b"<html>proxy</html>", "status": 200},
        {"raw": b"<html>blocked</html>", "status": 403},
        {"raw": b'{"items": 3}', "status": 200},
        {"raw": b"[" * 100_000, "status": 200},
        {"raw": b"[" * 100_000, "status": 403},
        {"raw": b"\x00\xff", "status": 500},
        {"raw": b"", "status": 302},
        {"drop": True, "status": 200},
    ],
)
async def test_a_senseless_answer_is_no_deletion(there: There, trouble: dict[str, Any]) -> None:
    stored = await there.calendar.put(series(ANN), None)
    there.stand_in.fail(times=4, **trouble)
    calendar = there.calendar
    for doing in (
        lambda: calendar.changes(None),
        lambda: calendar.read(stored.address),
        lambda: calendar.put(series(ANN, BEN), stored),
        lambda: calendar.ensure_calendar("Rustaceans"),
    ):
        with pytest.raises(port.Unreachable):
            await doing()
    assert there.event["status"] == "confirmed"


async def test_ten_megabytes_are_not_read(there: There) -> None:
    there.stand_in.fail(200, raw=b" " * (10 * 1024 * 1024))
    with pytest.raises(port.Unreachable, match="too large"):
        await there.calendar.changes(None)


async def test_a_silent_server_is_waited_for_only_so_long(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_http, "SECONDS", 0.0001)
    with pytest.raises(port.Unreachable):
        await there.calendar.changes(None)


async def test_nobody_is_there(there: There) -> None:
    calendar = Google(
        there.session, there.calendar._api._tokens, "x", api_base="http://127.0.0.1:1/calendar/v3"
    )
    with pytest.raises(port.Unreachable):
        await calendar.changes(None)


async def test_an_entry_written_without_an_answer_is_found_by_its_id(there: There) -> None:
    there.stand_in.fail(500, "backendError", after=True)
    with pytest.raises(port.Unreachable):
        await there.calendar.put(series(ANN), None)
    with pytest.raises(port.Exists):
        await there.calendar.put(series(ANN), None)
    (found,) = (await there.calendar.changes(None)).changed
    await there.calendar.put(series(ANN, BEN), found.stored)
    assert len(there.book.events) == 1


async def test_what_was_half_written_is_finished(there: There) -> None:
    plan = series(ANN)
    stored = await there.calendar.put(plan, None)
    plan = changed(series(ANN, BEN), DAYS[4], title="Guest")
    there.stand_in.fail(500, "backendError", suits=lambda seen: "_2026" in seen.path)
    with pytest.raises(port.Unreachable):
        await there.calendar.put(plan, stored)
    with pytest.raises(port.Changed):
        await there.calendar.put(plan, stored)
    found = await there.calendar.read(stored.address)
    assert found is not None
    there.stand_in.seen.clear()
    await there.calendar.put(plan, found.stored)
    assert there.occurrences() == wanted(plan)
    assert len(there.stand_in.calls("PUT")) == 1


# --- tokens --------------------------------------------------------------------------------------


async def test_a_refused_token_is_refreshed_once(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    there.stand_in.access.clear()
    before = there.stand_in.refreshes
    assert await there.calendar.read(stored.address) is not None
    assert there.stand_in.refreshes == before + 1
    there.stand_in.fail(401, "authError", times=99, suits=lambda seen: seen.path != "/token")
    with pytest.raises(port.Unauthorized):
        await there.calendar.read(stored.address)
    assert there.stand_in.refreshes == before + 2


async def test_a_token_is_kept_until_a_minute_before_its_end(
    there: There, later: Callable[[timedelta], None]
) -> None:
    before = there.stand_in.refreshes
    later(timedelta(minutes=58))
    await there.calendar.changes(None)
    assert there.stand_in.refreshes == before
    later(timedelta(minutes=59, seconds=30))
    await there.calendar.changes(None)
    assert there.stand_in.refreshes == before + 1


async def test_a_withdrawn_permission_says_what_to_do(there: There) -> None:
    there.stand_in.lasting.clear()
    there.stand_in.access.clear()
    with pytest.raises(port.Unauthorized, match=r"Testing.*7 days.*/settings"):
        await there.calendar.changes(None)


async def test_a_new_refresh_token_is_handed_back_and_used() -> None:
    async with google() as stand_in, aiohttp.ClientSession() as session:
        stored: list[str] = []

        async def store(old: str, new: str) -> None:
            assert old == (stored or given)[-1]
            stored.append(new)

        stand_in.rotates = True
        given = [stand_in.grant()]
        tokens = UserTokens(stand_in.client, given[0], store)
        await tokens.access(session)
        await tokens.access(session, fresh=True)
        assert stored == list(dict.fromkeys(stored))
        assert stored[-1:] == list(stand_in.lasting)


@pytest.mark.parametrize(
    ("status", "raw", "error"),
    [
        (500, b"", port.Unreachable),
        (429, b"", port.SlowDown),
        (404, b"<html>", port.Unreachable),
        (200, b"<html>", port.Unreachable),
        (200, b"{}", port.Unreachable),
        (400, b'{"error": "invalid_client"}', port.Unauthorized),
        (401, b'{"error": "deleted_client"}', port.Unauthorized),
        (400, b'{"error": "invalid_scope"}', port.Refused),
    ],
)
async def test_trouble_with_the_token_endpoint(
    there: There, status: int, raw: bytes, error: type[MusterError]
) -> None:
    there.stand_in.access.clear()
    there.stand_in.fail(status, raw=raw, suits=lambda seen: seen.path == "/token")
    with pytest.raises(error) as failed:
        await there.calendar.changes(None)
    assert type(failed.value) is error


# --- service accounts ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service account's key as Google gives it out."""
    file = tmp_path_factory.mktemp("google") / "key.json"
    facts = {
        "type": "service_account", "client_email": "muster@project.iam.gserviceaccount.com",
        "private_key": private_key(), "private_key_id": "k1",
    }  # fmt: skip
    file.write_text(json.dumps(facts))
    return file


def shared_book(stand_in: GoogleStandIn, role: str) -> Book:
    book = Book("shared@group.calendar.google.com", "club@example.org")
    book.shared["muster@project.iam.gserviceaccount.com"] = role
    return stand_in.books.setdefault(book.id, book)


async def test_a_service_account_writes_without_attendees(key_file: Path) -> None:
    async with google() as stand_in, aiohttp.ClientSession() as session:
        book = shared_book(stand_in, "writer")
        tokens = ServiceTokens(service_account(key_file), None, stand_in.client.token)
        calendar = Google(session, tokens, book.id, api_base=stand_in.api_base)
        assert not calendar.capabilities.attendees
        assert not calendar.capabilities.reads_rsvp
        assert await calendar.ensure_calendar("ignored") == book.id
        stored = await calendar.put(series(ANN), None)
        assert "attendees" not in book.events[stored.address]
        with pytest.raises(port.Refused):
            await Google(session, tokens, None, api_base=stand_in.api_base).ensure_calendar("x")


async def test_a_calendar_that_may_only_be_read_is_said_so(key_file: Path) -> None:
    async with google() as stand_in, aiohttp.ClientSession() as session:
        book = shared_book(stand_in, "reader")
        tokens = ServiceTokens(service_account(key_file), None, stand_in.client.token)
        calendar = Google(session, tokens, book.id, api_base=stand_in.api_base)
        with pytest.raises(port.Unauthorized, match="make changes to events"):
            await calendar.ensure_calendar("ignored")
        with pytest.raises(port.Unauthorized):
            await calendar.put(series(), None)


async def test_a_clock_an_hour_off_is_named(key_file: Path) -> None:
    async with google() as stand_in, aiohttp.ClientSession() as session:
        tokens = ServiceTokens(service_account(key_file), None, stand_in.client.token)
        stand_in.fail(400, raw=b'{"error": "invalid_grant"}')
        with pytest.raises(port.Unauthorized, match="clock"):
            await tokens.access(session)


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    secret = '{"client_email": "a@b.c", "private_key": "not-to-be-shown"}'
    for text in ("", "{}", secret):
        file.write_text(text)
        with pytest.raises(ConfigurationError, match="MUSTER_GOOGLE_SERVICE_ACCOUNT") as failed:
            service_account(file)
        assert "not-to-be-shown" not in str(failed.value)
    with pytest.raises(ConfigurationError):
        service_account(tmp_path / "none.json")
