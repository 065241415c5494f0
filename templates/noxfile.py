"""This project's release, as nox sessions: `nox -l` lists them, nox-release defines them."""

from pathlib import Path

import nox
from release.sessions import Sessions

nox.options.sessions = ["release_preflight"]

Sessions(Path(__file__)).all()
