"""The suite itself."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def test_pytest_looks_into_every_folder_that_holds_tests(pytestconfig: pytest.Config) -> None:
    left_out = pytestconfig.getini("norecursedirs")
    folders = {
        part for path in TESTS.rglob("test_*.py") for part in path.parent.relative_to(TESTS).parts
    }
    assert "build" in folders
    assert not [name for name in folders for glob in left_out if fnmatch(name, glob)]
