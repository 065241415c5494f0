"""What kingfisher reports: read without its values, merged, accepted with reasons, judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.errors import ConfigurationError
from release.gates.secrets.secret_findings import (
    Secret,
    covers,
    fingerprint,
    is_allowed,
    is_key_of_tests,
    judge,
    merged,
    read_baseline,
    read_report,
)
from release.gates.secrets.settings import SecretIgnore

DATA = Path(__file__).parents[2] / "data" / "secrets"
KEY = Secret("betterleaks.private-key", "tests/key.pem", 1, 3, "f" * 16)
TOKEN = Secret("betterleaks.github-pat", "src/a.py", 4, 4, "a" * 16)


def saved(name: str) -> str:
    return (DATA / f"{name}.json").read_text(encoding="utf-8")


def changed(**values: Any) -> str:
    data = json.loads(saved("history"))
    data["findings"] = [{**item, "finding": {**item["finding"], **values}}
                        for item in data["findings"]]  # fmt: skip
    return json.dumps(data)


def entry(**values: str) -> SecretIgnore:
    return SecretIgnore.model_validate({"reason": "made for the tests", **values})


class TestReport:
    def test_a_finding_of_the_tree_has_its_rule_and_its_place(self) -> None:
        report = read_report(saved("tree"))
        (found,) = report.secrets
        assert (found.rule, found.path, found.line) == (
            "betterleaks.private-key", "tests/key.pem", 1,
        )  # fmt: skip
        assert found.commit is None
        assert (report.found, report.read > 0) == (1, True)

    def test_a_finding_of_the_history_names_its_commit(self) -> None:
        report = read_report(saved("history"))
        assert len(report.secrets) == 7
        assert {len(found.commit or "") for found in report.secrets} == {40}

    def test_only_the_folder_of_the_project_counts_and_is_where_paths_start(self) -> None:
        report = read_report(saved("history"), "src/")
        assert {found.path for found in report.secrets} == {"gone.py"}
        assert report.found == 7

    def test_the_end_of_a_secret_of_several_lines_is_known(self) -> None:
        found = read_report(changed(snippet="a\nb\nc\n", line=5)).secrets[0]
        assert (found.line, found.last_line) == (5, 7)

    def test_what_the_scanners_rules_report_is_not_reported_by_ours(self) -> None:
        ours, theirs = "nox-release.assigned-secret", "betterleaks.github-pat"
        found: list[tuple[str, str, dict[str, object]]] = [
            (ours, "key ab12 of it", {}),
            (theirs, "ab12", {}),
            (ours, "cd34", {}),
            (ours, "b1", {}),
            (ours, "ab12", {"path": "other.py"}),
            (ours, "another, with ab12 in it", {"line": 99}),
        ]
        data = json.loads(saved("history"))
        one = data["findings"][0]
        data["findings"] = [
            {**one, "rule": {"id": rule}, "finding": {**one["finding"], "snippet": value, **more}}
            for rule, value, more in found
        ]
        data["metadata"]["summary"]["findings"] = len(found)
        kept = [found[number] for number in (1, 2, 4, 5)]
        path = one["finding"]["path"]
        assert [secret.fingerprint for secret in read_report(json.dumps(data)).secrets] == [
            fingerprint(rule, str(more.get("path", path)), value) for rule, value, more in kept
        ]

    @given(st.text(min_size=8, alphabet=st.characters(codec="utf-8")).filter(str.strip))
    @settings(max_examples=50)
    def test_the_value_is_nowhere_in_what_is_read(self, value: str) -> None:
        marked = f"planted-{value}-planted"
        assert marked not in repr(read_report(changed(snippet=marked)))

    def test_a_scan_that_is_not_complete_is_no_pass(self) -> None:
        with pytest.raises(ValueError, match=r"not complete \(partial\)"):
            read_report(saved("unknown-commit"))

    def test_a_report_that_lacks_findings_it_counted_is_refused(self) -> None:
        data = json.loads(saved("history"))
        data["findings"].pop()
        with pytest.raises(ValueError, match="names 6 findings of 7"):
            read_report(json.dumps(data))

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"findings": [1]}', "[" * 100_000])
    def test_a_damaged_report_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="its report is damaged"):
            read_report(text)

    def test_an_error_quotes_nothing_of_the_report(self) -> None:
        secret = "planted-value"
        with pytest.raises(ValueError, match="damaged") as caught:
            read_report(changed(line=secret))
        assert secret not in str(caught.value)
        assert caught.value.__cause__ is None


class TestFingerprint:
    def test_it_stays_when_the_secret_moves_to_another_line(self) -> None:
        first, second = (read_report(changed(line=n, snippet="v")).secrets[0] for n in (3, 9))
        assert first.fingerprint == second.fingerprint

    @given(st.lists(st.text(), min_size=3, max_size=3), st.integers(0, 2), st.text(min_size=1))
    @settings(max_examples=100)
    def test_rule_file_and_value_each_change_it(
        self, parts: list[str], index: int, more: str
    ) -> None:
        other = list(parts)
        other[index] += more.replace("\0", "0")
        assert fingerprint(*parts) != fingerprint(*other)


class TestMerging:
    def test_what_is_still_in_the_tree_is_reported_there_alone(self) -> None:
        before = Secret(TOKEN.rule, TOKEN.path, 2, 2, TOKEN.fingerprint, "c" * 40)
        gone = Secret(TOKEN.rule, "src/b.py", 2, 2, "b" * 16, "c" * 40)
        assert merged([TOKEN], [before, gone]) == [TOKEN, gone]


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        (["x", "t = 1  # gitleaks:allow"], True),
        (["x", "t = 1  # kingfisher:ignore"], True),
        (["x", "t = 1  # pragma: allowlist secret"], True),
        (["# pragma: allowlist nextline secret", "t = 1"], True),
        (["# gitleaks:allow", "t = 1"], False),
        (["x", "t = 1  # allow"], False),
        (["x", "t = 1", "# gitleaks:allow"], False),
        ([], False),
    ],
)
def test_a_comment_beside_it_allows_a_secret(lines: list[str], allowed: bool) -> None:
    assert is_allowed(Secret("r.x", "a.py", 2, 2, "f"), lines) is allowed


class TestBaseline:
    def test_entries_accept_by_fingerprint_or_by_place_and_rule(self) -> None:
        text = (
            f'[[ignore]]\nfingerprint = "{KEY.fingerprint}"\nreason = "made for the tests"\n'
            '[[ignore]]\npath = "tests/*"\nrule = "private-key"\nreason = "made for them"\n'
        )
        entries = read_baseline(f"\ufeff{text}", "b.toml")
        assert [covers(entry, KEY) for entry in entries] == [True, True]
        assert [covers(entry, TOKEN) for entry in entries] == [False, False]

    def test_nothing_in_it_accepts_nothing(self) -> None:
        assert read_baseline("", "b.toml") == ()

    @pytest.mark.parametrize(
        ("text", "line", "said"),
        [
            ("[[ignore]]\nfingerprint = 'a'\n", 1, "ignore.0.reason: Field required"),
            ("[[ignore]]\nreason = 'r'\n", 1, "names a fingerprint, or else a path"),
            ("[[ignore]]\nreason='r'\nfingerprint='a'\npath='b'\n", 1, "names a fingerprint"),
            ("[[ignore]]\nreason = 'r'\npath = '**'\n", 1, "must not accept every file"),
            ("\n[[ignore]]\nreason = 'r'\nfinger = 'a'\n", 2, "finger: Extra inputs"),
            ("[[ignore]]\nreason = ''\nrule = 'a'\n", 1, "reason: String should have"),
            ("ignore = 3\n", None, "ignore: Input should be"),
            ("ignore = [{rule = 'a'}]\n", None, "ignore.0.reason: Field required"),
            ("[[other]]\n[[ignore]]\nrule = 'a'\n", 2, "ignore.0.reason: Field required"),
            ("other = 1\n", None, "other: Extra inputs"),
            ("[[ignore]\n", 1, "not valid TOML"),
        ],
    )
    def test_what_is_wrong_with_it_is_said_with_its_line(
        self, text: str, line: int | None, said: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            read_baseline(text, "b.toml")
        problem = caught.value.problems[0]
        assert said in problem.message
        assert (problem.path, problem.line) == ("b.toml", line)

    def test_every_problem_is_reported_at_once(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            read_baseline("a = 1\n[[ignore]]\nreason='r'\n[[ignore]]\nrule='r'\n", "b.toml")
        assert len(caught.value.problems) == 3


class TestVerdict:
    def test_a_secret_fails_with_its_rule_place_fingerprint_and_remedy(self) -> None:
        judged, said = judge([TOKEN], (), (), "3 files")
        (found,) = judged.defects
        assert (found.path, found.line, judged.advice, said) == ("src/a.py", 4, (), "3 files")
        assert found.message == f"a secret by the rule github-pat ({TOKEN.fingerprint})"
        assert found.remedy is not None
        assert f'fingerprint = "{TOKEN.fingerprint}"' in found.remedy

    def test_a_secret_of_the_history_names_its_commit_and_says_to_revoke_it(self) -> None:
        gone = Secret(TOKEN.rule, TOKEN.path, 4, 4, TOKEN.fingerprint, "c" * 40)
        (found,) = judge([gone], (), (), "")[0].defects
        assert f"in commit {'c' * 12} by" in found.message
        assert (found.remedy or "").startswith("revoke it, for its commit gets pushed")

    def test_for_a_key_of_tests_the_remedy_is_one_entry_for_their_folder(self) -> None:
        (found,) = judge([KEY], (), (), "")[0].defects
        assert 'path = "tests/*", rule = "private-key"' in (found.remedy or "")

    def test_what_is_accepted_or_allowed_passes_and_is_counted(self) -> None:
        accepted = [entry(rule="private-key")]
        judged, said = judge([KEY, TOKEN], accepted, [TOKEN], "3 files")
        assert (judged.defects, said) == ((), "3 files; 1 accepted, 1 allowed in place")
        assert [(f.path, f.line) for f in judged.notes] == [("src/a.py", 4)]

    def test_what_the_last_release_has_is_advice_and_is_counted(self) -> None:
        judged, said = judge([KEY, TOKEN], (), (), "3 files", [KEY], "v1.0")
        assert [f.path for f in judged.defects] == ["src/a.py"]
        assert [(f.path, f.line) for f in judged.advice] == [("tests/key.pem", 1)]
        assert said == "3 files; 1 known since v1.0"

    @pytest.mark.parametrize(
        ("rule", "path", "is_one"),
        [
            ("betterleaks.private-key", "tests/key.pem", True),
            ("betterleaks.private-key", "a/testing/key.pem", True),
            ("betterleaks.private-key", "src/key.pem", False),
            ("betterleaks.github-pat", "tests/key.pem", False),
        ],
    )
    def test_only_private_keys_in_folders_of_tests_are_keys_of_tests(
        self, rule: str, path: str, is_one: bool
    ) -> None:
        assert is_key_of_tests(Secret(rule, path, 1, 3, "f" * 16)) is is_one

    def test_an_entry_that_accepts_nothing_any_more_is_advice(self) -> None:
        old = entry(path="old/*", rule="jwt")
        (remark,) = judge([], [old, old], (), "3 files")[0].advice
        assert remark.message == "nothing is accepted any more by path old/*, rule jwt"

    def test_another_value_in_the_same_file_is_not_accepted(self) -> None:
        accepted = [entry(fingerprint=KEY.fingerprint)]
        other = Secret(KEY.rule, KEY.path, 1, 3, "0" * 16)
        assert len(judge([KEY, other], accepted, (), "")[0].defects) == 1
