"""A complete and valid bill of materials (CycloneDX) of the wheel and its runtime dependencies.

Installs the wheel that build made, with what it requires and nothing else (no pip), into a clean
environment, and describes that with cyclonedx-py. Writes `.release/sbom/NAME.cdx.json` (CycloneDX
1.6) and a readable `NAME.cdx.txt`.

Judges that the project is the root component, with its version, its package URL and the sha256 of
each file that build made; that what the wheel requires is installed; that every installed
distribution is listed with version and package URL, and is reached from the root in the dependency
graph; that nothing else is listed; that no path of this machine is named; and that the document is
valid by the schema of its version. All of it blocks: who reads the document would be misled (harm).

The same wheel and the same dependencies give the same bytes: there is no serial number and no time
in it. Without a package index the gate is unchecked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Outcome

if TYPE_CHECKING:
    from release.project import Project
    from release.run.environments import Environment
    from release.run.shell import Shell

SPECIFICATION = "1.6"
LOG_REMEDY = "look at the log; nox -s sbom -- --fresh runs it again"


def check(project: Project, shell: Shell) -> Outcome:
    from packaging.utils import parse_wheel_filename

    from release.gates.sbom import cyclonedx
    from release.run.installed import runtime_environment

    folder = shell.folder_for("sbom")
    files = shell.needed["build"].outcome.artifacts
    wheel = shell.needed_artifacts("build", ".whl")[0]
    name, version, _, _ = parse_wheel_filename(wheel.name)
    environment = runtime_environment(project, shell, wheel, shell.artifact(wheel).sha256)
    document = cyclonedx.with_root(describe(shell, environment.python), name, files)
    document = cyclonedx.with_licences(document, stated_licences(environment))
    found = cyclonedx.problems(
        document,
        project=name,
        version=str(version),
        files=files,
        installed=environment.distributions(),
        private=(str(project.root), str(environment.path), str(shell.work)),
    )
    draft = shell.work / "complete.json"
    draft.write_text(serialise(document), encoding="utf-8", newline="\n")
    found += validate(shell, draft)
    if found:
        return Outcome.failed(found)
    target = folder / f"{name}.cdx.json"
    target.write_text(serialise(document), encoding="utf-8", newline="\n")
    readable = folder / f"{name}.cdx.txt"
    readable.write_text(cyclonedx.as_text(document), encoding="utf-8", newline="\n")
    count = len(document.get("components", []))
    noun = "dependency" if count == 1 else "dependencies"
    return Outcome.passed(
        count + 1,
        f"{name} {version} and {count} runtime {noun}, CycloneDX {SPECIFICATION}",
        artifacts=(shell.artifact(target), shell.artifact(readable)),
        facts={
            "components": str(count),
            "document": f"sbom/{target.name}",
            "text": f"sbom/{readable.name}",
        },
    )


def stated_licences(environment: Environment) -> dict[str, str]:
    """What installed distributions state in the field License, by their normalised names."""
    from importlib.metadata import distributions

    from packaging.utils import canonicalize_name

    folders = [str(folder) for folder in environment.site_packages()]
    return {
        canonicalize_name(one.metadata["Name"]): str(one.metadata["License"])
        for one in distributions(path=folders)
        if one.metadata["Name"] and one.metadata["License"]
    }


def describe(shell: Shell, python: str) -> dict[str, Any]:
    """What cyclonedx-py finds in the environment of an interpreter.

    Raises CannotCheck when it fails or gives no CycloneDX document.
    """
    target = shell.work / "environment.json"
    # From the scratch folder: the interpreter would import the project's own modules otherwise.
    done = shell.run(
        *(shell.tools.tool("cyclonedx-py"), "environment", "--spec-version", SPECIFICATION),
        *("--output-format", "JSON", "--output-reproducible", "--no-validate"),
        *("--output-file", target, python),
        cwd=shell.work,
    )
    if done.status != 0:
        raise CannotCheck(f"cyclonedx-py failed: {done.last_line}", LOG_REMEDY)
    return parse(target.read_text(encoding="utf-8") if target.is_file() else "")


def parse(text: str) -> dict[str, Any]:
    """The document in a text. Raises CannotCheck when it is not CycloneDX JSON."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CannotCheck(f"cyclonedx-py gave no JSON: {error}", LOG_REMEDY) from None
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise CannotCheck("cyclonedx-py gave no CycloneDX document", LOG_REMEDY)
    return document


def serialise(document: Any) -> str:
    """The bytes that are published: keys and components in the order of the document."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def validate(shell: Shell, path: Path) -> tuple[Finding, ...]:
    """What is invalid in the document at `path`. Raises CannotCheck when the validator fails."""
    program = Path(__file__).with_name("_validate_cyclonedx.py")
    errors, said = shell.answer(program, path, SPECIFICATION)
    if not isinstance(errors, list):
        raise CannotCheck(f"the document was not validated: {said}", LOG_REMEDY)
    return tuple(
        Finding(
            f"not valid CycloneDX {SPECIFICATION} at {place}: {message}",
            remedy="report it as a defect of nox-release, with the log",
        )
        for place, message in errors
    )


GATE = Gate(
    name="sbom",
    title="CycloneDX bill of materials of the wheel and its runtime dependencies",
    check=check,
    tools=("cyclonedx-bom", "jsonschema"),
    needs=("build",),
    cost=1.0,
    writes=("sbom",),
    order=190,
    defects="release.gates.sbom.defects:DEFECTS",
)
