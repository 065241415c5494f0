"""Values as YAML shows them, and as nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml as pyyaml

from release.errors import ConfigurationError

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def yaml(value: str | Sequence[str]) -> str:
    """Text, or a list of texts, on one line of YAML.

    Raises ConfigurationError for what GitHub would take for an expression, quoted or not.
    """
    if not isinstance(value, str):
        return f"[{', '.join(map(yaml, value))}]"
    if "${{" in value:
        remedy = "choose another name, or set it without ${{"
        raise ConfigurationError.of(
            f"{value!r} holds ${{{{, which a workflow takes for an expression", remedy=remedy
        )
    # Double quotes and ASCII hold everything; the width, so that no line is broken.
    dumped = pyyaml.safe_dump(value, default_style='"', width=10**9)
    return str(dumped).rstrip("\n")


def flow(names: Sequence[str]) -> str:
    """Names of jobs as a list on one line."""
    assert all(map(PLAIN.fullmatch, names))
    return f"[{', '.join(names)}]"


def job(session: str) -> str:
    """The job of ci.yml that runs a session of the project's, which no other job is called."""
    return f"session-{session.replace('.', '-')}"
