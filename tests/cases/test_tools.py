"""What the project's own tools say, and what they lacked."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.gates.lint import literal_sources
from release.gates.secrets.secret_findings import Secret
from release.gates.secrets.secret_findings import judge as judge_secrets
from release.gates.test import judge_pytest, read_report
from release.model import Outcome
from release.project import read_project
from release.run.processes import Completed
from tests.support import make_project

REPORT = """<testsuites><testsuite><testcase classname="tests.test_a" name="test_one">
<failure message="{said}">{said}</failure></testcase></testsuite></testsuites>"""


def run(said: str, output: str) -> Outcome:
    report = read_report(REPORT.format(said=said))
    done = Completed(("pytest",), 1, output, "", 0.0, truncated=False)
    return judge_pytest(done, report, frozenset(["small"]), lambda _: "install it")


@pytest.mark.parametrize(
    ("output", "stopped"),
    [
        ("!!!!!!!! stopping after 1 failures !!!!!!!!\n1 failed in 0.1s", True),
        ("!!!!! stopping after 3 failures !!!!!\n3 failed, 4 passed in 0.1s", True),
        ("!!!! xdist.dsession.Interrupted: stopping after 1 failures !!!!\n1 failed", True),
        ("E  assert 'stopping after 1 failures'\n1 failed in 0.1s", False),
    ],
)
def test_a_run_that_stops_early_says_so(output: str, stopped: bool) -> None:
    assert ("not every test was run" in run("assert 1 == 2", output).summary) is stopped


@pytest.mark.parametrize(
    "said",
    [
        "ModuleNotFoundError: Linkify enabled but not installed.",
        "locale.Error: unsupported locale setting",
        "UNEXPECTED EXCEPTION: Error('unsupported locale setting')",
        "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "httpx.ConnectTimeout: timed out",
        "urllib.error.URLError: &lt;urlopen error timed out&gt;",
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
        "ConnectionError: HTTPSConnectionPool(host='x'): Max retries exceeded with url: /",
        "OSError: [Errno 113] No route to host",
    ],
)
def test_what_the_machine_lacks_is_no_defect_of_the_project(said: str) -> None:
    with pytest.raises(CannotCheck, match="the tests need what is not here"):
        run(said, "1 failed in 0.1s")


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("from .compat import Literal", {"small_thing.compat"}),
        ("from small_thing.compat import Literal as L, other", {"small_thing.compat"}),
        ("from . import Literal", {"small_thing"}),
        ("from typing import Literal", {"typing"}),
        ("from .compat import other", set()),
    ],
)
def test_the_modules_that_hand_literal_on_are_known(
    statement: str, wanted: set[str], tmp_path: Path
) -> None:
    files = {"src/small_thing/user.py": f"{statement}\n"}
    project = read_project(make_project(tmp_path / "thing", files))
    assert set(literal_sources(project)) == wanted


@pytest.mark.parametrize(
    ("rule", "path", "example"),
    [
        ("kingfisher.jwt", "CHANGELOG.rst", True),
        ("kingfisher.jwt", "docs/usage.md", True),
        ("kingfisher.jwt", "src/small_thing/client.py", False),
        ("kingfisher.aws", "README.md", False),
    ],
)
def test_a_token_that_a_document_explains_is_advice(rule: str, path: str, example: bool) -> None:
    judged, _ = judge_secrets([Secret(rule, path, 3, 3, "0" * 16)], (), (), "1 file")
    assert bool(judged.advice) is example
    assert bool(judged.defects) is not example
