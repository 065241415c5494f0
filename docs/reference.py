"""Writes docs/settings.md from the models of the settings, and docs/sessions.md from docstrings.

`nox -s reference` runs it; a test compares the pages with what it would write.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from release import actions  # noqa: E402
from release.registry import ACTIONS, DISTRIBUTION, installed  # noqa: E402
from release.settings import GateSettings, json_schema  # noqa: E402

SETTINGS = """\
# Settings

All of them are optional and stand in `pyproject.toml`. Unknown keys and impossible values are
errors with their line and the nearest valid key. Editors can use the schema:
`python -m release.settings` prints it, and validate-pyproject finds it by itself.

Many of them at once, as an example:
"""
GATES = """\
## [tool.release.gates.NAME]

Every gate takes these; what one takes besides stands below its name. A gate of your own has a name
of your own, and `run`.
"""
SESSIONS = """\
# Sessions

`nox -l` lists them, `nox -s NAME -- --help` prints what stands here and the options.
"""


def settings() -> str:
    """The page of the settings."""
    schema = json_schema()
    gates = schema["properties"].pop("gates")
    common = set(GateSettings.model_json_schema()["properties"])
    example = (HERE / "example.toml").read_text(encoding="utf-8")
    parts = [SETTINGS, f"```toml\n{example}```\n"]
    parts += [*_tables("tool.release", schema, set()), GATES]
    parts += _rows({**GateSettings.model_json_schema(), "title": ""}, set())
    for name, table in (*gates["properties"].items(), ("NAME", gates["additionalProperties"])):
        if set(table["properties"]) - common:
            parts += _tables(f"tool.release.gates.{name}", table, common)
    return "\n".join(parts)


def _tables(
    name: str, schema: dict[str, Any], left_out: set[str], *, many: bool = False
) -> Iterator[str]:
    """A table of settings and those within it; `many` where it is an array of tables."""
    yield f"## [[{name}]]\n" if many else f"## [{name}]\n"
    if name != "tool.release":
        yield f"{' '.join(schema.get('description', '').split())}\n"
    yield from _rows(schema, left_out)
    for key, value in schema["properties"].items():
        for many, table in _inner(value):
            yield from _tables(f"{name}.{key}", table, set(), many=many)


def _inner(value: dict[str, Any]) -> Iterator[tuple[bool, dict[str, Any]]]:
    """The tables that a setting holds: itself, or each of its entries."""
    for one in (value, *value.get("anyOf", ())):
        if "properties" in one:
            yield False, one
        elif "properties" in one.get("items", {}):
            yield True, one["items"]


def _rows(schema: dict[str, Any], left_out: set[str]) -> Iterator[str]:
    rows = [
        f"| `{key}` | {_kind(value)} | {_default(value)} | {_cell(value.get('description', ''))} |"
        for key, value in schema["properties"].items()
        if key not in left_out and not any(not many for many, _ in _inner(value))
    ]
    if rows:
        yield "\n".join(["| key | type | default | what it says |", "|---|---|---|---|", *rows, ""])


def _kind(value: dict[str, Any]) -> str:
    """A type in the words of TOML."""
    if "enum" in value or "const" in value:
        return " or ".join(
            f"`{json.dumps(one)}`" for one in value.get("enum", [value.get("const")])
        )
    if "anyOf" in value:
        kinds = [_kind(one) for one in value["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if value.get("type") == "array":
        return f"array of {_kind(value.get('items', {})) or 'values'}"
    names = {"object": "table", "": "value"}
    return names.get(value.get("type", ""), value.get("type", ""))


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    return (
        "" if default in (None, [], {}) else f"`{_cell(json.dumps(default, ensure_ascii=False))}`"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def sessions() -> str:
    """The page of the sessions."""
    ours = {name: inspect.getdoc(actions.find(name)) or "" for name in ACTIONS}
    gates = {n: one.text for n, one in installed().items() if one.distribution == DISTRIBUTION}
    parts = [SESSIONS]
    for title, texts in (("Actions", ours), ("Gates", gates)):
        parts += [f"## {title}\n", *(_section(name, text) for name, text in texts.items())]
    return "\n".join(parts)


def _section(name: str, text: str) -> str:
    """A session with its docstring, as it stands: it is written for the terminal."""
    head, _, rest = text.partition("\n")
    body = rest.strip("\n")
    return f"### {name}\n\n{head}\n" + (f"\n```text\n{body}\n```\n" if body else "")


PAGES = {"settings.md": settings, "sessions.md": sessions}


def main() -> None:
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
