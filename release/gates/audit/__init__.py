"""Known vulnerabilities of the runtime dependencies.

Asks an advisory source, through pip-audit, about every distribution in the clean environment that
holds the built wheel and what it requires; the project itself and its development tools are not
asked about. Each must have been looked up with just that version; one that the source does not
know, an advisory that could not be read, or a source that cannot be reached leaves the gate
unchecked. A project without runtime dependencies has nothing to audit.

`service` is where advisories come from: "pypi" asks the Python index's own interface, "osv" an
interface like that of osv.dev, at `osv-url` where that is set. An address holds no credentials, for
pyproject.toml is published: they are taken from the .netrc of whoever asks. An OSV source gives the
same answer for a version without advisories and for a package that it never heard of.

Each entry of `ignore` accepts one vulnerability: `id` (or an alias of it), `reason`, and `expires`,
the last day on which it counts.

Blocks: a known vulnerability (harm), and an expired entry (the project's promise to think again).
Advice: an entry that nothing needs any more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from release.model import Gate, Outcome

if TYPE_CHECKING:
    from release.project import Project
    from release.run.shell import Shell

SOCKET_SECONDS = 15


def check(project: Project, shell: Shell) -> Outcome:
    from packaging.utils import parse_wheel_filename

    from release.gates.audit import advisories
    from release.gates.audit.settings import AuditSettings
    from release.run.installed import runtime_environment

    settings = project.settings.gates.of("audit", AuditSettings)
    wheel = shell.needed_artifacts("build", ".whl")[0]
    environment = runtime_environment(project, shell, wheel, shell.artifact(wheel).sha256)
    listed = environment.distributions()
    listed.pop(parse_wheel_filename(wheel.name)[0], None)
    if not listed:
        expired = advisories.expired_ignores(settings.ignore, shell.today)
        if expired:
            return Outcome.failed(tuple(expired))
        return Outcome.not_applicable("no runtime dependencies")
    requirements = shell.work / "audited.txt"
    requirements.write_text(
        "".join(f"{name}=={version}\n" for name, version in sorted(listed.items())),
        encoding="utf-8",
    )
    target = shell.work / "answer.json"
    url = settings.osv_url if settings.service == "osv" else None
    # Without --strict, which stops at the first distribution that was not found: every one of them
    # is named in the answer, besides the vulnerabilities of the others.
    done = shell.run(
        *(shell.tools.tool("pip-audit"), "--requirement", requirements, "--no-deps"),
        *("--disable-pip", "--vulnerability-service", settings.service),
        *(("--osv-url", url) if url else ()),
        *("--format", "json", "--desc", "on", "--aliases", "on", "--progress-spinner", "off"),
        *("--timeout", str(SOCKET_SECONDS), "--cache-dir", shell.work / "cache"),
        *("--output", target),
        cwd=shell.work,
        env={"PIP_AUDIT_LOGLEVEL": "INFO"},
    )
    if not target.is_file():
        return advisories.unanswered(done.stderr, done.last_line, settings.ignore, shell.today)
    try:
        answer = advisories.read_answer(target.read_text(encoding="utf-8"), done.status)
    except ValueError as error:
        return advisories.unanswered("", str(error), settings.ignore, shell.today)
    return advisories.judge(listed, answer, done.stderr, settings.ignore, shell.today)


GATE = Gate(
    name="audit",
    title="no known vulnerabilities in the runtime dependencies",
    check=check,
    tools=("pip-audit",),
    needs=("build",),
    required="ci",
    cost=1.5,
    valid=timedelta(days=1),
    order=200,
    settings="release.gates.audit.settings:AuditSettings",
    defects="release.gates.audit.defects:DEFECTS",
)
