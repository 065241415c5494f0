"""The release of a Python project, as nox sessions.

nox -l                            the checklist
nox -s release_preflight          all of it, in parallel, with a verdict
nox -s build                      one gate alone
nox -s build -- --help            what it judges, and its options
nox -s build -- --project PATH    the same for another repository
nox -s cut -- minor --dry-run     what a release would change, as a diff
nox -s cut -- minor               the release
nox -s status                     where a release stands, and the one next safe step
nox -s verify                     whether what is published is what was built
nox -s prove                      whether the gates can fail
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if (HERE / "release").is_dir():  # nox, unlike `python -m nox`, does not look for modules here
    sys.path.insert(0, str(HERE))

import nox  # noqa: E402

from release.sessions import Sessions  # noqa: E402

nox.needs_version = ">=2026.8.17"
nox.options.sessions = ["release_preflight"]

sessions = Sessions(Path(__file__))

# The whole checklist, judged in parallel: what stands between this commit and a release.
sessions.action("release_preflight")

# The release: its files in one commit, its tag, or all of it with the checklist in between.
sessions.action("bump")
sessions.action("tag")
sessions.action("cut")
sessions.action("rehearse")

# After the tag: the upload, whether it is what was built, and the one next safe step.
sessions.action("publish")
sessions.action("verify")
sessions.action("status")

# Whether the gates can fail: each one's defects, planted in a throwaway copy.
sessions.action("prove")

# Another repository: what is found there, and what it lacks for the same sessions.
sessions.action("adopt")

# What a release needs beside the code: workflows, hook, and the procedure in prose.
sessions.action("render")

# The repository itself: no tools, judged in a moment.
sessions.gate("tree")
sessions.gate("ci")
sessions.gate("setup")
sessions.gate("versions")

# What people read of a release.
sessions.gate("changelog")
sessions.gate("documents")
sessions.gate("schemas")

# How it gets to its users: the workflows that publish.
sessions.gate("workflows")

# The code, by the project's own commands where it has them.
sessions.gate("lint")
sessions.gate("typecheck")
sessions.gate("test")
sessions.gate("docs")
sessions.gate("static_analysis")
sessions.gate("secrets")
sessions.gate("migrations")

# What is shipped: built once, and every later gate judges those very files.
sessions.gate("build")
sessions.gate("parity")
sessions.gate("ratchet")
sessions.gate("sbom")
sessions.gate("audit")
sessions.gate("docker")

# Gates that are not listed above or come from elsewhere: other distributions, [tool.release.gates].
sessions.own_gates()

if (HERE / "bench").is_dir():  # the repository of nox-release itself, not the copy it ships

    @nox.session(venv_backend="none", default=False)
    def lock(session: nox.Session) -> None:
        """Pin the tools of the gates and the actions of workflows anew."""
        from release.gates.workflows import pins
        from release.run.environments import find_uv

        def listing(action: str) -> str:
            url = f"https://github.com/{action}"
            return str(session.run("git", "ls-remote", "--tags", url, external=True, silent=True))

        for added in pins.refresh(listing):
            session.log(f"new: {added}")

        uv = find_uv() or session.error("uv is not installed: pip install uv")
        groups = nox.project.load_toml("pyproject.toml")["dependency-groups"]
        actions = {"bump": "change", "publish": "change", "verify": "observe"}
        for group in sorted(groups.keys() - {"dev"}):
            lock = f"release/gates/{group}/lock.txt"
            if group in actions:
                lock = f"release/{actions[group]}/{group}.lock.txt"
            session.run(
                *(uv, "pip", "compile", "--quiet", "--universal", "--python-version=3.11"),
                *("--generate-hashes", "--no-header", "--no-annotate", "--upgrade"),
                *("--no-emit-index-url", "--no-emit-find-links", "--no-config"),
                *(f"--group=pyproject.toml:{group}", f"--output-file={lock}"),
                external=True,
            )

    @nox.session(reuse_venv=True, default=False)
    def test_slow(session: nox.Session) -> None:
        """Run what `test` leaves out: every kill, every real package, every procedure."""
        pyproject = nox.project.load_toml("pyproject.toml")
        session.install("-e", ".[uv]", *nox.project.dependency_groups(pyproject, "dev"))
        # As for the test gate: without bytecode every start of Python would parse anew.
        cached = {"PYTHONDONTWRITEBYTECODE": None}
        session.run("pytest", "-m", "slow", "--dist=loadgroup", *session.posargs, env=cached)

    @nox.session(venv_backend="none", default=False)
    def bench(session: nox.Session) -> None:
        """Time the checklist against the ways to run the same tools without it."""
        session.run(sys.executable, "bench/compare.py", *session.posargs, external=True)

    @nox.session(venv_backend="none", default=False)
    def bench_bump(session: nox.Session) -> None:
        """Time bump on repositories of many files and commits."""
        session.run(sys.executable, "bench/bump.py", *session.posargs, external=True)

    @nox.session(venv_backend="none", default=False)
    def demo(session: nox.Session) -> None:
        """Judge a small project in a scratch folder, and show what a release would change."""
        tools = str(session.env_dir.parent)
        session.run(sys.executable, "docs/demo.py", tools, external=True)

    @nox.session(venv_backend="none", default=False)
    def bench_texts(session: nox.Session) -> None:
        """Time the reading of hostile and of large texts."""
        session.run(sys.executable, "bench/texts.py", *session.posargs, external=True)

    @nox.session(venv_backend="none", default=False)
    def reference(session: nox.Session) -> None:
        """Write docs/settings.md and docs/sessions.md from the code."""
        session.run(sys.executable, "docs/reference.py", external=True)

    @nox.session(venv_backend="none", default=False)
    def picture(session: nox.Session) -> None:
        """Draw the README's picture from the last release_preflight of this repository."""
        session.run(sys.executable, "docs/picture.py", external=True)
