"""The gate that CONTRIBUTING.md shows, from a distribution of its own, through real nox."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from release.registry import DISTRIBUTION
from release.run.environments import find_uv
from tests.support import commit, make_project, with_remote, write

ROOT = Path(__file__).resolve().parent.parent
Nox = Callable[..., subprocess.CompletedProcess[str]]
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "spelling-gate"
version = "1.0"

[project.entry-points."nox_release.gates"]
spelling = "spelling_gate:GATE"
"""


def shown() -> dict[str, str]:
    """The modules that the page shows, in a package of their own, by file name."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = text.replace("release.gates.spelling", "spelling_gate")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    return dict(zip(("__init__.py", "settings.py", "defects.py"), blocks, strict=True))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the distribution installed into it, and two that are broken."""
    source, site = tmp_path_factory.mktemp("spelling-gate"), tmp_path_factory.mktemp("site")
    write(source, {"pyproject.toml": PYPROJECT})
    for name, text in shown().items():
        write(source, {f"spelling_gate/{name}": text})
    uv = find_uv()
    assert uv
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(source)],
        check=True,
    )
    for name, body in {"broken": "raise RuntimeError('no such thing')", "odd": "GATE = 3"}.items():
        info = f"{name}_gate-1.0.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}-gate\nVersion: 1.0\n"
        points = f"[nox_release.gates]\n{name} = {name}_gate:GATE\n"
        write(site, {f"{name}_gate.py": body, f"{info}/METADATA": metadata,
                     f"{info}/entry_points.txt": points})  # fmt: skip
    return site


@pytest.fixture
def nox(site: Path, tools_folder: Path) -> Nox:
    return functools.partial(run_nox, site, tools_folder)


def run_nox(
    site: Path, tools: Path, *arguments: str, root: Path
) -> subprocess.CompletedProcess[str]:
    words = ["-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), "--envdir", str(tools)]
    path = os.pathsep.join((str(site), str(ROOT)))
    more = ("--project", str(root)) if root != ROOT else ()
    return subprocess.run(
        [sys.executable, *words, "-s", *arguments, *more],
        capture_output=True, text=True, cwd=ROOT, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
    )  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing", {"docs/index.md": "# Small thing\n\nIt is teh one.\n"})


def test_a_gate_of_another_distribution_fails_and_passes_by_its_settings(
    nox: Nox, root: Path
) -> None:
    done = nox("spelling", "--", root=root)
    assert done.returncode == 1
    assert "docs/index.md:3: 'teh' is misspelled" in done.stdout
    assert "write the, or name teh in words" in done.stdout
    evidence = json.loads((root / ".release/evidence/spelling.json").read_text(encoding="utf-8"))
    assert evidence["tools"].keys() == {"codespell"}
    with (root / "pyproject.toml").open("a") as file:
        file.write('[tool.release.gates.spelling]\nwords = ["teh"]\n')
    done = nox("spelling", "--", root=root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ spelling: 1 pages" in done.stdout


def test_a_new_gate_of_ours_needs_no_third_place(
    site: Path, root: Path, tools_folder: Path, tmp_path: Path
) -> None:
    points = distribution(DISTRIBUTION).read_text("entry_points.txt")
    assert points
    head = "[nox_release.gates]\n"
    points = points.replace(head, f"{head}spelling = spelling_gate:GATE\n")
    metadata = f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 99\n"
    info = "nox_release-99.dist-info"
    write(tmp_path, {f"{info}/METADATA": metadata, f"{info}/entry_points.txt": points})
    shutil.copytree(site / "spelling_gate", tmp_path / "spelling_gate")
    done = run_nox(tmp_path, tools_folder, "spelling", "--", root=root)
    assert "'teh' is misspelled" in done.stdout, done.stderr


def test_its_settings_are_checked_like_those_of_our_own(nox: Nox, root: Path) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write('[tool.release.gates.spelling]\nwrods = ["teh"]\ntimeout = 60\n')
    done = nox("spelling", "--", root=root)
    assert "unknown key 'wrods' in [tool.release.gates.spelling]" in done.stderr
    assert "did you mean 'words'?" in done.stderr


def test_it_has_help_and_a_line_in_the_list(nox: Nox) -> None:
    done = nox("spelling", "--", "--help", root=ROOT)
    assert done.returncode == 0
    assert "Advice, unless strict is set" in done.stdout


def test_its_defects_are_proved(nox: Nox, root: Path) -> None:
    write(root, {"docs/index.md": "# Small thing\n"})
    commit(root)
    with_remote(root)
    done = nox("prove", "--", "spelling", root=root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a misspelled word" in done.stdout


@pytest.mark.parametrize(
    ("gate", "said"),
    [("broken", "RuntimeError: no such thing"), ("odd", "odd_gate:GATE is not a Gate")],
)
def test_one_that_cannot_be_loaded_is_unchecked_and_named(
    nox: Nox, root: Path, gate: str, said: str
) -> None:
    done = nox(gate, "--", root=root)
    assert done.returncode == 1
    assert f"{gate}-gate could not be loaded: " in done.stdout
    assert said in done.stdout
    assert f"pip uninstall {gate}-gate" in done.stdout
