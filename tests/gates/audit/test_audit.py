from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from release.gates.audit import GATE, advisories
from release.gates.audit.advisories import Answer, Vulnerability, read_answer
from release.gates.audit.settings import AuditIgnore, AuditSettings
from release.model import Outcome, Status
from tests.built import judge_built, make_built_project, replace_tool
from tests.osv_server import OsvServer, is_affected, read_advisories
from tests.support import Judge

DATA = Path(__file__).parents[2] / "data" / "audit"
TODAY = date(2026, 11, 21)
LISTED = {"anyio": "4.16.0", "idna": "3.6"}
IDNA = "idna 3.6 has PYSEC-2024-60 (CVE-2024-3651, GHSA-jjg7-2v4v-x38h)"
MISSING_AFFECTED = (
    "WARNING:pip_audit._service.osv:OSV vuln entry 'GHSA-jjg7-2v4v-x38h' is missing 'affected' list"
)


def saved(name: str, status: int) -> Answer:
    """An answer that pip-audit really gave."""
    return read_answer((DATA / f"{name}.json").read_text(encoding="utf-8"), status)


def ignore(id: str, expires: str = "2026-12-31", reason: str = "not called here") -> AuditIgnore:  # noqa: A002
    return AuditIgnore(id=id, reason=reason, expires=date.fromisoformat(expires))


def judged(
    answer: Answer,
    *ignores: AuditIgnore,
    listed: Mapping[str, str] = LISTED,
    said: str = "",
    today: date = TODAY,
) -> Outcome:
    return advisories.judge(listed, answer, said, ignores, today)


def messages(outcome: Outcome) -> list[str]:
    return [finding.message for finding in (*outcome.findings, *outcome.notes)]


def test_a_whole_answer_without_vulnerabilities_passes_and_counts() -> None:
    outcome = judged(saved("clean", 0))
    assert outcome.status is Status.PASSED
    assert outcome.checked == 2
    assert outcome.summary == "2 runtime dependencies, no known vulnerability"
    assert outcome.facts == {"dependencies": "2", "ignored": "0"}


def test_a_vulnerability_fails_with_package_identifiers_and_what_it_is() -> None:
    outcome = judged(saved("vulnerable", 1))
    assert outcome.status is Status.FAILED
    assert messages(outcome) == [f"{IDNA}: idna.encode() takes quadratic time on crafted input."]


def test_the_remedy_names_the_fixed_version() -> None:
    remedy = judged(saved("vulnerable", 1)).findings[0].remedy
    assert remedy is not None
    assert remedy.startswith("require idna 3.7 or later (fixed in 3.7), or accept it for a while")


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("1.26.15", "require urllib3 1.26.17 or later (fixed in 1.26.17, 2.0.6)"),
        ("2.0.4", "require urllib3 2.0.6 or later (fixed in 1.26.17, 2.0.6)"),
    ],
)
def test_the_remedy_names_the_nearest_fixed_version_above(version: str, remedy: str) -> None:
    answer = saved("branches", 1)
    found = next(v for v in answer.vulnerabilities if v.package == "urllib3")
    moved = Vulnerability("urllib3", version, found.id, (), found.fixed, "")
    outcome = judged(Answer({"urllib3": version}, {}, (moved,)), listed={"urllib3": version})
    assert (outcome.findings[0].remedy or "").startswith(remedy)


def test_a_vulnerability_without_a_fixed_version_says_so() -> None:
    found = Vulnerability("idna", "3.6", "X-1", (), (), "")
    outcome = judged(Answer(LISTED, {}, (found,)))
    assert (outcome.findings[0].remedy or "").startswith("no fixed version is known: replace idna")


def test_every_vulnerability_of_every_package_is_a_finding() -> None:
    outcome = judged(saved("branches", 1), listed={"requests": "2.30.0", "urllib3": "1.26.15"})
    assert [message.split(" (")[0] for message in messages(outcome)] == [
        "urllib3 1.26.15 has PYSEC-2023-192",
        "requests 2.30.0 has PYSEC-2023-74",
    ]


def test_a_description_reaches_the_terminal_as_one_short_printable_line() -> None:
    text = json.dumps(
        {
            "dependencies": [
                {
                    "name": "idna",
                    "version": "3.6",
                    "vulns": [
                        {
                            "id": "X-1",
                            "fix_versions": [],
                            "aliases": [],
                            "description": "\x1b[31mred\n" + "very " * 100,
                        }
                    ],
                }
            ]
        }
    )
    described = read_answer(text, 1).vulnerabilities[0].description
    assert described.startswith("\\x1b[31mred very very")
    assert len(described) == 160
    assert described.isprintable()


@pytest.mark.parametrize("name", ["PYSEC-2024-60", "CVE-2024-3651", "ghsa-jjg7-2v4v-x38h"])
def test_an_ignore_by_identifier_or_alias_makes_a_remark_with_its_reason(name: str) -> None:
    outcome = judged(saved("vulnerable", 1), ignore(name))
    assert outcome.status is Status.PASSED
    assert outcome.summary == "2 runtime dependencies, known vulnerabilities ignored: 1"
    assert messages(outcome) == [f"{IDNA}, ignored until 2026-12-31: not called here"]
    assert outcome.facts["ignored"] == "1"


def test_an_ignore_of_part_of_an_identifier_ignores_nothing() -> None:
    assert judged(saved("vulnerable", 1), ignore("PYSEC-2024-6")).status is Status.FAILED


def test_an_ignore_counts_on_its_last_day_and_not_on_the_next() -> None:
    accepted = ignore("CVE-2024-3651", "2026-11-21")
    answer = saved("vulnerable", 1)
    assert judged(answer, accepted, today=date(2026, 11, 21)).status is Status.PASSED
    assert judged(answer, accepted, today=date(2026, 11, 22)).status is Status.FAILED


def test_an_expired_ignore_fails_besides_the_vulnerability_that_it_named() -> None:
    outcome = judged(saved("vulnerable", 1), ignore("CVE-2024-3651", "2026-11-20"))
    assert outcome.status is Status.FAILED
    assert messages(outcome)[1] == (
        "the ignore of CVE-2024-3651 expired on 2026-11-20 (not called here)"
    )
    assert messages(outcome)[0].startswith("idna 3.6 has PYSEC-2024-60")


def test_an_expired_ignore_fails_when_nothing_is_vulnerable_any_more() -> None:
    outcome = judged(saved("clean", 0), ignore("CVE-2024-3651", "2026-11-20"))
    assert outcome.status is Status.FAILED
    assert "remove it from tool.release.gates.audit.ignore" in (outcome.findings[0].remedy or "")


def test_an_ignore_that_nothing_needs_any_more_is_remarked() -> None:
    outcome = judged(saved("clean", 0), ignore("CVE-2024-3651"))
    assert outcome.status is Status.PASSED
    assert messages(outcome) == [
        "the ignore of CVE-2024-3651 is no longer needed: nothing of that name was found"
    ]


def test_a_later_ignore_of_the_same_vulnerability_does_not_hide_an_expired_one() -> None:
    outcome = judged(
        saved("vulnerable", 1), ignore("CVE-2024-3651", "2026-01-01"), ignore("PYSEC-2024-60")
    )
    assert [found.message for found in outcome.findings] == [
        "the ignore of CVE-2024-3651 expired on 2026-01-01 (not called here)"
    ]


def test_dependencies_that_were_skipped_leave_the_gate_unchecked_by_name() -> None:
    outcome = judged(saved("skipped", 0), listed={"requests": "2.30.0", "urllib3": "1.26.15"})
    assert outcome.status is Status.UNCHECKED
    assert outcome.summary == (
        "not everything was looked up: Dependency not found on PyPI and could not be audited:"
        " requests, urllib3"
    )


def test_a_vulnerability_is_not_hidden_by_a_dependency_that_was_skipped() -> None:
    answer = saved("vulnerable", 1)
    outcome = judged(
        Answer({"idna": "3.6"}, {"anyio": "not found"}, answer.vulnerabilities),
    )
    assert outcome.status is Status.FAILED
    assert messages(outcome)[-1].endswith("not found: anyio")


@pytest.mark.parametrize(
    ("audited", "reason"),
    [
        ({"anyio": "4.16.0"}, "not in the answer: idna"),
        ({}, "not in the answer: anyio, idna"),
        ({**LISTED, "idna": "3.7"}, "another version was looked up: idna 3.7 instead of 3.6"),
        ({**LISTED, "h11": "0.16.0"}, "in the answer, and nobody asked: h11"),
    ],
)
def test_an_answer_about_something_else_leaves_the_gate_unchecked(
    audited: Mapping[str, str], reason: str
) -> None:
    outcome = judged(Answer(audited, {}, ()))
    assert outcome.status is Status.UNCHECKED
    assert outcome.summary == f"not everything was looked up: {reason}"


def test_versions_that_are_spelled_differently_are_the_same() -> None:
    answer = Answer({"certifi": "2026.10.8"}, {}, ())
    assert judged(answer, listed={"certifi": "2026.10.08"}).status is Status.PASSED


def test_an_advisory_that_the_tool_left_out_leaves_the_gate_unchecked() -> None:
    outcome = judged(saved("clean", 0), said=f"{MISSING_AFFECTED}\n{MISSING_AFFECTED}\n")
    assert outcome.status is Status.UNCHECKED
    assert outcome.summary == (
        "not everything was looked up: an advisory was left out:"
        " OSV vuln entry 'GHSA-jjg7-2v4v-x38h' is missing 'affected' list"
    )


def test_many_gaps_are_counted_and_not_all_named() -> None:
    listed = {f"thing-{number}": "1" for number in range(9)}
    outcome = judged(Answer({}, {}, ()), listed=listed)
    assert outcome.summary.endswith(
        "not in the answer: thing-0, thing-1, thing-2, thing-3, thing-4 and 4 more"
    )


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 0),
        ("[]", 0),
        ("{}", 0),
        ("null", 0),
        ('{"dependencies": [{"name": "idna"}]}', 0),
        ('{"dependencies": [{"name": "idna", "version": "3.6"}]}', 0),
        ('{"dependencies": [{"name": "idna", "version": "3.6", "vulns": [{}]}]}', 1),
        ('{"dependencies": [{"name": 1, "version": "3.6", "vulns": []}]}', 0),
        ('{"dependencies": [{"name": "idna", "version": "3.6", "vu', 0),
    ],
)
def test_what_is_no_whole_answer_is_not_read_as_one(text: str, status: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_answer(text, status)


@pytest.mark.parametrize(("name", "status"), [("clean", 1), ("clean", 2), ("vulnerable", 0)])
def test_an_answer_that_the_exit_status_contradicts_is_not_believed(name: str, status: int) -> None:
    with pytest.raises(ValueError, match=f"exit status {status}"):
        saved(name, status)


TRACE = """\
requests.exceptions.HTTPError: 500 Server Error: Internal Server Error for url: http://x/v1/query

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "osv.py", line 79, in query
    raise ServiceError from http_error
pip_audit._service.interface.ServiceError
"""


def test_a_crash_is_explained_by_the_exception_that_says_why() -> None:
    outcome = advisories.unanswered(TRACE, "pip_audit._service.interface.ServiceError", (), TODAY)
    assert outcome.status is Status.UNCHECKED
    assert outcome.summary == (
        "pip-audit gave no answer: requests.exceptions.HTTPError: 500 Server Error:"
        " Internal Server Error for url: http://x/v1/query"
    )


def test_a_crash_without_explanation_is_told_by_its_last_line() -> None:
    outcome = advisories.unanswered("", "Killed", (), TODAY)
    assert outcome.summary == "pip-audit gave no answer: Killed"


def test_an_expired_ignore_fails_even_when_there_is_no_answer() -> None:
    outcome = advisories.unanswered("", "Killed", [ignore("X-1", "2026-01-01")], TODAY)
    assert outcome.status is Status.FAILED
    assert messages(outcome)[1] == "not checked: pip-audit gave no answer: Killed"


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://osv.invalid/v1/query", True),
        ("http://127.0.0.1:80/", True),
        ("https://u:p@osv.invalid/", False),
        ("ftp://osv.invalid/", False),
    ],
)
def test_an_address_with_credentials_is_refused(url: str, taken: bool) -> None:
    with (
        contextlib.nullcontext()
        if taken
        else pytest.raises(ValueError, match="credentials to your")
    ):
        AuditSettings.model_validate({"osv-url": url})


def test_a_pass_counts_for_a_day_at_most_and_the_gate_may_be_left_to_ci() -> None:
    assert GATE.valid == timedelta(days=1)
    assert GATE.required == "ci"


@pytest.mark.parametrize(
    ("name", "version", "affected"),
    [
        ("idna", "3.6", ["GHSA-jjg7-2v4v-x38h", "PYSEC-2024-60"]),
        ("idna", "3.7", []),
        ("urllib3", "1.26.16", ["PYSEC-2023-192"]),
        ("urllib3", "1.26.17", []),
        ("urllib3", "2.0.5", ["PYSEC-2023-192"]),
        ("urllib3", "2.0.6", []),
        ("requests", "2.2.1", []),
    ],
)
def test_the_local_advisory_server_matches_versions_as_osv_does(
    name: str, version: str, affected: Sequence[str]
) -> None:
    assert [a["id"] for a in read_advisories() if is_affected(a, name, version)] == affected


# Whole gate, against a local advisory server.

Auditable = Callable[..., Path]


@pytest.fixture(scope="module")
def auditable(tmp_path_factory: pytest.TempPathFactory) -> Auditable:
    """Makes a project that needs `requires` and asks the advisory source at `url`."""
    root = tmp_path_factory.mktemp("audit") / "small thing é"

    def make(url: str, requires: Sequence[str] = ("idna==3.6",), more: str = "") -> Path:
        settings = f'[tool.release.gates.audit]\nservice = "osv"\nosv-url = "{url}"\n{more}'
        return make_built_project(root, requires, settings)

    return make


@pytest.fixture(scope="module")
def osv() -> Iterator[OsvServer]:
    with OsvServer(read_advisories()) as server:
        yield server


@pytest.mark.network
def test_a_vulnerable_dependency_fails_the_gate(
    judge: Judge, auditable: Auditable, osv: OsvServer
) -> None:
    outcome = judge_built(judge, auditable(osv.url), "audit").outcome
    assert outcome.status is Status.FAILED
    assert outcome.summary.startswith("idna 3.6 has PYSEC-2024-60 (CVE-2024-3651, GHSA-")
    assert "require idna 3.7" in (outcome.findings[0].remedy or "")


@pytest.mark.network
def test_the_same_project_with_the_fixed_version_passes(judge: Judge, auditable: Auditable) -> None:
    with OsvServer(read_advisories()) as osv:
        evidence = judge_built(judge, auditable(osv.url, ["idna==3.7"]), "audit")
        assert osv.queries == [("idna", "3.7")]
    assert evidence.outcome.status is Status.PASSED
    assert evidence.outcome.checked == 1
    assert evidence.tools["pip-audit"]


@pytest.mark.network
def test_indirect_dependencies_are_audited_and_the_project_is_not(
    judge: Judge, auditable: Auditable
) -> None:
    with OsvServer(read_advisories()) as osv:
        judge_built(judge, auditable(osv.url, ["anyio"]), "audit")
        names = {name for name, _ in osv.queries}
    assert {"anyio", "idna"} <= names
    assert "small-thing" not in names


@pytest.mark.network
def test_an_ignored_vulnerability_passes_with_its_reason(
    judge: Judge, auditable: Auditable, osv: OsvServer
) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    more = f'ignore = [{{ id = "CVE-2024-3651", reason = "ASCII only", expires = {tomorrow} }}]\n'
    outcome = judge_built(judge, auditable(osv.url, more=more), "audit").outcome
    assert outcome.status is Status.PASSED
    assert messages(outcome)[0].endswith(f"ignored until {tomorrow}: ASCII only")


@pytest.mark.network
def test_an_expired_ignore_fails_the_gate(
    judge: Judge, auditable: Auditable, osv: OsvServer
) -> None:
    more = 'ignore = [{ id = "CVE-2024-3651", reason = "ASCII only", expires = 2026-01-31 }]\n'
    outcome = judge_built(judge, auditable(osv.url, more=more), "audit").outcome
    assert outcome.status is Status.FAILED
    assert "the ignore of CVE-2024-3651 expired on 2026-01-31 (ASCII only)" in messages(outcome)


def test_a_project_without_dependencies_has_nothing_to_audit(
    judge: Judge, auditable: Auditable, osv: OsvServer
) -> None:
    outcome = judge_built(judge, auditable(osv.url, ()), "audit").outcome
    assert outcome.status is Status.NOT_APPLICABLE
    assert outcome.summary == "no runtime dependencies"


def test_an_expired_ignore_fails_even_without_dependencies(
    judge: Judge, auditable: Auditable, osv: OsvServer
) -> None:
    more = 'ignore = [{ id = "CVE-2024-3651", reason = "ASCII only", expires = 2026-01-31 }]\n'
    outcome = judge_built(judge, auditable(osv.url, (), more), "audit").outcome
    assert outcome.status is Status.FAILED


@pytest.mark.network
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 500}, "500 Server Error"),
        pytest.param({"status": 404}, "404 Client Error", marks=pytest.mark.slow),
        ({"body": b"<html>Please log in</html>"}, "JSONDecodeError"),
        pytest.param({"body": b""}, "JSONDecodeError", marks=pytest.mark.slow),
        pytest.param(
            {"body": b'{"vulns": [{"id', "declared": 900},
            "ChunkedEncodingError",
            marks=pytest.mark.slow,
        ),
        pytest.param({"body": b'{"vulns": [{"id'}, "JSONDecodeError", marks=pytest.mark.slow),
        pytest.param(
            {"body": b'{"message": "quota exceeded"}'}, "KeyError: 'vulns'", marks=pytest.mark.slow
        ),
    ],
)
def test_a_source_that_answers_nonsense_leaves_the_gate_unchecked(
    judge: Judge, auditable: Auditable, answer: dict[str, Any], reason: str
) -> None:
    with OsvServer(**answer) as osv:
        outcome = judge_built(judge, auditable(osv.url), "audit").outcome
    assert outcome.status is Status.UNCHECKED
    assert reason in outcome.summary


@pytest.mark.network
def test_an_advisory_without_affected_versions_leaves_the_gate_unchecked(
    judge: Judge, auditable: Auditable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_AUDIT_LOGLEVEL", "CRITICAL")
    (advisory,) = read_advisories("PYSEC-2024-60")
    del advisory["affected"]
    with OsvServer([advisory]) as osv:
        outcome = judge_built(judge, auditable(osv.url), "audit").outcome
    assert outcome.status is Status.UNCHECKED
    assert "'PYSEC-2024-60' is missing 'affected'" in outcome.summary


@pytest.mark.network
def test_a_source_that_never_answers_leaves_the_gate_unchecked_in_time(
    judge: Judge, auditable: Auditable
) -> None:
    with OsvServer(stalled=True) as osv:
        root = auditable(osv.url, more="timeout = 3\n")
        outcome = judge_built(judge, root, "audit").outcome
    assert outcome.status is Status.UNCHECKED
    assert outcome.summary == "pip-audit was stopped after 3 s"


@pytest.mark.network
def test_a_source_that_cannot_be_reached_leaves_the_gate_unchecked(
    judge: Judge, auditable: Auditable
) -> None:
    outcome = judge_built(judge, auditable("http://127.0.0.1:9/v1/query"), "audit").outcome
    assert outcome.status is Status.UNCHECKED
    assert "ConnectionError" in outcome.summary
    assert "osv-url" in (outcome.findings[0].remedy or "")


@pytest.mark.network
def test_the_default_source_out_of_reach_leaves_the_gate_unchecked(
    judge: Judge, auditable: Auditable, osv: OsvServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = auditable(osv.url)
    judge_built(judge, root, "audit")  # Installs the dependencies while the network is there.
    make_built_project(root, ["idna==3.6"])
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    outcome = judge_built(judge, root, "audit").outcome
    assert outcome.status is Status.UNCHECKED
    assert "ProxyError" in outcome.summary


PASSWORD = "-".join(["correct", "horse"])


@pytest.mark.network
def test_credentials_of_a_netrc_reach_the_source_and_appear_nowhere(
    judge: Judge, auditable: Auditable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login reader password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with OsvServer(read_advisories(), credentials=f"reader:{PASSWORD}") as osv:
        root = auditable(osv.url)
        evidence = judge_built(judge, root, "audit")
    assert evidence.outcome.summary.startswith("idna 3.6 has PYSEC-2024-60")
    assert PASSWORD not in (root / ".release/logs/audit.log").read_text(encoding="utf-8")
    with OsvServer(credentials="reader:another") as osv:
        evidence = judge_built(judge, auditable(osv.url), "audit")
    assert evidence.outcome.status is Status.UNCHECKED
    assert "401 Client Error" in evidence.outcome.summary


@pytest.mark.network
def test_the_users_own_settings_of_the_tool_do_not_change_the_judgement(
    judge: Judge, auditable: Auditable, osv: OsvServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PIP_AUDIT_FORMAT": "markdown",
        "PIP_AUDIT_OUTPUT": os.devnull,
        "PIP_AUDIT_DESC": "off",
        "PIP_AUDIT_VULNERABILITY_SERVICE": "pypi",
        "PIP_AUDIT_OSV_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    outcome = judge_built(judge, auditable(osv.url), "audit").outcome
    assert outcome.summary.startswith("idna 3.6 has PYSEC-2024-60")


WRITE = 'open(sys.argv[sys.argv.index("--output") + 1], "w").write({text!r})\nsys.exit({status})'


@pytest.mark.network
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.exit('it broke')", "pip-audit gave no answer: it broke"),
        pytest.param("", "pip-audit gave no answer: exit status 0", marks=pytest.mark.slow),
        (None, "pip-audit is not in the environment"),
        (WRITE.format(text='{"dependencies": []}', status=0), "not in the answer: idna"),
        pytest.param(
            WRITE.format(text='{"dependencies": []}', status=1),
            "exit status 1 with 0 vuln",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            WRITE.format(
                text='{"dependencies": [{"name": "idna", "skip_reason": "not found"}]}', status=0
            ),
            "not found: idna",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_tool_that_breaks_leaves_the_gate_unchecked(
    tmp_path: Path, auditable: Auditable, osv: OsvServer, script: str | None, reason: str
) -> None:
    judge = replace_tool(tmp_path / "tools", "audit", "pip-audit", script)
    outcome = judge_built(judge, auditable(osv.url), "audit").outcome
    assert outcome.status is Status.UNCHECKED
    assert reason in outcome.summary


@pytest.mark.network
def test_a_pass_is_reused_on_an_unchanged_tree(judge: Judge, auditable: Auditable) -> None:
    with OsvServer(read_advisories()) as osv:
        root = auditable(osv.url, ["idna==3.7"])
        first, second = (judge_built(judge, root, "audit") for _ in range(2))
        assert len(osv.queries) == 1
    assert (first.reused, second.reused) == (False, True)
