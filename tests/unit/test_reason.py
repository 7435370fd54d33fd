from __future__ import annotations

from urllib.parse import quote

from core.discord_outbound.reason import asked_by, reason_for


def test_names_group_and_actor() -> None:
    token = asked_by.set("Mona")
    assert reason_for("Group 1", "Stats") == "Muster: Group 1 (Stats), asked by Mona"
    asked_by.reset(token)
    assert reason_for("Group 1", "Stats").endswith("by itself")


def test_fits_url_encoded() -> None:
    text = reason_for("Г" * 80, "К" * 90)
    assert len(quote(text, safe="/ ")) <= 512
    assert text.startswith("Muster: ГГГ")
