"""The texts that are written into a repository, from the folder `templates`."""

from __future__ import annotations

from release.project import Project
from release.render import environment


def noxfile() -> str:
    """A noxfile that has the checklist and nothing else."""
    return environment().get_template("noxfile.py").render()


def like(project: Project, name: str, *, workflows: bool = False) -> str:
    """The settings of a known procedure, as TOML: those that make sense in this project.

    With `workflows`, the shape of its workflows is among them.
    """
    templates = environment(trim_blocks=True, lstrip_blocks=True)
    chosen = project.settings.workflows
    return templates.get_template(f"like/{name}.toml").render(
        has=lambda path: (project.root / path).exists(),
        package_path=project.package_path,
        workflows=workflows,
        called=workflows or bool(chosen and chosen.gate),
    )
