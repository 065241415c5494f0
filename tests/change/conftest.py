from __future__ import annotations

import pytest

from tests.editor import edit


@pytest.fixture
def real_editor() -> None:
    """Asked for by tests in which bump-my-version runs as users have it, in its environment."""


@pytest.fixture(autouse=True)
def _editor_in_this_process(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of what a bump takes is the start of bump-my-version: here it is imported already."""
    if not {"real_editor", "stand_ins"} & {*request.fixturenames}:
        monkeypatch.setattr("release.change.releasing.bump_my_version", lambda _shell: edit)
