"""Who is meant by a line, and who gets which seat."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.reconcile.roster_list import Row, parse
from core.reconcile.roster_match import (
    OUT,
    WAIT,
    Match,
    People,
    Person,
    Status,
    decide,
    key,
    match,
    settle,
)
from core.reconcile.roster_seats import Place, by_list, group_labels, spread

ID = 10**17
ANNA = Person(ID + 1, "anna", "Anna Smith")
SMITH = Person(ID + 2, "other_anna", "Anna Smith", "Annie")
BERT = Person(ID + 3, "bert.meier", "Bert", "Der Bert")
ROBOT = Person(ID + 4, "robot", "Robot", bot=True)
JOSE = Person(ID + 5, "jose99", "José Ñandú")
LIAR = Person(ID + 6, "liar", "bert.meier")  # calls themselves like somebody's user name
PEOPLE = People([ANNA, SMITH, BERT, ROBOT, JOSE, LIAR])


def one(text: str) -> Match:
    (found,) = match(parse(text).rows, PEOPLE)
    return found


def test_a_user_name_wins_over_what_others_call_themselves() -> None:
    for text in ("bert.meier", "@bert.meier", "BERT.Meier", " bert.meier#0 "):
        assert (one(text).status, one(text).user_id) == (Status.found, BERT.id), text


def test_ids_and_mentions() -> None:
    assert one(f"<@{ANNA.id}>").user_id == ANNA.id
    away = one(str(ID + 99))
    assert (away.status, away.user_id) == (Status.away, ID + 99)
    assert one(str(ROBOT.id)).why == one("robot").why == "bot"


def test_a_name_that_only_one_has() -> None:
    assert one("der bert").user_id == BERT.id
    assert one("JOSÉ Ñandú").user_id == JOSE.id
    assert one("annie").user_id == SMITH.id
    same = one("anna smith")
    assert same.status == Status.unclear
    assert set(same.candidates) >= {ANNA.id, SMITH.id}
    assert not same.may_wait


def test_what_is_similar_is_offered_and_never_taken() -> None:
    for text, who in (("annna", ANNA), ("bert.meyer", BERT), ("Jose Nandu", JOSE), ("Smith", ANNA)):
        found = one(text)
        assert found.status == Status.unclear, text
        assert who.id in found.candidates, text
    # A user name is meant, and somebody only calls themselves so.
    assert (one("@annie").status, one("@annie").candidates) == (Status.unclear, (SMITH.id,))


def test_who_is_not_here_yet() -> None:
    assert (one("zoe_7").status, one("zoe_7").name) == (Status.away, "zoe_7")
    assert (one("@Zoe_7").status, one("@Zoe_7").name) == (Status.away, "zoe_7")
    # "Zoe" with a capital is no user name unless it says so.
    assert one("Zoe").why == one("Zoe Zimmer").why == one("@a..b").why == "nobody"


def test_formulas_are_names_only_for_those_who_are_called_so() -> None:
    people = People([Person(1, "x", "-Anna-")])
    assert match(parse("-Anna-").rows, people)[0].user_id == 1
    assert one("-Anna-").why == "formula"


def test_decisions() -> None:
    found = one("annna")
    assert decide(found, ANNA.id, PEOPLE).user_id == ANNA.id
    waiting = decide(found, WAIT, PEOPLE)
    assert (waiting.status, waiting.name) == (Status.away, "annna")
    for choice in (OUT, BERT.id, 5):  # who was not offered is nobody
        assert decide(found, choice, PEOPLE).why == "out"
    assert decide(one("anna smith"), WAIT, PEOPLE).why == "out"


def test_twice_and_in_it_already() -> None:
    rows = parse(
        f"anna\nbert.meier\n<@{ANNA.id}>\nzoe\n@ZOE\nDer Bert\n{ID + 99}\n{ID + 99}\nyan"
    ).rows
    found = settle(match(rows, PEOPLE), {BERT.id: 7}, {"yan": 8})
    assert [(m.status, m.why, m.of_line) for m in found] == [
        (Status.found, "", 0), (Status.inside, "", 0), (Status.bad, "twice", 1),
        (Status.away, "", 0), (Status.bad, "twice", 4), (Status.bad, "twice", 2),
        (Status.away, "", 0), (Status.bad, "twice", 7), (Status.inside, "", 0),
    ]  # fmt: skip
    assert [m.group_id for m in found if m.status == Status.inside] == [7, 8]


def test_25_candidates_at_most() -> None:
    many = People(Person(n, f"u{n}", f"Kim Number{n}") for n in range(1, 60))
    found = match(parse("Kim").rows, many)[0]
    assert (found.status, len(found.candidates)) == (Status.unclear, 25)


# --- properties ----------------------------------------------------------------------------------

LETTERS = st.text("abAB é.", min_size=1, max_size=4)
SOMEBODY = st.builds(
    Person, st.integers(1, 30), st.text("ab_.", min_size=2, max_size=3), LETTERS, LETTERS,
    st.booleans(),
)  # fmt: skip


@given(st.lists(SOMEBODY, max_size=12, unique_by=(lambda p: p.id, lambda p: p.username)), LETTERS)
def test_nobody_is_ever_guessed(people: list[Person], text: str) -> None:
    """Who is found has that user name, or is the only one who is called so."""
    rows = [Row(1, text, who=text)]
    (found,) = match(rows, People(people))
    humans = [p for p in people if not p.bot]
    named = [p.id for p in humans if key(text) in {key(p.display), key(p.nick)}]
    user = next((p for p in people if key(p.username) == key(text)), None)
    assert not set(found.candidates) - {p.id for p in humans}
    if user is not None:
        assert found.user_id == user.id if not user.bot else found.why == "bot"
    elif len(named) == 1:
        assert found.user_id == named[0]
    else:
        assert found.user_id is None
        assert set(named) <= set(found.candidates)


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=12),
    st.dictionaries(st.integers(1, 6), st.just(9)),
)
def test_everybody_counts_once(users: list[int], inside: dict[int, int]) -> None:
    matches = [Match(Row(n, "x", user_id=u), Status.found, u, "x") for n, u in enumerate(users, 1)]
    after = settle(matches, inside, {})
    kept = [m.user_id for m in after if m.status == Status.found]
    assert sorted(kept, key=str) == sorted(set(users) - set(inside), key=str)
    assert settle(after, inside, {}) == after


# --- seats ---------------------------------------------------------------------------------------

FREE = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 12)), min_size=1, max_size=5)


def crowd(people: int, helpers: int = 0) -> list[Match]:
    made = [Match(Row(n, "x"), Status.found, n, f"p{n}") for n in range(1, people + helpers + 1)]
    return [
        replace(m, row=replace(m.row, role="facilitator")) if m.row.line > people else m
        for m in made
    ]


@given(FREE, st.integers(0, 40), st.integers(0, 5))
def test_spread_evenly(sizes: list[tuple[int, int]], people: int, helpers: int) -> None:
    places = [Place(n, f"G{n}", seats, taken) for n, (seats, taken) in enumerate(sizes, 1)]
    free = sum(max(0, p.seats - p.taken) for p in places)
    seats = spread(crowd(people, helpers), places)
    added = seats.added()
    assert sum(added.values()) == min(people, free)
    assert seats.left_for("full") == people - min(people, free)
    for place in places:
        assert added[place.id] <= max(0, place.seats - place.taken)
    # Nobody could have gone to a group with two more free seats.
    left = {p.id: p.seats - p.taken - added[p.id] for p in places}
    for place in places:
        if added[place.id]:
            assert max(left.values()) <= left[place.id] + 1
    # Facilitators hold no seat, and are spread as well.
    shares = Counter(p.group_id for p in seats.placed if p.role == "facilitator")
    assert sum(shares.values()) == helpers
    assert max(shares.values(), default=0) - min(shares[p.id] for p in places) <= 1
    over = spread(crowd(people, helpers), places, over=True)
    assert len(over.placed) == people + helpers
    assert over.over == people - min(people, free)


def test_the_lists_own_groups() -> None:
    places = [Place(1, "Group 1", 2, 0), Place(2, "Group 02", 1, 1), Place(3, "Rot", 5, 5)]
    labels = ["group 1", "1", "2", "ROT", "", "Blau", "1"]
    matches = [Match(Row(n, "x", group=g), Status.found, n, "x") for n, g in enumerate(labels, 1)]
    seats = by_list(matches, places)
    assert [(p.line, p.group_id) for p in seats.placed] == [(1, 1), (2, 1)]
    assert [(one.match.row.line, one.why) for one in seats.left] == [
        (3, "full"), (4, "full"), (5, "no_group"), (6, "unknown_group"), (7, "full"),
    ]  # fmt: skip
    over = by_list(matches, places, over=True)
    assert [(p.line, p.group_id) for p in over.placed] == [(1, 1), (2, 1), (3, 2), (4, 3), (7, 1)]
    assert over.over == 3


def test_a_number_that_two_groups_have_is_no_group() -> None:
    labels = group_labels(
        [Place(1, "Group 1", 1, 0), Place(2, "Team 1", 1, 0), Place(3, "2", 1, 0)]
    )
    assert labels == {"group 1": 1, "team 1": 2, "2": 3}
