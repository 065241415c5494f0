"""The download of files from a package index. Changes nothing there."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from release.errors import CannotCheck
from release.world import web
from release.world.index import REMEDY, ServedFile, reason

# Of a file whose size the index does not tell.
MAX_BYTES = 4 * 1024**3
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]*")


def local_file(path: Path, version: str) -> ServedFile:
    """A distribution of this machine, as an index in a folder would serve it."""
    return ServedFile(path.name, version, path.as_uri(), size=path.stat().st_size)


def download(
    file: ServedFile,
    index: str,
    folder: Path,
    remaining: Callable[[], float] = lambda: web.WHOLE_SECONDS,
) -> Path:
    """Fetch a file of the index at `index` into `folder`; returns its path.

    `remaining` gives the seconds left and raises when there are none. Raises CannotCheck when it
    cannot be had in that time, or when it is larger or has another digest than the index says.
    """
    if not FILE_NAME.fullmatch(file.name):
        raise CannotCheck(f"the index names a file {file.name!r}, which is not a file name", REMEDY)
    path = folder / file.name
    try:
        _fetch(file, index, path, remaining)
    # What else may be wrong with this machine (a full disk) is told by the runner.
    except (FileNotFoundError, IsADirectoryError, PermissionError, ValueError) as error:
        raise CannotCheck(f"{file.name} cannot be downloaded: {reason(error)}", REMEDY) from None
    with path.open("rb") as copy:
        digest = hashlib.file_digest(copy, "sha256").hexdigest()
    if file.sha256 is not None and digest != file.sha256.lower():
        raise CannotCheck(
            f"{file.name} was served with other bytes than the index says (sha256 {digest})",
            "run this again; if it stays so, report it to those who run the index",
        )
    return path


def _fetch(file: ServedFile, index: str, path: Path, remaining: Callable[[], float]) -> None:
    if file.url.startswith("file:"):
        if not index.startswith("file:"):
            why = f"{file.name} cannot be downloaded: a server's index names a file of this machine"
            raise CannotCheck(why, REMEDY)
        shutil.copyfile(url2pathname(urlsplit(file.url).path), path)
        return
    who = f"{file.name} cannot be downloaded: its server"
    limit = MAX_BYTES if file.size is None else file.size
    # With the index's own credentials if it is on the same server.
    place = web.as_on(file.url, index) or file.url
    answer = web.get(place, who, elsewhere=True, remaining=remaining, into=path, limit=limit)
    if answer.status != 200:
        raise CannotCheck(f"{who} {answer.refusal}", REMEDY)
