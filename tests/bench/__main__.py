"""`python -m tests.bench [--only WORDS]`: the benchmarks as one table.

Exit code 0: every bound is kept; 1: one is missed or a row broke; 2: no row has these words.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import gc
import logging
import sys
import time
import traceback

import structlog

import tests.bench.rows  # noqa: F401 - importing it registers the rows
from tests.bench.ground import Ground, ground
from tests.bench.registry import ROWS, Figures, Row, chosen

HEAD = ("scenario", "ours", "naive", "bound", "verdict")


def shown(figures: Figures) -> str:
    """The figures of one cell: counts whole, the rest to three digits."""
    return " · ".join(f"{_number(v)} {unit}" for unit, v in figures.items()) or "—"


def _number(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


async def _go(row: Row, ground: Ground) -> tuple[Figures, Figures]:
    return await row.run(ground)


async def _measured(row: Row, ground: Ground) -> tuple[str, ...]:
    """One line of the table. A row that breaks says so and does not stop the others."""
    print(f"… {row.name}", file=sys.stderr, flush=True)
    gc.collect()  # else what the row before it left is collected in the middle of this one
    try:
        # A context of its own: SimCord leaves its replacement of discord.py's webhooks in it.
        ours, naive = await asyncio.create_task(_go(row, ground), context=contextvars.Context())
    except Exception:  # noqa: BLE001 - whatever it is, the other rows still run
        traceback.print_exc()
        return row.name, "—", "—", shown(row.bounds), "BROKE (see above)"
    missed = row.missed(ours)
    verdict = f"MISSED: {', '.join(missed)}" if missed else "ok"
    return row.name, shown(ours), shown(naive), shown(row.bounds), verdict


def _print(lines: list[tuple[str, ...]]) -> None:
    table = [HEAD, *lines]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    table.insert(1, tuple("─" * width for width in widths))
    for line in table:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


async def _run(rows: list[Row]) -> int:
    begun = time.monotonic()
    async with ground() as place:
        lines = [await _measured(row, place) for row in rows]
    _print(lines)
    kept = sum(line[-1] == "ok" for line in lines)
    print(f"\n{kept} of {len(lines)} bounds kept, {time.monotonic() - begun:.0f} s in all")
    return 0 if kept == len(lines) else 1


def main() -> int:
    """Parse, choose, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmarks")
    parser.add_argument("--only", default="", help="run the rows whose name has all these words")
    words = parser.parse_args().only.split()
    rows = chosen(words)
    if not rows:
        print(f"No row has the words “{' '.join(words)}” in its name. There are:", file=sys.stderr)
        for known in ROWS:
            print(f"  {known.name}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return asyncio.run(_run(rows))


if __name__ == "__main__":
    sys.exit(main())
