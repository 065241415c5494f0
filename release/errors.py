"""The errors that a user can cause or meet: what is wrong, where, and what to do about it.

Anything else that escapes is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `path` is relative to the repository where it can be, `line` counts from 1, `remedy` is an
    imperative sentence or empty.
    """

    message: str
    path: str = ""
    line: int | None = None
    remedy: str = ""

    def __str__(self) -> str:
        place = self.path + (f":{self.line}" if self.line is not None else "")
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}\n    {self.remedy}" if self.remedy else text


class ReleaseError(Exception):
    """Something the user can mend. Carries every problem that was found, not only the first."""

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise ValueError("a ReleaseError names at least one problem")
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class ConfigurationError(ReleaseError):
    """A configuration file is missing, unreadable or says something impossible."""


class UsageError(ReleaseError):
    """A command was called with arguments that it does not take."""


class CannotCheck(ReleaseError):
    """A gate cannot be judged here; the runner turns it into an `unchecked` outcome.

    `reason` says why, `remedy` what would make it possible.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(Problem(reason, remedy=remedy))
        self.reason = reason
        self.remedy = remedy


class Interrupted(Exception):
    """The run was stopped from outside while this gate was being judged."""
