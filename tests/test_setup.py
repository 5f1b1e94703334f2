"""The files of the set-up agree with each other, and the Makefile explains what is wrong."""

import itertools
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PLATFORMS = list(itertools.product(["3.11", "3.12", "3.13"], ["linux", "darwin"]))


def project_requirements():
    groups = [PROJECT["dependencies"], *EXTRAS.values()]
    return [Requirement(line) for group in groups for line in group]


def locked_entries():
    """Each pinned package of the lock with the lines that belong to it."""
    lines = (ROOT / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def locked_requirements():
    return [Requirement(entry.split("--hash")[0]) for entry in locked_entries()]


def test_environment_matches_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    packages = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    conda = {str(Requirement(entry)) for entry in packages}
    by_pip = {str(Requirement(line)) for line in EXTRAS["neo"]}
    wanted = {str(requirement) for requirement in project_requirements()} - by_pip
    assert conda == wanted | {"python" + PROJECT["requires-python"], "pip"}
    assert {"pip": ["-e .[neo]"]} in environment["dependencies"]


@pytest.mark.parametrize(("python", "system"), PLATFORMS)
def test_lock_satisfies_pyproject(python, system):
    where = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_machine": "x86_64",
    }
    locked = {}
    for requirement in locked_requirements():
        if requirement.marker is None or requirement.marker.evaluate(where):
            name = canonicalize_name(requirement.name)
            assert name not in locked, f"{name} is locked twice"
            (locked[name],) = requirement.specifier
    for requirement in project_requirements():
        pin = locked[canonicalize_name(requirement.name)]
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), f"{requirement} is locked to {pin}"


def test_lock_has_a_hash_for_every_package():
    entries = locked_entries()
    assert entries
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


def test_lock_names_no_host():
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", lock)


def test_packages_are_listed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "simcore").rglob("*.py")}
    assert {folder.as_posix().replace("/", ".") for folder in folders} == set(listed)


def make(*arguments):
    """Run make without what an outer make passes on."""
    environment = {key: value for key, value in os.environ.items() if "MAKE" not in key}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_make_alone_lists_the_commands():
    listed = re.findall(r"^make (\w+) ", make().stdout, re.MULTILINE)
    expected = [
        "help",
        "run",
        "paper",
        "estimate",
        "test",
        "lint",
        "docs",
        "benchmark",
        "lock",
        "setup",
    ]
    assert listed == [*expected, "clean"]


@pytest.mark.parametrize("option", ["CONFIG", "SONG"])
def test_make_run_names_a_missing_file(option):
    run = make("run", f"{option}=no such file")
    assert run.returncode != 0
    assert "There is no file 'no such file'" in run.stderr


@pytest.fixture
def bare_project(tmp_path):
    """A copy that has no .venv, with just what `make setup` reads."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def stand_in_python(folder, rejected):
    """A Python that fails at every command holding `rejected`."""
    python = folder / "python with a fault"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *"{rejected}"*) exit 1 ;; esac\nexec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    return python


@pytest.mark.parametrize(
    ("rejected", "sentence"),
    [
        ("version_info", "Python 3.11 or newer is needed"),
        ("ensurepip", "lacks its modules venv and ensurepip"),
        ("-m venv", "Setting up .venv failed"),
    ],
)
def test_make_setup_explains_what_is_missing(bare_project, rejected, sentence):
    python = stand_in_python(bare_project, rejected)
    setup = make("-C", str(bare_project), "setup", f"PYTHON={python}")
    assert setup.returncode != 0
    assert sentence in setup.stderr
    assert not (bare_project / ".venv" / "made-from").exists()


def test_make_setup_leaves_what_a_link_leads_to(bare_project, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "precious").touch()
    (bare_project / ".venv").symlink_to(other)
    setup = make("-C", str(bare_project), "setup", f"PYTHON={sys.executable}")
    assert setup.returncode != 0 and ".venv is a link" in setup.stderr
    assert (other / "precious").exists()
