"""Request bodies checked against Discord's own OpenAPI description (an optional file).

Four shims, because discord.py and the description disagree in harmless ways: integers may be
numeric strings; oneOf counts as anyOf; unknown properties are refused; and what discord.py adds
is allowed (an overwrite's ``id``, an embed's ``flags``, a command's ``nsfw``, an edit's ``tts``).
Snowflakes may be integers too: discord.py sends an overwrite's ``id`` as one.
"""

from __future__ import annotations

import importlib
import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_BASE = "urn:discord"
_NUMERIC = re.compile(r"-?\d+\Z")
_EXTRAS: dict[str, tuple[str, ...]] = {
    "RichEmbed": ("flags",),
    "ApplicationCommandCreateRequest": ("nsfw",),
    "ApplicationCommandUpdateRequest": ("nsfw",),
    "MessageEditRequestPartial": ("tts",),
}
_OVERWRITE_ROUTE = "/channels/{channel_id}/permissions/{overwrite_id}"


def _relax(node: Any) -> None:
    """Turn oneOf into anyOf and close every object that lists its properties, in place."""
    if isinstance(node, list):
        for item in node:
            _relax(item)
    elif isinstance(node, dict):
        if isinstance(node.get("oneOf"), list):
            node.setdefault("anyOf", []).extend(node.pop("oneOf"))
        if isinstance(node.get("properties"), dict) and "allOf" not in node:
            node.setdefault("additionalProperties", False)
        for value in list(node.values()):
            _relax(value)


def _add_extras(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, extras in _EXTRAS.items():
        schemas[name]["properties"].update({extra: {} for extra in extras})
    schemas["SnowflakeType"]["type"] = ["string", "integer"]
    body = document["paths"][_OVERWRITE_ROUTE]["put"]["requestBody"]
    body["content"]["application/json"]["schema"]["properties"]["id"] = {}


class BodyValidator:
    """Validates JSON bodies; raises OSError or ValueError if the description cannot be read."""

    def __init__(self, path: Path) -> None:
        self._document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self._bodies: dict[str, list[tuple[list[str], str]]] = {}
        for template, operations in self._document["paths"].items():
            for method, operation in operations.items():
                content = (
                    operation.get("requestBody", {}).get("content", {})
                    if isinstance(operation, dict)
                    else {}
                )
                if "application/json" in content:
                    parts = template.strip("/").split("/")
                    self._bodies.setdefault(method.upper(), []).append((parts, template))
        _relax(self._document)
        _add_extras(self._document)
        self._make = self._factory()
        self._cached = lru_cache(maxsize=4096)(self._judge)

    def _factory(self) -> Any:
        # Imported here so that the server runs without jsonschema where there is no description.
        jsonschema = importlib.import_module("jsonschema")
        referencing = importlib.import_module("referencing")
        specification = importlib.import_module("referencing.jsonschema").DRAFT202012
        registry = referencing.Registry().with_resource(
            _BASE, referencing.Resource(contents=self._document, specification=specification)
        )

        def integer(_checker: Any, value: Any) -> bool:
            if isinstance(value, str):
                return _NUMERIC.match(value) is not None
            return isinstance(value, int) and not isinstance(value, bool)

        base = jsonschema.Draft202012Validator
        checker = base.TYPE_CHECKER.redefine("integer", integer)
        validator = jsonschema.validators.extend(base, type_checker=checker)

        @cache
        def make(template: str, method: str) -> Any:
            pointer = template.replace("~", "~0").replace("/", "~1")
            inside = "requestBody/content/application~1json/schema"
            ref = f"{_BASE}#/paths/{pointer}/{method.lower()}/{inside}"
            return validator({"$ref": ref}, registry=registry)

        best = jsonschema.exceptions.best_match

        def problem(template: str, method: str, body: Any) -> str | None:
            error = best(make(template, method).iter_errors(body))
            return None if error is None else f"{error.json_path}: {error.message[:300]}"

        return problem

    def template(self, method: str, path: str) -> str | None:
        """The description's template for a path that takes a JSON body, or None."""
        segments = path.strip("/").split("/")
        found: list[tuple[int, str]] = []
        for parts, template in self._bodies.get(method, ()):
            literal = [p for p in parts if not p.startswith("{")]
            if len(parts) == len(segments) and all(
                p.startswith("{") or p == s for p, s in zip(parts, segments, strict=True)
            ):
                found.append((len(literal), template))
        return max(found)[1] if found else None

    def _judge(self, template: str, method: str, raw: str) -> str | None:
        verdict: str | None = self._make(template, method, json.loads(raw))
        return verdict

    def check(self, method: str, path: str, body: Any) -> str | None:
        """What is wrong with a body (JSON path and words), or None."""
        template = self.template(method, path)
        if template is None:
            return f"$: no route with a JSON body matches {method} {path}"
        return self._cached(template, method, json.dumps(body, sort_keys=True))
