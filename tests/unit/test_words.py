"""Texts are said in the language of whoever reads them, also long after they were written."""

from __future__ import annotations

import asyncio
import gettext
from datetime import date

import pytest

from core import words
from core.errors import PermanentError, Refusal, sentence
from core.plan import Bits, ByHand, Create, Gone, Plan, Rename, SetAccess
from core.reconcile.doctor import examine
from core.words import again, day, language, mark, nearest, pack, speak, speaking, t, tn, unpack

GERMAN = {
    "{who} joined {group}.": "{group} hat {who} aufgenommen.",
    "a group": "eine Gruppe",
    "{n} seat": "{n} Platz",
    "{n} seats": "{n} Plätze",
    "Full: {seats} in {group}": "{group} ist voll: {seats}",
    "a set {{1, 2}}": "eine Menge {{1, 2}}",
    "{n} × {{x}}": "{n} mal {{x}}",
    "the channel is gone": "den Kanal gibt es nicht mehr",
    "create the text channel “{name}”": "den Textkanal „{name}“ anlegen",
    "let {who} into {where}": "{who} in {where} einlassen",
    "Manage Roles": "Rollen verwalten",
    "Muster lacks **{name}** on this server": "Muster fehlt **{name}** auf diesem Server",
}


class German(gettext.NullTranslations):
    """A catalog of a few sentences; the rest stays as it is written."""

    def gettext(self, message: str) -> str:
        return GERMAN.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        text = msgid1 if n == 1 else msgid2
        return GERMAN.get(text, text)


@pytest.fixture(autouse=True)
def catalogs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"en": gettext.NullTranslations(), "de": German()}
    monkeypatch.setattr(words, "_catalog", found.__getitem__)


def test_a_sentence_with_its_values() -> None:
    assert t("{who} joined {group}.", who="Ada", group="Owls") == "Ada joined Owls."
    with speaking("de"):
        assert t("{who} joined {group}.", who="Ada", group="Owls") == "Owls hat Ada aufgenommen."
        assert t("nobody translated {this}", this="one") == "nobody translated one"


@pytest.mark.parametrize(
    ("n", "english", "german"),
    [(0, "0 seats", "0 Plätze"), (1, "1 seat", "1 Platz"), (2, "2 seats", "2 Plätze")],
)
def test_numbers(n: int, english: str, german: str) -> None:
    assert tn("{n} seat", "{n} seats", n) == english
    with speaking("de"):
        assert tn("{n} seat", "{n} seats", n) == german


def test_a_number_can_be_given_in_other_words() -> None:
    assert tn("{n} seat", "{n} seats", 2, n="two") == "two seats"


def test_a_missing_value_is_our_mistake() -> None:
    with pytest.raises(KeyError, match="group"):
        t("{who} joined {group}.", who="Ada")
    with pytest.raises(KeyError, match="group"):
        tn("{n} in {group}", "{n} in {group}", 2)


def test_braces_that_are_meant() -> None:
    """With values and without, in any language, and through the database."""
    for code, alone, beside in (
        ("en", "a set {1, 2}", "3 × {x}"), ("de", "eine Menge {1, 2}", "3 mal {x}"),
    ):  # fmt: skip
        with speaking(code):
            assert t("a set {{1, 2}}") == alone
            assert t("{n} × {{x}}", n=3) == beside
            assert unpack(pack(t("{n} × {{x}}", n=3))) == beside


def test_values_are_taken_as_they_are() -> None:
    """What people typed is no template."""
    name = "{group} {0} {{x}} %s"
    said = t("{who} joined {group}.", who=name, group="Owls")
    assert said == f"{name} joined Owls."
    assert unpack(pack(said)) == said
    assert again(said) == said


def test_a_table_is_said_when_it_is_shown() -> None:
    table = {"gone": mark("the channel is gone")}
    assert t(table["gone"]) == "the channel is gone"
    with speaking("de"):
        assert t(table["gone"]) == "den Kanal gibt es nicht mehr"


@pytest.mark.parametrize(("written", "read"), [("en", "de"), ("de", "en"), ("de", "de")])
def test_a_stored_text_is_read_in_the_readers_language(written: str, read: str) -> None:
    expected = {"en": "Full: 1 seat in a group", "de": "eine Gruppe ist voll: 1 Platz"}
    with speaking(written):
        said = t(
            "Full: {seats} in {group}", seats=tn("{n} seat", "{n} seats", 1), group=t("a group")
        )
        assert said == expected[written]
        stored = pack(said)
    assert type(stored) is str
    with speaking(read):
        assert unpack(stored) == expected[read]
        assert again(said) == expected[read]


def test_a_stored_text_does_not_depend_on_who_wrote_it() -> None:
    """Idempotency keys are made of it."""

    def stored() -> str:
        return pack(t("Full: {seats} in {group}", seats=tn("{n} seat", "{n} seats", 3), group="B"))

    english = stored()
    with speaking("de"):
        assert stored() == english


def test_a_read_text_can_be_stored_again() -> None:
    stored = pack(t("{who} joined {group}.", who="Ada", group=t("a group")))
    with speaking("de"):
        assert pack(unpack(stored)) == stored


def test_other_things_than_texts_are_stored_as_texts() -> None:
    error = pack(t("Full: {seats} in {group}", seats=2.5, group=KeyError("x")))
    assert unpack(error) == "Full: 2.5 in 'x'"


@pytest.mark.parametrize("text", ["", "discord is down", "{who} joined", '{"t": "x"}'])
def test_a_plain_text_is_stored_as_it_is(text: str) -> None:
    assert pack(text) == text
    assert unpack(text) == text
    assert again(text) == text


def test_a_broken_stored_text_is_shown_without_its_mark() -> None:
    whole = pack(t("{who} joined {group}.", who="Ada", group="Owls"))
    assert unpack(whole[:30]) == whole[1:30]
    for broken in ("", "{}", '{"t": "x"}', '{"t": 5, "m": null, "n": 0, "v": []}', "half a"):
        assert unpack(whole[0] + broken) == broken
    missing = '{"t": "{who} joined", "m": null, "n": 0, "v": {"x": 1}}'
    assert unpack(whole[0] + missing) == missing


@pytest.mark.parametrize(
    ("locale", "code"),
    [("de", "de"), ("de-AT", "de"), ("DE", "de"), ("en-GB", "en"), ("en-US", "en"),
     ("pt-BR", "en"), ("", "en"), ("deutsch", "en")],
)  # fmt: skip
def test_the_nearest_language(locale: str, code: str) -> None:
    assert nearest(locale) == code


def test_a_block_speaks_and_is_silent_again() -> None:
    assert language() == "en"
    with speaking("de"):
        assert language() == "de"
        with speaking("fr"):
            assert language() == "en"
        assert language() == "de"
    assert language() == "en"
    with pytest.raises(Refusal), speaking("de"):
        raise Refusal("x", t("a group"))
    assert language() == "en"


async def test_everybody_is_answered_in_their_own_language() -> None:
    """Two tasks at once, as two interactions are."""
    turn = asyncio.Barrier(2)

    async def one(locale: str) -> str:
        speak(locale)
        await turn.wait()
        return t("a group")

    german, english = await asyncio.gather(one("de"), one("en-US"))
    assert (german, english) == ("eine Gruppe", "a group")
    assert language() == "en"


def test_an_error_keeps_what_it_says() -> None:
    error = PermanentError(t("the channel is gone"), kind="unknown_channel")
    assert str(error) == error.text == "the channel is gone"
    stored = pack(error.text)
    with speaking("de"):
        assert unpack(stored) == "den Kanal gibt es nicht mehr"
        assert sentence(again(error.text)) == "Den Kanal gibt es nicht mehr."


def test_plans_are_read_in_the_readers_language_and_compared_in_none() -> None:
    def made() -> Plan:
        access = SetAccess(1, 7, False, Bits(0, 0), Bits(1, 0), Bits(1, 0), "grant")
        return Plan((Create("text", "owls"), access), (ByHand(1, 7, "lost"),))

    def name_of(discord_id: int) -> str:
        return {1: "#owls", 7: "Ada"}[discord_id]

    plan = made()
    assert plan.words(name_of) == ["create the text channel “owls”", "let Ada into #owls"]
    before = plan.inputs_hash()
    with speaking("de"):
        assert plan.words(name_of) == ["den Textkanal „owls“ anlegen", "Ada in #owls einlassen"]
        assert made() == plan
        assert made().inputs_hash() == before


@pytest.mark.parametrize("kind", ["category", "role", "text", "voice"])
def test_every_kind_has_its_sentences(kind: str) -> None:
    noun = {"text": "text channel", "voice": "voice channel"}.get(kind, kind)
    assert Create(kind, "A").words(str) == f"create the {noun} “A”"
    assert Rename(kind, 1, "A", "B").words(str) == f"rename the {noun} “A” to “B”"
    assert Gone(kind, 1, "A").words(str) == f"the {noun} “A” was deleted on Discord"


def test_permissions_are_called_as_discord_calls_them_there() -> None:
    with speaking("de"):
        found = examine(features=["access"], guild_bits=~(1 << 28))
    assert [f.what for f in found] == ["Muster fehlt **Rollen verwalten** auf diesem Server"]


def test_days() -> None:
    assert day(date(2026, 1, 5)) == "Mon 5 January 2026"
    with speaking("de"):
        assert day(date(2026, 1, 5)) == "Mo. 5. Januar 2026"
