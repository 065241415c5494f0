"""schemas: are schemas registered, and do those that changed bring their migration?"""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from release.gates.schemas import choose
from release.model import Evidence, Level, Outcome, Status
from tests.support import PYPROJECT, Judge, commit, git, make_project, write

SETTINGS = """
[tool.release.schemas]
register = "SCHEMAS.md"
sources = [
    { name = "audit", file = "src/small_thing/audit.py", search = 'VERSION = "audit/{version}"' },
]
"""
REGISTER = """\
# Schemas

| Schema | Version |
|--------|---------|
| audit  | {0}     |
| proof  | 1.3     |
"""
SOURCE = 'VERSION = "audit/{0}"\n'
CHANGELOG = """\
# Changelog

## [Unreleased]
{0}
## [1.2.2] - 2025-12-01

### Added

- Audits.
"""
TOLD = """
### Schema migrations

- audit: records of version 1 are rewritten by `migrations/audit_v1_to_v2.py`.
"""


def state(
    *, schema: str = "1", told: str = "", version: str = "1.2.3", more: str = SETTINGS
) -> dict[str, str | bytes | None]:
    """The files of a project whose schema has that version."""
    return {
        "pyproject.toml": PYPROJECT.replace("1.2.3", version) + more,
        "SCHEMAS.md": REGISTER.format(schema),
        "src/small_thing/audit.py": SOURCE.format(schema),
        "CHANGELOG.md": CHANGELOG.format(told),
    }


def tag(root: Path, name: str) -> None:
    git(root, "tag", "--annotate", "--message", name, name)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A project with schemas whose release v1.2.2 is behind it."""
    root = make_project(tmp_path / "small-thing", state(version="1.2.2"))
    tag(root, "v1.2.2")
    write(root, state())
    commit(root)
    return root


def bump(root: Path, *, told: str = TOLD, script: str | None = "print('migrate')\n") -> None:
    """Raise the schema to 2, with all that belongs to it."""
    write(root, state(schema="2", told=told))
    if script is not None:
        write(root, {"migrations/audit_v1_to_v2.py": script})
    commit(root)


def said(evidence: Evidence) -> str:
    assert evidence.outcome.status is Status.FAILED, evidence.outcome
    assert all(finding.remedy for finding in evidence.outcome.findings)
    return "\n".join(f"{f.path}:{f.line}: {f.message}" for f in evidence.outcome.findings)


def passed(evidence: Evidence) -> Outcome:
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    return evidence.outcome


class TestPasses:
    def test_schemas_that_did_not_change(self, released: Path, judge: Judge) -> None:
        found = passed(judge(released, "schemas"))
        assert found.summary == "2 schemas registered; since v1.2.2: none changed"
        assert found.checked == 3
        assert found.findings == ()

    def test_a_schema_that_changed_with_all_that_belongs_to_it(
        self, released: Path, judge: Judge
    ) -> None:
        bump(released)
        found = passed(judge(released, "schemas"))
        assert found.summary == "2 schemas registered; since v1.2.2: audit 1 to 2"
        assert found.findings == ()

    def test_the_section_of_the_version_counts_when_it_is_there(
        self, released: Path, judge: Judge
    ) -> None:
        bump(released, told=f"\n## [1.2.3] - 2026-01-02\n{TOLD}")
        passed(judge(released, "schemas"))
        assert "Unreleased has no subsection" in said(judge(released, "schemas", Level.MINOR))

    def test_work_after_a_release_is_told_of_under_unreleased(
        self, released: Path, judge: Judge
    ) -> None:
        bump(released)
        write(released, state(schema="2", told=TOLD, version="1.2.2"))
        commit(released)
        assert passed(judge(released, "schemas")).findings == ()

    def test_a_released_commit_is_compared_with_the_release_before_it(
        self, released: Path, judge: Judge
    ) -> None:
        bump(released, told=f"\n## [1.2.3] - 2026-01-02\n{TOLD}")
        tag(released, "v1.2.3")
        assert passed(judge(released, "schemas")).summary.endswith("since v1.2.2: audit 1 to 2")
        found = passed(judge(released, "schemas", Level.PATCH))
        assert found.summary.endswith("since v1.2.3: none changed")

    def test_before_the_first_release_only_the_registration_is_judged(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        root = make_project(tmp_path / "young", state(schema="5"))
        found = passed(judge(root, "schemas"))
        assert found.summary == "2 schemas registered; no release before this one"

    def test_a_new_schema_needs_no_migration(self, released: Path, judge: Judge) -> None:
        write(released, {"SCHEMAS.md": REGISTER.format("1") + "| fresh | 4 |\n"})
        commit(released)
        assert passed(judge(released, "schemas")).summary.startswith("3 schemas")

    def test_the_projects_version_does_not_matter(self, released: Path, judge: Judge) -> None:
        write(released, state(version="1.99.0"))
        commit(released)
        passed(judge(released, "schemas"))

    def test_a_project_in_a_folder_of_its_repository(self, tmp_path: Path, judge: Judge) -> None:
        top = make_project(tmp_path / "top")
        root = top / "part"
        write(root, state(version="1.2.2"))
        commit(top)
        tag(top, "v1.2.2")
        bump(root)
        assert passed(judge(root, "schemas")).summary.endswith("audit 1 to 2")
        git(root, "rm", "--quiet", "migrations/audit_v1_to_v2.py")
        assert "no script in migrations/" in said(judge(root, "schemas"))

    def test_windows_line_ends_do_not_matter(self, released: Path, judge: Judge) -> None:
        bump(released)
        for name in ("SCHEMAS.md", "CHANGELOG.md"):
            path = released / name
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        commit(released)
        assert passed(judge(released, "schemas")).findings == ()


class TestDefects:
    def test_a_source_that_disagrees_with_the_register(self, released: Path, judge: Judge) -> None:
        write(released, {"src/small_thing/audit.py": SOURCE.format("2")})
        assert said(judge(released, "schemas")) == (
            "SCHEMAS.md:5: audit is registered as 1, and src/small_thing/audit.py:1 says 2"
        )

    def test_a_schema_that_is_not_registered(self, released: Path, judge: Judge) -> None:
        write(released, {"SCHEMAS.md": REGISTER.format("1").replace("audit", "other")})
        assert "audit 1 is not registered in SCHEMAS.md" in said(judge(released, "schemas"))

    def test_a_missing_register(self, released: Path, judge: Judge) -> None:
        write(released, {"SCHEMAS.md": None})
        assert said(judge(released, "schemas")) == (
            "SCHEMAS.md:None: the register of schemas is missing"
        )

    def test_a_register_without_a_table(self, released: Path, judge: Judge) -> None:
        write(released, {"SCHEMAS.md": "# Schemas\n\nSome.\n"})
        assert "has no table that lists schemas" in said(judge(released, "schemas"))

    def test_a_register_that_is_not_utf8(self, released: Path, judge: Judge) -> None:
        write(released, {"SCHEMAS.md": b"\xff\xfe|\x00"})
        assert "SCHEMAS.md:1: is not UTF-8" in said(judge(released, "schemas"))

    def test_a_version_that_goes_back(self, released: Path, judge: Judge) -> None:
        write(released, {"SCHEMAS.md": REGISTER.format("1").replace("1.3", "1.2")})
        found = said(judge(released, "schemas"))
        assert found == "SCHEMAS.md:6: proof goes back from 1.3 (v1.2.2) to 1.2"

    def test_a_change_without_a_script(self, released: Path, judge: Judge) -> None:
        bump(released, script=None)
        assert said(judge(released, "schemas")) == (
            "SCHEMAS.md:5: audit went from 1 to 2, and no script in migrations/ migrates it from"
            " 1 to 2"
        )

    def test_a_script_that_is_not_committed(self, released: Path, judge: Judge) -> None:
        bump(released, script=None)
        write(released, {"migrations/audit_v1_to_v2.py": "print()\n"})
        found = said(judge(released, "schemas"))
        assert "migrations/audit_v1_to_v2.py:None: is not tracked by git" in found

    def test_an_empty_script(self, released: Path, judge: Judge) -> None:
        bump(released, script="\n")
        found = said(judge(released, "schemas"))
        assert "migrations/audit_v1_to_v2.py:None: is empty" in found

    def test_a_change_that_the_changelog_does_not_tell_of(
        self, released: Path, judge: Judge
    ) -> None:
        bump(released, told="\n### Added\n\n- audit: migrations/audit_v1_to_v2.py\n")
        assert said(judge(released, "schemas")) == (
            "CHANGELOG.md:3: Unreleased has no subsection 'Schema migrations', and schemas"
            " changed: audit 2"
        )

    def test_a_subsection_that_does_not_point_at_the_script(
        self, released: Path, judge: Judge
    ) -> None:
        bump(released, told="\n### Schema migrations\n\n- audit is now version 2.\n")
        assert "does not point at audit_v1_to_v2.py" in said(judge(released, "schemas"))

    def test_a_subsection_that_does_not_name_the_schema(self, released: Path, judge: Judge) -> None:
        bump(released, told="\n### Schema migrations\n\n- proof is now version 2.\n")
        assert "does not name audit" in said(judge(released, "schemas"))

    def test_a_change_without_any_changelog(self, released: Path, judge: Judge) -> None:
        bump(released)
        write(released, {"CHANGELOG.md": None})
        assert "CHANGELOG.md:None: has no section for this release" in said(
            judge(released, "schemas")
        )

    def test_a_register_that_came_together_with_the_change(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        root = make_project(tmp_path / "late", state(version="1.2.2"))
        write(root, {"SCHEMAS.md": None})
        commit(root)
        tag(root, "v1.2.2")
        bump(root, script=None)
        assert "audit went from 1 to 2" in said(judge(root, "schemas"))

    def test_every_defect_is_reported_at_once(self, released: Path, judge: Judge) -> None:
        bump(released, told="", script=None)
        write(released, {"src/small_thing/audit.py": SOURCE.format("3")})
        assert len(judge(released, "schemas").outcome.findings) == 3


class TestMajor:
    def test_a_major_release_needs_a_new_script(self, released: Path, judge: Judge) -> None:
        found = said(judge(released, "schemas", Level.MAJOR))
        assert found == (
            "None:None: 2.0.0 is a major release after v1.2.2, and migrations/ has no new migration"
            " script"
        )
        write(released, {"migrations/README.md": "About them.\n"})
        commit(released)
        assert "no new migration script" in said(judge(released, "schemas", Level.MAJOR))
        write(released, {"migrations/wire_format.py": "print()\n"})
        commit(released)
        passed(judge(released, "schemas", Level.MAJOR))

    def test_a_major_version_needs_one_without_a_level(self, released: Path, judge: Judge) -> None:
        write(released, state(version="2.0.0"))
        commit(released)
        assert "2.0.0 is a major release after v1.2.2" in said(judge(released, "schemas"))

    def test_a_script_that_the_last_release_had_is_not_new(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        files = state(version="1.2.2") | {"migrations/old.py": "print()\n"}
        root = make_project(tmp_path / "old", files)
        tag(root, "v1.2.2")
        assert "no new migration script" in said(judge(root, "schemas", Level.MAJOR))

    def test_its_name_can_be_demanded(self, released: Path, judge: Judge) -> None:
        wanted = 'major-script = "v{major}_*.py"\n'
        write(released, state(more=SETTINGS + wanted) | {"migrations/other.py": "print()\n"})
        commit(released)
        assert "called v2_*.py" in said(judge(released, "schemas", Level.MAJOR))
        write(released, {"migrations/v2_wire.py": "print()\n"})
        commit(released)
        passed(judge(released, "schemas", Level.MAJOR))

    def test_it_can_be_demanded_without_any_schema(self, tmp_path: Path, judge: Judge) -> None:
        more = '\n[tool.release.schemas]\nmajor-script = "v{major}.py"\n'
        root = make_project(tmp_path / "plain", {"pyproject.toml": PYPROJECT + more})
        tag(root, "v1.2.3")
        assert "called v2.py" in said(judge(root, "schemas", Level.MAJOR))
        minor = judge(root, "schemas", Level.MINOR).outcome
        assert minor.status is Status.NOT_APPLICABLE

    @pytest.mark.parametrize(
        ("tags", "version", "wanted"),
        [
            ([], "2.0.0", (None, None)),
            (["1.9", "1.8"], "2.0", ("1.9", "1.9")),
            (["0.9"], "1.0rc1", ("0.9", "0.9")),
            (["1.9", "2.0rc1"], "2.0", ("2.0rc1", "1.9")),
            (["1.9", "2.0rc1", "2.0"], "2.1", ("2.0", None)),
            (["1.9"], "1.10", ("1.9", None)),
            (["1.9"], None, ("1.9", None)),
        ],
    )
    def test_a_major_release_is_told_by_the_releases_before_it(
        self, tags: list[str], version: str | None, wanted: tuple[str | None, str | None]
    ) -> None:
        versions = {name: Version(name) for name in tags}
        assert choose(versions, Version(version) if version else None) == wanted


class TestUnconfigured:
    def test_without_register_and_settings_it_does_not_apply(
        self, project: Path, judge: Judge
    ) -> None:
        found = judge(project, "schemas").outcome
        assert found.status is Status.NOT_APPLICABLE
        assert found.summary == "tool.release.schemas is not set"

    def test_a_register_without_settings_is_named(self, tmp_path: Path, judge: Judge) -> None:
        root = make_project(tmp_path / "quiet", state(version="1.2.2", more=""))
        found = judge(root, "schemas").outcome
        assert found.status is Status.NOT_APPLICABLE
        assert "add [tool.release.schemas] to have SCHEMAS.md judged" in found.summary


class TestHistory:
    def test_a_shallow_clone_without_releases_is_unchecked(
        self, released: Path, judge: Judge, tmp_path: Path
    ) -> None:
        git(tmp_path, "clone", "--quiet", "--depth=1", released.as_uri(), "shallow")
        found = judge(tmp_path / "shallow", "schemas").outcome
        assert found.status is Status.UNCHECKED
        assert found.findings[0].remedy == "git fetch --unshallow --tags"

    def test_a_tag_that_git_cannot_read_is_unchecked(self, released: Path, judge: Judge) -> None:
        blob = git(released, "rev-parse", "v1.2.2:SCHEMAS.md")
        path = released / ".git" / "objects" / blob[:2] / blob[2:]
        path.unlink()
        write(released, {"SCHEMAS.md": REGISTER.format("1") + "| fresh | 4 |\n"})
        assert judge(released, "schemas").outcome.status is Status.UNCHECKED

    def test_a_release_on_another_branch_does_not_count(self, released: Path, judge: Judge) -> None:
        git(released, "switch", "--quiet", "--create", "other")
        bump(released)
        tag(released, "v1.2.9")
        git(released, "switch", "--quiet", "main")
        assert "since v1.2.2" in passed(judge(released, "schemas")).summary

    def test_a_folder_without_git_is_judged_by_itself(self, tmp_path: Path, judge: Judge) -> None:
        write(tmp_path / "plain", state())
        found = passed(judge(tmp_path / "plain", "schemas"))
        assert found.summary.endswith("no release before this one")
