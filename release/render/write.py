"""Compares what is rendered with what lies in its place, which somebody else may have written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from release.errors import UsageError
from release.model import Finding
from release.project.diff import diff
from release.render import WORKFLOWS, Rendered
from release.render.stamp import is_ours, is_untouched, with_newer_pins, without_pins
from release.render.structure import differences
from release.run.writing import New

State = Literal["missing", "current", "outdated", "changed", "unwanted", "kept"]
# Where files may lie that other settings have rendered.
PLACES = (f"{WORKFLOWS}/*.y*ml", ".github/dependabot.yml", ".gitlab-ci.yml", ".githooks/pre-push")


@dataclass(frozen=True, slots=True)
class Found:
    """A rendered file and what lies in its place.

    `current` says the same as what is rendered; `outdated` is an untouched rendering of other
    settings; `changed` was written or edited by somebody. What other settings rendered, and these
    do not, is `unwanted`, or `kept` where somebody edited it. `there` is the text of its `content`.
    """

    rendered: Rendered
    state: State
    there: str = ""
    content: bytes | None = None

    @property
    def wanted(self) -> Rendered:
        """What is to lie there, with the pins of what does where these are newer."""
        return replace(self.rendered, text=with_newer_pins(self.rendered.text, self.there))

    @property
    def new(self) -> New:
        """The file to write, or to remove."""
        wanted = self.wanted
        after = None if self.state == "unwanted" else wanted.text.encode()
        return New(wanted.path, self.content, after, wanted.executable)

    @property
    def difference(self) -> str:
        """What writing it would change, as a unified diff."""
        before = None if self.state == "missing" else self.there
        after = None if self.state == "unwanted" else self.wanted.text
        return "".join(f"{line}\n" for line in diff(self.rendered.path, before, after))


def look(root: Path, files: Iterable[Rendered]) -> tuple[Found, ...]:
    """What lies in the place of each file.

    Raises UsageError with every place that cannot be written or read.
    """
    found: list[Found] = []
    problems: list[Finding] = []
    for rendered in files:
        try:
            found.append(_found(root, rendered))
        except UsageError as error:
            problems += error.problems
    if problems:
        raise UsageError(*dict.fromkeys(problems))
    return tuple(found)


def _found(root: Path, rendered: Rendered) -> Found:
    path = root / rendered.path
    for part in (path, *path.parents[: len(Path(rendered.path).parts) - 1]):
        where = part.relative_to(root).as_posix()
        if part.is_symlink():
            remedy = "replace it by what it links to"
            raise UsageError.of(
                "is a symbolic link, and nothing is written through it", where, remedy=remedy
            )
        if part != path and part.exists() and not part.is_dir():
            raise UsageError.of("is a file, and should be a folder", where, remedy="move it away")
    try:
        content = path.read_bytes()
        there = content.decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        return Found(rendered, "missing")
    except UnicodeDecodeError:
        return Found(rendered, "changed", "(not UTF-8)\n", content)
    except OSError as error:
        raise UsageError.of(
            f"cannot be read: {error.strerror}",
            rendered.path,
            remedy="see its permissions, or move it away",
        ) from None
    return Found(rendered, _state(rendered, there), there, content)


def _state(rendered: Rendered, there: str) -> State:
    if without_pins(there) == without_pins(rendered.text):
        return "current"
    if rendered.is_yaml and not any(differences(rendered.path, rendered.text, there)):
        return "current"
    return "outdated" if is_untouched(rendered.path, there) else "changed"


def left(root: Path, found: Iterable[Found]) -> tuple[Found, ...]:
    """Files that were rendered for other settings, and that none of the files `found` replaces."""
    wanted = {root / one.rendered.path for one in found}
    paths = sorted(path for place in (*PLACES, "RELEASING.md") for path in root.glob(place))
    return tuple(_left(root, path) for path in paths if path not in wanted and is_ours(path))


def _left(root: Path, path: Path) -> Found:
    name, content = path.relative_to(root).as_posix(), path.read_bytes()
    there = content.decode().replace("\r\n", "\n")
    state: State = "unwanted" if is_untouched(name, there) else "kept"
    return Found(Rendered(name, ""), state, there, content)


def told(found: Iterable[Found]) -> Iterator[str]:
    """A line for each file: what happens to it."""
    words = {
        "missing": "new",
        "outdated": "as the settings are now",
        "changed": "taken back",
        "unwanted": "removed, for the settings no longer ask for it",
        "kept": "stays, for somebody edited it; the settings no longer ask for it",
    }
    for one in found:
        yield f"{one.rendered.path}: {words.get(one.state, 'as it should be')}"
