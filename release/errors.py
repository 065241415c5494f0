"""The errors that a user can cause or meet: what is wrong, where, and what to do about it.

Anything else that escapes is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from release.model import Finding, Judgement


class ReleaseError(Exception):
    """Something the user can fix. Carries every problem that was found, not only the first."""

    def __init__(self, *problems: Finding) -> None:
        if not problems:
            raise ValueError("a ReleaseError names at least one problem")
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))

    @classmethod
    def of(
        cls, message: str, path: str | None = None, line: int | None = None, remedy: str = ""
    ) -> Self:
        """The error of one problem: what is wrong, where, and what to do about it."""
        return cls(Finding(message, path, line, remedy or None))


class ConfigurationError(ReleaseError):
    """A configuration file is missing, unreadable or says something impossible."""


class UsageError(ReleaseError):
    """A command was called with arguments that it does not take."""


class CannotCheck(ReleaseError):
    """A gate cannot be judged here; the runner turns it into an `unchecked` outcome.

    `reason` says why, `remedy` what would make it possible.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(Finding(reason, remedy=remedy))
        self.reason = reason
        self.remedy = remedy


def attempt(judge: Callable[[], Judgement]) -> Judgement:
    """A part of a gate's judgement. Where it cannot be judged, that does not hide the others."""
    try:
        return judge()
    except CannotCheck as error:
        return Judgement(unchecked=error.problems)


class Interrupted(Exception):
    """The run was stopped from outside while this gate was being judged."""
