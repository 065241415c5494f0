"""What `prove` plants for the gate ci."""

from __future__ import annotations

from collections.abc import Mapping

from release.run.planting import Copy, Defect, git


def failed_check(copy: Copy) -> None:
    remote = copy.project.settings.remote
    git(copy.root, "remote", "set-url", remote, "http://127.0.0.1/planted/planted")


def forge_on_loopback(copy: Copy) -> Mapping[str, str | None]:
    tokens = ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
    return {
        **dict.fromkeys((*tokens, "GH_HOST", "GITHUB_RUN_ID")),
        "GITHUB_SERVER_URL": "http://127.0.0.1",
        "GITHUB_API_URL": copy.server,
        "GH_CONFIG_DIR": str(copy.scratch),
    }


DEFECTS = (
    Defect(
        "a check that failed, on a forge on loopback",
        failed_check,
        "ended with failure",
        committed=False,
        stood_in=True,
        surroundings=forge_on_loopback,
    ),
)
