"""Observes a package index over its simple API (PEP 503 and PEP 691). Changes nothing."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from release.errors import CannotCheck

TIMEOUT = (5, 20)


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
            return environ[name]
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

    Raises CannotCheck when the index cannot be asked or answers something else.
    """
    import requests
    from pypi_simple import (
        NoSuchProjectError,
        PyPISimple,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
    )

    try:
        with PyPISimple(endpoint=url) as client:
            page = client.get_project_page(name, timeout=TIMEOUT)
    except NoSuchProjectError:
        return None
    except (
        requests.RequestException,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
        ValueError,
    ) as error:
        raise CannotCheck(
            f"the package index cannot be asked for {name}: {type(error).__name__}",
            "look at the network and at pip's or uv's index settings",
        ) from None
    return tuple(
        IndexFile(
            package.filename,
            package.version or "",
            (package.digests or {}).get("sha256"),
            bool(package.is_yanked),
        )
        for package in page.packages
    )
