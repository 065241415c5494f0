"""Reads ini files that others wrote: setup.cfg, tox.ini and their like."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

from release.errors import ConfigurationError

MAX_BYTES = 1 << 20
Sections = Mapping[str, Mapping[str, str]]


def loads(text: str, path: str) -> Sections:
    """The sections of a text, without interpolation. Raises ConfigurationError, with the line."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        message = f"is not a valid ini file: {str(error).splitlines()[0]}"
        line = getattr(error, "lineno", None)
        raise ConfigurationError.of(message, path, line, "fix the syntax there") from None
    return {section: dict(parser[section]) for section in parser.sections()}


def sections(path: Path) -> Sections:
    """The sections of a file; none where that is not there, not readable, or too large."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return {}
        return loads(path.read_text(encoding="utf-8-sig"), path.name)
    except (OSError, UnicodeDecodeError, ConfigurationError):
        return {}


def section(path: Path, *names: str) -> Mapping[str, str] | None:
    """The first of these sections that a file has; None where that is not to be found."""
    found = sections(path)
    return next((found[name] for name in names if name in found), None)
