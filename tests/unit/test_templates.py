"""A server's own words: plain names only, whatever somebody types."""

from __future__ import annotations

import pytest

from core.config import GuildSettings
from core.errors import Refusal
from core.notifications.templates import LIMIT, TEMPLATES, check, render
from core.words import speaking, t


def refused(kind: str, text: str) -> str:
    with pytest.raises(Refusal) as found:
        check(kind, text)
    assert found.value.text.endswith(".")
    return found.value.code


@pytest.mark.parametrize("kind", TEMPLATES)
def test_every_text_of_ours_may_be_saved_and_names_only_what_it_may(kind: str) -> None:
    template = TEMPLATES[kind]
    assert check(kind, template.text) == template.text
    with speaking("de"):
        said = t(template.text, **{name: f"{{{name}}}" for name in template.names})
    assert check(kind, said) == said


@pytest.mark.parametrize(
    "bad",
    [
        "{when.__class__}", "{when[0]}", "{when!r}", "{when:>99999999}", "{0}", "{}", "{ when }",
        "{When}", "{settings}", "{{when}}", "{when", "when}", "{nested{when}}",
        "{when.__init__.__globals__}", "%(when)s {person}",
    ],
)  # fmt: skip
def test_nothing_but_plain_names(bad: str) -> None:
    assert refused("remind_first", f"Come: {{when}} {bad}") == "unknown_placeholder"


def test_what_a_text_needs() -> None:
    assert refused("remind_first", "Come!") == "missing_placeholder"
    assert refused("moved", "{group} moved") == "missing_placeholder"
    assert refused("remind_first", " \n\t ") == "empty_text"
    assert refused("remind_first", "{when}") == "empty_text"
    assert refused("remind_first", "\u202e{when}\u2066\ufeff") == "empty_text"
    assert refused("fax", "x") == "unknown_kind"
    assert refused("announce", "x") == "unknown_kind"
    assert refused("remind_first", "{when}" + "x" * (LIMIT - 5)) == "too_long"
    assert check("remind_first", "{when}" + "x" * (LIMIT - 6))


def test_lines_stay_and_what_turns_text_around_goes() -> None:
    assert check("remind_first", " a\r\nb\x07 \u202e{when}\u200d ") == "a\nb {when}\u200d"


def test_values_are_filled_in_once() -> None:
    settings = GuildSettings(templates={"joined": "{person} {group} {person}"})
    values = {"person": "{group}", "group": "{person.__class__}", "cohort": "", "when": "never"}
    assert render("joined", settings, values) == "{group} {person.__class__} {group}"


def test_a_text_of_names_stays_a_message() -> None:
    settings = GuildSettings(templates={"joined": "{person}" * 100})
    assert len(render("joined", settings, {"person": "x" * 100})) == 1700


def test_a_stored_text_that_could_not_be_saved_does_no_harm() -> None:
    settings = GuildSettings(templates={"joined": "{person.__class__} {when} {0} {person}"})
    values = {"person": "Ada", "when": "never"}
    assert render("joined", settings, values) == "{person.__class__} {when} {0} Ada"


def test_the_servers_own_words_stay_in_every_language() -> None:
    settings = GuildSettings(templates={"left": "{person} is gone"})
    with speaking("de"):
        assert render("left", settings, {"person": "Ada"}) == "Ada is gone"
        assert render("left", GuildSettings(), {"person": "Ada"})
