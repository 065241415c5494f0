"""The five procedures are rehearsed from plan to install, for every kind of release."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from release.actions.rehearse import Told
from release.change.situation import Request
from release.rehearse.rehearsal import Rehearsal
from tests.change.test_kills import state
from tests.support import Judge, git
from tests.test_projects import ADDED, FIXED, Start, start, with_key

__all__ = ["start"]
LAST = {
    "ophamin": "v0.7.2",
    "ajolopy": "v0.4.2",
    "chap_checker": "v0.2.0",
    "aksara": "v0.6.1",
    "openmed": "v1.4.0",
}
NOTES = {"patch": FIXED, "minor": ADDED, "rc": ADDED}
# One of each: a hook, a pull request, a page and its links, signatures, a version from the tag.
KILLED = [
    ("ophamin", "patch"),
    ("ajolopy", "minor"),
    ("chap_checker", "rc"),
    ("aksara", "minor"),
    ("openmed", "rc"),
]


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("step", NOTES)
@pytest.mark.parametrize("name", LAST)
def test_a_release_is_made_in_a_rehearsal_and_nothing_of_it_here(
    start: Start, judge: Judge, tmp_path: Path, name: str, step: str
) -> None:
    here = start(name, LAST[name], f"{name} {LAST[name]}")
    if name == "ophamin":
        git(here.root, "config", "core.hooksPath", ".githooks")
    if name == "aksara":
        if shutil.which("ssh-keygen") is None:
            pytest.skip("no ssh-keygen")
        with_key(here, tmp_path)
    if name == "openmed":  # a version from the tag needs a commit of its own
        here.work("Add a term", {"src/openmed/__init__.py": ('"fever"', '"fever", "cough"')})
    before = state(here.root)
    notes = NOTES[step] if name == "ophamin" else None
    (tmp_path / "scene").mkdir()
    rehearsal = Rehearsal(
        judge.run(here.root), Request(step, "a subject", notes), tmp_path / "scene", Told()
    )
    killed = (name, step) in KILLED
    rehearsal.whole(with_faults=killed)
    assert [one.name for one in rehearsal.steps] == [
        *("plan", "copy", "cut", "workflow", "publish", "verify"),
        *(["faults"] if killed else []),
    ]
    assert state(here.root) == before
