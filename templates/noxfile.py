"""The release of this project: `nox -l` lists its sessions."""

from __future__ import annotations

import nox
from release.sessions import Sessions

nox.options.sessions = ["release_preflight"]

Sessions(__file__).all()
