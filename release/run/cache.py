"""Where environments lie: in the user's cache, never where a repository can track them."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import platformdirs

from release.errors import ConfigurationError

VARIABLE = "NOX_RELEASE_CACHE"
NAME = "nox-release"
REMEDY = f"set {VARIABLE} to a folder of yours outside the repository"


def find_cache(repository: Path) -> tuple[Path, str | None]:
    """The folder for the environments of all projects, and what is to be said of it, if anything.

    It is the one that NOX_RELEASE_CACHE names, else the user's cache folder, else a private one
    among the temporary files. Raises ConfigurationError when none of them can be used.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        fault = _fault(Path(chosen), repository)
        if fault is not None:
            raise ConfigurationError.of(f"{VARIABLE}: {chosen} {fault}", remedy=REMEDY)
        return Path(chosen).resolve(), None
    usual = _usual()
    # A home folder that is not there is not made: whoever runs this has none.
    at_home = usual.parent.parent.is_dir()
    fault = _fault(usual, repository) if at_home else "cannot be made: there is no such home folder"
    if fault is None:
        return usual.resolve(), None
    private = Path(tempfile.gettempdir()).resolve() / f"{NAME}-{_user()}"
    worse = _fault(private, repository)
    if worse is not None:
        raise ConfigurationError.of(
            "there is no folder for the environments of the tools:"
            f" {usual} {fault}; {private} {worse}",
            remedy=REMEDY,
        )
    return private, f"environments are kept in {private}, because {usual} {fault}"


def standing_cache() -> Path:
    """The folder that `find_cache` would take, which may not be there; nothing is made."""
    return Path(os.environ.get(VARIABLE) or _usual()).resolve()


def _usual() -> Path:
    return platformdirs.user_cache_path(NAME, appauthor=False)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _fault(path: Path, repository: Path) -> str | None:
    """Why programs must not be kept in a folder, None if they may; it is made if it is missing."""
    if not path.is_absolute():
        return "is not an absolute path"
    if path.resolve().is_relative_to(repository.resolve()):
        return "lies in the repository"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(path):
            return "belongs to somebody else, or others can write to it"
        with tempfile.TemporaryFile(dir=path):
            return None
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"


def _is_private(path: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    link, found = path.lstat(), path.stat()
    own = {link.st_uid, found.st_uid} == {os.getuid()}
    return own and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
