"""A noxfile that is added to is loaded first."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.adopt.loading import require_loading
from release.errors import ConfigurationError


@pytest.mark.parametrize("text", ["import nothing_like_this\n", "raise SystemExit(3)\n"])
def test_a_noxfile_that_nox_cannot_load_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "noxfile.py").write_text(text)
    with pytest.raises(ConfigurationError, match="it cannot be loaded") as error:
        require_loading(tmp_path, "noxfile.py")
    assert "nox-release release_preflight" in str(error.value.problems[0].remedy)


def test_a_noxfile_that_loads_is_let_pass(tmp_path: Path) -> None:
    (tmp_path / "noxfile.py").write_text("import nox\nimport release.sessions\n")
    require_loading(tmp_path, "noxfile.py")
