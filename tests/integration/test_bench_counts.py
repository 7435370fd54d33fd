"""The benchmark's counted rows with small numbers: a dearer sync fails here, and not only there."""

from __future__ import annotations

import sys

import pytest

from core import sync
from core.db.engine import Database
from core.systems.projections import keeper
from tests.bench import access, calendars, rows, sweep
from tests.bench.__main__ import main, shown
from tests.bench.counting import counted
from tests.bench.registry import ROWS, Row, chosen
from tests.bench.town import Size, town
from tests.meetings_here import meet

SMALL = Size(guilds=2, cohorts=1, groups=3, people=2)
MODES = [("overwrites", 1), ("role", 2)]  # a change in role mode costs half


async def test_new_group_is_two_calls(database: Database) -> None:
    assert (await access.new_group("ours", people=3)).rest == 2


@pytest.mark.parametrize(("fresh", "calls"), [(True, 2), (False, 4)])
async def test_many_grants_are_one_call_a_channel(
    database: Database, *, fresh: bool, calls: int
) -> None:
    assert (await access.grant("ours", people=4, fresh=fresh)).rest == calls


@pytest.mark.parametrize(("mode", "share"), MODES)
async def test_joining_is_two_calls_or_one(database: Database, mode: str, share: int) -> None:
    assert (await access.join("ours", people=3, access_mode=mode)).rest == 2 // share


@pytest.mark.parametrize(("mode", "share"), MODES)
async def test_leaving_is_two_calls_or_one(database: Database, mode: str, share: int) -> None:
    assert (await access.leave("ours", people=3, access_mode=mode)).rest == 2 // share


@pytest.mark.parametrize(("mode", "share"), MODES)
async def test_switching_is_four_calls_or_two(database: Database, mode: str, share: int) -> None:
    assert (await access.switch("ours", people=2, access_mode=mode)).rest == 4 // share


async def test_an_idle_sweep_is_ten_statements_at_most(database: Database) -> None:
    cost = await sweep.sweep("ours", SMALL, rounds=1)
    assert cost.rest == 0
    assert 0 < cost.sql <= 10


@pytest.mark.parametrize(("meetings", "statements"), [(0, 12), (1, 28)])
async def test_an_idle_sync_of_a_group(database: Database, meetings: int, statements: int) -> None:
    """What every change is followed by; a group without meetings has no more to look at."""
    async with town("ours", SMALL) as t:
        group = t.built.groups[0].id
        for _ in range(meetings):
            await meet(group)
        await sync.sync_group(group)
        await keeper.settled()
        with counted(t.env) as cost:
            await sync.sync_group(group)
        assert cost.rest == 0
        assert cost.sql == statements


async def test_the_sweep_opens_what_differs_and_nothing_else(database: Database) -> None:
    """The benchmark's "nothing changed" is no blindness: one lost entry is seen and counted."""
    async with town("ours", SMALL) as t:
        group = t.built.groups[4]
        await t.leave(t.built.groups[0].people[0], t.built.groups[0].id)
        t.env.backend.delete_overwrite(group.channel_ids[0], group.people[0])
        with counted(t.env) as cost:
            opened = await t.worker.sweep()
        assert sorted(opened) == [t.built.groups[0].id, group.id]
        assert cost.rest == 2  # the one who left; what was changed by hand is only reported
        assert await t.worker.sweep() == []


async def test_the_naive_side_rewrites_everybody(database: Database) -> None:
    """Two calls a member and sync, changed or not; else the comparison would be made up."""
    cost = await sweep.sweep("naive", SMALL)
    assert cost.rest == 2 * 3 * 2 * 2  # guilds, groups, members, channels


async def test_the_naive_side_makes_a_group_by_itself(database: Database) -> None:
    assert (await access.new_group("naive", people=3)).rest == 2 + 3 * 2


def test_rows_are_chosen_by_all_words_in_any_case() -> None:
    assert rows is not None
    assert len(ROWS) == len({r.name for r in ROWS})
    assert [r.name for r in chosen(["SWITCHES", "role"])] == [
        "one member switches groups of 12 (role mode)"
    ]
    assert chosen([]) == ROWS
    assert chosen(["sweep", "sockets"]) == []


def test_a_missed_bound_is_named() -> None:
    row: Row = Row("any", {"REST calls": 2, "s": 1.5}, ROWS[0].run)
    assert row.missed({"REST calls": 2, "s": 1.5}) == []
    assert row.missed({"REST calls": 3, "s": 1.0}) == ["REST calls"]
    assert row.missed({"REST calls": 0}) == ["s"]
    assert shown({"REST calls": 24000, "s": 1.2345}) == "24,000 REST calls · 1.23 s"
    assert shown({}) == "—"


def test_unknown_words_are_answered_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "no such row"])
    assert main() == 2
    done = capsys.readouterr()
    assert "No row has the words “no such row”" in done.err
    assert done.out == ""


async def test_calendars_cost_a_sweep_one_statement_and_no_request(database: Database) -> None:
    cost, requests = await calendars.sweep(SMALL, rounds=1)
    assert requests == 0
    assert cost.sql <= 12
