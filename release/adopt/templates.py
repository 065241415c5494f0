"""The texts that are written into a repository, from the folder `templates`."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from release.project import Project
from release.render import FOLDERS


def noxfile() -> str:
    """A noxfile that has the checklist and nothing else."""
    return _path("noxfile.py").read_text(encoding="utf-8")


def like(project: Project, name: str, *, workflows: bool = False) -> str:
    """The settings of a known procedure, as TOML: those that make sense in this project.

    With `workflows`, the shape of its workflows is among them.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=select_autoescape(),  # of HTML, by the names of templates
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template(f"like/{name}.toml")
    chosen = project.settings.workflows
    return template.render(
        has=lambda path: (project.root / path).exists(),
        package_path=project.package_path,
        workflows=workflows,
        called=workflows or bool(chosen and chosen.gate),
    )


def _path(name: str) -> Path:
    return next(folder / name for folder in FOLDERS if (folder / name).is_file())
