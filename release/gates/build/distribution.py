"""Sdists and wheels: their metadata, their RECORD, and how two builds of one differ.

`read` opens a file; everything else is a pure function over what it returned.
"""

from __future__ import annotations

import calendar
import contextlib
import functools
import gzip
import hashlib
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from release.gates.build.credentials import secret_kinds
from release.model import Finding, Judgement
from release.text import escaping
from release.text.versions import parse

if TYPE_CHECKING:
    from packaging.version import Version

SHOWN_NAMES = 12
SHOWN_DIFFERENCES = 4
SCANNED_BYTES = 4_000_000
METADATA_BYTES = 16_000_000
METADATA = re.compile(r"PKG-INFO|[^/]+\.dist-info/(METADATA|RECORD|entry_points\.txt)")
GZIP = b"\x1f\x8b"
# Whoever installs it unpacks it: the index refuses wheels beyond this ratio, from this size on.
RATIO, RATIO_FROM = 50, 64 << 20
MOST_BYTES = 8 << 30
# What the standard library raises for damaged archives: RuntimeError where one is encrypted or
# packed in a way that it does not know, OverflowError for times beyond all numbers.
DAMAGED: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RuntimeError,
)
with contextlib.suppress(ImportError):  # some Pythons are built without it
    from lzma import LZMAError

    DAMAGED += (LZMAError,)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive. `mtime` is in seconds since 1970, of a zip as if its times were UTC."""

    name: str
    size: int
    mode: int
    mtime: int
    sha256: str = ""
    owner: str = ""
    link: str = ""


@dataclass(frozen=True)
class Archive:
    """An sdist or a wheel as it was read.

    `file` is its file name; `members` are its files in the archive's order, in an sdist without
    the top folder. `texts` holds the bytes of the metadata files, `secrets` the
    member and the kind of each credential seen in a file's content, `stamp` the time in the
    header of a gzip file, `sha256` the digest of the whole.
    """

    file: str
    members: tuple[Member, ...]
    sha256: str = ""
    texts: Mapping[str, bytes] = field(default_factory=dict)
    secrets: tuple[tuple[str, str], ...] = ()
    stamp: int | None = None

    @property
    def is_wheel(self) -> bool:
        return self.file.endswith(".whl")

    @property
    def kind(self) -> str:
        return "wheel" if self.is_wheel else "sdist"

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)

    @functools.cached_property
    def info(self) -> str:
        """The wheel's `.dist-info/` folder with the slash, empty if there is not exactly one."""
        found = {
            n.partition("/")[0] for n in self.names if ".dist-info/" in n.partition("/")[0] + "/"
        }
        return f"{found.pop()}/" if len(found) == 1 else ""

    @functools.cached_property
    def installed(self) -> Mapping[str, str]:
        """Where the wheel's importable files land in site-packages, each with its member's name."""
        found = {}
        for name in self.names:
            folder, _, rest = name.partition("/")
            if folder.endswith(".data"):
                scheme, _, rest = rest.partition("/")
                if scheme in {"purelib", "platlib"}:
                    found[rest] = name
            elif not folder.endswith(".dist-info"):
                found[name] = name
        return found

    @functools.cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The core metadata (METADATA or PKG-INFO) as packaging parses it, empty without any."""
        from packaging.metadata import parse_email

        text = self.texts.get(f"{self.info}METADATA" if self.is_wheel else "PKG-INFO")
        if text is None:
            return {}
        raw, _ = parse_email(text)
        return dict(raw)


class Unreadable(ValueError):
    """The file is not an archive of its kind, or a damaged one; says which file, and why."""


def read(path: Path) -> Archive:
    """Read a wheel or a `.tar.gz` sdist. Raises Unreadable when it is neither, or broken."""
    members: list[Member] = []
    texts: dict[str, bytes] = {}
    secrets: list[tuple[str, str]] = []
    try:
        with path.open("rb") as raw:
            head = raw.read(8)
        stamp = struct.unpack("<I", head[4:])[0] if head[:2] == GZIP else None
        packed = stamp is not None
        files = _in_wheel(path) if path.suffix == ".whl" else _in_sdist(path, packed=packed)
        for found, file in files:
            content = file
            if found.size <= METADATA_BYTES:
                content = io.BytesIO(data := file.read())
                if METADATA.fullmatch(found.name):
                    texts[found.name] = data
                if found.size <= SCANNED_BYTES:
                    secrets += [(found.name, kind) for kind in secret_kinds(data)]
            members.append(replace(found, sha256=_sha256(content)))
        return Archive(path.name, tuple(members), digest(path), texts, tuple(secrets), stamp)
    except DAMAGED as error:
        # The text of an OSError names the whole path.
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        why = said if said.isprintable() else ascii(said)
        raise Unreadable(f"{path.name} cannot be read: {why}") from None


def _most(path: Path) -> int:
    """How many bytes an archive may unpack to."""
    return min(max(RATIO_FROM, RATIO * path.stat().st_size), MOST_BYTES)


def _too_large(most: int) -> ValueError:
    return ValueError(
        f"it unpacks to more than {most >> 20} MiB, too much for its size; leave large files out"
    )


class _Bounded:
    """What a compressed file unpacks to, up to a size. Raises ValueError beyond it."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._most = most
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        left = self._most - self._file.tell()
        data = self._file.read(min(size, left + 1))
        if len(data) > left:
            raise _too_large(self._most)
        return data

    def seek(self, offset: int) -> int:
        if offset > self._most:
            raise _too_large(self._most)
        return self._file.seek(offset)


def _in_wheel(path: Path) -> Iterator[tuple[Member, IO[bytes]]]:
    """The files in a wheel, each with what reads it."""
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > (most := _most(path)):
            raise _too_large(most)
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            year, month, day, *clock = entry.date_time
            # Where nobody told the time, month and day are zero.
            moment = calendar.timegm((year, max(month, 1), max(day, 1), *clock, 0, 0, 0))
            mode = entry.external_attr >> 16 & 0o7777
            with archive.open(entry) as file:
                yield Member(entry.filename, entry.file_size, mode, moment), file


def _in_sdist(path: Path, *, packed: bool) -> Iterator[tuple[Member, IO[bytes]]]:
    """The files in an sdist, named from its top folder, each with what reads it."""
    opened: Any = gzip.open if packed else open
    with (
        opened(path, "rb") as stream,
        tarfile.open(
            fileobj=cast("IO[bytes]", _Bounded(stream, _most(path))), mode="r:"
        ) as archive,
    ):
        for entry in archive:
            if entry.isdir():
                continue
            top, _, name = entry.name.removeprefix("./").partition("/")
            owner = f"{entry.uid}:{entry.gid} {entry.uname}:{entry.gname}"
            file = archive.extractfile(entry) if entry.isreg() else None
            link = entry.linkname if file is None else ""
            mode, mtime = entry.mode & 0o7777, int(entry.mtime)
            member = Member(name or top, entry.size, mode, mtime, owner=owner, link=link)
            yield member, file or io.BytesIO()
        # The checksum comes behind the end that the archive has by itself.
        while archive.fileobj is not None and archive.fileobj.read(1 << 20):
            pass


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return _sha256(file)


def _sha256(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def listing(names: Collection[str], shown: int = SHOWN_NAMES) -> str:
    """Names for a message: the first ones, and how many more there are."""
    return escaping.listing(sorted(names), shown)


def normal_name(name: str) -> str:
    """A project's name as file names carry it (the binary distribution format, and PEP 625)."""
    return re.sub(r"[-_.]+", "_", name).lower()


def judge_metadata(
    sdist: Archive,
    wheel: Archive,
    *,
    version: str | None,
    version_source: str,
    tags: Mapping[str, Version],
) -> Judgement:
    """Names and versions agree everywhere. Whether an index takes them is for `parity` to say.

    `version` is what the repository states (None if only the build can tell), `tags` are the
    release tags at the commit with the versions that they spell.
    """
    found = {"METADATA of the wheel": wheel.metadata, "PKG-INFO of the sdist": sdist.metadata}
    faults = [
        Finding(
            f"{label} is missing or states no {key}", remedy="see the backend's output in the log"
        )
        for label, metadata in found.items()
        for key in ("name", "version")
        if not metadata.get(key)
    ]
    if faults:
        return Judgement(2, tuple(faults))
    text = wheel.metadata["version"]
    faults += [
        Finding(
            f"the wheel's METADATA says {key} {wheel.metadata[key]}, the sdist's PKG-INFO"
            f" {sdist.metadata[key]}",
            remedy="make the version independent of what only the repository has",
        )
        for key in ("name", "version")
        if wheel.metadata[key] != sdist.metadata[key]
    ]
    built = parse(text)
    if built is None:
        wrong = f"version {text!r} is not a version by PEP 440"
        return Judgement(4, (*faults, Finding(wrong, remedy="write it like 1.2.3")))
    stated = parse(version) if version else None
    if stated is not None and stated != built:
        faults.append(
            Finding(
                f"the distributions are of version {text}, {version_source} says {version}",
                remedy="let the build backend and the repository read one version",
            )
        )
    if tags and built not in tags.values():
        faults.append(
            Finding(
                f"the distributions are of version {text}, and this commit is tagged"
                f" {listing(tags)}",
                remedy="tag the commit whose version it is; never build a release from another one",
            )
        )
    return Judgement(5 + bool(stated) + bool(tags), tuple(faults))


def judge_printable(archive: Archive) -> Judgement:
    """A terminal shows the names of files, and does not obey them."""
    names = {name for member in archive.members for name in (member.name, member.link)}
    odd = [ascii(name) for name in names if not name.isprintable()]
    fault = Finding(
        f"the {archive.kind} holds names that cannot be printed: {listing(odd)}",
        remedy="rename these files; a terminal obeys control characters in a name",
    )
    return Judgement(len(names), (fault,) if odd else ())


def differences(first: Archive, second: Archive) -> tuple[str, ...]:
    """How two builds of one file differ, one line for each kind of difference, files named."""
    lines = []
    one = {member.name: member for member in first.members}
    two = {member.name: member for member in second.members}
    for text, names in (
        ("only in the first", one.keys() - two.keys()),
        ("only in the second", two.keys() - one.keys()),
    ):
        if names:
            lines.append(f"{text}: {listing(names)}")
    kinds: tuple[tuple[str, Callable[[Member], Any]], ...] = (
        ("content", lambda m: (m.sha256, m.link)),
        ("mtime", lambda m: m.mtime),
        ("mode", lambda m: m.mode),
        ("owner", lambda m: m.owner),
    )
    both = one.keys() & two.keys()
    for text, of in kinds:
        names = {name for name in both if of(one[name]) != of(two[name])}
        if text == "content" and len(names) > 1:
            names -= {f"{first.info}RECORD"}
        if names:
            lines.append(f"{text} of {listing(names, SHOWN_DIFFERENCES)}")
    if [n for n in first.names if n in both] != [n for n in second.names if n in both]:
        lines.append("the order of the files")
    if first.stamp != second.stamp:
        lines.append("the time in the gzip header")
    return tuple(lines) or (() if first.sha256 == second.sha256 else ("the archive's encoding",))


def differing_content(first: Archive, second: Archive) -> frozenset[str]:
    """The members whose content differs or that only one of the archives has, without RECORD."""
    one = {(m.name, m.sha256, m.mode, m.link) for m in first.members}
    two = {(m.name, m.sha256, m.mode, m.link) for m in second.members}
    return frozenset(name for name, *_ in one ^ two) - {f"{first.info}RECORD"}


def clock_traces(archive: Archive, started: int, moment: int) -> tuple[str, ...]:
    """Where a file carries the time of its build although told not to.

    `started` is when the build began and `moment` the time that it was told to use, both in seconds
    since 1970; they are close where a commit was made just now. Two builds within a second would
    not differ in these places.
    """

    def traces(time: int) -> bool:
        return time >= started - 2 and abs(time - moment) > 1  # a zip counts in steps of two

    lines = []
    late = {member.name for member in archive.members if traces(member.mtime)}
    if late:
        lines.append(f"the time of the build is the mtime of {listing(late, SHOWN_DIFFERENCES)}")
    if archive.stamp is not None and traces(archive.stamp):
        lines.append("the time of the build is in the gzip header")
    return tuple(lines)
