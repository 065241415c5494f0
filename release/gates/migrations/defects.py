"""What `prove` plants for the gate migrations."""

from __future__ import annotations

from release.run.planting import CannotPlant, Copy, Defect, write


def failing_migration(copy: Copy) -> None:
    _add_to_migration(copy, "SELECT planted FROM planted")


def harmless_migration(copy: Copy) -> None:
    _add_to_migration(copy, "SELECT 1")


def _add_to_migration(copy: Copy, statement: str) -> None:
    from release.gates.migrations.migration_files import CannotPlant as UnknownKind
    from release.gates.migrations.migration_files import in_order, plant
    from release.gates.migrations.settings import MigrationsSettings

    settings = copy.project.settings.gates.of("migrations", MigrationsSettings)
    if settings.folder is None or not settings.migrate:
        raise CannotPlant("no folder of migrations is set (tool.release.gates.migrations.folder)")
    texts = {
        path.relative_to(copy.root).as_posix(): path.read_bytes().decode("utf-8", "surrogateescape")
        for path in sorted((copy.root / settings.folder).rglob("*"))
        if path.suffix in {".sql", ".py"} and path.is_file()
    }
    names = in_order(texts)
    if not names:
        raise CannotPlant(f"{settings.folder} holds no migrations")
    try:
        text = plant(names[-1], texts[names[-1]], [statement], first=False)
    except UnknownKind as error:
        raise CannotPlant(str(error)) from None
    write(copy, names[-1], text)


DEFECTS = (
    # What a migrator says of an error is its own affair.
    Defect("a migration that fails", failing_migration, control=harmless_migration),
)
