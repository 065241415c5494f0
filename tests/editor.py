"""bump-my-version in the process of the tests, as the tools' environment runs it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from release.change import _bump_my_version


def edit(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What bump-my-version answers to a request of release.change.version_places."""
    with tempfile.TemporaryDirectory() as folder:
        return _bump_my_version.edit(request, Path(folder))
