"""All files of an adoption are written, or none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from release.adopt.plan import Change
from release.adopt.writing import require_loading, written
from release.errors import ConfigurationError, ReleaseError

NEW = (Change("pyproject.toml", "a = 1\r\n", "a = 1\r\nb = 2\r\n"), Change("noxfile.py", None, "x"))


def write(root: Path) -> None:
    with written(root, NEW, root / "scratch"):
        pass


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_bytes(b"a = 1\r\n")
    (tmp_path / "scratch").mkdir()
    return tmp_path


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_both_are_written_with_the_rights_that_they_had(root: Path) -> None:
    (root / "pyproject.toml").chmod(0o640)
    write(root)
    assert files(root) == {"pyproject.toml": b"a = 1\r\nb = 2\r\n", "noxfile.py": b"x"}
    assert (root / "pyproject.toml").stat().st_mode & 0o777 == 0o640
    assert not (root / "noxfile.py").stat().st_mode & 0o111


def test_what_appeared_meanwhile_is_kept_and_nothing_is_written(root: Path) -> None:
    (root / "noxfile.py").write_bytes(b"theirs")
    with pytest.raises(ReleaseError, match=r"noxfile\.py: cannot be written: it was changed mean"):
        write(root)
    assert files(root) == {"pyproject.toml": b"a = 1\r\n", "noxfile.py": b"theirs"}


@pytest.mark.parametrize("failure", [PermissionError(13, "Permission denied"), KeyboardInterrupt()])
def test_what_was_written_is_taken_back_where_the_rest_cannot_be(
    root: Path, failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def second_fails(path: Path, target: Path) -> Path:
        if target.name == "noxfile.py":
            raise failure
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", second_fails)
    with pytest.raises((ReleaseError, KeyboardInterrupt)) as error:
        write(root)
    assert files(root) == {"pyproject.toml": b"a = 1\r\n"}
    if isinstance(error.value, ReleaseError):
        assert "Permission denied" in str(error.value)
        assert error.value.problems[0].remedy


def test_what_fails_behind_it_takes_it_back(root: Path) -> None:
    with pytest.raises(KeyError), written(root, NEW, root / "scratch"):
        files(root)["not there"]
    assert files(root) == {"pyproject.toml": b"a = 1\r\n"}


def test_an_interrupt_right_after_a_file_came_takes_it_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, replace = files(root), Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(root)
    assert files(root) == before


def test_a_file_that_may_not_be_written_is_not_replaced(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith(".toml"))
    with pytest.raises(
        ReleaseError, match=r"pyproject\.toml: cannot be written: Permission denied"
    ):
        write(root)
    assert files(root) == {"pyproject.toml": b"a = 1\r\n"}


@pytest.mark.parametrize("text", ["import nothing_like_this\n", "raise SystemExit(3)\n"])
def test_a_noxfile_that_nox_cannot_load_is_named(root: Path, text: str) -> None:
    (root / "noxfile.py").write_text(text)
    with pytest.raises(ConfigurationError, match="it cannot be loaded") as error:
        require_loading(root, "noxfile.py")
    assert "nox-release release_preflight" in str(error.value.problems[0].remedy)


def test_a_noxfile_that_loads_is_let_pass(root: Path) -> None:
    (root / "noxfile.py").write_text("import nox\nimport release.sessions\n")
    require_loading(root, "noxfile.py")
