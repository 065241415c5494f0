"""What `prove` plants for the gate migrations."""

from __future__ import annotations

from release.errors import ConfigurationError
from release.run.planting import CannotPlant, Copy, Defect, read, write


def failing_migration(copy: Copy) -> None:
    _add_to_migration(copy, "SELECT planted FROM planted")


def harmless_migration(copy: Copy) -> None:
    _add_to_migration(copy, "SELECT 1")


def _add_to_migration(copy: Copy, statement: str) -> None:
    from release.gates.migrations import Migrations
    from release.gates.migrations.migration_files import plant
    from release.gates.migrations.settings import MigrationsSettings

    settings = copy.project.settings.gates.of("migrations", MigrationsSettings)
    if settings.folder is None or not settings.migrate:
        raise CannotPlant("no folder of migrations is set (tool.release.gates.migrations.folder)")
    try:
        last = Migrations.find(copy.project, copy.root).files[-1]
    except ConfigurationError as error:
        raise CannotPlant(str(error)) from None
    write(copy, last, plant(last, read(copy, last), [statement], first=False))


DEFECTS = (
    # What a migrator says of an error is its own affair.
    Defect("a migration that fails", failing_migration, control=harmless_migration),
)
