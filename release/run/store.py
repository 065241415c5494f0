"""Where evidence lies: `.release/` at the project's root, which ignores itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from release.errors import ConfigurationError, Problem
from release.model import Evidence

FOLDER = ".release"


class Store:
    """The `.release/` folder of one project.

    Raises ConfigurationError when it cannot be made or written.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        if self.folder.is_symlink():
            raise ConfigurationError(
                Problem(
                    "is a link; evidence is only kept inside the project",
                    FOLDER,
                    remedy="remove the link",
                )
            )
        with self.writing():
            for name in ("evidence", "logs", "cache", "envs"):
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
            raise ConfigurationError(
                Problem(
                    f"cannot be written: {error.strerror or error}",
                    FOLDER,
                    remedy="evidence, logs and environments are kept there; make it writable",
                )
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


def read_evidence(path: Path) -> Evidence:
    """Read one evidence file. Raises OSError, or ValueError when it is not evidence."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return Evidence.from_json(data)


def holds_artifacts(folder: Path, evidence: Evidence) -> bool:
    """Whether every file that the evidence names lies below `folder`, with the same bytes."""
    import hashlib

    for artifact in evidence.outcome.artifacts:
        path = folder / artifact.path
        if not path.resolve().is_relative_to(folder.resolve()):
            return False
        try:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != artifact.sha256:
                    return False
        except OSError:
            return False
    return True
