"""Every text, in every language: there, with its placeholders, short enough, in plain words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Message

from core.words import COMMAND, LANGUAGES, SOURCE, of_command, speaking, t, tn
from tests import catalog
from tests.catalog import forms
from tests.untranslated import ROOT, files, untranslated

OTHERS = [code for code in LANGUAGES if code != SOURCE]
# shared words: what programmers say and members do not. Whole words, also inflected.
FORBIDDEN = {
    "en": r"\b(reali[sz]e[ds]?|drift(s|ed|ing)?|reconcil\w*|dead|parked|overwrites?|sync_\w+)\b",
    "de": r"\b(realisier\w*|drift\w*|reconcil\w*|abgleichsdrift|geparkt\w*|tot|overwrites?)\b",
}
# Discord's limits of characters, by what a text is given to: the argument's place or its name.
LIMITS: dict[tuple[str, int | str], int] = {
    ("button", 0): 80, ("add_button", 0): 80, ("press", 0): 80, ("Button", "label"): 80,
    ("select", 0): 150, ("add_select", 0): 150, ("Select", "placeholder"): 150,
    ("RoleSelect", "placeholder"): 150, ("ChannelSelect", "placeholder"): 150,
    ("UserSelect", "placeholder"): 150, ("TextInput", "placeholder"): 100,
    ("Form", 0): 45, ("Modal", "title"): 45, ("Label", "text"): 45, ("Label", "description"): 100,
    ("Field", 1): 45, ("Field", 3): 100, ("Field", "label"): 45, ("Field", "hint"): 100,
    ("SelectOption", "label"): 100, ("SelectOption", "description"): 100,
}  # fmt: skip
_OPTION = re.compile(r"[-_'\w]{1,32}")


@cache
def messages(code: str) -> list[Message]:
    return [m for m in catalog.update(code) if m.id]


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_missing(code: str) -> None:
    missing = [m.id for m in messages(code) if not all(forms(m.string)) or m.fuzzy]
    assert not missing, "make words, then translate"
    stored = {(m.id, m.context) for m in catalog.stored(code) if m.id}
    assert stored == {(m.id, m.context) for m in messages(code)}, "make words"


@pytest.mark.parametrize("code", OTHERS)
def test_placeholders_are_kept(code: str) -> None:
    for message in messages(code):
        if message.context == COMMAND:
            continue
        sources = forms(message.id)
        for text in forms(message.string):
            # A form for one may say "a seat"; everything else keeps every name.
            allowed = set().union(*map(names, sources))
            needed = set.intersection(*map(names, sources)) - {"n"}
            assert needed <= names(text) <= allowed | {"n"}, message.id


@pytest.mark.parametrize("code", OTHERS)
def test_code_and_marks_are_kept(code: str) -> None:
    """Commands in backticks stay as they are, bold and line breaks stay as many."""
    for message in messages(code):
        source, text = forms(message.id)[-1], forms(message.string)[-1]
        commands = re.findall(r"`/[a-z ]+`", source)
        assert sorted(commands) == sorted(re.findall(r"`/[a-z ]+`", text)), message.id
        assert source.count("**") == text.count("**"), message.id
        assert source.count("\n") == text.count("\n"), message.id


def test_plain_words_only() -> None:
    for message in messages(OTHERS[0]):
        for text in forms(message.id):
            assert not re.search(FORBIDDEN[SOURCE], text, re.IGNORECASE), text
    for code in OTHERS:
        for message in messages(code):
            for text in forms(message.string):
                assert not re.search(FORBIDDEN[code], text, re.IGNORECASE), text


def _places() -> Iterator[tuple[str, int, str]]:
    """(text, characters that Discord takes there, where) of what stands in a narrow place."""
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = str(getattr(node.func, "attr", None) or getattr(node.func, "id", ""))
            given: list[tuple[int | str, ast.expr]] = list(enumerate(node.args))
            given += [(k.arg, k.value) for k in node.keywords if k.arg]
            for key, value in given:
                limit = LIMITS.get((name, key))
                if limit is not None:
                    for text in _said(value):
                        yield text, limit, f"{path.relative_to(ROOT)}:{node.lineno}"


def _said(node: ast.expr) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"t", "tn"}:
            for argument in call.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def test_every_text_fits_its_place() -> None:
    places = list(_places())
    assert len(places) > 50
    for code in LANGUAGES:
        with speaking(code):
            for text, limit, where in places:
                shown = re.sub(r"\{\w+\}", "", t(text, **dict.fromkeys(names(text), "")))
                assert len(shown) <= limit, f"{where}: {shown!r} in {code}"


async def test_the_command_tree_fits() -> None:
    texts = await catalog.tree_texts()
    assert len(texts) > 50
    for code in OTHERS:
        for text in texts:
            shown = of_command(text, code) or text
            assert len(shown) <= 100, shown
            if _OPTION.fullmatch(text) and text.islower():  # an option's name
                assert _OPTION.fullmatch(shown), shown
                assert shown == shown.lower(), shown


def test_no_text_bypasses_the_catalog() -> None:
    assert [found for path in files() for found in untranslated(path)] == []


def test_the_check_sees_one_that_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.untranslated.ROOT", tmp_path)
    code = tmp_path / "x.py"
    code.write_text('show(interaction, f"{n} seats are free")\nview.button("Leave", "x")\n')
    assert len(untranslated(code)) == 2
    said = 'show(interaction, t("{n} seats are free", n=n))\nview.button(t("Leave"), "x")\n'
    code.write_text(said)
    assert untranslated(code) == []


def test_german_is_spoken() -> None:
    with speaking("de"):
        assert tn("{n} group", "{n} groups", 1) == "1 Gruppe"
        assert tn("{n} group", "{n} groups", 2) == "2 Gruppen"
