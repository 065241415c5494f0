"""No secrets in the files, nor in the commits since the last release.

Scans with kingfisher what git tracks or would add, and every commit since the last release tag
(all of them before the first release) with its message: a secret that was taken out again is still
in what a push shows. Nothing is sent anywhere: no secret is tried out, and no update is looked for.
To the scanner's own rules, which know the forms of providers, come three: text that looks random
and is assigned to a name such as API_KEY or password, also in files of environment variables, and
access keys of AWS by themselves.

No output holds a secret: a finding is its rule, its place and a fingerprint, made of rule, file and
value. Whatever the scanner prints besides its report is thrown away.

False positives, such as the keys of tests, are accepted with a reason: by an entry of
[[tool.release.gates.secrets.ignore]], or of `[[ignore]]` in the baseline file (`baseline`, else
secrets-baseline.toml or .secrets-baseline.toml). It has a `reason` and a `fingerprint`, or a glob
`path`, the name of a `rule` or both. Comments that scanners know, such as `gitleaks:allow` or
`pragma: allowlist secret`, are respected and counted. `exclude` are globs of files that are not
scanned.

Blocks: a secret (harm). Advice: one whose file is what it was in the last release, where it is
public already: revoke it, or accept it; a JSON Web Token in a document (.md, .rst), which is
nearly always an example that has expired.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Outcome
from release.text.escaping import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.gates.secrets.secret_findings import Report, Secret
    from release.gates.secrets.settings import SecretIgnore, SecretsSettings
    from release.project import Project
    from release.project.git import GitFacts
    from release.run.shell import Shell

MESSAGES = ".messages-of-commits"
BASELINES = ("secrets-baseline.toml", ".secrets-baseline.toml")
AGAIN = "run it again; git fsck tells whether the repository is whole"
CLEAN, FOUND = 0, 200  # of kingfisher
# What a scanner says when it breaks may quote what it read.
SILENTLY = (
    "import subprocess, sys; n = subprocess.DEVNULL;"
    " sys.exit(subprocess.run(sys.argv[1:], stdin=n, stdout=n, stderr=n).returncode)"
)


def _settings(project: Project) -> SecretsSettings:
    from release.gates.secrets.settings import SecretsSettings

    return project.settings.gates.of("secrets", SecretsSettings)


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.secrets import secret_findings

    accepted = [*_settings(project).ignore, *_baseline(project)]
    folder, number = _copy(project, shell)
    if number == 0:
        raise CannotCheck("there is no file to scan", "correct tool.release.gates.secrets.exclude")
    facts = project.git
    told = facts is not None and facts.commit is not None and not facts.shallow
    span = _span(project) if told else None
    if span is not None:
        _write_messages(project, folder / MESSAGES, span)
    report = _scan(shell, folder, "tree", "--git-history", "none")
    if report.read == 0:
        raise CannotCheck("kingfisher read no file", "see whether the files can be read")
    scope = f"{number} files"
    history: Report | None = None
    if facts is not None and span is not None:
        commits, history = _scan_history(shell, facts, span)
        scope += f", {counted(commits, 'commit')}"
    secrets = secret_findings.merged(
        [secret_findings.in_message(secret, MESSAGES) for secret in report.secrets],
        [s for s in history.secrets if not _is_excluded(project, s.path)] if history else (),
    )
    allowed = [
        secret
        for secret in secrets
        if secret_findings.is_allowed(secret, _lines(project, folder, secret))
    ]
    published, last = _published(project, secrets)
    judged, said = secret_findings.judge(secrets, accepted, allowed, scope, published, last or "")
    judged += Judgement(number)
    if facts is not None and facts.shallow:
        from release.project.git import deepen

        reason = "the commits since the last release are not all here: the clone is shallow"
        gap = Finding(reason, remedy=deepen())
        judged += Judgement(unchecked=(gap,))
    return judged.settle(
        f"no new secrets in {said}" if judged.advice else f"no secrets in {said}",
        failed=f"{counted(len(judged.defects), 'secret')} ({said})",
    )


def _baseline(project: Project) -> tuple[SecretIgnore, ...]:
    from release.gates.secrets.secret_findings import read_baseline
    from release.project import read_text

    found = next((name for name in BASELINES if (project.root / name).is_file()), None)
    name = _settings(project).baseline or found
    return read_baseline(read_text(project.root, name), name) if name else ()


def _copy(project: Project, shell: Shell) -> tuple[Path, int]:
    """A copy of the files to scan, and how many they are.

    The project's own folder also holds what git ignores: environments, caches, and the secrets
    that are rightly kept out.
    """
    from release.run.export import export

    folder = export(project, shell.work / "files")
    shutil.rmtree(shell.work / "files" / ".git", ignore_errors=True)
    number = 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if _is_excluded(project, path.relative_to(folder).as_posix()):
            path.unlink()
        else:
            number += 1
    return folder, number


def _is_excluded(project: Project, path: str) -> bool:
    from release.gates.build.contents import matches

    return matches(path, _settings(project).exclude)


def last_tag(project: Project) -> str | None:
    """The tag of the last release before this commit; None when there is none.

    One above the version of this commit counts only where there is no other.
    """
    here = project.released_here
    before = {name: version for name, version in project.merged.items() if name not in here}
    version = project.target_version(None)
    below = [name for name in before if version is None or before[name] <= version]
    return max(below or before, key=lambda name: before[name], default=None)


def _published(project: Project, secrets: Sequence[Secret]) -> tuple[list[Secret], str | None]:
    """The secrets whose files are what they were in the last release, and its tag."""
    from release.project.git import git

    here = [secret for secret in secrets if secret.commit is None and secret.path]
    last = last_tag(project) if here else None
    if last is None:
        return [], None
    paths = sorted({secret.path for secret in here})
    listed = ("-z", "--name-only")
    plain = (*listed, "--relative", "--no-ext-diff", "--no-textconv")

    def ask(*words: str) -> set[str]:
        words = (*words, f"refs/tags/{last}", "--", *paths)
        said = git(project.root, *words, env={"GIT_LITERAL_PATHSPECS": "1"}).stdout
        return set(said.split("\0"))

    same = ask("ls-tree", "-r", *listed) - ask("diff", *plain)
    return [secret for secret in here if secret.path in same], last


def _span(project: Project) -> str:
    """The commits since the last release, as git takes them; all of them without one."""
    from release.project.git import git

    facts = project.git
    assert facts is not None
    assert facts.commit is not None
    last = last_tag(project)
    if last is None:
        return facts.commit
    base = git(facts.top, "rev-parse", f"refs/tags/{last}^{{commit}}").stdout.strip()
    return f"{base}..{facts.commit}"


def _write_messages(project: Project, folder: Path, span: str) -> None:
    """Write the message of each commit of a span into a file of its name."""
    from release.project.git import git

    folder.mkdir()
    log = git(project.repository.top, "log", "-z", "--format=%H%n%B", "--no-show-signature",
              span, "--", timeout=300).stdout  # fmt: skip
    for entry in filter(None, log.split("\0")):
        commit, _, message = entry.partition("\n")
        (folder / commit).write_text(message, encoding="utf-8", errors="replace")


def _scan_history(shell: Shell, facts: GitFacts, span: str) -> tuple[int, Report]:
    """How many commits there are since the last release, and what was found in them."""
    from release.project.git import git

    base, _, commit = span.rpartition("..")
    options = ["--git-history", "full", "--branch", commit]
    options += ["--since-commit", base] if base else []
    commits = int(git(facts.top, "rev-list", "--count", span).stdout)
    return commits, _scan(shell, facts.top, "history", *options, prefix=facts.prefix)


def _scan(shell: Shell, folder: Path, name: str, *options: str, prefix: str = "") -> Report:
    """Run kingfisher on a folder and read its report.

    Raises CannotCheck when it breaks or did not scan everything, without a word of its own.
    """
    from release.gates.secrets.secret_findings import OWN_RULES, read_report

    rules = shell.work / "rules.yml"
    rules.write_text(OWN_RULES, encoding="utf-8")
    target = shell.work / f"{name}.json"
    done = shell.run(
        *(sys.executable, "-I", "-c", SILENTLY),
        *(shell.tools.tool("kingfisher"), "scan", "."),
        *("--no-update-check", "--no-validate", "--no-dedup", "--no-ignore", "--confidence=medium"),
        "--max-file-size=0",  # or large ones would be left out without a word
        *("--rule-cache-dir", shell.tools.path / "rules", "--rules-path", rules),
        *("--format", "json", "--output", target),
        *options,
        cwd=folder,
    )
    if done.status not in {CLEAN, FOUND} or not target.is_file():
        raise CannotCheck(
            f"kingfisher broke (exit status {done.status}); what it said may hold a secret and is"
            " not shown",
            f"run it by hand: {Path(done.command[4]).name} scan PATH --no-validate --redact",
        )
    try:
        report = read_report(target.read_text(encoding="utf-8", errors="replace"), prefix)
    except ValueError as error:
        raise CannotCheck(f"kingfisher: {error}", AGAIN) from None
    finally:
        target.unlink()
    if done.status == FOUND and not report.found:
        raise CannotCheck("kingfisher found secrets and does not name them", "run it again")
    return report


def _lines(project: Project, folder: Path, secret: Secret) -> list[str]:
    """The lines of the file that holds a secret; none where it cannot be read as text."""
    from release.project.git import text_at

    if secret.commit is None:
        try:
            return (folder / secret.path).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:  # of a file inside an archive there is only the archive
            return []
    if not secret.path:
        return []
    facts = project.repository
    text = text_at(facts.top, secret.commit, f"{facts.prefix}{secret.path}")
    return (text or "").split("\n")


GATE = Gate(
    name="secrets",
    title="no secrets in the files and the commits since the last release",
    check=check,
    tools=("kingfisher-bin",),
    cost=3.0,
    order=140,
    settings="release.gates.secrets.settings:SecretsSettings",
    defects="release.gates.secrets.defects:DEFECTS",
)
