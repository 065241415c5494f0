"""Environments are made from pins with hashes, reused, and made again when they changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import release
from release.change import publishing
from release.change.releasing import TOOLS
from release.errors import CannotCheck
from release.model import Gate
from release.observe import verify
from release.registry import installed
from release.run import environments
from release.run.environments import Environment, ensure_tools, is_intact, stamp
from release.run.processes import Completed
from tests.support import write

LOCK = """\
iniconfig==2.3.1 \\
    --hash=sha256:{digest}
"""


class Commands:
    """Runs preparing commands for real and remembers them."""

    def __init__(self) -> None:
        self.run: list[tuple[str, ...]] = []

    def __call__(self, command: Sequence[str]) -> Completed:
        self.run.append(tuple(command))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return Completed(tuple(command), done.returncode, done.stdout, done.stderr, 0.0, False)


@pytest.fixture
def commands() -> Commands:
    return Commands()


def gate_in(module: Path, *tools: str, name: str = "small") -> Gate:
    """A gate whose check is written in that file."""
    write(
        module.parent, {module.name: "def check(project, shell):\n    raise NotImplementedError\n"}
    )
    found: dict[str, Any] = {}
    exec(compile(module.read_bytes(), str(module), "exec"), found)  # noqa: S102
    return Gate(name, "a small gate", found["check"], tools=tools)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A gate whose lock has one small distribution, taken from a real lock."""
    real = environments.lock_of(installed()["test"].gate)
    assert real
    text = real.read_text(encoding="utf-8")
    start = text.index("iniconfig==")
    write(tmp_path / "gate", {"lock.txt": text[start : text.index("\npackaging==", start) + 1]})
    return gate_in(tmp_path / "gate/__init__.py", "iniconfig")


@pytest.fixture(params=["uv", pytest.param("pip", marks=pytest.mark.slow)])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "uv" and environments.find_uv() is None:
        pytest.skip("uv is not installed")
    if request.param == "pip":
        monkeypatch.setattr(environments, "find_uv", lambda: None)
    return str(request.param)


@pytest.mark.network
def test_tools_are_installed_once_and_again_when_anything_changed(
    tmp_path: Path, commands: Commands, gate: Gate, installer: str
) -> None:
    path = tmp_path / "env"
    environment = ensure_tools(gate, path, commands)
    pinned = environments.pinned_version(gate, "iniconfig")
    assert environment.versions_of(gate.tools) == {"iniconfig": pinned}
    assert all("--require-hashes" in c for c in commands.run if "install" in c)

    commands.run.clear()
    ensure_tools(gate, path, commands)
    assert commands.run == []

    (site,) = environment.site_packages()
    shutil.rmtree(next(site.glob("iniconfig-*.dist-info")))
    ensure_tools(gate, path, commands)
    assert "iniconfig" in environment.distributions()

    commands.run.clear()
    with (tmp_path / "gate/lock.txt").open("a") as lock:
        lock.write("# another pin\n")
    ensure_tools(gate, path, commands)
    assert commands.run


@pytest.mark.network
def test_a_tool_with_another_digest_is_not_installed(
    tmp_path: Path, commands: Commands, gate: Gate, installer: str
) -> None:
    (tmp_path / "gate/lock.txt").write_text(LOCK.format(digest="0" * 64))
    with pytest.raises(CannotCheck, match="tools of small were not installed"):
        ensure_tools(gate, tmp_path / "env", commands)


def test_an_index_out_of_reach_is_said(
    tmp_path: Path, commands: Commands, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(CannotCheck) as caught:
        ensure_tools(gate, tmp_path / "env", commands)
    assert "index" in caught.value.remedy


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path, commands: Commands) -> None:
    with pytest.raises(CannotCheck, match=r"Python 3\.99"):
        environments.create(tmp_path / "env", "3.99", commands)


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path, commands: Commands) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "precious.txt").write_text("mine")
    with pytest.raises(CannotCheck, match="in the way"):
        environments.create(tmp_path / "env", sys.executable, commands)
    assert (tmp_path / "env" / "precious.txt").read_text() == "mine"


def test_a_damaged_stamp_means_installing_again(tmp_path: Path, commands: Commands) -> None:
    environment = environments.create(tmp_path / "env", sys.executable, commands)
    stamp(environment, "wanted")
    assert is_intact(environment, "wanted")
    for damage in ("", "null", "[]", "{", '{"wanted": "wanted"}'):
        (environment.path / environments.STAMP).write_text(damage)
        assert not is_intact(environment, "wanted")


def test_a_process_inside_does_not_see_the_callers_python_settings(tmp_path: Path) -> None:
    outer = {
        "PATH": "/usr/bin",
        "PYTHONPATH": "/somewhere",
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIRTUAL_ENV": "/other",
        "HOME": "/home/someone",
    }
    inner = Environment(tmp_path).variables(outer)
    assert inner["VIRTUAL_ENV"] == str(tmp_path)
    assert inner["PATH"].startswith(str(Environment(tmp_path).bin))
    assert inner["HOME"] == "/home/someone"
    assert not {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"} & inner.keys()


def test_an_empty_token_is_none(tmp_path: Path) -> None:
    """zizmor refuses GH_TOKEN="", which CI makes of a secret that is not there."""
    outer = {"GH_TOKEN": "", "GITHUB_TOKEN": "x", "EMPTY": ""}
    inner = Environment(tmp_path).variables({"PATH": "", **outer})
    assert {name: inner.get(name) for name in outer} == {**outer, "GH_TOKEN": None}


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotCheck, match="twine is not in the environment"):
        Environment(tmp_path).tool("twine")


@pytest.mark.network
def test_tools_without_a_lock_are_installed_by_name(
    tmp_path: Path, commands: Commands, installer: str
) -> None:
    gate = gate_in(tmp_path / "noxfile.py", "iniconfig<2.1")
    environment = ensure_tools(gate, tmp_path / "env", commands)
    assert environment.versions_of(gate.tools) == {"iniconfig": "2.0.0"}
    commands.run.clear()
    ensure_tools(gate, tmp_path / "env", commands)
    assert commands.run == []


def test_a_lock_lies_beside_the_module_of_its_gate(tmp_path: Path) -> None:
    write(tmp_path, {"lock.txt": "", "small.lock.txt": ""})
    for module, lock in {"__init__.py": "lock.txt", "noxfile.py": "small.lock.txt"}.items():
        assert environments.lock_of(gate_in(tmp_path / module)) == tmp_path / lock
    assert environments.lock_of(gate_in(tmp_path / "noxfile.py", name="other")) is None


OURS = {one.gate.name: one.gate for one in installed().values() if one.gate.tools}


@pytest.mark.parametrize("gate", [TOOLS, *OURS.values()], ids=lambda gate: gate.name)
def test_every_gate_of_ours_pins_its_tools_with_hashes_and_names_no_host(gate: Gate) -> None:
    lock = environments.lock_of(gate)
    assert lock
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert all("==" in entry and entry.endswith("\\") for entry in entries)
    assert all(environments.pinned_version(gate, tool) for tool in gate.tools)


def test_every_lock_is_one_of_a_gate() -> None:
    gates = (TOOLS, publishing.TOOLS, verify.TOOLS, *OURS.values())
    locks = {environments.lock_of(gate) for gate in gates}
    assert locks == set(Path(release.__path__[0]).rglob("*lock.txt"))
