"""The documentation says what the program does."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from release.registry import installed
from release.settings import parse

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_setting_that_a_page_shows_is_valid(page: Path) -> None:
    for block in blocks(page, "toml"):
        table = tomllib.loads(block).get("tool", {}).get("release")
        if table is not None:
            parse(table, block)


@pytest.mark.parametrize("name", ["settings.md", "sessions.md"])
def test_the_reference_says_what_the_code_says(name: str) -> None:
    page = runpy.run_path(str(DOCS / "reference.py"))["PAGES"][name]
    assert page() == (DOCS / name).read_text(encoding="utf-8"), "run nox -s reference"


def test_every_file_that_the_readme_links_to_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [urlsplit(target) for target in re.findall(r"\]\(([^)]+)\)", text)]
    files = [target.path for target in targets if not target.scheme]
    assert "docs/release.md" in files
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_picture_in_the_readme_shows_what_the_program_prints() -> None:
    picture = runpy.run_path(str(ROOT / "docs/picture.py"))
    data = json.loads((ROOT / "docs/preflight.json").read_text(encoding="utf-8"))
    drawn = picture["draw"](picture["read"](data))
    assert drawn == (ROOT / "docs/preflight.svg").read_text(encoding="utf-8"), "run nox -s picture"
    assert [gate["name"] for gate in data["gates"]] == list(installed())
    assert data["verdict"] == "ready"
