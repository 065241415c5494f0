"""The checklist on real packages that know nothing of it: it comes to a verdict, and a true one."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from release.run.preflight import preflight
from tests.real.packages import fetch
from tests.run.test_runner import Silent
from tests.support import Judge, git

PACKAGES = tomllib.loads(Path(__file__).with_name("packages.toml").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", PACKAGES)
def test_the_checklist_comes_to_a_true_verdict_without_configuration(
    name: str, tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What these packages require must not grow older than the verdicts; raise it with the locks.
    monkeypatch.setenv("UV_EXCLUDE_NEWER", "2026-11-21T00:00:00Z")
    expected: dict[str, Any] = PACKAGES[name]
    root = fetch(name, expected["version"], expected["sha256"], tmp_path)
    before = git(root, "status", "--porcelain"), git(root, "for-each-ref")

    report = preflight(judge.run(root), Silent())

    said = {evidence.gate: evidence.outcome for evidence in report.gates}
    statuses = {gate: outcome.status.value for gate, outcome in said.items()}
    # Whether advisories can be looked up depends on the network of whoever runs this.
    assert expected["gates"].items() <= statuses.items(), {
        gate: said[gate].summary for gate in said if statuses[gate] != expected["gates"].get(gate)
    }
    assert report.verdict.value == expected["verdict"]
    assert json.loads((root / ".release/preflight.json").read_text(encoding="utf-8"))
    assert (git(root, "status", "--porcelain"), git(root, "for-each-ref")) == before


def test_the_table_beside_this_file_explains_every_package() -> None:
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    for name, expected in PACKAGES.items():
        assert f"{name} {expected['version']}" in text, name
