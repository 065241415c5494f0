"""What a package index refuses of a file: pure judgements, after the rules of PyPI's own code.

They follow warehouse's `forklift/legacy.py`, `forklift/metadata.py`, `utils/zipfiles.py` and
`utils/wheel.py`, and its documents on archives and storage limits (as of 2026-08).
"""

from __future__ import annotations

import base64
import binascii
import configparser
import contextlib
import csv
import io
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING

from release.gates.build.distribution import DAMAGED, Archive, Member, listing, normal_name
from release.model import Artifact, Finding, Judgement

if TYPE_CHECKING:
    from packaging.version import Version

    from release.world.index import ServedFile

MEBIBYTE = 1 << 20
OPEN_FOR = timedelta(days=14)
NEWEST_METADATA = (2, 5)
# The action runs twine, which refuses metadata that it does not know: up to which version of the
# action, and what is the newest that it takes.
PUBLISHER = "pypa/gh-action-pypi-publish"
PUBLISHER_TAKES = (((1, 12, 2), (2, 3)), ((1, 14, 1), (2, 4)))
BACKEND = "raise the lower bound of the build backend, or report it there"
PRIVATE = "Private ::"
END_SIZE = 22  # of the record at the end of a zip: APPNOTE.TXT 6.3.10, 4.3.16


# --- names ----------------------------------------------------------------------------------------

_LINUX = re.compile(r"(many|musl)linux_\d+_\d+_(x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64)")
_PLATFORMS = re.compile(
    r"any|win32|win_(amd64|arm64|ia64)|manylinux(1|2010)_(x86_64|i686)"
    r"|manylinux2014_(x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)|manylinux_\d+_\d+_ppc64"
    r"|linux_armv[67]l|macosx_(10_\d+|(1[1-5]|26)_0)_(ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3"
    r"|fat64|universal|universal2)|ios_\d+_\d+_(arm64|x86_64)_(iphoneos|iphonesimulator)"
    r"|android_\d+_(armeabi_v7a|arm64_v8a|x86|x86_64)|pyemscripten_\d+_\d+_wasm32"
)


def judge_file(
    archive: Archive, *, publish: bool, as_built: bool = True, between_releases: bool = False
) -> Judgement:
    """What can be said of one file alone, without a network and without the metadata's rules.

    `publish` says that it goes to an index. The others are those of `judge_name` and
    `judge_version`.
    """
    judged = judge_name(archive, as_built=as_built) + judge_licences(archive)
    if publish:
        judged += judge_version(archive, between_releases=between_releases)
        judged += judge_direct(archive)
    if archive.is_wheel:
        judged += judge_record(archive) + judge_entry_points(archive)
    return judged


def judge_name(archive: Archive, *, as_built: bool = True) -> Judgement:
    """The file's name is the one that its metadata ask for (PEP 625, binary distributions).

    `as_built` says that this very file is published, and not a portable wheel that is made of it.
    """
    from release.text.versions import parse

    name, version = archive.metadata.get("name", ""), parse(archive.metadata.get("version", ""))
    if not re.fullmatch(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", name, re.I | re.A):
        return _fault(f"{archive.file}: the index refuses a project called {name!r}", "rename it")
    if version is None:
        return _fault(f"{archive.file}: its metadata state no version that PEP 440 knows", BACKEND)
    stem = f"{normal_name(name)}-{version}"
    if not archive.is_wheel:
        if archive.file != f"{stem}.tar.gz":
            return _fault(f"{archive.file} must be called {stem}.tar.gz (PEP 625)", BACKEND)
        return Judgement(2)
    return _judge_wheel_name(archive, name, version, as_built=as_built)


def _judge_wheel_name(
    archive: Archive, name: str, version: Version, *, as_built: bool
) -> Judgement:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        _, told, _, tags = parse_wheel_filename(archive.file)
    except InvalidWheelFilename as error:
        return _fault(f"{archive.file} does not have the name of a wheel: {error}", BACKEND)
    if archive.file.partition("-")[0] != normal_name(name):
        return _fault(f"{archive.file}: its name must begin with {normal_name(name)}-", BACKEND)
    if told != version:
        return _fault(f"{archive.file}: its metadata say version {version}", BACKEND)
    folder = "-".join(archive.file.split("-")[:2]) + ".dist-info/"
    if archive.info != folder:
        return _fault(f"{archive.file} must have its metadata in {folder}", BACKEND)
    missing = [n for n in ("METADATA", "WHEEL", "RECORD") if folder + n not in archive.names]
    if missing:
        return _fault(f"{archive.file} lacks {listing(missing)} in {folder}", BACKEND)
    known = (_PLATFORMS, _LINUX)
    platforms = {tag.platform for tag in tags}
    wrong = sorted(name for name in platforms if not any(one.fullmatch(name) for one in known))
    if not wrong:
        return Judgement(6)
    local = all(platform.startswith("linux_") for platform in wrong)
    remedy = "build for a platform that it knows"
    if local:
        remedy = "publish wheels that cibuildwheel or auditwheel made, or the sdist alone"
    said = f"{archive.file} is for {listing(wrong)}, which the index refuses"
    finding = Finding(said, remedy=remedy)
    return Judgement.one(finding, advice=local and not as_built, checked=6)


def judge_size(artifact: Artifact, megabytes: int) -> Judgement:
    """The file is not larger than the index takes; it counts a megabyte as 2^20 bytes."""
    if artifact.size <= megabytes * MEBIBYTE:
        return Judgement(1)
    size = f"{artifact.size / MEBIBYTE:.1f} MB, the index takes {megabytes} MB"
    remedy = "leave out what is not needed; or ask the index for more, and set"
    return _fault(
        f"{artifact.name} has {size}", f"{remedy} tool.release.gates.parity.max-megabytes"
    )


def _fault(
    message: str, remedy: str, path: str | None = None, line: int | None = None, *, checked: int = 1
) -> Judgement:
    return Judgement(checked, (Finding(message, path, line, remedy),))


# --- metadata -------------------------------------------------------------------------------------


def judge_errors(archive: Archive, errors: Sequence[Sequence[str]], *, publish: bool) -> Judgement:
    """What reading the metadata gave: pairs of a field and what is wrong with it.

    Classifiers that keep a project off every index are right where nothing is published.
    """
    faults = []
    for field, message in errors:
        private = field == "classifier" and message.startswith(f"'{PRIVATE}")
        if private and not publish:
            continue
        remedy = "correct it in the project's metadata"
        if private:
            remedy = "take it out, or set [tool.release] publish = false"
        said = f"{archive.file}: {field}: {message}"
        faults.append(Finding(said, "pyproject.toml", remedy=remedy))
    return Judgement(len(archive.metadata), tuple(faults))


def judge_version(archive: Archive, *, between_releases: bool) -> Judgement:
    """The version has no local part; between releases, where tags define it, that is told."""
    from release.text.versions import parse

    version = parse(archive.metadata.get("version", ""))
    if version is None or not version.local:
        return Judgement(1)
    remedy = f"release {version.public}, or set [tool.release] publish = false"
    if between_releases:
        remedy = "build what is published from the commit that has the release tag"
    said = f"{archive.file}: the index takes no local version (+{version.local})"
    found = (Finding(said, remedy=remedy),)
    return Judgement(1, notes=found) if between_releases else Judgement(1, found)


def judge_direct(archive: Archive) -> Judgement:
    """No requirement names an address instead of a version."""
    from packaging.requirements import InvalidRequirement, Requirement

    fields = ("requires_dist", "provides_dist", "obsoletes_dist")
    lines = [line for field in fields for line in archive.metadata.get(field, [])]
    remedy = "require a released version, or set [tool.release] publish = false"
    faults = []
    for line in lines:
        with contextlib.suppress(InvalidRequirement):
            found = Requirement(line)
            if found.url:
                said = f"{found.name} is required by an address (a direct URL)"
                message = f"{archive.file}: {said}; the index refuses that"
                faults.append(Finding(message, "pyproject.toml", remedy=remedy))
    return Judgement(len(lines), tuple(faults))


def metadata_version(archive: Archive) -> tuple[int, ...]:
    """The version of the metadata as numbers, empty where it is none."""
    text = str(archive.metadata.get("metadata_version", ""))
    return tuple(map(int, text.split("."))) if re.fullmatch(r"\d{1,3}\.\d{1,3}", text) else ()


def judge_metadata_version(archive: Archive, publishers: Sequence[Publisher]) -> Judgement:
    """The index and the pinned publishing actions know this version of the metadata."""
    version = metadata_version(archive)
    text = archive.metadata.get("metadata_version")
    if not version or version > NEWEST_METADATA:
        newest = ".".join(map(str, NEWEST_METADATA))
        most = f"the index takes metadata up to version {newest}, this is {text}"
        return _fault(f"{archive.file}: {most}", "let the build backend write an older one")
    judged = Judgement(1 + len(publishers))
    for one in publishers:
        place, takes = (one.path, one.line), one.takes
        if one.version is None and not one.moving and version > PUBLISHER_TAKES[0][1]:
            said = f"{PUBLISHER} is pinned to a commit without its version; whether it takes"
            remedy = "name the version in a comment behind the pin"
            unknown = Finding(f"{said} metadata {text} is not known", *place, remedy)
            judged += Judgement.one(unknown, advice=True, checked=0)
        elif takes is not None and version > takes:
            newest = ".".join(map(str, takes))
            judged += _fault(
                f"the files have metadata {text}; {PUBLISHER} {one.version} takes them up to"
                f" {newest} and would refuse them after the tag is pushed",
                "pin a newer one; v1.14.2 takes metadata 2.5",
                *place,
                checked=0,
            )
    return judged


@dataclass(frozen=True, slots=True)
class Publisher:
    """A use of the publishing action in a workflow: where, and the version that it is pinned to.

    `moving` says that it follows a branch, whose newest state is used.
    """

    path: str
    line: int
    version: Version | None
    moving: bool = False

    @property
    def takes(self) -> tuple[int, int] | None:
        """The newest metadata that it takes, None where nothing is known against it."""
        if self.version is None or len(self.version.release) < 3:
            return None
        release = self.version.release
        return next((newest for last, newest in PUBLISHER_TAKES if release <= last), None)


_AGREE = ("name", "version", "requires_python", "provides_extra", "requires_dist")


def judge_agreement(sdist: Archive, wheel: Archive) -> Judgement:
    """Wheel and sdist say the same of what installers go by, but for fields that are dynamic.

    The index takes the metadata of whichever file comes first; PEP 643 lets a wheel differ from its
    sdist only in fields that the sdist calls dynamic (from metadata 2.2 on). From metadata 2.4 on
    they name the same licence files (PEP 639), which nobody refuses.
    """
    dynamic = {name.lower().replace("-", "_") for name in sdist.metadata.get("dynamic", [])}
    oldest = min(metadata_version(sdist), metadata_version(wheel))
    fields = (*_AGREE, *(["license_files"] if oldest >= (2, 4) else []))
    promised = {"name", "version", *(_AGREE if metadata_version(sdist) >= (2, 2) else ())}
    judged = Judgement(len(fields))
    for field in fields:
        name = field.removesuffix("s")
        if name not in dynamic and _plain(sdist, field) != _plain(wheel, field):
            here, there = (f"{_shown(one, field)} in {one.file}" for one in (sdist, wheel))
            message = f"{name.replace('_', '-').title()} differs: {here}, {there}"
            remedy = "make it independent of where it is built, or declare it dynamic"
            if field == "license_files":
                remedy = f"name them in license-files, or {BACKEND}"
            finding = Finding(message, remedy=remedy)
            judged += Judgement.one(finding, advice=field not in promised, checked=0)
    return judged


def _plain(archive: Archive, field: str) -> object:
    """A field's value without differences that mean nothing."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import canonicalize_name

    value = archive.metadata.get(field)
    try:
        if field == "requires_dist":
            return {str(Requirement(line)) for line in value or []}
        if field == "requires_python":
            return SpecifierSet(value or "")
    except (InvalidRequirement, InvalidSpecifier):
        return value
    if field == "provides_extra":
        return {canonicalize_name(name) for name in value or []}
    return {*(value or [])} if field == "license_files" else value


def _shown(archive: Archive, field: str) -> str:
    value = archive.metadata.get(field)
    return (listing(value) if isinstance(value, list) else str(value or "")) or "nothing"


# --- contents -------------------------------------------------------------------------------------


def judge_licences(archive: Archive) -> Judgement:
    """Each License-File is where PEP 639 puts it; before metadata 2.4 the field says nothing."""
    if metadata_version(archive) < (2, 4):
        return Judgement()
    before = f"{archive.info}licenses/" if archive.is_wheel else ""
    files = archive.metadata.get("license_files", [])
    judged = Judgement(len(files))
    for path in (before + path for path in files if before + path not in archive.names):
        message = f"{archive.file} lacks {path}, which its License-File names"
        remedy = f"correct license-files, or {BACKEND}"
        judged += _fault(message, remedy, "pyproject.toml", checked=0)
    return judged


def judge_record(wheel: Archive) -> Judgement:
    """RECORD lists every file of the wheel with its digest and size (the wheel's own format)."""
    remedy = "report it to the build backend; do not publish this wheel"
    text = wheel.texts.get(f"{wheel.info}RECORD")
    if text is None:
        return Judgement(1, (Finding("the wheel has no RECORD", remedy=remedy),))
    lines = csv.reader(io.StringIO(text.decode("utf-8", "replace")))
    rows = {row[0]: row[1:] for row in lines if row}
    own = {f"{wheel.info}{name}" for name in ("RECORD", "RECORD.jws", "RECORD.p7s")}
    members = {member.name: member for member in wheel.members if member.name not in own}
    both = rows.keys() & members.keys()
    wrong = {
        "has a wrong digest or size of": {n for n in both if not _is_of(rows[n], members[n])},
        "does not list": members.keys() - rows.keys(),
        "lists, and the wheel lacks,": rows.keys() - members.keys() - own,
    }
    faults = tuple(
        Finding(f"RECORD {what} {listing(names)}", remedy=remedy)
        for what, names in wrong.items()
        if names
    )
    return Judgement(len(wheel.members), faults)


def _is_of(row: Sequence[str], member: Member) -> bool:
    """Whether a row of a RECORD has the digest of that file, and its size where it says one."""
    digest, size = [*row, "", ""][:2]
    return _same_digest(digest, member.sha256) and size in {"", str(member.size)}


def _same_digest(recorded: str, sha256: str) -> bool:
    """Whether a RECORD's hash is that sha256; stronger hashes than sha256 are not computed here."""
    algorithm, _, value = recorded.partition("=")
    if algorithm != "sha256":
        return algorithm in {"sha384", "sha512"}
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex() == sha256
    except (ValueError, binascii.Error):
        return False


def judge_entry_points(wheel: Archive) -> Judgement:
    """entry_points.txt can be read, and its commands have names without a path in them."""
    data = wheel.texts.get(f"{wheel.info}entry_points.txt")
    if data is None:
        return Judgement()
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(data.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = str(error).split("\n")[0]
        return _fault(f"{wheel.file}: entry_points.txt cannot be read: {reason}", "write it anew")
    groups = (group for group in ("console_scripts", "gui_scripts") if parser.has_section(group))
    names = [name for group in groups for name in parser[group]]
    wrong = [name for name in names if not re.fullmatch(r"[\w.-]+", name)]
    judged = Judgement(len(names) or 1)
    if wrong:
        message = f"{wheel.file}: not valid names of commands: {listing(wrong)}"
        judged += _fault(message, "use letters, digits, and . _ -", "pyproject.toml")
    return judged


def judge_archive(name: str, file: IO[bytes], size: int) -> Judgement:
    """The archive itself is one that the index takes; `file` is open for reading, `size` its size.

    A zip has no duplicate members, no data descriptors, no comments, nothing before or behind it.
    A tar has one folder, with PKG-INFO in it, and no sparse members.
    """
    try:
        if name.endswith(".whl"):
            faults = list(_zip_members(file, size))
        else:
            faults = list(_tar_members(file))
    except DAMAGED as error:
        faults = [f"cannot be read: {error}"]
    findings = (
        Finding(f"{name} {text}", remedy=f"do not edit it after the build; {BACKEND}")
        for text in dict.fromkeys(faults)
    )
    return Judgement(3, tuple(findings))


def _zip_members(file: IO[bytes], size: int) -> Iterator[str]:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    odd = [e.filename for e in entries if e.compress_type not in {zipfile.ZIP_STORED, 8}]
    if odd:
        yield f"holds members that are neither stored nor deflated: {listing(odd)}"
    twice = [name for name, times in Counter(e.filename for e in entries).items() if times > 1]
    if twice:
        yield f"holds twice: {listing(twice)}"
    if any(entry.flag_bits & 0x08 for entry in entries):
        yield "holds members with data descriptors (written as a stream)"
    if any(entry.comment for entry in entries):
        yield "has a comment at a member"
    file.seek(max(0, size - END_SIZE))
    if file.read(4) != b"PK\5\6":
        yield "has bytes behind its end, or has a comment"
    if min((entry.header_offset for entry in entries), default=0):
        yield "has bytes before its first member"


def _tar_members(file: IO[bytes]) -> Iterator[str]:
    names, sparse = [], []
    # Opened as the index opens it: anything but gzip is refused.
    with tarfile.open(fileobj=file, mode="r:gz") as archive:
        for entry in archive:
            names.append(entry.name)
            if entry.issparse():
                sparse.append(entry.name)
    if sparse:
        yield f"holds sparse members: {listing(sparse)}"
    tops = {name.partition("/")[0] for name in names}
    if len(tops) != 1 or tops & {".", "..", ""}:
        yield f"must have its files in one folder, it has {listing(tops)}"
    elif f"{next(iter(tops))}/PKG-INFO" not in names:
        yield f"lacks {next(iter(tops))}/PKG-INFO"


# --- what the index has ---------------------------------------------------------------------------


def judge_sdists(names: Sequence[str]) -> Judgement:
    """There is one sdist at most."""
    sdists = [name for name in names if not name.endswith(".whl")]
    if len(sdists) > 1:
        return _fault(f"the index takes one sdist of a version: {listing(sdists)}", "publish one")
    return Judgement(1)


def judge_reuse(
    artifacts: Sequence[Artifact], served: Sequence[ServedFile], version: Version, now: datetime
) -> Judgement:
    """No file of `version` that the index has is to be replaced, and the version is still open.

    The same bytes under the same name are taken as done. A name whose file was deleted cannot be
    used again either; an index does not tell those.
    """
    from release.text.versions import parse

    there = [file for file in served if parse(file.version) == version]
    sdists = [file.name for file in there if not file.name.endswith((".whl", ".egg"))]
    first = min((file.uploaded for file in there if file.uploaded is not None), default=now)
    judged = Judgement()
    for artifact in artifacts:
        name = artifact.name
        same = next((file for file in there if file.name == name), None)
        if same is None:
            judged += Judgement(1)
            if sdists and not name.endswith(".whl"):
                beside = f"a second sdist of {version}, beside {listing(sdists)}"
                judged += _fault(f"{name} would be {beside}", "choose a higher version", checked=0)
            if now - first > OPEN_FOR:
                late = f"{name} comes more than {OPEN_FOR.days} days later and is refused"
                message = f"{version} is on the index since {first.date()}: {late}"
                judged += _fault(message, "choose a higher version", checked=0)
        elif same.sha256 is not None and same.sha256.lower() == artifact.sha256:
            note = Finding(f"{name} is on the index already, with this digest")
            judged += Judgement(1, notes=(note,))
        else:
            digests = f"sha256 {same.sha256 or 'not told'}, built was {artifact.sha256}"
            judged += _fault(
                f"{name} is on the index with other bytes ({digests})",
                "choose a higher version; a name is never given twice",
            )
    return judged
