"""Wheels and sdists of the small project, made file by file, and an index that serves them."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

from release.registry import installed
from release.run.environments import Environment, digest_of_tools, stamp, tools_name
from tests.support import Judge

METADATA = """\
Metadata-Version: 2.4
Name: small-thing
Version: {version}
Summary: A small thing.
License-Expression: MIT
"""
LICENCED = "License-File: LICENSE\n"


def make_wheel(
    folder: Path,
    version: str = "1.2.3",
    files: Mapping[str, bytes | str | None] | None = None,
    *,
    metadata: str = "",
    head: str = METADATA,
    name: str | None = None,
    record: bytes | None = None,
) -> Path:
    """A wheel in `folder`; `files` are laid over its own (None leaves one out).

    `metadata` is added to `head`; in names `{info}` is the metadata folder.
    """
    info = f"small_thing-{version}.dist-info"
    wanted: dict[str, bytes | str | None] = {
        "small_thing/__init__.py": f'__version__ = "{version}"\n',
        f"{info}/METADATA": head.format(version=version) + metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    wanted |= {path.replace("{info}", info): data for path, data in (files or {}).items()}
    content = {
        path: data.encode() if isinstance(data, str) else data
        for path, data in wanted.items()
        if data is not None
    }
    lines = []
    for path, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}\n")
    written = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    content[f"{info}/RECORD"] = written if record is None else record
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (name or f"small_thing-{version}-py3-none-any.whl")
    with zipfile.ZipFile(target, "w") as archive:
        for path, data in content.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return target


def make_sdist(
    folder: Path,
    version: str = "1.2.3",
    files: Mapping[str, bytes] | None = None,
    *,
    metadata: str = "",
    head: str = METADATA,
    name: str | None = None,
) -> Path:
    """An sdist in `folder`, with `files` below its top folder."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (name or f"small_thing-{version}.tar.gz")
    text = head.format(version=version) + metadata
    with tarfile.open(target, "w:gz") as archive:
        for path, data in {"PKG-INFO": text.encode(), **(files or {})}.items():
            member = tarfile.TarInfo(f"small_thing-{version}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return target


def serve(index: Path, *paths: Path, digest: str | None = None, yanked: str = "") -> str:
    """Put files into an index in a folder, beside what it has; returns its address.

    `digest` is told instead of the right one.
    """
    page = index / "small-thing" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    before = page.read_text() if page.exists() else ""
    links = "".join(
        f'<a href="{path.as_uri()}'
        f'#sha256={digest or hashlib.sha256(path.read_bytes()).hexdigest()}"{yanked}>'
        f"{path.name}</a>\n"
        for path in paths
    )
    page.write_text(before + links)
    return index.as_uri()


def with_broken_tools(folder: Path, gate: str, printed: str) -> Judge:
    """A judge whose Python for the tools of `gate` prints that and ends, whatever it is to run."""
    named = installed()[gate].gate
    environment = Environment(folder / "tools" / tools_name(named))
    venv.create(environment.path, symlinks=True)
    (environment.site_packages()[0] / "sitecustomize.py").write_text(
        f"import os, sys\nprint({printed!r})\nsys.stdout.flush()\nos._exit(0)\n"
    )
    stamp(environment, digest_of_tools(named))
    return Judge(folder)
