"""This project's release, as nox sessions: `nox -l` lists them, nox-release defines them."""

import nox
from release.sessions import Sessions

nox.options.sessions = ["release_preflight"]

Sessions(__file__).all()
