"""Observes a package index over its simple API (PEP 503 and PEP 691). Changes nothing."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name
from pypi_simple import (
    ACCEPT_ANY,
    PYPI_SIMPLE_ENDPOINT,
    ProjectPage,
    UnsupportedRepoVersionError,
)

from release.errors import CannotCheck
from release.text.versions import parse
from release.world import web

KINDS = ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html", "text/html")
REMEDY = "look at the network and at pip's or uv's index settings, or set tool.release.index"


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file that an index serves.

    `version` is as spelled there; what the index does not tell is None. `provenance` is the address
    of its attestations (PEP 740).
    """

    name: str
    version: str
    url: str
    sha256: str | None = None
    size: int | None = None
    uploaded: datetime | None = None
    yanked: bool = False
    provenance: str | None = None


def index_url(configured: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The simple index to ask: the configured one, else uv's or pip's own, else the default one.

    Read from the variables and files that pip and uv document; the default is the constant of the
    pypi-simple library.
    """
    if configured:
        return configured
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if environ.get(name):
            # uv lets an index have a name in front.
            return re.sub(r"^[\w-]+=(?=\w+://)", "", environ[name].strip())
    for path in _pip_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("install", "global"):
            if parser.has_option(section, "index-url"):
                return parser.get(section, "index-url").strip()
    return str(PYPI_SIMPLE_ENDPOINT)


def _pip_files(environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    found = [Path(environ["PIP_CONFIG_FILE"])] if environ.get("PIP_CONFIG_FILE") else []
    return [*found, config / "pip" / "pip.conf", home / ".pip" / "pip.conf", Path("/etc/pip.conf")]


def served_files(name: str, url: str) -> tuple[ServedFile, ...] | None:
    """Every file that the index at `url` serves for a project; None when it knows no such project.

    A server that is busy is asked again, twice. Raises CannotCheck when the index cannot be asked,
    takes too long or says too much, or what answers is not an index.
    """
    page = _page_of(name, url)
    if page is None:
        return None
    return tuple(
        ServedFile(
            package.filename,
            package.version or "",
            package.url,
            (package.digests or {}).get("sha256"),
            package.size,
            package.upload_time,
            bool(package.is_yanked),
            package.provenance_url,
        )
        for package in page.packages
    )


def release_files(name: str, version: str, url: str) -> tuple[ServedFile, ...]:
    """The files of one version, however it is spelled there; raises what `served_files` does.

    A page that is there and lists nothing of the version says that it is not served.
    """
    wanted = parse(version)
    files = served_files(name, url) or ()
    return tuple(file for file in files if file.version and parse(file.version) == wanted)


def _page_of(name: str, url: str) -> ProjectPage | None:
    try:
        page = _read_folder(name, url) if url.startswith("file:") else _read_server(name, url)
    except CannotCheck as error:
        why = error.reason
    except (UnsupportedRepoVersionError, ValueError, RecursionError, OSError) as error:
        # What is of another type than it should is a ValueError.
        why = reason(error)
    else:
        if page is None or page.repository_version or any(file.version for file in page.packages):
            return page
        why = "what it answers is not a list of files"
    raise CannotCheck(f"the package index cannot be asked for {name}: {why}", REMEDY)


def _read_server(name: str, url: str) -> ProjectPage | None:
    root = f"{url.rstrip('/')}/"
    page = f"{root}{canonicalize_name(name)}/"
    answer = web.get(page, "it", headers={"Accept": ACCEPT_ANY}, elsewhere=True)
    unknown = answer.status == 404
    if unknown:
        # A wrong address knows no project either: its root must answer.
        answer = web.get(root, "it", elsewhere=True, method="HEAD")
    if answer.status != 200:
        raise CannotCheck(f"it {answer.refusal}", REMEDY)
    if unknown:
        return None
    kind = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise CannotCheck(f"it answers with {kind}", REMEDY)
    if kind == KINDS[0]:
        return ProjectPage.from_json_data(answer.json(), answer.url)
    return ProjectPage.from_html(name, answer.text, answer.url)


def _read_folder(name: str, url: str) -> ProjectPage | None:
    """The page of a project in an index that is a folder (a `file:` address)."""
    root = Path(url2pathname(urlsplit(url).path))
    root.stat()
    page = root / canonicalize_name(name) / "index.html"
    if not page.is_file():
        return None
    return ProjectPage.from_html(name, page.read_bytes(), base_url=page.as_uri())


def reason(error: Exception) -> str:
    """What went wrong on this machine, without the path or the address."""
    return str(getattr(error, "strerror", None) or web.words(error))
