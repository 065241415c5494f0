"""The download of files from a package index. Changes nothing there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from requests import RequestException, Session

from release.errors import CannotCheck
from release.world import web
from release.world.index import REMEDY, TIMEOUT, ServedFile, reason

CHUNK = 65_536
# Of a file whose size the index does not tell.
MAX_BYTES = 4 * 1024**3
# A RequestException is an OSError, and one of this machine (a full disk) is told by the runner.
BROKEN = (RequestException, FileNotFoundError, IsADirectoryError, PermissionError, ValueError)
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
        with path.open("wb") as target:
            digest = web.within(remaining(), lambda: _copy(file, index, target))
    except TimeoutError:
        remaining()
        raise CannotCheck(f"{file.name} cannot be downloaded: it takes too long", REMEDY) from None
    except OverflowError as error:
        raise CannotCheck(f"{file.name} cannot be downloaded: {error}", REMEDY) from None
    except BROKEN as error:
        raise CannotCheck(f"{file.name} cannot be downloaded: {reason(error)}", REMEDY) from None
    if file.sha256 is not None and digest != file.sha256.lower():
        raise CannotCheck(
            f"{file.name} was served with other bytes than the index says (sha256 {digest})",
            "run this again; if it stays so, report it to those who run the index",
        )
    return path


def _copy(file: ServedFile, index: str, target: IO[bytes]) -> str:
    """Copy a file; returns its digest. Raises OverflowError for one that is too large."""
    url, digest = file.url, hashlib.sha256()
    limit = MAX_BYTES if file.size is None else file.size

    def take(chunk: bytes) -> None:
        digest.update(chunk)
        target.write(chunk)
        if target.tell() > limit:
            raise OverflowError(f"it has more than {limit} bytes")

    if url.startswith("file:"):
        if not index.startswith("file:"):
            raise ValueError("a server's index names a file of this machine")
        from urllib.request import url2pathname

        with Path(url2pathname(urlsplit(url).path)).open("rb") as source:
            while chunk := source.read(CHUNK):
                take(chunk)
        return digest.hexdigest()
    with Session() as session:
        auth = _credentials(url, index)
        with session.get(url, auth=auth, timeout=TIMEOUT, stream=True) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_content(CHUNK):
                take(chunk)
    return digest.hexdigest()


def _credentials(url: str, index: str) -> tuple[str, str] | None:
    """The index's own credentials for a file on the same server, None for any other."""
    asked, wanted = urlsplit(index), urlsplit(url)
    same = (asked.scheme, asked.hostname, asked.port) == (
        wanted.scheme,
        wanted.hostname,
        wanted.port,
    )
    if not same or asked.username is None or wanted.username is not None:
        return None
    return unquote(asked.username), unquote(asked.password or "")
