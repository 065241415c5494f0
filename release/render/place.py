"""Where the project lies: its forge, its owner and name there."""

from __future__ import annotations

import re

from release.errors import ConfigurationError
from release.project import Project
from release.project.git import git
from release.world.forge import Repository, locate

# An address that names a host, of which a folder of this machine has none.
HOST = re.compile(r"(?:[a-z+]+://(?:[^/]*@)?([^@/:]+)|(?:[^@/]*@)?([^@/:]{2,}):)")
GITLAB = re.compile(r"gitlab\.[\w.-]+")


def located(project: Project) -> tuple[bool, Repository | None]:
    """Whether a project lies on GitHub, as does one without a remote, and where it lies there.

    Raises ConfigurationError for a forge that has no template.
    """
    facts = project.git
    if facts is not None and facts.prefix:
        raise ConfigurationError.of(
            f"the project lies in {facts.prefix.rstrip('/')} of its repository, and workflows"
            " are rendered for a project at the top",
            remedy="write them by hand; docs/workflows.md shows what is rendered",
        )
    remote = project.settings.remote
    if facts is None or remote not in facts.remotes:
        return True, None
    url = git(project.root, "remote", "get-url", remote).stdout.strip()
    found = locate(url)
    if found is not None:
        return True, found
    match = HOST.match(url)
    host = (match[1] or match[2]).lower() if match else ""
    if host and host != "file" and not GITLAB.fullmatch(host):
        raise ConfigurationError.of(
            f"the remote {remote} is on {host}; workflows are rendered for GitHub, and a"
            " .gitlab-ci.yml for GitLab",
            remedy="call the sessions in its CI: nox-release release_preflight --ci; set"
            " GH_HOST if that host is a GitHub Enterprise Server",
        )
    return not host, None
