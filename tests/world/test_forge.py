"""GitHub, asked about a commit and an environment, by a client that believes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.errors import CannotCheck, ConfigurationError
from release.project.git import read_facts
from release.world import forge, web
from release.world.forge import (
    Checks,
    Environment,
    Forge,
    NoForge,
    Refused,
    Repository,
    Token,
    find,
    find_token,
    locate,
)
from release.world.integrity import Publisher, _address, provenance_of, publishers_in
from tests.forge_server import (
    REPOSITORY,
    SECRET,
    ForgeServer,
    check_run,
    environment,
    refusal,
    run,
    serving,
)
from tests.local_server import Reply
from tests.support import git

COMMIT = "69fa13e58b489dff31194d36d1694fd0c136bbf1"
RUNS = f"{REPOSITORY}/actions/runs"
CHECKS = f"{REPOSITORY}/commits/{COMMIT}/check-runs"
STATUS = f"{REPOSITORY}/commits/{COMMIT}/status"
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ForgeServer]:
    with serving(monkeypatch, tmp_path) as found:
        found.commit = COMMIT
        yield found


def client(server: ForgeServer, secret: str | None = None) -> Forge:
    repository = Repository("github.com", "o", "small-thing", server.url)
    return Forge(repository, Token(secret, "GITHUB_TOKEN") if secret else None)


def refused(server: ForgeServer, secret: str | None = None) -> CannotCheck:
    """Why the checks of a commit cannot be had; nothing of it shows the token."""
    with pytest.raises(CannotCheck) as caught:
        client(server, secret).checks(COMMIT)
    error = caught.value
    assert error.reason
    assert error.remedy
    assert SECRET not in f"{error.reason} {error.remedy} {error!r}"
    assert "127.0.0.1" not in error.reason
    return error


class TestLocation:
    @pytest.mark.parametrize(
        "url",
        [
            "https://github.com/O/r.git",
            "https://github.com/O/r",
            "https://github.com/O/r/",
            "https://GitHub.com:443/O/r.git",
            f"https://me:{SECRET}@github.com/O/r.git",
            f"https://{SECRET}@www.github.com/O/r.git",
            "http://github.com/O/r.git",
            "git://github.com/O/r.git",
            "ssh://git@github.com/O/r.git",
            "ssh://git@ssh.github.com:443/O/r.git",
            "git+ssh://git@github.com/O/r.git",
            "git@github.com:O/r.git",
            "github.com:O/r",
            "git@github.com-work:O/r.git",
            "git@github-work:O/r.git",
            "git@ssh.github.com:O/r.git",
        ],
    )
    def test_github_is_recognised_however_it_is_written(self, url: str) -> None:
        found = locate(url, {})
        assert found == Repository("github.com", "O", "r", "https://api.github.com")
        assert SECRET not in repr(found)

    @pytest.mark.parametrize(
        "url",
        [
            "https://gitlab.example/o/r.git",
            "git@gitlab.example:o/r.git",
            "https://notgithub.com/o/r",
            "https://github.com.evil.example/o/r",
            "https://evilgithub.com/o/r",
            "https://github.com/o",
            "https://github.com/o/r/tree",
            "https://github.com/o/..",
            "https://github.com/../r",
            "https://github.com:port/o/r",
            "https://[::1/o/r",
            "file:///srv/github.com/o/r.git",
            "/srv/github.com/o/r.git",
            "../o/r.git",
            r"C:\o\r",
            "",
        ],
    )
    def test_what_names_no_repository_on_github_is_none(self, url: str) -> None:
        assert locate(url, {}) is None

    @pytest.mark.parametrize(
        ("url", "environ", "host", "api"),
        [
            ("git@github.acme.example:o/r.git", {}, "github.acme.example", "/api/v3"),
            ("https://github.acme.example:8443/o/r", {}, "github.acme.example:8443", "/api/v3"),
            ("https://code.acme.example/o/r", {"GH_HOST": "code.acme.example"}, None, "/api/v3"),
            (
                "https://code.acme.example/o/r",
                {"GITHUB_SERVER_URL": "https://code.acme.example"},
                None,
                "/api/v3",
            ),
        ],
    )
    def test_an_enterprise_server_has_its_own_interface(
        self, url: str, environ: dict[str, str], host: str | None, api: str
    ) -> None:
        found = locate(url, environ)
        assert found is not None
        assert found.host == (host or "code.acme.example")
        assert found.api == f"https://{found.host}{api}"

    def test_a_data_residency_has_its_interface_below_ghe_com(self) -> None:
        found = locate("https://acme.ghe.com/o/r", {})
        assert found is not None
        assert found.api == "https://api.acme.ghe.com"

    def test_the_address_in_the_environment_counts_for_its_own_server_only(self) -> None:
        environ = {"GITHUB_API_URL": "http://127.0.0.1:1/"}
        for url, api in (
            ("https://github.com/o/r", "http://127.0.0.1:1"),
            ("https://github.acme.example/o/r", "https://github.acme.example/api/v3"),
        ):
            found = locate(url, environ)
            assert found is not None
            assert found.api == api

    @given(st.text(max_size=60))
    @settings(max_examples=200)
    def test_no_address_breaks_it(self, url: str) -> None:
        for text in (url, f"https://github.com/{url}", f"git@github.com:{url}"):
            found = locate(text, {})
            assert found is None or found.slug.count("/") == 1

    def test_the_remote_of_a_project_is_read(self, project: Path) -> None:
        git(project, "remote", "add", "origin", f"https://me:{SECRET}@github.com/o/r.git")
        assert find(read_facts(project), "origin", {}).slug == "o/r"

    @pytest.fixture
    def ssh(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """A ssh that gives names to some hosts, and notes what it was called with."""
        if os.name == "nt":
            pytest.skip("needs a shell script")
        folder = tmp_path / "programs"
        folder.mkdir()
        program = folder / "ssh"
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n'
            'case "$3" in\n'
            "  gh-work) name=github.com ;;\n"
            "  github-other) name=gitlab.example ;;\n"
            "  enterprise) name=github.acme.example ;;\n"
            '  *) name="$3" ;;\n'
            'esac\necho "user git"\necho "hostname $name"\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return tmp_path / "called"

    @pytest.mark.parametrize(
        ("url", "host"),
        [
            ("git@gh-work:o/r.git", "github.com"),
            ("gh-work:o/r", "github.com"),
            ("gh-work@gh-work:o/r.git", "github.com"),
            ("ssh://git@GH-work:22/o/r.git", "github.com"),
            ("git@enterprise:o/r.git", "github.acme.example"),
            ("git@github-work:o/r.git", "github.com"),
        ],
    )
    def test_ssh_knows_the_host_behind_an_alias(
        self, project: Path, ssh: Path, url: str, host: str
    ) -> None:
        git(project, "remote", "add", "origin", url)
        found = find(read_facts(project), "origin", {})
        assert (found.host, found.slug) == (host, "o/r")
        assert ssh.read_text().startswith("-G -- ")

    @pytest.mark.parametrize(
        ("url", "certain"),
        [
            ("git@elsewhere:o/r.git", False),
            ("git@else_where:o/r.git", False),
            ("git@github-other:o/r.git", True),
            ("nas:/srv/git/r.git", True),
        ],
    )
    def test_a_host_that_has_no_full_name_is_not_known_to_be_another_forge(
        self, project: Path, ssh: Path, url: str, certain: bool
    ) -> None:
        git(project, "remote", "add", "origin", url)
        with pytest.raises(NoForge) as caught:
            find(read_facts(project), "origin", {})
        assert caught.value.certain is certain
        assert ("HostName" in caught.value.remedy) is not certain

    @pytest.mark.parametrize(
        "url", ["git@github.com:o/r.git", "https://gitlab/o/r.git", "git@gitlab.example:o/r.git"]
    )
    def test_ssh_is_not_asked_where_it_has_nothing_to_tell(
        self, project: Path, ssh: Path, url: str
    ) -> None:
        git(project, "remote", "add", "origin", url)
        with contextlib.suppress(NoForge):
            find(read_facts(project), "origin", {})
        assert not ssh.exists()

    def test_a_ssh_that_does_not_answer_knows_nothing(
        self, project: Path, ssh: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (ssh.parent / "programs" / "ssh").write_text("#!/bin/sh\nexec sleep 30\n")
        monkeypatch.setattr(forge, "PROGRAM_SECONDS", 0.2)
        git(project, "remote", "add", "origin", "git@gh-work:o/r.git")
        with pytest.raises(NoForge, match="ssh knows no other name of it"):
            find(read_facts(project), "origin", {})

    def test_a_remote_that_was_chosen_must_be_there(self, project: Path) -> None:
        with pytest.raises(ConfigurationError, match="there is no remote of that name"):
            find(read_facts(project), "upstream", {})

    def test_another_remote_may_be_on_github(self, project: Path) -> None:
        git(project, "remote", "add", "upstream", "https://github.com/o/r.git")
        with pytest.raises(NoForge, match="called origin; there is upstream") as caught:
            find(read_facts(project), "origin", {})
        assert not caught.value.certain

    def test_no_remote_and_another_forge_are_told_apart(self, project: Path) -> None:
        with pytest.raises(NoForge) as caught:
            find(read_facts(project), "origin", {})
        assert "there is no remote called origin" in caught.value.reason
        git(project, "remote", "add", "origin", f"https://me:{SECRET}@gitlab.example/o/r.git")
        with pytest.raises(NoForge) as caught:
            find(read_facts(project), "origin", {})
        assert "origin is not on GitHub" in caught.value.reason
        assert SECRET not in str(caught.value)


class TestToken:
    PUBLIC = Repository("github.com", "o", "r", "https://api.github.com")
    ENTERPRISE = Repository("github.acme.example", "o", "r", "https://github.acme.example/api/v3")

    @pytest.fixture
    def path(self, tmp_path: Path) -> str:
        """A PATH with a gh that knows a token for one host, and notes what it was called with."""
        program = tmp_path / "gh"
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/called\nenv > {tmp_path}/env\n'
            f'[ "$4" = github.com ] && echo {SECRET} && exit 0\necho no >&2\nexit 1\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    def test_the_variables_of_gh_are_read_in_its_order(self) -> None:
        environ = {"GITHUB_TOKEN": "one", "GH_TOKEN": " two\n", "PATH": ""}
        found = find_token(self.PUBLIC, environ)
        assert found == Token("two", "GH_TOKEN")
        assert "two" not in repr(found)

    def test_an_empty_variable_is_none(self, tmp_path: Path) -> None:
        environ = {"GITHUB_TOKEN": " ", "PATH": str(tmp_path)}
        assert find_token(self.PUBLIC, environ) is None

    @pytest.mark.skipif(os.name == "nt", reason="needs a shell script")
    def test_gh_is_asked_for_the_host(
        self, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", path)
        found = find_token(self.PUBLIC, {"PATH": path})
        assert found == Token(SECRET, "gh auth token")
        assert (tmp_path / "called").read_text() == "auth token --hostname github.com\n"
        assert find_token(self.ENTERPRISE, {"PATH": path}) is None

    @pytest.mark.skipif(os.name == "nt", reason="needs a shell script")
    def test_a_token_goes_to_its_own_host_only(
        self, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", path)
        environ = {"GITHUB_TOKEN": SECRET, "GH_ENTERPRISE_TOKEN": SECRET, "PATH": path}
        assert find_token(self.ENTERPRISE, environ) is None
        assert SECRET not in (tmp_path / "env").read_text()
        environ["GH_HOST"] = "github.acme.example"
        assert find_token(self.ENTERPRISE, environ) == Token(SECRET, "GH_ENTERPRISE_TOKEN")
        server = {"GITHUB_SERVER_URL": "https://github.acme.example", "GITHUB_TOKEN": "own"}
        assert find_token(self.ENTERPRISE, {**server, "PATH": path}) == Token("own", "GITHUB_TOKEN")
        assert find_token(self.PUBLIC, {**server, "PATH": path}) == Token(SECRET, "gh auth token")

    def test_a_value_that_is_no_token_is_refused_unseen(self) -> None:
        with pytest.raises(CannotCheck) as caught:
            find_token(self.PUBLIC, {"GITHUB_TOKEN": f"{SECRET}\r\nX-Evil: 1"})
        assert "GITHUB_TOKEN holds characters that no token has" in caught.value.reason
        assert SECRET not in str(caught.value)

    def test_a_token_is_sent_over_no_open_connection(self) -> None:
        repository = Repository("github.com", "o", "r", "http://api.example")
        with pytest.raises(CannotCheck, match="not https"):
            Forge(repository, Token(SECRET, "GITHUB_TOKEN"))

    def test_a_netrc_entry_is_not_sent(
        self, server: ForgeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2hunter2\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        client(server).slug()
        client(server, SECRET).slug()
        assert server.authorised == [None, f"Bearer {SECRET}"]


class TestChecks:
    def test_everything_that_checked_a_commit_is_read(self, server: ForgeServer) -> None:
        server.runs = [run("CI"), run("Old", commit="f" * 40)]
        server.checks = [check_run("codecov/patch", "neutral")]
        server.statuses = [{"context": "ci/circleci", "state": "success"}]
        found = client(server).checks(COMMIT)
        assert [(item.file, item.conclusion) for item in found.runs] == [
            (".github/workflows/ci.yml", "success")
        ]
        assert [(item.name, item.conclusion) for item in found.checks] == [
            ("codecov/patch", "neutral"),
            ("ci/circleci", "success"),
        ]
        assert any("filter=latest" in path for path in server.asked)
        assert any(f"head_sha={COMMIT}" in path for path in server.asked)

    def test_runs_of_another_commit_do_not_count_even_if_they_are_listed(
        self, server: ForgeServer
    ) -> None:
        server.replies[RUNS] = Reply(body={"workflow_runs": [run("CI", commit="f" * 40)]})
        assert client(server).checks(COMMIT) == Checks()

    def test_every_page_is_read(self, server: ForgeServer) -> None:
        server.page = 2
        server.runs = [run(f"W{number}", number=number) for number in range(5)]
        server.checks = [check_run(f"c{number}") for number in range(4)]
        found = client(server).checks(COMMIT)
        assert [item.id for item in found.runs] == [0, 1, 2, 3, 4]
        assert len(found.checks) == 4

    def test_workflows_have_names_of_their_own(self, server: ForgeServer) -> None:
        server.page = 2
        server.workflows = {f"{n}.yml": f"W{n}" for n in range(3)}
        server.runs = [run("Fix the spelling", file="0.yml")]
        assert client(server).workflows() == {"0.yml": "W0", "1.yml": "W1", "2.yml": "W2"}

    def test_the_time_that_is_left_bounds_the_questions(self, server: ForgeServer) -> None:
        left = iter([5.0, 5.0])

        def remaining() -> float:
            try:
                return next(left)
            except StopIteration:
                raise CannotCheck("no time is left", "take more") from None

        repository = Repository("github.com", "o", "small-thing", server.url)
        with pytest.raises(CannotCheck, match="no time is left"):
            Forge(repository, None, remaining).checks(COMMIT)
        assert len(server.asked) == 2

    def test_a_question_takes_no_longer_than_is_left(self, server: ForgeServer) -> None:
        server.stalled = True
        repository = Repository("github.com", "o", "small-thing", server.url)
        with pytest.raises(CannotCheck, match="GitHub gives no whole answer"):
            Forge(repository, None, lambda: 0.2).checks(COMMIT)

    def test_pages_without_end_are_given_up(self, server: ForgeServer) -> None:
        more = {"Link": f'<{server.url}{CHECKS}>; rel="next"'}
        server.replies[CHECKS] = Reply(body={"check_runs": []}, headers=more)
        assert "lists more than 2000 check runs" in refused(server).reason
        assert len(server.asked) == 20

    def test_a_next_page_on_another_server_is_not_asked_for(self, server: ForgeServer) -> None:
        with ForgeServer() as other:
            more = {"Link": f'<{other.url}{CHECKS}>; rel="next"'}
            server.replies[CHECKS] = Reply(body={"check_runs": []}, headers=more)
            assert "next page is on another server" in refused(server, SECRET).reason
            assert other.asked == []

    def test_a_renamed_repository_is_followed(self, server: ForgeServer) -> None:
        server.replies[REPOSITORY] = Reply(301, {}, {"Location": "/repositories/1"})
        server.replies["/repositories/1"] = Reply(body={"full_name": "o/renamed"})
        assert client(server, SECRET).slug() == "o/renamed"

    def test_a_redirect_to_another_server_is_not_followed(self, server: ForgeServer) -> None:
        with ForgeServer() as other:
            server.replies[CHECKS] = Reply(302, {}, {"Location": f"{other.url}{CHECKS}"})
            assert "redirects to another server" in _reason(server)
            assert other.asked == []

    def test_redirects_without_end_are_given_up(self, server: ForgeServer) -> None:
        server.replies[CHECKS] = Reply(302, {}, {"Location": CHECKS})
        assert "redirects without an end" in refused(server).reason

    def test_a_commit_that_was_not_pushed_is_known_by_its_status(self, server: ForgeServer) -> None:
        server.commit = "f" * 40
        error = refused(server)
        assert isinstance(error, Refused)
        assert error.status == 422


def _reason(server: ForgeServer) -> str:
    with pytest.raises(CannotCheck) as caught:
        client(server, SECRET).checks(COMMIT)
    assert SECRET not in str(caught.value)
    return caught.value.reason


class TestRefusals:
    def test_a_token_that_is_not_accepted(self, server: ForgeServer) -> None:
        server.token = "another"
        error = refused(server, SECRET)
        assert error.reason == (
            "GitHub does not accept the token from GITHUB_TOKEN (401: Bad credentials)"
        )
        assert "gh auth login" in error.remedy

    def test_a_token_that_is_demanded(self, server: ForgeServer) -> None:
        server.token = "another"
        assert "does not accept a question without a token" in refused(server).reason

    def test_a_token_without_the_permission(self, server: ForgeServer) -> None:
        server.replies[CHECKS] = refusal(403, "Resource not accessible by integration")
        error = refused(server, SECRET)
        assert "(403: Resource not accessible by integration)" in error.reason
        assert "read access to actions, checks and commit statuses" in error.remedy
        assert "gh auth login" in refused(server).remedy

    def test_a_repository_that_is_not_there_may_be_a_private_one(self, server: ForgeServer) -> None:
        server.replies[CHECKS] = refusal(404, "Not Found")
        error = refused(server)
        assert "without a token (404): it is not there, or there is no access to it" in error.reason
        assert "private repository" in error.remedy
        assert "to the token from GITHUB_TOKEN (404)" in refused(server, SECRET).reason

    @pytest.mark.parametrize("status", [403, 429])
    def test_a_rate_limit_names_the_time_at_which_it_ends(
        self, server: ForgeServer, status: int
    ) -> None:
        server.replies[CHECKS] = refusal(
            status,
            "API rate limit exceeded",
            x_ratelimit_remaining="0",
            x_ratelimit_reset=str(int(time.time()) + 3000),
        )
        error = refused(server)
        until = time.strftime("%Y-%m-%d %H:", time.gmtime(time.time() + 3000))
        assert f"rate limit is used up until {until}" in error.reason
        assert "with a token it is far higher" in error.remedy
        assert "with a token" not in refused(server, SECRET).remedy
        assert len(server.asked) == 2

    @pytest.mark.parametrize("status", [403, 429])
    def test_a_secondary_rate_limit_is_known_by_its_message(
        self, server: ForgeServer, status: int
    ) -> None:
        server.replies[CHECKS] = refusal(
            status,
            "You have exceeded a secondary rate limit. Please wait a few minutes.",
            x_ratelimit_remaining="4990",
            x_ratelimit_reset="1",
        )
        error = refused(server, SECRET)
        assert "rate limit is used up until 2" in error.reason
        assert "read access" not in error.remedy
        assert len(server.asked) == 1

    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            (429, {"retry_after": "0"}),
            (403, {"retry_after": "0"}),
            (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1"}),
            (502, {}),
            (503, {"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}),
            (504, {"retry_after": "soon"}),
        ],
    )
    def test_a_busy_server_is_asked_again(
        self, server: ForgeServer, status: int, headers: dict[str, str]
    ) -> None:
        busy = refusal(status, "…", **headers)
        server.replies[CHECKS] = [busy, busy, Reply(body={"check_runs": []})]
        assert client(server).checks(COMMIT) == Checks()

    def test_a_server_that_stays_busy_is_given_up(self, server: ForgeServer) -> None:
        server.replies[CHECKS] = refusal(503, "Unicorn")
        error = refused(server)
        assert "answers 503 about o/small-thing: Unicorn" in error.reason
        assert len(server.asked) == 3

    def test_a_long_wait_is_not_waited_for(self, server: ForgeServer) -> None:
        server.replies[CHECKS] = refusal(429, "slow down", Retry_After="3600")
        assert "rate limit is used up until" in refused(server).reason
        assert len(server.asked) == 1

    def test_a_defect_of_the_server_is_named_at_once(self, server: ForgeServer) -> None:
        server.replies[CHECKS] = Reply(500, b"<html>oops</html>")
        assert refused(server).reason == "GitHub answers 500 about o/small-thing"
        assert len(server.asked) == 1

    def test_a_server_that_repeats_the_token_does_not_give_it_away(
        self, server: ForgeServer
    ) -> None:
        server.replies[CHECKS] = refusal(403, f"no access with {SECRET}\nsays\tit")
        assert "(403: no access with *** says it)" in refused(server, SECRET).reason


class TestBrokenAnswers:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b'{"check_runs": [',
            b"<html></html>",
            b"[" * 100_000,
            b"\xff\xfe{",
            b"[]",
            b"null",
            b'{"check_runs": null}',
            b'{"check_runs": {}}',
            b'{"check_runs": ["x"]}',
            b'{"something": []}',
            b'{"check_runs": [{}]}',
            b'{"check_runs": [{"name": 1, "status": "completed", "conclusion": null}]}',
            b'{"check_runs": [{"name": "a", "status": "completed", "conclusion": 1}]}',
            b'{"check_runs": [{"name": "a", "status": "completed", "check_suite": {"id": "1"}}]}',
        ],
    )
    def test_what_the_interface_does_not_promise_is_no_answer(
        self, server: ForgeServer, body: bytes
    ) -> None:
        server.replies[CHECKS] = Reply(body=body)
        assert "GitHub gave an answer that its API does not describe" in refused(server).reason

    @pytest.mark.parametrize("change", [{"id": "1"}, {"path": None}, {"status": 3}, {"event": []}])
    def test_a_run_with_wrong_types_is_no_answer(
        self, server: ForgeServer, change: dict[str, object]
    ) -> None:
        server.runs = [{**run(), **change}]
        assert "without a proper" in refused(server).reason

    def test_an_answer_that_ends_early_is_no_answer(self, server: ForgeServer) -> None:
        server.replies[CHECKS] = Reply(body={"check_runs": []}, declared=1000)
        assert "GitHub gives no whole answer" in refused(server).reason

    def test_an_answer_without_end_is_given_up(
        self, server: ForgeServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web, "MAX_BYTES", 100_000)
        server.replies[CHECKS] = Reply(body=b" " * 300_000)
        assert "answers more than" in refused(server).reason

    def test_a_server_that_says_nothing_is_given_up(
        self, server: ForgeServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web, "READ_SECONDS", 0.2)
        server.stalled = True
        assert "GitHub gives no whole answer: read timeout" in refused(server, SECRET).reason

    def test_a_server_that_takes_its_time_is_given_up(
        self, server: ForgeServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web, "WHOLE_SECONDS", 0.2)
        server.before = lambda _path: time.sleep(0.6)
        assert "GitHub gives no whole answer in 0.2 s" in refused(server).reason
        time.sleep(0.6)  # the question that was given up ends

    def test_a_network_that_is_down_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(web, "FIRST_WAIT", 0.01)
        repository = Repository("github.com", "o", "r", "http://127.0.0.1:1")
        with pytest.raises(CannotCheck) as caught:
            Forge(repository, Token(SECRET, "GITHUB_TOKEN")).slug()
        assert caught.value.reason == "GitHub cannot be reached: connection error"
        assert "network" in caught.value.remedy


class TestEnvironment:
    def test_its_protection_is_read(self, server: ForgeServer) -> None:
        policy = {"protected_branches": False, "custom_branch_policies": True}
        server.environments["pypi"] = environment(
            "pypi", "required_reviewers", "branch_policy", policy=policy
        )
        server.policies["pypi"] = [{"name": "v*", "type": "tag"}, {"name": "main"}]
        assert client(server).environment("pypi") == Environment(
            "pypi",
            ("required_reviewers", "branch_policy"),
            False,
            (("tag", "v*"), ("branch", "main")),
        )

    def test_policies_that_are_not_shown_are_unknown(self, server: ForgeServer) -> None:
        policy = {"protected_branches": False, "custom_branch_policies": True}
        server.environments["pypi"] = environment("pypi", "branch_policy", policy=policy)
        found = client(server).environment("pypi")
        assert found is not None
        assert found.patterns is None

    def test_a_missing_one_is_certain_by_the_list(self, server: ForgeServer) -> None:
        server.environments["other"] = environment("other")
        assert client(server).environment("pypi") is None

    def test_without_the_list_nothing_is_certain(self, server: ForgeServer) -> None:
        server.replies[f"{REPOSITORY}/environments"] = refusal(404, "Not Found")
        with pytest.raises(Refused, match="no access to it"):
            client(server).environment("pypi")

    def test_a_hostile_name_stays_one_part_of_the_address(self, server: ForgeServer) -> None:
        assert client(server).environment("../../x?y#z") is None
        assert f"{REPOSITORY}/environments/..%2F..%2Fx%3Fy%23z" in server.asked

    @pytest.mark.parametrize(
        "body",
        [{}, {"name": 1}, {"name": "pypi", "protection_rules": {}},
         {"name": "pypi", "protection_rules": ["x"]}, {"name": "pypi", "protection_rules": [{}]}],
    )  # fmt: skip
    def test_wrong_types_are_no_answer(self, server: ForgeServer, body: object) -> None:
        server.replies[f"{REPOSITORY}/environments/pypi"] = Reply(body=body)
        with pytest.raises(CannotCheck, match="that its API does not describe"):
            client(server).environment("pypi")


class TestIntegrity:
    FILE = "pypi_attestations-0.0.19.tar.gz"
    PATH = f"/integrity/pypi-attestations/0.0.19/{FILE}/provenance"

    def ask(self, server: ForgeServer) -> tuple[Publisher, ...] | None:
        index = f"{server.url}/simple/"
        said = provenance_of("pypi_Attestations", "0.0.19", self.FILE, index)
        return None if said is None else publishers_in(said, self.FILE)

    def test_a_real_provenance_names_its_publisher(self, server: ForgeServer) -> None:
        real = (DATA / "setup" / f"{self.FILE}.provenance").read_bytes()
        server.replies[self.PATH] = Reply(body=real)
        assert self.ask(server) == (
            Publisher("GitHub", "trailofbits/pypi-attestations", "release.yml", None),
        )

    def test_bundles_without_attestations_prove_nothing(self, server: ForgeServer) -> None:
        real = json.loads((DATA / "setup" / f"{self.FILE}.provenance").read_text())
        real["attestation_bundles"][0]["attestations"] = []
        server.replies[self.PATH] = Reply(body=real)
        assert self.ask(server) == ()

    def test_a_file_without_provenance_has_none(self, server: ForgeServer) -> None:
        assert self.ask(server) is None
        assert server.asked == [self.PATH]

    def test_a_folder_has_none(self) -> None:
        assert provenance_of("x", "1", "x-1.tar.gz", "file:///srv/simple") is None

    @pytest.mark.parametrize(
        ("provenance", "asked"),
        [
            ("{url}/proofs/it", "/proofs/it"),
            ("http://other.invalid/proofs/it", None),
            ("file:///etc/hostname", PATH),
            ("", PATH),
            (None, PATH),
        ],
    )
    def test_the_provenance_is_where_the_index_names_it(
        self, server: ForgeServer, provenance: str | None, asked: str | None
    ) -> None:
        index = f"{server.url}/simple/".replace("//", "//me:word@")
        where = provenance.replace("{url}", server.url) if provenance else provenance
        if asked is None:
            with pytest.raises(CannotCheck, match="cannot be reached"):
                provenance_of("pypi_Attestations", "0.0.19", self.FILE, index, where)
            return
        assert provenance_of("pypi_Attestations", "0.0.19", self.FILE, index, where) is None
        assert server.asked == [asked]
        assert str(server.authorised[0]).startswith("Basic ")

    def test_an_index_with_a_secure_connection_names_no_open_one(self) -> None:
        assert _address("https://i.example/simple/", "http://i.example/p") is None
        assert _address("https://i.example/simple/", "https://o.example/p") == "https://o.example/p"

    @pytest.mark.parametrize("field", ["kind", "repository", "workflow", "environment"])
    def test_a_publisher_with_wrong_types_is_no_answer(
        self, server: ForgeServer, field: str
    ) -> None:
        publisher: dict[str, object] = {"kind": "GitHub", "repository": "o/r", "workflow": "r.yml"}
        publisher[field] = {"a": 1}
        bundle = {"publisher": publisher, "attestations": [{}]}
        server.replies[self.PATH] = Reply(body={"attestation_bundles": [bundle]})
        with pytest.raises(CannotCheck, match="is not provenance"):
            self.ask(server)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"attestation_bundles": [{}]}', b"<p>"])
    def test_what_is_no_provenance_is_no_answer(self, server: ForgeServer, body: bytes) -> None:
        server.replies[self.PATH] = Reply(body=body)
        said = r"provenance.* does not answer in JSON|not provenance"
        with pytest.raises(CannotCheck, match=said):
            self.ask(server)

    def test_an_index_that_is_out_of_order_is_no_answer(self, server: ForgeServer) -> None:
        server.replies[self.PATH] = Reply(500, b"")
        with pytest.raises(CannotCheck, match="answers 500"):
            self.ask(server)
