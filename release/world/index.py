"""Observes a package index over its simple API (PEP 503 and PEP 691). Changes nothing."""

from __future__ import annotations

import configparser
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name
from pypi_simple import (
    PYPI_SIMPLE_ENDPOINT,
    NoSuchProjectError,
    ProjectPage,
    PyPISimple,
    UnsupportedRepoVersionError,
)
from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from release.errors import CannotCheck
from release.text.versions import parse
from release.world import web

TIMEOUT = (5, 20)
# The largest pages, of projects with tens of thousands of files, have half of that.
MAX_BYTES = 32 * 1024 * 1024
CHUNK = 65_536
RETRIES = 2
LONGEST = 7  # of what a Retry-After says, in digits
BUSY = (500, 502, 503, 504)  # and 429, which is not asked again so soon
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

    Raises CannotCheck as `page_of` does.
    """
    page = page_of(name, url)
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
    """The files of one version, however it is spelled there. Raises CannotCheck as `page_of` does.

    A page that is there and lists nothing of the version says that it is not served.
    """
    wanted = parse(version)
    files = served_files(name, url) or ()
    return tuple(file for file in files if file.version and parse(file.version) == wanted)


def page_of(name: str, url: str) -> ProjectPage | None:
    """What the index at `url` tells of a project; None when it knows no such project.

    A server that is busy is asked again, twice. Raises CannotCheck when the index cannot be asked,
    takes too long or says too much, or what answers is not an index.
    """
    try:
        page = _read_folder(name, url) if url.startswith("file:") else _read_server(name, url)
    except NoSuchProjectError:
        return None
    except (UnsupportedRepoVersionError, HTTPError, ValueError, RecursionError, OSError) as error:
        # A RequestException is an OSError, and what is of another type than it should a ValueError.
        raise CannotCheck(
            f"the package index cannot be asked for {name}: {reason(error)}", REMEDY
        ) from None
    except OverflowError:
        raise CannotCheck(
            f"the package index answers more than {MAX_BYTES // 1024 // 1024} MiB about {name}",
            REMEDY,
        ) from None
    if page.repository_version is None and not any(file.version for file in page.packages):
        raise CannotCheck(
            f"what the package index answers about {name} is not a list of its files", REMEDY
        )
    return page


def _read_server(name: str, url: str) -> ProjectPage:
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
        session.hooks["response"].append(_bounded)
        client = PyPISimple(endpoint=url, session=session)

        def ask() -> ProjectPage:
            try:
                return client.get_project_page(name, timeout=TIMEOUT)
            except NoSuchProjectError:
                # A wrong address knows no project either: its root must answer.
                session.head(url, timeout=TIMEOUT, allow_redirects=True).raise_for_status()
                raise

        # A server that sends a byte now and then never runs into the other limit.
        return web.within(web.WHOLE_SECONDS, ask)


def _bounded(response: Response, **_: Any) -> Response:
    """An answer that was read as far as the limit allows. Raises OverflowError beyond it."""
    body = io.BytesIO()
    for chunk in response.raw.stream(CHUNK, decode_content=True):
        body.write(chunk)
        if body.tell() > MAX_BYTES:
            response.close()
            raise OverflowError
    body.seek(0)
    response.raw = body
    return response


def _read_folder(name: str, url: str) -> ProjectPage:
    """The page of a project in an index that is a folder (a `file:` address)."""
    root = Path(url2pathname(urlsplit(url).path))
    root.stat()
    page = root / canonicalize_name(name) / "index.html"
    if not page.is_file():
        raise NoSuchProjectError(name, page.as_uri())
    return ProjectPage.from_html(name, page.read_bytes(), base_url=page.as_uri())


def reason(error: Any) -> str:
    """What went wrong, without the address, which may hold credentials."""
    response = getattr(error, "response", None)
    if response is not None and not response.is_redirect:  # that of a loop says nothing
        said = f"it answers {response.status_code} {response.reason}".rstrip()
        after = str(response.headers.get("Retry-After", ""))
        soon = after.isascii() and after.isdecimal() and len(after) < LONGEST
        return f"{said}, and is to be asked again in {after} s" if soon else said
    return str(getattr(error, "strerror", None) or web.words(error))
