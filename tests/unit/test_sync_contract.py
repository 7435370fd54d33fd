"""The contract of core.sync, without a database: the four sub-syncs are patched by name."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock, Mock, call

import pytest

from core import sync

FINE: dict[str, Any] = {
    "sync_group_discord_permissions": {"granted": 1, "revoked": 0, "unchanged": 2, "failed": 0},
    "sync_group_calendar": {"meetings": 0, "created": 0, "patched": 0, "unchanged": 0, "failed": 0},
    "sync_group_reminders": {"meetings": 0},
    "sync_group_rsvps": {"meetings": 0},
}
SYSTEM = {
    "sync_group_discord_permissions": "discord",
    "sync_group_calendar": "calendar",
    "sync_group_reminders": "reminders",
    "sync_group_rsvps": "rsvps",
}


@pytest.fixture
def sub_syncs(monkeypatch: pytest.MonkeyPatch) -> dict[str, AsyncMock]:
    mocks = {name: AsyncMock(return_value=dict(result)) for name, result in FINE.items()}
    for name, mock in mocks.items():
        monkeypatch.setattr(f"core.sync.{name}", mock)
    return mocks


@pytest.fixture
def retry(monkeypatch: pytest.MonkeyPatch) -> AsyncMock:
    mock = AsyncMock()
    monkeypatch.setattr("core.notifications.scheduler.schedule_sync_retry", mock)
    return mock


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Mock:
    mock = Mock()
    monkeypatch.setattr("core.sync.sentry_sdk.capture_exception", mock)
    return mock


async def test_all_four_are_called_with_the_id(
    sub_syncs: dict[str, AsyncMock], retry: AsyncMock, captured: Mock
) -> None:
    result = await sync.sync_group(12)
    assert result == {SYSTEM[name]: FINE[name] for name in FINE}
    assert list(result) == ["discord", "calendar", "reminders", "rsvps"]
    for mock in sub_syncs.values():
        mock.assert_awaited_once_with(12)
    retry.assert_not_awaited()
    captured.assert_not_called()


@pytest.mark.parametrize("broken", list(SYSTEM))
async def test_an_error_is_captured_and_the_others_still_run(
    sub_syncs: dict[str, AsyncMock], retry: AsyncMock, captured: Mock, broken: str
) -> None:
    error = RuntimeError("the sky fell")
    sub_syncs[broken].side_effect = error
    result: Any = await sync.sync_group(12)
    assert result.pop(SYSTEM[broken]) == {"error": "the sky fell"}
    assert result == {SYSTEM[name]: FINE[name] for name in FINE if name != broken}
    for mock in sub_syncs.values():
        mock.assert_awaited_once_with(12)
    captured.assert_called_once_with(error)
    retry.assert_awaited_once_with(sync_type=SYSTEM[broken], group_id=12, attempt=0)


@pytest.mark.parametrize("outcome", [{"failed": 2}, {"error": "no calendar"}, ValueError()])
async def test_retries_are_scheduled_for_what_failed(
    sub_syncs: dict[str, AsyncMock], retry: AsyncMock, captured: Mock, outcome: Any
) -> None:
    for name in ("sync_group_discord_permissions", "sync_group_rsvps"):
        sub_syncs[name].side_effect = [outcome] if isinstance(outcome, dict) else outcome
    result: Any = await sync.sync_group(12)
    if isinstance(outcome, ValueError):
        assert result["discord"] == {"error": "ValueError"}  # never an empty text
    else:
        assert result["discord"] == outcome
        captured.assert_not_called()
    assert retry.await_args_list == [
        call(sync_type="discord", group_id=12, attempt=0),
        call(sync_type="rsvps", group_id=12, attempt=0),
    ]


async def test_a_retry_that_cannot_be_scheduled_stops_nothing(
    sub_syncs: dict[str, AsyncMock], retry: AsyncMock, captured: Mock
) -> None:
    sub_syncs["sync_group_discord_permissions"].side_effect = RuntimeError("first")
    retry.side_effect = OSError("no database")
    result: Any = await sync.sync_group(12)
    assert result["discord"] == {"error": "first"}
    assert result["rsvps"] == {"meetings": 0}
    assert captured.call_count == 2


async def test_the_previous_group_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []

    async def sync_group(group_id: int) -> Any:
        order.append(group_id)
        return {"group": group_id}

    monkeypatch.setattr("core.sync.sync_group", sync_group)
    both: Any = await sync.sync_after_group_change(5, 4)
    assert order == [4, 5]
    assert both == {"new_group": {"group": 5}, "old_group": {"group": 4}}
    one: Any = await sync.sync_after_group_change(5)
    assert order == [4, 5, 5]
    assert one == {"new_group": {"group": 5}, "old_group": None}
