"""A folder whose path no message could name is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from release.errors import ConfigurationError
from release.project import read_project


@pytest.mark.skipif(sys.platform != "linux", reason="such names are possible on Linux")
@pytest.mark.parametrize("name", [b"a\xff", b"a\nb"])
def test_a_path_that_cannot_be_printed_is_refused(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    with pytest.raises(ConfigurationError, match="rename the folder"):
        read_project(folder)
