"""Pure: differences that people made by hand, and those that were accepted.

They stand in sync_states.by_hand: "notes" are what moderators are shown, "kept" is what they
accepted. What is accepted is forgotten as soon as it is no longer there, so that the same thing
done again is shown again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.plan import ByHand

Note = tuple[int, int, str]  # place, target, what; ids are Discord's


def system_of(note: Note) -> str:
    """The system whose row has this note."""
    return "rsvps" if note[2].startswith("event_") else "discord"


def _notes(state: Mapping[str, Any], key: str) -> list[Note]:
    return [(place, target, what) for place, target, what in state.get(key, ())]


def kept_of(state: Mapping[str, Any]) -> list[Note]:
    """What was accepted."""
    return _notes(state, "kept")


def notes_of(state: Mapping[str, Any]) -> list[Note]:
    """What moderators have to look at."""
    return _notes(state, "notes")


def _state(notes: Iterable[Note], kept: Sequence[Note]) -> dict[str, Any]:
    result: dict[str, Any] = {"notes": [list(note) for note in notes]}
    if kept:
        result["kept"] = [list(note) for note in kept]
    return result


def recorded(found: Sequence[ByHand], state: Mapping[str, Any]) -> dict[str, Any]:
    """The new state after a look at Discord: what was accepted before stays out of the notes."""
    there = [(b.place_id, b.target_id, b.what) for b in found]
    kept = [note for note in kept_of(state) if note in there]
    return _state([note for note in there if note not in kept], kept)


def is_news(found: Sequence[ByHand], state: Mapping[str, Any]) -> bool:
    """Whether a look at Discord found something else than what is noted or accepted."""
    there = {(b.place_id, b.target_id, b.what) for b in found}
    return there != {*notes_of(state), *kept_of(state)}


def shown(found: Sequence[ByHand], state: Mapping[str, Any]) -> tuple[ByHand, ...]:
    """Of what a plan found, what nobody has accepted yet."""
    kept = set(kept_of(state))
    return tuple(b for b in found if (b.place_id, b.target_id, b.what) not in kept)


def with_kept(state: Mapping[str, Any], note: Note, *, keep: bool) -> dict[str, Any]:
    """The state with one difference accepted, or no longer."""
    notes = [n for n in notes_of(state) if n != note]
    kept = [n for n in kept_of(state) if n != note]
    return _state(notes, [*kept, note]) if keep else _state([*notes, note], kept)
