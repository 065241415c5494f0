"""Takes the next step of a release where it changes this repository alone."""

from __future__ import annotations

from release.change.releasing import take_back, take_tag
from release.errors import UsageError
from release.run.runner import Run
from release.world.standing import LOCAL, Standing, Step


def take(run: Run, standing: Standing) -> tuple[str, ...]:
    """Take the step of a standing; returns what was done, in sentences.

    Raises UsageError for a step that somebody else would notice, or that cannot be taken back, and
    ReleaseError where it fails.
    """
    if standing.step not in LOCAL:
        raise UsageError.of(
            f"the next step is not this repository's alone: {standing.step.value}",
            remedy=" && ".join(standing.commands) or standing.what,
        )
    if standing.step is Step.ABANDON:
        return take_back(run).said
    names = standing.observation.names
    ref = f"refs/tags/{names['tag']}"
    force = "+" if standing.step is Step.TAKE_TAG else ""
    told = take_tag(run, names["remote"], f"{force}{ref}:{ref}")
    return (
        *told,
        f"{names['tag']} is here as {names['remote']} has it",
        f"what was here before: {standing.observation.looks['local_tag'].said}",
        *_back(standing, ref),
    )


def _back(standing: Standing, ref: str) -> tuple[str, ...]:
    """How to undo it."""
    old = standing.observation.names["local_object"]
    if old:
        return (f"to have that back: git update-ref {ref} {old}",)
    return (f"to undo it: git tag --delete {ref.removeprefix('refs/tags/')}",)
