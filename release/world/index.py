"""Observes a package index over its simple API (PEP 503 and PEP 691). Changes nothing."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck

if TYPE_CHECKING:
    from pypi_simple import ProjectPage

TIMEOUT = (5, 20)
RETRIES = 2
BUSY = (429, 500, 502, 503, 504)
REMEDY = "look at the network and at pip's or uv's index settings, or set tool.release.index"


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file that an index serves: its name, its version as spelled there, digest, and state."""

    name: str
    version: str
    sha256: str | None
    yanked: bool


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
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return str(PYPI_SIMPLE_ENDPOINT)


def _pip_files(environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    found = [Path(environ["PIP_CONFIG_FILE"])] if environ.get("PIP_CONFIG_FILE") else []
    return [*found, config / "pip" / "pip.conf", home / ".pip" / "pip.conf", Path("/etc/pip.conf")]


def files_of(name: str, url: str) -> tuple[IndexFile, ...] | None:
    """Every file that the index serves for a project; None when it knows no such project.

    A server that is busy is asked again, twice. Raises CannotCheck when the index cannot be asked,
    or what answers is no index.
    """
    from pypi_simple import (
        NoSuchProjectError,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
    )
    from requests import RequestException

    try:
        page = _read_folder(name, url) if url.startswith("file:") else _read_server(name, url)
    except NoSuchProjectError:
        return None
    except (
        RequestException,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
        ValueError,
        OSError,
    ) as error:
        raise CannotCheck(
            f"the package index cannot be asked for {name}: {_reason(error)}", REMEDY
        ) from None
    files = tuple(
        IndexFile(
            package.filename,
            package.version or "",
            (package.digests or {}).get("sha256"),
            bool(package.is_yanked),
        )
        for package in page.packages
    )
    if page.repository_version is None and not any(file.version for file in files):
        raise CannotCheck(
            f"what the package index answers about {name} is no list of its files", REMEDY
        )
    return files


def _read_server(name: str, url: str) -> ProjectPage:
    from pypi_simple import NoSuchProjectError, PyPISimple
    from requests import Session
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retry = Retry(
        total=RETRIES,
        read=0,
        backoff_factor=0.5,
        status_forcelist=BUSY,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    with Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        client = PyPISimple(endpoint=url, session=session)
        try:
            return client.get_project_page(name, timeout=TIMEOUT)
        except NoSuchProjectError:
            # A wrong address knows no project either: its root must answer.
            session.head(url, timeout=TIMEOUT, allow_redirects=True).raise_for_status()
            raise


def _read_folder(name: str, url: str) -> ProjectPage:
    """The page of a project in an index that is a folder (a `file:` address)."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    from pypi_simple import NoSuchProjectError, ProjectPage

    root = Path(url2pathname(urlsplit(url).path))
    root.stat()
    page = root / re.sub(r"[-_.]+", "-", name).lower() / "index.html"
    if not page.is_file():
        raise NoSuchProjectError(name, page.as_uri())
    return ProjectPage.from_html(name, page.read_bytes(), base_url=page.as_uri())


def _reason(error: Any) -> str:
    """What went wrong, without the address, which may hold credentials."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"it answers {response.status_code} {response.reason}".rstrip()
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return str(getattr(error, "strerror", None) or words)
