from __future__ import annotations

import base64
import calendar
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.gates.build.distribution import (
    Archive,
    Unreadable,
    clock_traces,
    differences,
    differing_content,
    judge_metadata,
    judge_printable,
    listing,
    read,
)
from release.gates.parity.rules import judge_record
from release.model import Judgement

METADATA = """\
Metadata-Version: 2.4
Name: Small.Thing
Version: 1.2
License-File: LICENSE
License-File: vendor/LICENSE
Requires-Dist: httpx>=0.28
"""
EPOCH = 1_700_000_000
STEM = "small_thing-1.2"


def record(files: Mapping[str, bytes], info: str) -> bytes:
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}")
    return "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()


def wheel(
    folder: Path,
    files: Mapping[str, bytes] | None = None,
    *,
    metadata: str = METADATA,
    name: str = f"{STEM}-py3-none-any.whl",
    written_record: bytes | None = None,
    year: int = 2023,
) -> Archive:
    info = "-".join(name.split("-")[:2]) + ".dist-info"
    content = {
        "small_thing/__init__.py": b"",
        f"{info}/METADATA": metadata.encode(),
        f"{info}/licenses/LICENSE": b"MIT",
        f"{info}/licenses/vendor/LICENSE": b"BSD",
        **(files or {}),
    }
    content[f"{info}/RECORD"] = written_record or record(content, info)
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in content.items():
            entry = zipfile.ZipInfo(path, (year, 1, 2, 3, 4, 6))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return read(folder / name)


def sdist(
    folder: Path,
    files: Mapping[str, bytes] | None = None,
    *,
    metadata: str = METADATA,
    name: str = f"{STEM}.tar.gz",
    top: str = STEM,
    mtime: int = EPOCH,
    stamp: int = EPOCH,
) -> Archive:
    content = {
        "PKG-INFO": metadata.encode(),
        "LICENSE": b"MIT",
        "vendor/LICENSE": b"BSD",
        **(files or {}),
    }
    folder.mkdir(exist_ok=True)
    with (
        (folder / name).open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=stamp) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for path, data in content.items():
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.size, entry.mtime = len(data), mtime
            archive.addfile(entry, io.BytesIO(data))
    return read(folder / name)


def metadata(
    first: Archive,
    second: Archive,
    *,
    version: str | None = "1.2",
    source: str = "pyproject.toml",
    tags: Mapping[str, Version] | None = None,
) -> Judgement:
    return judge_metadata(
        first,
        second,
        version=version,
        version_source=source,
        tags=tags or {},
    )


def messages(judged: Judgement) -> list[str]:
    return [finding.message for finding in judged.defects]


def test_an_archive_is_read_with_its_top_folder_its_files_and_its_metadata(tmp_path: Path) -> None:
    first, second = sdist(tmp_path), wheel(tmp_path)

    assert (first.kind, first.stamp) == ("sdist", EPOCH)
    assert first.names == ("PKG-INFO", "LICENSE", "vendor/LICENSE")
    assert (second.kind, second.info) == ("wheel", f"{STEM}.dist-info/")
    assert list(second.installed) == ["small_thing/__init__.py"]
    assert first.metadata["version"] == second.metadata["version"] == "1.2"


def test_modules_in_a_data_folder_of_a_wheel_count_as_installed(tmp_path: Path) -> None:
    found = wheel(tmp_path, {f"{STEM}.data/purelib/a.py": b"", f"{STEM}.data/scripts/run": b""})

    assert found.installed["a.py"] == f"{STEM}.data/purelib/a.py"
    assert "run" not in found.installed


@pytest.mark.parametrize("name", ["a-1-py3-none-any.whl", "a-1.tar.gz"])
def test_a_broken_file_is_unreadable(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind")

    with pytest.raises(Unreadable, match=name):
        read(tmp_path / name)


def patched(path: Path, *changes: tuple[bytes, bytes]) -> bytes:
    """The bytes of a file with others in place of some of them."""
    data = path.read_bytes()
    for before, after in changes:
        assert before in data
        data = data.replace(before, after)
    return data


def packed_by(method: int) -> bytes:
    """A wheel whose only member is packed by that method, and damaged."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        archive.writestr("a", bytes(range(256)) * 8)
    data = bytearray(whole.getvalue())
    data[45:60] = b"\xff" * 15
    return bytes(data)


def time_of_a_member(text: str) -> bytes:
    """An sdist whose only member was changed at that time."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo(f"{STEM}/a")
        entry.pax_headers = {"mtime": text}
        archive.addfile(entry)
    return whole.getvalue()


def unpackable(data: bytes) -> bytes:
    """A gzip file whose content is no more to be had."""
    return data[:20] + bytes(len(data) - 20)


# Name of the file, what makes its bytes from a sound one, and a part of what is said.
DAMAGE: dict[str, tuple[str, Callable[[Path], bytes], str]] = {
    "encrypted": (
        "whl",
        lambda path: patched(
            path,
            (b"PK\x01\x02\x14\x03\x14\0\0", b"PK\x01\x02\x14\x03\x14\0\1"),
            (b"PK\x03\x04\x14\0\0", b"PK\x03\x04\x14\0\1"),
        ),
        "is encrypted",
    ),
    "of another time's compression": (
        "whl",
        lambda path: patched(
            path,
            (b"PK\x01\x02\x14\x03\x14\0\0\0\0\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x63\0"),
            (b"PK\x03\x04\x14\0\0\0\0\0", b"PK\x03\x04\x14\0\0\0\x63\0"),
        ),
        "compression method is not supported",
    ),
    "with other bytes": ("whl", lambda path: patched(path, (b"MIT", b"BSD")), "Bad CRC-32"),
    "cut off": ("whl", lambda path: path.read_bytes()[:-200], "not a zip file"),
    "with a member cut off": (
        "whl",
        lambda path: path.read_bytes()[900:],
        "cannot be read",
    ),
    "damaged in its deflated bytes": ("whl", lambda _: packed_by(zipfile.ZIP_DEFLATED), "Error -3"),
    "damaged in its LZMA bytes": ("whl", lambda _: packed_by(zipfile.ZIP_LZMA), "cannot be read"),
    "damaged in its bzip2 bytes": ("whl", lambda _: packed_by(zipfile.ZIP_BZIP2), "cannot be read"),
    "with a date that is none": (
        "whl",
        lambda path: patched(path, (b'\x83\x18"V', b"\x83\x18\xff\x57")),
        "month",
    ),
    "empty": ("whl", lambda _: b"", "not a zip file"),
    "an sdist cut off": ("tar.gz", lambda path: path.read_bytes()[:-60], "end-of-stream"),
    "an sdist with other bytes": (
        "tar.gz",
        lambda path: unpackable(path.read_bytes()),
        "cannot be read",
    ),
    "an sdist with one bit off": (
        "tar.gz",
        lambda path: path.read_bytes()[:-8] + bytes(8),
        "CRC check failed",
    ),
    "an sdist of no time": ("tar.gz", lambda _: time_of_a_member("nan"), "NaN"),
    "an sdist of endless time": ("tar.gz", lambda _: time_of_a_member("inf"), "infinity"),
    "an empty sdist": ("tar.gz", lambda _: b"", "empty file"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_unreadable_with_its_name_and_the_reason(
    tmp_path: Path, damage: str
) -> None:
    suffix, change, said = DAMAGE[damage]
    sdist(tmp_path)
    wheel(tmp_path)
    (path,) = tmp_path.glob(f"*.{suffix}")
    path.write_bytes(change(path))

    with pytest.raises(Unreadable) as caught:
        read(path)

    assert str(caught.value).startswith(f"{path.name} cannot be read: ")
    assert said in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def bomb(path: Path, members: Mapping[str, int], *, pax: int = 0) -> None:
    """A gzip file whose members say and have these sizes, of zeros."""
    with gzip.open(path, "wb", compresslevel=1) as zipped:
        for name, size in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = size
            if pax:
                entry.type = tarfile.XHDTYPE
            zipped.write(entry.tobuf(tarfile.PAX_FORMAT))
            for _ in range(size >> 20):
                zipped.write(bytes(1 << 20))


@pytest.mark.parametrize(
    ("members", "pax"),
    [({"x/a": 70 << 20}, 0), ({f"x/{n}": 10 << 20 for n in range(7)}, 0), ({"x/a": 70 << 20}, 1)],
    ids=["one large member", "several members", "a header"],
)
def test_an_sdist_that_unpacks_to_far_more_than_its_size_is_refused(
    tmp_path: Path, members: Mapping[str, int], pax: int
) -> None:
    bomb(tmp_path / "x-1.tar.gz", members, pax=pax)

    with pytest.raises(Unreadable, match=r"unpacks to more than 64 MiB"):
        read(tmp_path / "x-1.tar.gz")


def test_a_wheel_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(
        tmp_path / "x-1-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED, True, 1
    ) as z:
        for number in range(7):
            z.writestr(f"x/{number}", bytes(10 << 20))

    with pytest.raises(Unreadable, match=r"unpacks to more than 64 MiB"):
        read(tmp_path / "x-1-py3-none-any.whl")


@pytest.mark.parametrize("name", ["x/\x1b[2Jred", "x/a\rb", "x/\u202etxt.py", "x/a\nb"])
@pytest.mark.parametrize("make", [sdist, wheel])
def test_a_name_that_a_terminal_obeys_is_a_defect(
    tmp_path: Path, make: Callable[..., Archive], name: str
) -> None:
    assert not judge_printable(make(tmp_path)).defects
    (said,) = messages(judge_printable(make(tmp_path, {name: b""})))
    assert said.isprintable()
    assert ascii(name) in said


def test_a_file_that_is_not_there_is_unreadable_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"^a\.whl cannot be read: No such file or directory$"):
        read(tmp_path / "a.whl")


def test_a_wheel_whose_members_have_no_date_is_read(tmp_path: Path) -> None:
    wheel(tmp_path)
    (path,) = tmp_path.glob("*.whl")
    path.write_bytes(patched(path, (b'\x83\x18"V', b"\x83\x18\0\0")))

    assert read(path).members[0].mtime == calendar.timegm((1980, 1, 1, 3, 4, 6))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_breaks_the_reading(tmp_path: Path, data: st.DataObject) -> None:
    sound = wheel(tmp_path) if data.draw(st.booleans()) else sdist(tmp_path)
    path = tmp_path / sound.file
    damaged = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))

    with suppress(Unreadable):
        assert read(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_that_agree_have_no_fault(tmp_path: Path) -> None:
    judged = metadata(sdist(tmp_path), wheel(tmp_path), tags={"v1.2": Version("1.2")})

    assert judged.defects == judged.advice == ()
    assert judged.checked == 7


def test_another_version_in_the_sdist_the_repository_or_the_tag_is_named(tmp_path: Path) -> None:
    other = METADATA.replace("Version: 1.2", "Version: 1.3")
    first = sdist(tmp_path, metadata=other)

    found = messages(metadata(first, wheel(tmp_path), version="1.4", tags={"v2.0": Version("2.0")}))

    assert found == [
        "the wheel's METADATA says version 1.2, the sdist's PKG-INFO 1.3",
        "the distributions are of version 1.2, pyproject.toml says 1.4",
        "the distributions are of version 1.2, and this commit is tagged v2.0",
    ]


def test_versions_are_compared_by_pep_440(tmp_path: Path) -> None:
    judged = metadata(
        sdist(tmp_path), wheel(tmp_path), version="v1.2.0", tags={"v1.2.0": Version("1.2.0")}
    )

    assert judged.defects == ()


def test_missing_metadata_is_named(tmp_path: Path) -> None:
    empty = sdist(tmp_path)
    found = messages(metadata(replace(empty, texts={}), wheel(tmp_path)))

    assert found == [
        f"PKG-INFO of the sdist is missing or states no {k}" for k in ("name", "version")
    ]


def test_a_complete_record_has_no_fault(tmp_path: Path) -> None:
    assert judge_record(wheel(tmp_path)) == Judgement(5)


def test_a_record_that_is_wrong_is_refused_with_the_files(tmp_path: Path) -> None:
    info = f"{STEM}.dist-info"
    written = record({"small_thing/__init__.py": b"other", "gone.py": b""}, info)

    found = messages(judge_record(wheel(tmp_path, written_record=written)))

    assert found[0].startswith("RECORD has a wrong digest or size of small_thing/__init__.py")
    assert found[1].startswith(f"RECORD does not list {info}/METADATA")
    assert found[2] == "RECORD lists, and the wheel lacks, gone.py"


def test_a_wheel_without_a_record_is_refused(tmp_path: Path) -> None:
    assert messages(judge_record(replace(wheel(tmp_path), texts={}))) == ["the wheel has no RECORD"]


def test_equal_builds_do_not_differ(tmp_path: Path) -> None:
    assert differences(wheel(tmp_path / "a"), wheel(tmp_path / "b")) == ()
    assert differences(sdist(tmp_path / "a"), sdist(tmp_path / "b")) == ()


def test_a_difference_is_told_file_by_file(tmp_path: Path) -> None:
    first = wheel(tmp_path / "a", {"x.py": b"1", "only.py": b""})
    second = wheel(tmp_path / "b", {"x.py": b"2"}, year=2024)

    lines = differences(first, second)

    assert lines[0] == "only in the first: only.py"
    assert lines[1] == "content of x.py"
    assert lines[2].startswith("mtime of small_thing-1.2.dist-info/METADATA, ")
    assert differing_content(first, second) == {"only.py", "x.py"}


def test_times_in_an_sdist_are_told_from_its_content(tmp_path: Path) -> None:
    first = sdist(tmp_path / "a")
    second = sdist(tmp_path / "b", mtime=EPOCH + 9, stamp=EPOCH + 9)

    assert differences(first, second) == (
        "mtime of LICENSE, PKG-INFO, vendor/LICENSE",
        "the time in the gzip header",
    )
    assert differing_content(first, second) == frozenset()


def test_another_order_of_files_is_a_difference(tmp_path: Path) -> None:
    first = sdist(tmp_path / "a", {"x": b"", "y": b""})
    second = sdist(tmp_path / "b", {"y": b"", "x": b""})

    assert differences(first, second) == ("the order of the files",)


def test_the_time_of_the_build_is_found_in_one_file_alone(tmp_path: Path) -> None:
    started = EPOCH + 1000
    late = sdist(tmp_path / "a", mtime=started + 1, stamp=started)

    assert clock_traces(sdist(tmp_path / "b"), started, EPOCH) == ()
    assert clock_traces(late, started, EPOCH) == (
        "the time of the build is the mtime of LICENSE, PKG-INFO, vendor/LICENSE",
        "the time of the build is in the gzip header",
    )


def test_a_long_list_of_names_is_cut() -> None:
    assert listing(["c", "a", "b"], 2) == "a, b and 1 more"
