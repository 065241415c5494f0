"""The checks as a plain noxfile, for `nox -R` and `nox -R -j N`: contestants of compare.py."""

import os
from pathlib import Path

import nox

PROJECT = Path(os.environ["BENCH_PROJECT"])
MADE = Path(os.environ["BENCH_MADE"])
CLEAN = MADE / "clean" / "bin" / "python"

nox.options.default_venv_backend = "uv"
nox.options.allow_parallel = True


def prepare(session: nox.Session) -> None:
    session.install("-r", f"{os.environ['BENCH_REQUIREMENTS']}/{session.name}.txt")
    session.chdir(PROJECT)


@nox.session
def test(session: nox.Session) -> None:
    prepare(session)
    session.run("pytest", "-q", f"--junitxml={session.create_tmp()}/junit.xml", "tests")


@nox.session
def build(session: nox.Session) -> None:
    prepare(session)
    session.run("rm", "-rf", str(MADE), external=True)
    for copy in ("dist", "again"):
        clone = str(MADE / f"{copy}-source")
        session.run("git", "clone", "--quiet", "--shared", ".", clone, external=True)
        session.run(
            *("python", "-m", "build", "--installer", "uv", "--outdir", str(MADE / copy), clone),
            env={"SOURCE_DATE_EPOCH": os.environ["BENCH_EPOCH"]},
        )
    session.run("diff", "-r", str(MADE / "dist"), str(MADE / "again"), external=True)
    files = [str(path) for path in (MADE / "dist").iterdir()]
    wheel = next(path for path in files if path.endswith(".whl"))
    session.run("twine", "check", "--strict", *files)
    session.run("check-wheel-contents", wheel)
    session.run("uv", "venv", "--quiet", str(MADE / "clean"), external=True)
    session.run("uv", "pip", "install", "--quiet", "--python", str(CLEAN), wheel, external=True)
    session.run(str(CLEAN), "-I", "-c", f"import {os.environ['BENCH_IMPORT']}", external=True)


@nox.session
def typecheck(session: nox.Session) -> None:
    prepare(session)
    session.run("mypy", os.environ["BENCH_PACKAGE"])


@nox.session(requires=["build"])
def sbom(session: nox.Session) -> None:
    prepare(session)
    document = str(MADE / "sbom.json")
    session.run(
        *("cyclonedx-py", "environment", "--spec-version", "1.6", "--output-reproducible"),
        *("--no-validate", "--output-file", document, str(CLEAN)),
    )
    validate = ("python", "-I", os.environ["BENCH_VALIDATE"], document, "1.6", "/dev/stdout")
    found = session.run(*validate, silent=True)
    if str(found).strip() != "[]":
        session.error(found)


@nox.session(requires=["build"])
def audit(session: nox.Session) -> None:
    prepare(session)
    pins = session.run(
        *("uv", "pip", "freeze", "--quiet", "--python", str(CLEAN)), silent=True, external=True
    )
    audited = MADE / "audited.txt"
    audited.write_text("".join(f"{line}\n" for line in str(pins).splitlines() if "==" in line))
    session.run(
        *("pip-audit", "--requirement", str(audited), "--no-deps", "--disable-pip"),
        *("--vulnerability-service", "osv", "--osv-url", os.environ["BENCH_OSV"]),
        *("--progress-spinner", "off"),
    )


@nox.session
def lint(session: nox.Session) -> None:
    prepare(session)
    session.run("ruff", "check", "--no-fix", ".")
    session.run("ruff", "format", "--check", ".")
