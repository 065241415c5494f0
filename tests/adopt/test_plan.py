"""What would be written into repositories of many shapes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from release.adopt.facts import facts
from release.adopt.plan import Adoption, plan
from release.adopt.templates import noxfile
from release.errors import ConfigurationError
from release.project import read_project
from tests.support import PYPROJECT, commit, git, make_project, with_remote, write

TEMPLATE = noxfile()


def planned(root: Path, like: str = "") -> Adoption:
    project = read_project(root)
    return plan(project, facts(project), TEMPLATE, like)


def written(adoption: Adoption) -> dict[str, str]:
    return {change.path: change.after for change in adoption.changes}


def found(root: Path) -> dict[str, tuple[str, str]]:
    return {fact.of: (fact.says, fact.origin) for fact in facts(read_project(root))}


class TestFacts:
    def test_each_is_told_with_its_place(self, project: Path) -> None:
        with_remote(project)
        git(project, "tag", "1.2.2")
        workflow = """\
            on: push
            jobs:
              test:
                runs-on: ubuntu-latest
                steps:
                  - run: tox -e py
            """
        write(project, {"CHANGELOG.md": "# Changelog\n", ".github/workflows/ci.yml": workflow,
                        "Dockerfile": "FROM scratch\n"})  # fmt: skip
        assert found(project) == {
            "release": ("judges 1.2.3, which was never released", ""),
            "package": ("small_thing", "src/small_thing"),
            "version": ("1.2.3", "pyproject.toml:7, src/small_thing/__init__.py:3"),
            "branch": ("main", "the default branch of origin"),
            "tags": ("{version}", "as its release tags are spelled"),
            "changelog": ("CHANGELOG.md", ""),
            "image": ("Dockerfile", ""),
            "test": ("tox -e py, as .github/workflows/ci.yml:6 runs it", ""),
        }

    def test_what_is_set_is_told_as_set(self, project: Path) -> None:
        table = f'{PYPROJECT}\n[tool.release]\nbranch = "trunk"\ntag = "r{{version}}"\n'
        write(project, {"pyproject.toml": table})
        told = found(project)
        assert told["branch"] == ("trunk", "as set in [tool.release]")
        assert told["tags"] == ("r{version}", "as set in [tool.release]")

    def test_packages_among_which_none_can_be_chosen_are_named(self, project: Path) -> None:
        git(project, "mv", "src/small_thing", "src/one")
        write(project, {"src/two/__init__.py": ""})
        says, origin = found(project)["package"]
        assert says == "none"
        assert origin.startswith("several import packages: one, two; name the one")

    @pytest.mark.parametrize(
        ("branch", "others", "wanted"),
        [("trunk", [], "trunk"), ("main", ["feature"], "main"), ("feature", ["main"], None)],
    )
    def test_without_a_remote_the_branch_is_the_usual_or_the_only_one(
        self, project: Path, branch: str, others: list[str], wanted: str | None
    ) -> None:
        git(project, "branch", "--move", branch)
        for other in others:
            git(project, "branch", other)
        assert found(project).get("branch", (None,))[0] == wanted

    def test_a_remote_that_does_not_answer_is_told_by_what_it_said_last(
        self, project: Path
    ) -> None:
        with_remote(project)
        git(project, "remote", "set-url", "origin", str(project / "nowhere"))
        assert found(project)["branch"] == ("main", "the default branch of origin")


class TestSettings:
    def test_the_smallest_table_that_is_true(self, project: Path) -> None:
        with_remote(project)
        git(project, "tag", "1.2.2")
        assert written(planned(project)) == {
            "noxfile.py": TEMPLATE,
            "pyproject.toml": PYPROJECT
            + '\n[tool.release]\nbranch = "main" # the default branch of origin\n'
            + 'tag = "{version}" # as its release tags are spelled\n',
        }

    def test_a_private_project_is_not_published(self, project: Path) -> None:
        table = PYPROJECT.replace(
            "license =", 'classifiers = ["Private :: Do Not Upload"]\nlicense ='
        )
        write(project, {"pyproject.toml": table})
        table = tomllib.loads(written(planned(project))["pyproject.toml"])["tool"]["release"]
        assert table == {"branch": "main", "publish": False}

    def test_what_is_set_up_needs_nothing(self, project: Path) -> None:
        write(project, written(planned(project)))
        assert planned(project) == Adoption((), ())

    def test_settings_that_are_there_keep_their_values(self, project: Path) -> None:
        write(project, {"pyproject.toml": f"{PYPROJECT}\n[tool.release]\nremote = 'origin'\n"})
        like = '[tool.release]\nremote = "there"\n\n[tool.release.commit]\nbody = "none"\n'
        adoption = planned(project, like)
        table = tomllib.loads(written(adoption)["pyproject.toml"])["tool"]["release"]
        assert table == {"remote": "origin", "branch": "main", "commit": {"body": "none"}}
        assert [f.message for f in adoption.remarks] == ["tool.release.remote keeps its value"]

    def test_a_project_without_pyproject_gets_a_noxfile_alone(self, tmp_path: Path) -> None:
        files: dict[str, str | bytes | None] = {
            "pyproject.toml": None, "setup.cfg": "[metadata]\nname = small-thing\nversion = 1\n",
        }  # fmt: skip
        root = make_project(tmp_path / "small-thing", files)
        adoption = planned(root)
        assert [*written(adoption)] == ["noxfile.py"]
        assert "no settings are written" in adoption.remarks[0].message
        with pytest.raises(ConfigurationError, match="is not there to hold settings"):
            planned(root, '[tool.release]\nremote = "there"\n')

    @pytest.mark.parametrize("detached", [False, True])
    def test_what_nothing_tells_is_not_written(self, project: Path, detached: bool) -> None:
        if detached:
            git(project, "switch", "--quiet", "--detach")
        else:
            git(project, "branch", "--move", "feature")
            git(project, "branch", "other")
        assert [*written(planned(project))] == ["noxfile.py"]

    def test_without_git_only_the_noxfile_is_written(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": PYPROJECT, "src/small_thing/__init__.py": ""})
        assert [*written(planned(tmp_path))] == ["noxfile.py"]

    def test_inline_tables_are_named_with_what_to_do(self, project: Path) -> None:
        write(project, {"pyproject.toml": f"tool = {{ x = {{}} }}\n{PYPROJECT}"})
        with pytest.raises(ConfigurationError, match="its tables are written inline") as error:
            planned(project)
        assert error.value.problems[0].remedy

    def test_what_a_classifier_says_stays_in_its_comment(self, project: Path) -> None:
        classifier = 'classifiers = ["Private :: No\\n[tool.release.gates.test]\\u0001"]\nlicense ='
        write(project, {"pyproject.toml": PYPROJECT.replace("license =", classifier)})
        table = tomllib.loads(written(planned(project))["pyproject.toml"])["tool"]["release"]
        assert table == {"branch": "main", "publish": False}

    def test_settings_that_make_no_sense_are_not_written(self, project: Path) -> None:
        with pytest.raises(ConfigurationError, match="unknown key"):
            planned(project, "[tool.release.commit]\nplanted = 1\n")


class TestUnreadVersions:
    SETUP = """\
        import re
        from setuptools import setup

        text = open("src/small_thing/meta.py").read()
        setup(name="small-thing", version=re.search("=(.*)", text)[1])
        """

    def project(self, root: Path, **files: str) -> Path:
        gone = dict.fromkeys(("pyproject.toml", "src/small_thing/__init__.py"), None)
        made: Mapping[str, str | bytes | None] = {
            **gone, "pyproject.toml": "[tool.ruff]\n", "setup.py": self.SETUP, **files,
        }  # fmt: skip
        root = make_project(root / "small-thing", made)
        git(root, "tag", "v1.2.3")
        return root

    def test_the_one_line_that_assigns_the_last_version_is_listed(self, tmp_path: Path) -> None:
        files = {"src/small_thing/meta.py": 'X = {}; META_VERSION = "1.2.3"\n'}
        root = self.project(tmp_path, **files)
        table = tomllib.loads(written(planned(root))["pyproject.toml"])["tool"]["bumpversion"]
        assert table == {
            "current_version": "1.2.3",
            "files": [
                {
                    "filename": "src/small_thing/meta.py",
                    "search": 'X = {{}}; META_VERSION = "{current_version}"',
                    "replace": 'X = {{}}; META_VERSION = "{new_version}"',
                }
            ],
        }
        write(root, written(planned(root)))
        assert read_project(root).version == "1.2.3"
        assert planned(root).changes == ()

    def test_among_several_lines_none_is_chosen(self, tmp_path: Path) -> None:
        files = dict.fromkeys(("src/small_thing/meta.py", "src/a.py"), 'VERSION_X = "1.2.3"\n')
        root = self.project(tmp_path, **files)
        assert "bumpversion" not in written(planned(root))["pyproject.toml"]


class TestNoxfiles:
    def test_a_noxfile_that_is_there_keeps_its_sessions(self, project: Path) -> None:
        write(project, {"noxfile.py": b"import nox\r\n"})
        assert written(planned(project))["noxfile.py"].startswith("import nox\r\n\r\n\r\n# The")

    @pytest.mark.parametrize(
        ("table", "comment"),
        [
            ("[tool.ty.environment]\npython-version = '3.11'", "  # ty: ignore"),
            ("[tool.ty.src]\ninclude = ['src']", ""),
            ("[tool.pyright]\nstrict = ['src']", "  # pyright: ignore[reportMissingImports]"),
            ("[tool.pyright]\ninclude = ['src']", ""),
            ("[tool.mypy]\nstrict = true", ""),
        ],
    )
    @pytest.mark.parametrize("there", [True, False])
    def test_a_type_checker_that_reads_every_file_passes_it_over(
        self, project: Path, table: str, comment: str, there: bool
    ) -> None:
        if there:
            write(project, {"noxfile.py": "import nox\n"})
        with (project / "pyproject.toml").open("a") as file:
            file.write(f"\n{table}\n")
        text = written(planned(project))["noxfile.py"]
        assert f"from release.sessions import Sessions{comment}\n" in text
        write(project, written(planned(project)))
        assert "noxfile.py" not in written(planned(project))

    @pytest.mark.parametrize(
        ("table", "lines"),
        [
            ("[tool.ruff.lint.isort]\nlines-after-imports = 2", 2),
            ("[tool.isort]\nlines_after_imports = 2", 2),
            ("[tool.isort]\nlines_after_imports = -1", 1),
            ("[tool.ruff]\nlint.select = ['I']", 1),
        ],
    )
    def test_a_new_one_has_as_many_lines_after_imports_as_others(
        self, project: Path, table: str, lines: int
    ) -> None:
        with (project / "pyproject.toml").open("a") as file:
            file.write(f"\n{table}\n")
        text = written(planned(project))["noxfile.py"]
        assert f"import Sessions\n{chr(10) * lines}Sessions(" in text

    def test_one_that_is_not_python_is_named_with_its_line(self, project: Path) -> None:
        write(project, {"noxfile.py": "import nox\ndef f(:\n"})
        with pytest.raises(ConfigurationError, match="is not valid Python") as error:
            planned(project)
        assert (error.value.problems[0].path, error.value.problems[0].line) == ("noxfile.py", 2)

    def test_one_with_requirements_of_its_own_is_told_to_list_this(self, project: Path) -> None:
        write(project, {"noxfile.py": '# /// script\n# dependencies = ["nox"]\n# ///\n'})
        (remark,) = planned(project).remarks
        assert "add nox-release to the dependencies" in str(remark.remedy)

    @pytest.mark.parametrize(
        "path", ["release.py", "release/__init__.py", "src/release/__init__.py"]
    )
    def test_a_package_that_is_called_like_ours_gets_no_noxfile(
        self, project: Path, path: str
    ) -> None:
        write(project, {path: ""})
        adoption = planned(project)
        assert [*written(adoption)] == ["pyproject.toml"]
        assert adoption.remarks[0].path == path
        assert "uvx nox-release SESSION" in str(adoption.remarks[0].remedy)

    def test_a_folder_called_so_that_is_no_package_hides_nothing(self, project: Path) -> None:
        write(project, {"release/notes.md": "Notes\n"})
        assert "noxfile.py" in written(planned(project))


class TestLinks:
    def test_a_link_inside_is_written_where_it_leads(self, project: Path) -> None:
        git(project, "mv", "pyproject.toml", "real.toml")
        (project / "pyproject.toml").symlink_to("real.toml")
        commit(project)
        assert sorted(written(planned(project))) == ["noxfile.py", "real.toml"]

    def test_a_link_that_leads_out_is_refused(self, project: Path) -> None:
        (project.parent / "noxfile.py").write_text("import nox\n")
        (project / "noxfile.py").symlink_to("../noxfile.py")
        with pytest.raises(ConfigurationError, match="leads out of the repository"):
            planned(project)
