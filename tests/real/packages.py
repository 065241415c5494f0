"""Real packages, taken from the index as sdists and put under git."""

from __future__ import annotations

import tarfile
from pathlib import Path

from tests.support import commit, git, with_remote


def fetch(name: str, version: str, sha256: str, folder: Path) -> Path:
    """Download an sdist by name and version and unpack it, committed and level with a bare remote.

    The file must have the given digest; the index is the one that pip or uv is set up for. Returns
    the repository.
    """
    from pypi_simple import PyPISimple

    from release.world.index import index_url

    with PyPISimple(endpoint=index_url(None)) as client:
        page = client.get_project_page(name, timeout=(10, 60))
        (package,) = (
            item
            for item in page.packages
            if item.package_type == "sdist" and item.digests.get("sha256") == sha256
        )
        assert package.version == version
        file = folder / package.filename
        client.download_package(package, file, verify=True, timeout=(10, 120))
    return unpack(file, folder / name)


def unpack(sdist: Path, root: Path) -> Path:
    """Unpack an sdist to `root` and put it under git, with a remote."""
    inside = root.parent / f"{root.name}-unpacked"
    with tarfile.open(sdist) as archive:
        # Python 3.11 before 3.11.4 has no filters; the digest says what is in the file.
        options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(inside, **options)  # type: ignore[arg-type]  # noqa: S202
    (top,) = inside.iterdir()
    top.rename(root)
    inside.rmdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all", "--force")
    commit(root, "Start")
    with_remote(root)
    return root
