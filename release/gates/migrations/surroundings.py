"""What names databases around the commands of a project, and leads them to a scratch database."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from release.errors import CannotCheck
from release.gates.migrations.database_places import (
    URL_INSIDE,
    led,
    lines_elsewhere,
    names_database,
    names_place,
    places,
    read_dotenv,
    scheme_of,
    without_variables,
)

TABLE = "tool.release.gates.migrations"
# Those that lead a command to the scratch database, or to the server that is asked for one.
LED = frozenset(
    ("DATABASE_URL", "PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE")
)


NO_PLACE = ("{user}", "{password}")


@dataclass(slots=True)
class Surroundings:
    """Variables and configuration files that commands may heed, in a copy of a project.

    `variables` are those of the environment and of .env files, `files` the INI files that name the
    place of a database, with their texts.
    """

    copy: Path
    variables: Mapping[str, str]
    dotenv: Mapping[Path, str]
    files: Mapping[Path, str]
    _database: str | None = None
    _leading: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def find(cls, copy: Path, environ: Mapping[str, str] = os.environ) -> Surroundings:
        """Those of a copy of the project."""
        dotenv = {path: _text(path) for path in copy.rglob(".env") if path.is_file()}
        paths = (path for glob in ("*.ini", "*.cfg") for path in copy.rglob(glob))
        found = {path: _text(path) for path in paths if path.is_file()}
        files = {path: text for path, text in found.items() if names_place(path.name, text)}
        variables: dict[str, str] = {}
        for text in dotenv.values():
            variables |= read_dotenv(text)
        return cls(copy, {**variables, **environ}, dotenv, files)

    @property
    def schemes(self) -> dict[str, str]:
        """The variables that hold the URL of a PostgreSQL database, with its scheme."""
        found = {name: scheme_of(value) for name, value in self.variables.items()}
        return {name: scheme for name, scheme in found.items() if scheme}

    def close(self, env: Mapping[str, str], commands: Sequence[Sequence[str]] = ()) -> None:
        """See that nothing leads to another database once commands run, `env` being set for them.

        Raises CannotCheck, with what to add to `env`, where a variable does, a file or a command.
        """
        schemes = self.schemes
        known = LED | env.keys() | schemes.keys()
        found = places({n: value for n, value in self.variables.items() if n not in known})
        found |= {
            name: "{url}"
            for name, value in env.items()
            if names_database(value) and "{url}" not in value and "{database}" not in value
        }
        if found:
            lines = ", ".join(f'{name} = "{value}"' for name, value in found.items())
            leading = [name for name, value in found.items() if value not in NO_PLACE]
            raise CannotCheck(
                f"{', '.join(leading)} would lead its commands to a database that is not a scratch"
                " one",
                f"lead them to the scratch database: [{TABLE}] env = {{ {lines} }}; or unset them",
            )
        for words in commands:
            if any(URL_INSIDE.search(word) for word in words):
                raise CannotCheck(
                    f"the command {words[0]} is given the URL of a database",
                    "leave it out; DATABASE_URL is set to that of the scratch database",
                )
        for path, text in self.files.items():
            for line in lines_elsewhere(text):
                raise CannotCheck(
                    f"{path.relative_to(self.copy).as_posix()}, line {line}, names a database that"
                    " is not a scratch one",
                    "write the option and the URL on one line, and nothing else",
                )
        for path, text in self.dotenv.items():
            _replace(path, without_variables(text, known))

    def lead(self, database: str, url: Callable[[str], str]) -> None:
        """Have the files name a scratch database; `url` makes its URL of a scheme."""
        with self._leading:
            if self._database == database:
                return
            for path, text in self.files.items():
                _replace(path, led(text, url))
            self._database = database


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _replace(path: Path, text: str) -> None:
    """Write a file anew, be it a link: what it leads to is not the copy's."""
    path.unlink()
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
