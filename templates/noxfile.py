"""The release of this project: `nox -l` lists its sessions."""

from __future__ import annotations

from release.sessions import Sessions

Sessions(__file__).all(default="release_preflight")
