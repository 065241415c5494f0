"""Where evidence lies: `.release/` at the project's root, which ignores itself."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from release.errors import CannotCheck, ConfigurationError
from release.model import Artifact, Evidence
from release.project.git import complaint, git
from release.text.escaping import listing

FOLDER = ".release"
CANDIDATE = "candidate"  # a checkout of the project, with links of its own


class Store:
    """The `.release/` folder of one project.

    Raises ConfigurationError when it cannot be made or written, when git tracks something in it,
    and when something in it is neither a file nor a folder.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        if self.folder.is_symlink():
            raise ConfigurationError.of(
                "is a link; evidence is only kept inside the project",
                FOLDER,
                remedy="remove the link",
            )
        _refuse_tracked(root)
        with self.writing():
            _refuse_links(self.folder)
            for name in ("evidence", "logs", "cache"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder / "evidence"):
                pass
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            self.write(ignore, "*\n")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what the machine refuses into a ConfigurationError that names the folder."""
        try:
            yield
        except OSError as error:
            raise ConfigurationError.of(
                f"cannot be written: {error.strerror or error}",
                FOLDER,
                remedy="evidence, logs and distributions are kept there; make it writable",
            ) from None

    def write(self, path: Path, text: str) -> None:
        """Replace a file in one step: readers see the old text or the new one.

        Raises ConfigurationError when it cannot be written; the old file is then still there.
        """
        with self.writing():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
            try:
                with open(handle, "w", encoding="utf-8", errors="replace", newline="\n") as file:
                    file.write(text)
                Path(name).chmod(0o644)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink()
                raise

    def log(self, gate: str) -> Path:
        return self.folder / "logs" / f"{gate}.log"

    def save(self, evidence: Evidence) -> None:
        """Keep the evidence of a gate in place of its last one."""
        text = json.dumps(evidence.as_json(), indent=1, ensure_ascii=False) + "\n"
        self.write(self.folder / "evidence" / f"{evidence.gate}.json", text)

    def load(self, gate: str) -> Evidence | None:
        """The last evidence of a gate; None when there is none that can be believed."""
        path = self.folder / "evidence" / f"{gate}.json"
        try:
            evidence = read_evidence(path)
        except (OSError, ValueError):
            return None
        return evidence if evidence.gate == gate else None


def _refuse_tracked(root: Path) -> None:
    """Raise ConfigurationError when git tracks anything below `.release/`, in whatever case.

    The folder ignores itself, so nobody would see in a review what such files do.
    """
    # Over what the user's environment says of path specifications.
    plainly = {"GIT_LITERAL_PATHSPECS": "0", "GIT_ICASE_PATHSPECS": "1"}
    try:
        done = git(root, "ls-files", "-z", "--", FOLDER, check=False, env=plainly)
    except CannotCheck as error:
        raise ConfigurationError.of(error.reason, FOLDER, remedy=error.remedy) from None
    if done.returncode != 0 and "not a git repository (or any" not in done.stderr:
        said = complaint(done.stderr, done.returncode)
        remedy = "`git status` must work here before anything is kept there"
        raise ConfigurationError.of(
            f"git cannot say what of it is tracked: {said}", FOLDER, remedy=remedy
        )
    names = list(dict.fromkeys(name for name in done.stdout.split("\0") if name))
    if names:
        raise ConfigurationError.of(
            f"git tracks what only this machine may write: {listing(names)}",
            FOLDER,
            remedy=f"git rm -r {FOLDER}, and commit that",
        )


def _refuse_links(folder: Path) -> None:
    """Raise ConfigurationError for what would make a look write or read elsewhere, or wait."""
    found = [path.relative_to(folder.parent).as_posix() for path in _strange(folder)]
    if found:
        raise ConfigurationError.of(
            f"not everything in it is a file or a folder: {listing(sorted(found))}",
            FOLDER,
            remedy="remove that; evidence is only kept inside the project",
        )


def _strange(folder: Path) -> Iterator[Path]:
    """Links, pipes and the like below a folder, but for those of the project's own checkout."""
    if not folder.is_dir():
        return
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if (here, entry.name) != (folder, CANDIDATE):
                        waiting.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)


def read_evidence(path: Path) -> Evidence:
    """Read one evidence file. Raises OSError, or ValueError when it is not evidence."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return Evidence.from_json(data)


def holds_artifacts(folder: Path, evidence: Evidence) -> bool:
    """Whether every file that the evidence names lies below `folder`, with the same bytes."""
    for artifact in evidence.outcome.artifacts:
        path = folder / artifact.path
        if not path.resolve().is_relative_to(folder.resolve()):
            return False
        try:
            if sha256_of(path) != artifact.sha256:
                return False
        except OSError:
            return False
    return True


def artifact_of(folder: Path, path: Path) -> Artifact:
    """Name, size and sha256 of a file below `folder` (`.release/`). Raises OSError."""
    return Artifact(path.relative_to(folder).as_posix(), path.stat().st_size, sha256_of(path))


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
