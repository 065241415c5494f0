"""secrets: none in the files, nor in the commits since the last release, and none in any output."""

from __future__ import annotations

import random
import shutil
import string
import subprocess
import textwrap
from pathlib import Path

import pytest

from release.gates.secrets import last_tag
from release.model import Evidence, Status
from release.project import read_project
from tests.built import replace_tool
from tests.support import PYPROJECT, Judge, commit, git, make_project, write

network = pytest.mark.network
LETTERS = string.ascii_letters + string.digits


def chars(seed: str, number: int, alphabet: str = LETTERS) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=number))  # noqa: S311


def slack(seed: str) -> str:
    """A token of a chat service's form; made here, so that no file of ours holds one."""
    first, second = (chars(f"{seed}{n}", 12, string.digits) for n in "ab")
    return "-".join(["xox" + "b", first, second, chars(seed, 24)])


def private_key(seed: str) -> str:
    body = textwrap.fill(chars(seed, 620, f"{LETTERS}+/"), 64)
    begin, end = (f"-----{word} PRIVATE KEY-----" for word in ("BEGIN", "END"))
    return f"{begin}\n{body}\n{end}\n"


def everything_written(root: Path) -> str:
    """All that the run left below .release/, but for the scanner's rules."""
    return "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in (root / ".release").rglob("*")
        if path.is_file()
    )


def places(evidence: Evidence) -> list[tuple[str | None, int | None]]:
    return [(f.path, f.line) for f in evidence.outcome.findings]


def with_settings(table: str) -> bytes:
    return f"{PYPROJECT}\n{table}\n".encode()


@network
class TestTree:
    def test_a_project_without_secrets_passes_and_nothing_is_written(
        self, project: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        judge(project, "secrets")
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        found = judge(project, "secrets", fresh=True).outcome
        assert found.status is Status.PASSED, found
        assert found.checked == len(git(project, "ls-files").splitlines())
        assert found.summary == f"no secrets in {found.checked} files, 1 commit"
        assert git(project, "status", "--porcelain", "--ignored") == "!! .release/"
        assert list(home.iterdir()) == []

    @pytest.mark.parametrize(
        ("line", "rule"),
        [
            (lambda: f'TOKEN = "{slack("a")}"', "slack-bot-token"),
            pytest.param(
                lambda: f'key = "gl{"pat-"}{chars("b", 20)}"', "gitlab-pat", marks=pytest.mark.slow
            ),
            (lambda: f'API_KEY = "{chars("c", 32)}"', "assigned-secret"),
            pytest.param(
                lambda: f"DB_PASSWORD={chars('d', 24)}", "environment-secret",
                marks=pytest.mark.slow,
            ),
            pytest.param(
                lambda: f'i = "AK{"IA"}{chars("e", 16, "BCDFGHJKLMNPQRSTVWXYZ234567")}"',
                "aws-access-key", marks=pytest.mark.slow,
            ),
            pytest.param(
                lambda: f'u = "postgres{"ql"}://admin:{chars("f", 14)}@db.internal.acme.net/x"',
                "generic-credential-uri", marks=pytest.mark.slow,
            ),
        ],
        ids=["provider", "prefix", "assigned", "environment", "access key", "address"],
    )  # fmt: skip
    def test_a_planted_secret_fails_and_its_value_is_nowhere(
        self, project: Path, judge: Judge, line: object, rule: str
    ) -> None:
        assert callable(line)
        text = line()
        write(project, {"src/small_thing/keys.env": f"# keys\n{text}\n"})
        found = judge(project, "secrets")
        assert found.outcome.status is Status.FAILED, found.outcome
        assert places(found) == [("src/small_thing/keys.env", 2)]
        assert f"by the rule {rule} (" in found.outcome.findings[0].message
        value = max(text.replace('"', " ").replace("=", " ").split(), key=len)
        assert value not in everything_written(project)
        assert value not in repr(found)

    @pytest.mark.slow
    def test_a_key_of_the_tests_is_accepted_by_place_rule_and_reason(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"tests/certs/server.key": private_key("k")})
        found = judge(project, "secrets")
        assert found.outcome.status is Status.FAILED
        assert 'path = "tests/certs/*"' in (found.outcome.findings[0].remedy or "")
        accept = (
            '[[tool.release.gates.secrets.ignore]]\npath = "tests/certs/*"\n'
            'rule = "private-key"\nreason = "made for the tests, trusted by nobody"'
        )
        write(project, {"pyproject.toml": with_settings(accept)})
        passed = judge(project, "secrets").outcome
        assert passed.status is Status.PASSED, passed
        assert passed.summary.endswith("; 1 accepted")

    @pytest.mark.slow
    def test_a_secret_that_the_last_release_has_is_advice_until_it_changes(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"tests/certs/a.key": private_key("a"), "src/b.key": private_key("b")})
        commit(project, "Release")
        git(project, "tag", "v0.0.9")
        write(project, {"tests/certs/new.key": private_key("n")})
        commit(project, "Go on")
        found = judge(project, "secrets")
        assert found.outcome.status is Status.FAILED
        assert [f.path for f in found.outcome.blocking] == ["tests/certs/new.key"]
        assert "2 known since v0.0.9" in found.outcome.summary

        write(project, {"tests/certs/new.key": None})
        git(project, "rm", "--quiet", "--cached", "tests/certs/new.key")
        git(project, "commit", "--quiet", "--amend", "--allow-empty", "--message", "Go on")
        passed = judge(project, "secrets")
        assert passed.outcome.status is Status.PASSED, passed.outcome
        assert sorted(places(passed)) == [("src/b.key", 1), ("tests/certs/a.key", 1)]
        for advice in passed.outcome.advice:
            assert advice.message.endswith(", published with v0.0.9")
            assert str(advice.remedy).startswith("revoke it")

        write(project, {"tests/certs/a.key": private_key("other")})
        assert judge(project, "secrets").outcome.status is Status.FAILED

    @pytest.mark.slow
    def test_the_baseline_file_accepts_by_the_fingerprint_that_was_printed(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"src/small_thing/a.py": f'A = "{slack("a")}"\n'})
        (finding,) = judge(project, "secrets").outcome.findings
        printed = finding.message.rpartition("(")[2].rstrip(")")
        entry = f'[[ignore]]\nfingerprint = "{printed}"\nreason = "revoked on 2 January"\n'
        moved = f'# moved\n\nA = "{slack("a")}"\n'
        write(project, {"secrets-baseline.toml": entry, "src/small_thing/a.py": moved})
        assert judge(project, "secrets").outcome.status is Status.PASSED
        write(project, {"src/small_thing/a.py": f'A = "{slack("other")}"\n'})
        changed = judge(project, "secrets").outcome
        assert changed.status is Status.FAILED
        assert len(changed.blocking) == 1

    def test_a_baseline_without_reasons_fails_with_its_line(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"secrets-baseline.toml": '[[ignore]]\nrule = "private-key"\n'})
        found = judge(project, "secrets")
        assert found.outcome.status is Status.FAILED
        assert places(found) == [("secrets-baseline.toml", 1)]

    def test_a_comment_in_place_is_respected_and_counted(self, project: Path, judge: Judge) -> None:
        write(project, {"src/small_thing/a.py": f'A = "{slack("a")}"  # gitleaks:allow\n'})
        found = judge(project, "secrets")
        assert found.outcome.status is Status.PASSED
        assert found.outcome.summary.endswith("; 1 allowed in place")
        assert [(f.path, f.line) for f in found.outcome.notes] == [("src/small_thing/a.py", 1)]

    def test_what_git_ignores_is_not_scanned_and_what_it_tracks_nevertheless_is(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {".gitignore": "*.env\n", "a.env": f'A = "{slack("a")}"\n'})
        assert judge(project, "secrets").outcome.status is Status.PASSED
        git(project, "add", "--force", "a.env")
        assert places(judge(project, "secrets", fresh=True)) == [("a.env", 1)]

    @pytest.mark.slow
    def test_files_that_are_excluded_are_not_scanned(self, project: Path, judge: Judge) -> None:
        table = '[tool.release.gates.secrets]\nexclude = ["fixtures/**"]'
        write(
            project,
            {"pyproject.toml": with_settings(table), "fixtures/a.py": f'A = "{slack("a")}"\n'},
        )
        commit(project)
        assert judge(project, "secrets").outcome.status is Status.PASSED

    def test_excluding_everything_is_no_pass(self, project: Path, judge: Judge) -> None:
        table = '[tool.release.gates.secrets]\nexclude = ["*"]'
        write(project, {"pyproject.toml": with_settings(table)})
        found = judge(project, "secrets").outcome
        assert found.status is Status.UNCHECKED
        assert "no file to scan" in found.summary

    def test_a_project_without_git_is_scanned_too(self, project: Path, judge: Judge) -> None:
        shutil.rmtree(project / ".git")
        write(project, {"src/small_thing/a.py": f'A = "{slack("a")}"\n'})
        assert places(judge(project, "secrets")) == [("src/small_thing/a.py", 1)]


@pytest.mark.parametrize(
    ("tags", "last"),
    [
        (["v1.0", "v1.2.2"], "v1.2.2"),
        (["v1.2.2", "v2.0b1"], "v1.2.2"),
        (["v2.0b1"], "v2.0b1"),
        (["v1.2.3"], "v1.2.3"),
        (["later"], None),
        ([], None),
    ],
)
def test_the_last_release_is_the_one_below_this_version(
    project: Path, tags: list[str], last: str | None
) -> None:
    for tag in tags:
        git(project, "tag", tag)
    assert last_tag(read_project(project)) is None
    write(project, {"next.txt": "more\n"})
    commit(project, "Go on")
    assert last_tag(read_project(project)) == last


@network
class TestHistory:
    def plant_and_remove(self, root: Path, seed: str = "a") -> str:
        write(root, {"src/small_thing/a.py": f'# t\nA = "{slack(seed)}"\n'})
        planted = commit(root, "Plant")
        write(root, {"src/small_thing/a.py": None})
        commit(root, "Take it out")
        return planted

    def test_a_secret_that_was_taken_out_again_fails_with_its_commit(
        self, project: Path, judge: Judge
    ) -> None:
        git(project, "tag", "-a", "-m", "1.2.2", "v1.2.2")
        planted = self.plant_and_remove(project)
        found = judge(project, "secrets")
        assert found.outcome.status is Status.FAILED
        assert places(found) == [("src/small_thing/a.py", 2)]
        assert f"in commit {planted[:12]} by" in found.outcome.findings[0].message
        assert ", 2 commits)" in found.outcome.summary
        assert slack("a") not in everything_written(project)

    @pytest.mark.slow
    def test_a_secret_in_a_message_fails_with_its_commit(self, project: Path, judge: Judge) -> None:
        write(project, {"more.txt": "more\n"})
        planted = commit(project, f"Try it\n\nIt works with {slack('a')} now.")
        found = judge(project, "secrets")
        assert found.outcome.status is Status.FAILED
        assert places(found) == [(None, 3)]
        assert f"in the message of commit {planted[:12]} by" in found.outcome.findings[0].message
        assert slack("a") not in everything_written(project)

    @pytest.mark.slow
    def test_what_an_earlier_release_has_shown_is_not_judged_again(
        self, project: Path, judge: Judge
    ) -> None:
        self.plant_and_remove(project)
        git(project, "tag", "-a", "-m", "1.2.2", "v1.2.2")
        write(project, {"more.txt": "more\n"})
        commit(project)
        found = judge(project, "secrets").outcome
        assert found.status is Status.PASSED, found
        assert found.summary.endswith(", 1 commit")

    @pytest.mark.slow
    def test_the_tag_of_the_release_itself_does_not_hide_its_commits(
        self, project: Path, judge: Judge
    ) -> None:
        git(project, "tag", "-a", "-m", "1.2.2", "v1.2.2")
        self.plant_and_remove(project)
        git(project, "tag", "-a", "-m", "1.2.3", "v1.2.3")
        assert judge(project, "secrets").outcome.status is Status.FAILED

    @pytest.mark.slow
    def test_before_the_first_release_every_commit_is_scanned(
        self, project: Path, judge: Judge
    ) -> None:
        self.plant_and_remove(project)
        assert judge(project, "secrets").outcome.status is Status.FAILED

    @pytest.mark.slow
    def test_a_branch_that_was_merged_counts_and_another_one_does_not(
        self, project: Path, judge: Judge
    ) -> None:
        git(project, "checkout", "--quiet", "-b", "side")
        self.plant_and_remove(project)
        git(project, "checkout", "--quiet", "main")
        assert judge(project, "secrets").outcome.status is Status.PASSED
        git(project, "merge", "--quiet", "--no-ff", "--message", "Merge", "side")
        assert judge(project, "secrets").outcome.status is Status.FAILED

    @pytest.mark.slow
    def test_a_project_in_a_folder_is_judged_by_its_own_files(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        top = tmp_path / "top"
        root = make_project(top / "packages" / "thing")
        shutil.rmtree(root / ".git")
        git(top, "init", "--quiet", "--initial-branch=main")
        write(top, {"other/a.py": f'A = "{slack("other")}"\n'})
        commit(top)
        assert judge(root, "secrets").outcome.status is Status.PASSED
        self.plant_and_remove(root)
        assert places(judge(root, "secrets")) == [("src/small_thing/a.py", 2)]

    @pytest.mark.slow
    def test_a_shallow_clone_is_unchecked_but_its_files_are_judged(
        self, project: Path, judge: Judge, tmp_path: Path
    ) -> None:
        write(project, {"more.txt": "more\n"})
        commit(project)
        clone = tmp_path / "clone"
        subprocess.run(
            ["git", "clone", "--quiet", "--depth=1", project.as_uri(), str(clone)], check=True
        )
        found = judge(clone, "secrets").outcome
        assert found.status is Status.UNCHECKED
        assert "shallow" in found.summary
        write(clone, {"a.py": f'A = "{slack("a")}"\n'})
        assert judge(clone, "secrets").outcome.status is Status.FAILED


@network
class TestBrokenTool:
    @pytest.mark.parametrize(
        ("script", "said"),
        [
            ("sys.stderr.write(f'panic near {SECRET}\\n'); print(SECRET); sys.exit(101)",
             "kingfisher broke (exit status 101)"),
            ("sys.exit(0)", "kingfisher broke (exit status 0)"),
            ("open(sys.argv[sys.argv.index('--output') + 1], 'w').write('{\"a\": \"' + SECRET)",
             "kingfisher: its report is damaged"),
            (None, "kingfisher is not in the environment"),
        ],
        ids=["crash", "no report", "half a report", "not there"],
    )  # fmt: skip
    def test_it_is_unchecked_and_nothing_that_it_said_is_shown(
        self, project: Path, tmp_path: Path, script: str | None, said: str
    ) -> None:
        secret = slack("shown by a crash")
        write(project, {"src/small_thing/a.py": f'A = "{secret}"\n'})
        if script is not None:
            script = f"SECRET = {secret!r}\n{script}"
        found = replace_tool(tmp_path / "tools", "secrets", "kingfisher", script)(
            project, "secrets"
        )
        assert found.outcome.status is Status.UNCHECKED
        assert said in found.outcome.summary
        assert found.outcome.findings[0].remedy
        assert secret not in everything_written(project)
        assert secret not in repr(found)

    def test_a_scan_that_did_not_read_everything_is_unchecked(
        self, project: Path, tmp_path: Path
    ) -> None:
        saved = Path(__file__).parents[2] / "data" / "secrets" / "unknown-commit.json"
        script = (
            f"import shutil\nshutil.copy({str(saved)!r}, sys.argv[sys.argv.index('--output') + 1])"
        )
        judge = replace_tool(tmp_path / "tools", "secrets", "kingfisher", script)
        found = judge(project, "secrets").outcome
        assert found.status is Status.UNCHECKED
        assert "its scan is not complete (partial)" in found.summary
