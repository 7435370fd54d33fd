"""Which person a row of a list means: exactly one, several that could be meant, or nobody here.

Nothing is guessed. An id or a unique user name decides; else a name that only one person has.
What is merely similar is offered to a moderator and never taken.
"""

from __future__ import annotations

import enum
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.reconcile.roster_list import USERNAME, Row, tidy

CANDIDATES = 25  # Discord's limit for a select
_COMMON = 100  # people who share a word: from so many on it tells nobody apart
_SIMILAR = 25  # likewise for a half of a name
_WORD = 3  # letters of a word that is worth looking for

# A word of a name, or half of one: (length of the whole, the half, whether it is the first).
_Handle = str | tuple[int, str, bool]


class Status(enum.StrEnum):
    found = "found"
    unclear = "unclear"
    away = "away"  # not on the server yet
    inside = "inside"  # in a group of the cohort already, or expected in one
    bad = "bad"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the server. `display` is their global name, `nick` the one they have here."""

    id: int
    username: str
    display: str = ""
    nick: str = ""
    bot: bool = False

    @property
    def shown(self) -> str:
        return tidy(self.nick) or tidy(self.display) or self.username


@dataclass(frozen=True, slots=True)
class Match:
    """What became of a row. `name` is whom a group will hold: a shown name or a user name.

    `why`, for those that are not found: a row's problem, or bot, nobody, twice (see `of_line`),
    out (left out by a moderator). `may_wait`: the text could be the user name of somebody who
    is not here yet. `group_id` is where they are already.
    """

    row: Row
    status: Status
    user_id: int | None = None
    name: str = ""
    candidates: tuple[int, ...] = ()
    why: str = ""
    of_line: int = 0
    may_wait: bool = False
    group_id: int | None = None


def key(name: str) -> str:
    """Equal for two names that are the same to a reader: case and invisible characters aside."""
    return tidy(name).casefold()


def _loose(name: str) -> str:
    """Also accents, punctuation and fancy letters aside."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in plain if c.isalnum())


class People:
    """The people of a server, found by what they are called."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.by_id = {p.id: p for p in people}
        self._usernames: dict[str, Person] = {}
        self._names: dict[str, set[int]] = defaultdict(set)
        self._near: dict[_Handle, set[int]] | None = None
        self._loose: dict[int, tuple[str, ...]] = {}
        for person in self.by_id.values():
            if not person.bot or key(person.username) not in self._usernames:
                self._usernames[key(person.username)] = person
            for name in filter(None, (person.display, person.nick)):
                self._names[key(name)].add(person.id)

    def username(self, name: str) -> Person | None:
        """Who has this unique user name."""
        return self._usernames.get(key(name))

    def named(self, name: str) -> set[int]:
        """Ids of those with exactly this display name or nickname."""
        return self._names.get(key(name), set())

    def near(self, name: str) -> list[int]:
        """Ids of people who could be meant, the likeliest first, at most CANDIDATES."""
        if self._near is None:
            self._near = self._indexed()
        index, loose = self._near, _loose(name)
        points: dict[int, int] = defaultdict(int)
        for handle in _handles(loose):
            hits = index.get(handle, ())
            if len(hits) <= _SIMILAR:
                for user_id in hits:
                    if user_id not in points and self._one_edit(user_id, loose):
                        points[user_id] = 10
        for word in _words(name):
            hits = index.get(word, ())
            if len(hits) <= _COMMON:
                for user_id in hits:
                    points[user_id] += 1
        return sorted(points, key=lambda u: (-points[u], u))[:CANDIDATES]

    def _indexed(self) -> dict[_Handle, set[int]]:
        """Everybody by the halves and the words of their names. Made when it is first needed."""
        index: dict[_Handle, set[int]] = defaultdict(set)
        for person in self.by_id.values():
            if person.bot:
                continue
            names = {n for n in (person.username, person.display, person.nick) if n}
            self._loose[person.id] = tuple({_loose(name) for name in names})
            for loose in self._loose[person.id]:
                for half in _halves(loose, len(loose)):
                    index[half].add(person.id)
            for word in set().union(*map(_words, names)):
                index[word].add(person.id)
        return index

    def _one_edit(self, user_id: int, loose: str) -> bool:
        return any(_within_one(known, loose) for known in self._loose[user_id])


def _words(name: str) -> set[str]:
    spaced = "".join(c if c.isalnum() else " " for c in unicodedata.normalize("NFKD", name))
    return {w.casefold() for w in spaced.split() if len(w) >= _WORD}


def _halves(loose: str, length: int) -> list[tuple[int, str, bool]]:
    """The beginning and the end that a name of `length` letters shares if one edit differs.

    One letter too many, too few or wrong touches one half only; the other one is equal.
    """
    if not loose or length < 2:  # noqa: PLR2004 - a letter has no halves
        return []
    half = length // 2
    return [(length, loose[:half], True), (length, loose[len(loose) - (length - half) :], False)]


def _handles(loose: str) -> list[tuple[int, str, bool]]:
    near = range(len(loose) - 1, len(loose) + 2)
    return [h for length in near for h in _halves(loose, length)]


def _within_one(a: str, b: str) -> bool:
    """Whether at most one letter is wrong, missing or too many, or two have changed places."""
    if a == b:
        return bool(a)
    if len(a) < 3 or abs(len(a) - len(b)) > 1:  # noqa: PLR2004 - of two letters one is not similar
        return False
    at = next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    if len(a) != len(b):
        long, short = (a, b) if len(a) > len(b) else (b, a)
        return long[at + 1 :] == short[at:]
    return a[at + 1 :] == b[at + 1 :] or (
        a[at + 2 :] == b[at + 2 :] and a[at : at + 2] == b[at : at + 2][::-1]
    )


def match(rows: Sequence[Row], people: People) -> list[Match]:
    """One Match for every row, in their order, as if nobody were in any group; see `settle`."""
    return [_match(row, people) for row in rows]


def _match(row: Row, people: People) -> Match:
    if row.problem == "formula" and len(same := people.named(row.who)) == 1:
        return _found(row, people.by_id[next(iter(same))])
    if row.problem:
        return Match(row, Status.bad, why=row.problem)
    if row.user_id is not None:
        person = people.by_id.get(row.user_id)
        if person is None:
            return Match(row, Status.away, row.user_id, row.also or str(row.user_id))
        return _found(row, person)
    if (person := people.username(row.who)) is not None:
        return _found(row, person)
    return _by_name(row, people)


def _found(row: Row, person: Person) -> Match:
    if person.bot:
        return Match(row, Status.bad, why="bot")
    return Match(row, Status.found, person.id, person.shown)


def _by_name(row: Row, people: People) -> Match:
    """No such user name here: a display name, somebody similar, or a user name to wait for."""
    # Discord writes user names in lower case: a name with capitals is one only if it says so.
    may_wait = bool(USERNAME.fullmatch(row.who.lower() if row.is_username else row.who))
    same = sorted(u for u in people.named(row.who) if not people.by_id[u].bot)
    if len(same) == 1 and not row.is_username:
        return _found(row, people.by_id[same[0]])
    near = [*same, *people.near(row.who)]
    if row.also:
        near = [*same, *sorted(people.named(row.also)), *near, *people.near(row.also)]
    humans = [u for u in dict.fromkeys(near) if not people.by_id[u].bot]
    candidates = tuple(humans[:CANDIDATES])
    if candidates:
        return Match(row, Status.unclear, None, row.who, candidates, may_wait=may_wait)
    if may_wait:
        return Match(row, Status.away, None, row.who.lower())
    return Match(row, Status.bad, why="nobody")


WAIT = -1  # a decision: the text is the user name of somebody who comes later
OUT = 0  # a decision: leave this row out


def decide(found: Match, choice: int, people: People) -> Match:
    """An unclear Match as a moderator decided it: a candidate's id, WAIT or OUT.

    What was not offered for this row is taken as OUT.
    """
    if choice == WAIT and found.may_wait:
        return replace(found, status=Status.away, name=found.row.who.lower(), candidates=())
    person = people.by_id.get(choice)
    if choice in found.candidates and person is not None:
        return _found(found.row, person)
    return Match(found.row, Status.bad, why="out")


def settle(
    matches: Sequence[Match], inside: Mapping[int, int], expected: Mapping[str, int]
) -> list[Match]:
    """Mark who is in a group of the cohort already, and who is on the list more than once.

    `inside` is the group by user id, `expected` by lower-case user name.
    """
    seen: dict[int | str, int] = {}
    result = []
    for found in matches:
        if found.status not in {Status.found, Status.away}:
            result.append(found)
            continue
        who: int | str = found.name if found.user_id is None else found.user_id
        known = expected.get(who) if isinstance(who, str) else inside.get(who)
        if who in seen:
            result.append(Match(found.row, Status.bad, why="twice", of_line=seen[who]))
            continue
        seen[who] = found.row.line
        if known is not None:
            result.append(replace(found, status=Status.inside, group_id=known))
        else:
            result.append(found)
    return result
