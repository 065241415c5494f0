"""docs/workflows.md shows the default workflow as it is rendered, and ours are rendered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from release import render
from release.project import read_project
from release.render.write import look
from tests.render.shapes import make_shape

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "workflows.md"


def timeless(workflow: str) -> str:
    """A workflow without the version of nox-release, and the digest that it is part of."""
    text = re.sub(r"(nox-release\[uv\]==)[\w.]+", r"\1X.Y.Z", workflow)
    return re.sub(r"\([0-9a-f]{16}\)$", "(…)", text, count=1, flags=re.M)


def test_the_page_shows_the_default_workflow(tmp_path: Path) -> None:
    root = make_shape(tmp_path / "small-thing", "default")
    [text] = [f.text for f in render.files(read_project(root)) if f.path.endswith("release.yml")]
    print(timeless(text))
    assert f"```yaml\n{timeless(text)}```\n" in PAGE.read_text(encoding="utf-8")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not in the repository")
def test_our_own_files_are_as_our_settings_have_them() -> None:
    found = look(ROOT, render.files(read_project(ROOT)))
    # Who owns the repository, only a remote tells.
    pending = {one.rendered.path for one in found if one.state != "current"}
    assert pending <= {"RELEASING.md"}
