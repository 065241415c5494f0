"""documents: citation, security policy, badges and licences are valid and agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.gates.documents import (
    declared_licence,
    judge_licence_files,
    judge_licences,
    judge_schema,
    policies,
)
from release.model import Evidence, Level, Status
from release.run.processes import Completed
from tests.built import replace_tool
from tests.support import PYPROJECT, Judge, commit, git, make_project, write
from tests.text.test_foreign import BOMB

network = pytest.mark.network
CITATION = """\
cff-version: 1.2.0
message: Cite it.
title: Small thing
version: 1.2.3
date-released: 2026-01-02
license: MIT
authors:
  - name: The maintainers
preferred-citation:
  type: software
  title: Small thing
  version: 1.2.3
  authors:
    - name: The maintainers
"""
ZENODO = '{"title": "Small thing", "upload_type": "software", "license": "mit"}\n'
POLICY = """\
## Supported versions

| Version | Supported |
| ------- | --------- |
| 1.2.x   | yes       |
"""
BADGE = "![version](https://img.shields.io/badge/version-1.2.3-blue)\n"


def said(evidence: Evidence) -> str:
    assert evidence.outcome.status is Status.FAILED, evidence.outcome
    assert all(finding.remedy for finding in evidence.outcome.findings)
    return "\n".join(f"{f.path}:{f.line}: {f.message}" for f in evidence.outcome.findings)


def test_a_citation_that_stands_for_too_much_is_refused_before_a_tool_sees_it(
    project: Path, judge: Judge
) -> None:
    write(project, {"CITATION.cff": BOMB})
    evidence = judge(project, "documents")
    assert "CITATION.cff:6: stands for more than" in said(evidence)
    assert evidence.commands == ()


@network
def test_documents_that_agree_pass_and_say_what_was_checked(project: Path, judge: Judge) -> None:
    write(
        project,
        {
            "CITATION.cff": CITATION,
            ".zenodo.json": ZENODO,
            ".github/SECURITY.md": POLICY,
            "README.md": BADGE,
        },
    )
    found = judge(project, "documents").outcome
    assert found.status is Status.PASSED, found
    assert found.summary == "CITATION.cff, .zenodo.json, .github/SECURITY.md, README.md, licence"
    assert (found.checked, found.findings) == (5, ())


def test_a_licence_alone_is_judged_without_any_tool(project: Path, judge: Judge) -> None:
    evidence = judge(project, "documents")
    assert (evidence.outcome.status, evidence.outcome.summary) == (Status.PASSED, "licence")
    assert evidence.commands == ()


def test_a_project_without_any_of_it_has_nothing_to_judge(tmp_path: Path, judge: Judge) -> None:
    source = PYPROJECT.replace('license = "MIT"\nlicense-files = ["LICENSE"]\n', "")
    root = make_project(tmp_path / "bare", {"pyproject.toml": source})
    assert judge(root, "documents").outcome.status is Status.NOT_APPLICABLE


BARE = PYPROJECT.replace('license-files = ["LICENSE"]\n', "")


def test_a_text_of_the_licence_that_was_never_there_is_advice(tmp_path: Path, judge: Judge) -> None:
    root = make_project(tmp_path / "p", {"pyproject.toml": BARE, "LICENSE": None})
    found = judge(root, "documents").outcome
    assert found.status is Status.PASSED
    assert [f.message for f in found.advice] == ["a licence is declared, but its text is missing"]


@pytest.mark.parametrize("committed", [False, True])
def test_a_text_of_the_licence_that_is_gone_before_the_first_release_is_a_defect(
    tmp_path: Path, judge: Judge, committed: bool
) -> None:
    root = make_project(tmp_path / "p", {"pyproject.toml": BARE})
    write(root, {"LICENSE": None})
    if committed:
        commit(root)
    assert "a licence is declared, but its text is missing" in said(judge(root, "documents"))


def test_every_finding_of_all_documents_is_reported_at_once(project: Path, judge: Judge) -> None:
    write(
        project,
        {
            "pyproject.toml": PYPROJECT.replace('["LICENSE"]', '["LICENSE", "NOTICE*"]'),
            "CITATION.cff": "version: 1.2\nversion: 1.3\n",
            ".zenodo.json": '{"version": "1.2.2",\n "license": "apache-2.0", "creators": []}\n',
            "SECURITY.md": POLICY.replace("1.2", "1.1"),
            "docs/SECURITY.md": b"\xff\n",
            "README.md": BADGE.replace("1.2.3", "1.1"),
        },
    )
    assert said(judge(project, "documents")).splitlines() == [
        "CITATION.cff:2: states version twice",
        ".zenodo.json:1: version is 1.2.2, and the project's version is 1.2.3",
        "SECURITY.md:5: the table of supported versions does not list 1.2 as supported",
        "docs/SECURITY.md:1: is not UTF-8",
        "README.md:1: a badge names the version 1.1, and the project's is 1.2.3",
        "pyproject.toml:None: license-files: NOTICE* matches no file",
        ".zenodo.json:2: states the licence apache-2.0, and pyproject.toml MIT",
        ".zenodo.json:2: creators: [] should be non-empty",
    ]


def test_unknown_keys_for_zenodo_are_a_remark(project: Path, judge: Judge) -> None:
    write(project, {".zenodo.json": '{"licence": "mit"}\n'})
    found = judge(project, "documents").outcome
    assert found.status is Status.PASSED
    assert [f.message for f in found.findings] == ["licence is not a key that Zenodo reads"]


def test_a_readme_that_is_not_utf_8_is_a_remark(project: Path, judge: Judge) -> None:
    write(project, {"README.md": b"Gr\xfc\xdfe\n"})
    found = judge(project, "documents").outcome
    assert found.status is Status.PASSED
    assert [f.message for f in found.findings] == ["is not UTF-8"]


def test_a_level_is_judged_by_the_version_before_the_bump(project: Path, judge: Judge) -> None:
    write(project, {"SECURITY.md": POLICY, "README.md": BADGE})
    assert judge(project, "documents", Level.MAJOR).outcome.status is Status.PASSED


def test_a_version_of_version_control_is_compared_at_its_tag(tmp_path: Path, judge: Judge) -> None:
    source = PYPROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]').replace(
        '["hatchling"]', '["hatchling", "hatch-vcs"]'
    )
    files = {"pyproject.toml": source, ".zenodo.json": '{"version": "1.2.2"}\n'}
    root = make_project(tmp_path / "scm", files)
    assert judge(root, "documents").outcome.status is Status.PASSED
    git(root, "tag", "--annotate", "--message", "x", "v1.2.3")
    assert "version is 1.2.2" in said(judge(root, "documents"))


def test_a_document_that_leads_out_of_the_repository_is_refused(
    project: Path, judge: Judge, tmp_path: Path
) -> None:
    (tmp_path / "outside.json").write_text(ZENODO)
    (project / ".zenodo.json").symlink_to(tmp_path / "outside.json")
    assert said(judge(project, "documents")) == ".zenodo.json:None: leads out of the repository"


class TestCitation:
    @network
    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("message: Cite it.\n", "", "CITATION.cff:None: 'message' is a required property"),
            ("cff-version: 1.2.0", "cff-version: 1.1.0", ":1: cff-version: '1.1.0' does not match"),
            ("license: MIT", "license: The MIT", ":6: license: 'The MIT' is not one of the values"),
            ("- name: The", "- nme: The", ":8: authors.0: Additional properties are not allowed"),
            ("version: 1.2.3", "version: 1.2.2", ":4: version is 1.2.2, and the project's"),
            ("2026-01-02", "2999-01-02", ":5: date-released is 2999-01-02, which is in the future"),
            ("2026-01-02", "2026-02-30", ":5: date-released: '2026-02-30' is not a 'date'"),
        ],
    )
    def test_each_defect_is_found_with_its_line(
        self, project: Path, judge: Judge, old: str, new: str, message: str
    ) -> None:
        write(project, {"CITATION.cff": CITATION.replace(old, new, 1)})
        assert message in said(judge(project, "documents"))

    @network
    def test_no_network_is_asked_for_the_schema(
        self, project: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(project, {"CITATION.cff": CITATION})
        judge(project, "documents")
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        found = judge(project, "documents", fresh=True)
        assert found.outcome.status is Status.PASSED
        assert "vendor.citation-file-format" in found.commands[0]


Replace = Callable[[str | None], Judge]


@pytest.fixture
def replace(tmp_path: Path) -> Replace:
    """Puts another program in the place of check-jsonschema."""
    return lambda script: replace_tool(tmp_path / "tools", "documents", "check-jsonschema", script)


class TestToolBreaks:
    @network
    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            (None, "check-jsonschema is not in the environment"),
            ('sys.exit("it broke")', "check-jsonschema gave no report: it broke"),
            ("", "check-jsonschema gave no report"),
        ],
    )
    def test_a_tool_that_gives_no_report_leaves_the_gate_unchecked(
        self, project: Path, replace: Replace, script: str | None, reason: str
    ) -> None:
        write(project, {"CITATION.cff": CITATION})
        found = replace(script)(project, "documents").outcome
        assert found.status is Status.UNCHECKED
        assert reason in found.summary

    @network
    def test_what_was_found_without_the_tool_is_reported_all_the_same(
        self, project: Path, replace: Replace
    ) -> None:
        write(project, {"CITATION.cff": CITATION.replace("version: 1.2.3", "version: 1.2.2")})
        found = said(replace(None)(project, "documents"))
        assert "version is 1.2.2" in found
        assert "check-jsonschema is not in the environment" in found

    def test_no_index_leaves_the_gate_unchecked(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
        monkeypatch.setenv("UV_NO_CACHE", "1")
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        monkeypatch.setenv("UV_OFFLINE", "1")
        write(project, {"CITATION.cff": CITATION})
        found = Judge(tmp_path / "tools")(project, "documents").outcome
        assert found.status is Status.UNCHECKED
        assert "the tools of documents were not installed" in found.summary


class TestSchemaReport:
    def judge(self, report: object, status: int) -> list[str]:
        text = report if isinstance(report, str) else json.dumps(report)
        done = Completed(("check-jsonschema",), status, text, "", 0.0, False)
        return [f"{f.line}: {f.message}" for f in judge_schema(done, "CITATION.cff", CITATION)]

    def test_the_alternative_that_fits_best_is_shown(self) -> None:
        fault = {
            "path": "$['preferred-citation'].authors[0]",
            "message": "is not valid under any of the given schemas",
            "best_deep_match": {"path": "$", "message": "'x' was unexpected"},
        }
        report = {"status": "fail", "errors": [fault], "parse_errors": []}
        assert self.judge(report, 1) == ["14: preferred-citation.authors.0: 'x' was unexpected"]

    def test_a_file_that_the_tool_cannot_read_fails(self) -> None:
        fault = {"filename": "CITATION.cff", "message": "Failed to parse CITATION.cff"}
        report = {"status": "fail", "errors": [], "parse_errors": [fault]}
        assert self.judge(report, 1) == ["None: Failed to parse CITATION.cff"]

    def test_long_messages_are_cut(self) -> None:
        report = {"status": "fail", "errors": [{"path": "$.title", "message": "x" * 5000}]}
        assert len(self.judge(report, 1)[0]) < 400

    @pytest.mark.parametrize(
        ("report", "status"),
        [
            ("", 0),
            ("null", 0),
            ("[]", 0),
            ("{}", 0),
            ('{"status": "ok", "errors": {"a": 1}}', 1),
            ('{"status": "ok", "errors": []}', 2),
            ('{"status": "ok", "errors": []}', 1),
            ('{"status": "fail", "errors": []}', 1),
            ('{"status": "fail", "errors": [{"message": "x"}]}', 0),
            ('{"status": "ok", "errors": [{"message": "x"}]}', 1),
            ('{"status": "fail", "errors": [{"message": "x", "best_deep_match": "y"}]}', 1),
        ],
    )
    def test_anything_else_is_no_report(self, report: str, status: int) -> None:
        with pytest.raises(CannotCheck, match="gave no report"):
            self.judge(report, status)


class TestLicence:
    @pytest.mark.parametrize(
        ("table", "wanted"),
        [
            ({"license": "MIT"}, ("MIT", True)),
            ({"license": {"text": "MIT OR Apache-2.0"}}, ("MIT OR Apache-2.0", True)),
            ({"license": {"text": "The licence of my uncle"}}, (None, True)),
            ({"license": {"file": "LICENSE"}}, (None, True)),
            ({"classifiers": ["License :: OSI Approved"]}, (None, True)),
            ({"license-files": ["LICENSE"]}, (None, True)),
            ({"classifiers": ["Typing :: Typed"]}, (None, False)),
            ({}, (None, False)),
        ],
    )
    def test_what_pyproject_declares(
        self, table: dict[str, object], wanted: tuple[str | None, bool]
    ) -> None:
        assert declared_licence({"project": table}) == wanted

    def test_what_poetry_declares(self) -> None:
        assert declared_licence({"tool": {"poetry": {"license": "MIT"}}}) == ("MIT", True)

    def files(self, root: Path, table: dict[str, object], *names: str) -> list[str]:
        write(root, dict.fromkeys(names, "text\n"))
        found = judge_licence_files(root, {"project": table})
        assert all(finding.remedy for finding in found)
        return [finding.message for finding in found]

    @pytest.mark.parametrize(
        "name", ["LICENSE", "licence.txt", "COPYING.LESSER", "LICENSE-MIT", "LICENSES/MIT.txt"]
    )
    def test_the_text_of_a_declared_licence_is_there(self, tmp_path: Path, name: str) -> None:
        missing = ["a licence is declared, but its text is missing"]
        assert self.files(tmp_path, {"license": "MIT"}, "licensing_tool.py") == missing
        assert self.files(tmp_path, {"license": "MIT"}, name) == []

    def test_globs_must_each_match_a_file_inside(self, tmp_path: Path) -> None:
        write(tmp_path, {"outside": "x"})
        globs = ["legal/**/*.txt", "NOTICE", "../outside", str(tmp_path / "outside"), "a**b", ""]
        found = self.files(tmp_path / "in", {"license-files": globs}, "legal/deep/a.txt")
        assert [message.split()[1] for message in found[:-1]] == globs[1:-1]
        assert len(found) == 5
        assert self.files(tmp_path / "in", {"license-files": []}) == []

    def test_a_named_file_must_be_there(self, tmp_path: Path) -> None:
        table: dict[str, object] = {"license": {"file": "legal/[x].txt"}}
        assert self.files(tmp_path, table, "legal/x.txt") == [
            "license: the file legal/[x].txt is missing"
        ]
        assert self.files(tmp_path, table, "legal/[x].txt") == []

    @pytest.mark.parametrize(
        ("expression", "name"),
        [
            ("MIT", "mit"),
            ("MIT OR Apache-2.0", "apache-2.0"),
            ("GPL-3.0-or-later", "GPL-3.0"),
            ("GPL-3.0-or-later", "gpl-3.0+"),
            ("GPL-3.0-only", "GPL-3.0"),
            ("GPL-3.0", "GPL-3.0-only"),
            ("Apache-2.0 WITH LLVM-exception", "Apache-2.0"),
            ("LicenseRef-Own", "other-closed"),
            ("MIT", "mit-license"),
        ],
    )
    def test_licences_that_agree(self, expression: str, name: str) -> None:
        assert judge_licences(expression, [(name, "CITATION.cff", 3)]) == []

    @pytest.mark.parametrize(
        ("expression", "name"),
        [
            ("MIT", "Apache-2.0"),
            ("GPL-3.0-only", "GPL-3.0-or-later"),
            ("GPL-3.0-or-later", "LGPL-3.0"),
            ("BSD-3-Clause", "BSD-2-Clause"),
            ("MIT", "bsd-license"),
        ],
    )
    def test_licences_that_contradict_each_other(self, expression: str, name: str) -> None:
        (found,) = judge_licences(expression, [(name, "CITATION.cff", 3)])
        assert found.message == f"states the licence {name}, and pyproject.toml {expression}"
        assert (found.path, found.line) == ("CITATION.cff", 3)

    def test_without_an_expression_nothing_is_compared(self) -> None:
        assert judge_licences(None, [("MIT", "CITATION.cff", 3)]) == []


def test_policies_are_looked_for_where_the_forge_does(tmp_path: Path) -> None:
    write(tmp_path, {".github/SECURITY.md": "x", "docs/security.md": "x", "src/SECURITY.md": "x"})
    assert policies(tmp_path) == [".github/SECURITY.md", "docs/security.md"]
