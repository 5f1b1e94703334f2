"""The code digest sees what a script uses and nothing else."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from simcore import provenance
from simcore.provenance import code_digest, versions

NEURONS = "core/kernels/neurons.py"
FILES = {
    "core/__init__.py": '"""Core."""\n',
    "core/kernels/__init__.py": "from core.kernels.neurons import step\n",
    "core/kernels/neurons.py": """
        from math import exp as exponential
        import numba

        TAU = 20.0  # ms
        UNUSED = 1

        @numba.njit(cache=True)
        def step(v):
            \"\"\"One step.\"\"\"
            # forward Euler
            return decay(v, TAU) + exponential(v)

        def decay(v, tau):
            return v / tau

        def other(v):
            return step(v) + 1
    """,
    "core/clock.py": """
        from core.kernels import neurons
        from core.base import Base, traced, Default, Kind

        class Clock(Base):
            @traced
            def run(self, kind: Kind, v=Default.value):
                return self.advance(v)

            def advance(self, v):
                return neurons.step(v)

        def describe(clock):
            return str(clock)
    """,
    "core/base.py": """
        class Base:
            pass

        def traced(function):
            return function

        class Default:
            value = 3

        class Kind:
            pass
    """,
    "core/figures.py": """
        PICTURES = {}

        def picture(function):
            PICTURES[function.__name__] = function
            return function

        @picture
        def raster(data):
            return colour(data)

        def colour(data):
            return data

        def unused(data):
            return data
    """,
    "scripts/train.py": """
        from stage import Stage
        from core import clock

        def main():
            Stage(clock.Clock).run(TOLERANCE)

        TOLERANCE = 0.1
        main()
    """,
    "scripts/stage.py": """
        import core.errors as errors

        class Stage:
            def run(self, tolerance):
                raise errors.Mistake(tolerance)

        class Unused:
            pass
    """,
    "core/errors.py": """
        class Mistake(Exception):
            pass
    """,
    "scripts/draw.py": """
        from core import figures

        figures.PICTURES["raster"](1)
    """,
}


class Project:
    """A small package and two scripts in a folder, whose files a test can edit."""

    def __init__(self, root):
        self.root = root
        for name, text in FILES.items():
            self.write(name, textwrap.dedent(text))

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name, old, new):
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def digest(self, script="scripts/train.py"):
        return code_digest(self.root / script, package=self.root / "core")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


IRRELEVANT = {
    "comment": (NEURONS, "# forward Euler", "# implicit Euler"),
    "trailing comment": (NEURONS, "# ms", "# milliseconds"),
    "docstring": (NEURONS, "One step.", "A step."),
    "docstring gone": (NEURONS, '"""One step."""', ""),
    "module docstring": ("core/__init__.py", "Core.", "The core."),
    "layout": (
        NEURONS,
        "decay(v, TAU)",
        "decay(\n        v,\n        TAU,\n    )",
    ),
    "quotes and brackets": (NEURONS, "v / tau", "(v / tau)"),
    "an import that is not used": (NEURONS, "import numba", "import numba, sys"),
    "unused function": (NEURONS, "step(v) + 1", "step(v) + 2"),
    "unused constant": (NEURONS, "UNUSED = 1", "UNUSED = 2"),
    "unused function of a used module": ("core/clock.py", "str(clock)", "repr(clock)"),
    "unused class beside the script": ("scripts/stage.py", "class Unused", "class Useless"),
    "figure": ("core/figures.py", "return data", "return 2 * data"),
    "new module": ("core/base.py", "class Base:", "def more():\n    pass\n\nclass Base:"),
}


@pytest.mark.parametrize("edit", IRRELEVANT.values(), ids=IRRELEVANT.keys())
def test_digest_ignores(project, edit):
    before = project.digest()
    project.edit(*edit)
    assert project.digest() == before


RELEVANT = {
    "function behind a class, a method and a module": (NEURONS, "v / tau", "v * tau"),
    "constant": (NEURONS, "TAU = 20.0", "TAU = 20"),
    "external name behind an import": (NEURONS, "import exp as", "import expm1 as"),
    "decorator's arguments": (NEURONS, "cache=True", "fastmath=True"),
    "function added to a decorator": ("core/base.py", "return function", "return None"),
    "default": ("core/base.py", "value = 3", "value = 4"),
    "base class": ("core/base.py", "class Base:", "class Base(int):"),
    "annotation": ("core/base.py", "class Kind:", "class Kind(str):"),
    "method": ("core/clock.py", "self.advance(v)", "self.advance(v + 1)"),
    "script": ("scripts/train.py", "TOLERANCE = 0.1", "TOLERANCE = 0.2"),
    "script's statements": ("scripts/train.py", "\nmain()", "\nmain() or main()"),
    "class beside the script": ("scripts/stage.py", "Mistake(tolerance)", "Mistake()"),
    "module imported under another name": ("core/errors.py", "(Exception)", "(ValueError)"),
    "statement that an import runs": (NEURONS, "UNUSED = 1", "numba.x = 1"),
    "statement of the package": ("core/__init__.py", '"""Core."""', 'print("Core")'),
    "condition around a class": ("core/base.py", "class Base:", "if 1:\n class Base: 1\nclass B:"),
}  # fmt: skip


@pytest.mark.parametrize("edit", RELEVANT.values(), ids=RELEVANT.keys())
def test_digest_sees(project, edit):
    before = project.digest()
    project.edit(*edit)
    assert project.digest() != before


def test_descriptions_of_keys_do_not_count(project):
    def digest(number, described):
        key = f'parameter({number}, "ms", "{described}", ge=0)'
        field = f'Field({number}, description="{described}", ge=0)'
        project.write("scripts/train.py", f"class Keys:\n    a = {key}\n    b = {field}\n")
        return project.digest()

    assert digest(1, "how long") == digest(1, "how long it takes") != digest(2, "how long")


def test_swapped_import_names_change_the_digest(project):
    project.write(
        "scripts/train.py", "from core.kernels.neurons import step as a, other as b\na(b)\n"
    )
    before = project.digest()
    project.write(
        "scripts/train.py", "from core.kernels.neurons import other as a, step as b\na(b)\n"
    )
    assert project.digest() != before


@pytest.mark.parametrize(
    "script",
    [
        "import core.kernels.neurons\ncore.kernels.neurons.step(1)",
        "import core.kernels.neurons as n\nn.step(1)",
        "from core.kernels.neurons import step\nstep(1)",
        "from core.kernels.neurons import step as s\ns(1)",
        "from core.kernels import step\nstep(1)",  # imported by the package
        "from core import kernels\nkernels.neurons.step(1)",
        "def f():\n    from core.kernels import neurons\n    return neurons.step(1)",
        "from core.kernels.neurons import *\nstep(1)",
        "from core.kernels import neurons\ngetattr(neurons, name)(1)",
        "import importlib\nimportlib.import_module(name).step(1)",
        "try:\n    from core.kernels import neurons\nexcept OSError:\n    pass\nneurons.step(1)",
    ],
)
def test_every_way_to_reach_a_function_counts(project, script):
    project.write("scripts/train.py", script)
    before = project.digest()
    project.edit(NEURONS, "v / tau", "v * tau")
    assert project.digest() != before


@pytest.mark.parametrize(
    "script",
    [
        "import core.kernels.neurons\ncore.kernels.neurons.step(1)",
        "from core.kernels.neurons import step as s\ns(1)",
        "from core.kernels import step\nstep(1)",
        "from core import kernels\nkernels.neurons.step(1)",
        "def f():\n    from core.kernels import neurons\n    return neurons.step(1)",
    ],
)
def test_a_named_function_does_not_draw_in_its_module(project, script):
    project.write("scripts/train.py", script)
    before = project.digest()
    project.edit(NEURONS, "step(v) + 1", "step(v) + 2")
    assert project.digest() == before


@pytest.mark.parametrize(
    "script",
    [
        "from core.kernels import neurons\ngetattr(neurons, name)(1)",
        "from core.kernels import neurons\nvisit(neurons)",
        "from core.kernels import neurons\nneurons.made_at_run_time",
        "from core.kernels.neurons import *",
        "import core\nvisit(core)",
        "import sys\nsys.modules[name].other(1)",
    ],
)
def test_what_cannot_be_resolved_draws_in_the_whole_module(project, script):
    project.write("scripts/train.py", script)
    before = project.digest()
    project.edit(NEURONS, "step(v) + 1", "step(v) + 2")
    assert project.digest() != before


def test_globals_draws_in_the_own_module(project):
    project.edit(NEURONS, "return v / tau", "return globals()[tau]")
    before = project.digest()
    project.edit(NEURONS, "UNUSED = 1", "UNUSED = 2")
    assert project.digest() != before


def test_functions_registered_by_a_decorator_count(project):
    before = project.digest("scripts/draw.py")
    project.edit(
        "core/figures.py", "def colour(data):\n    return data", "def colour(data):\n    pass"
    )
    assert project.digest("scripts/draw.py") != before
    before = project.digest("scripts/draw.py")
    project.edit("core/figures.py", "def unused(data)", "def unneeded(data)")
    assert project.digest("scripts/draw.py") == before


def test_relative_imports(project):
    project.edit(
        "core/clock.py", "from core.kernels import neurons", "from .kernels import neurons"
    )
    before = project.digest()
    project.edit(NEURONS, "v / tau", "v * tau")
    assert project.digest() != before


def test_circular_imports_end(project):
    project.write("core/one.py", "from core.two import f\ndef g():\n    return f()\n")
    project.write("core/two.py", "from core.one import g, h\ndef f():\n    return g() + h\n")
    project.write("core/three.py", "from core.three import lost\n")
    project.write("scripts/train.py", "from core import one, three\none.g(three.lost)\n")
    before = project.digest()
    project.edit("core/two.py", "g() + h", "g() - h")
    assert project.digest() != before


def test_long_chains_of_definitions(project):
    length = 3000
    lines = [f"def f{index}():\n    return f{index + 1}()\n" for index in range(length)]
    project.write("core/chain.py", "".join(lines) + f"def f{length}():\n    return 1\n")
    project.write("scripts/train.py", "from core.chain import f0\nf0()\n")
    before = project.digest()
    project.edit("core/chain.py", "return 1\n", "return 2\n")
    assert project.digest() != before


def test_several_entries_and_module_names(project):
    package = project.root / "core"
    scripts = [project.root / "scripts/train.py", project.root / "scripts/draw.py"]
    assert code_digest(*scripts, package=package) == code_digest(*scripts[::-1], package=package)
    assert code_digest(*scripts, package=package) != code_digest(scripts[0], package=package)
    assert code_digest("core.clock", package=package) == code_digest(
        package / "clock.py", package=package
    )
    assert code_digest("core", package=package) == code_digest(
        package / "__init__.py", package=package
    )


def test_modules_that_are_left_out_do_not_count(project):
    def digest():
        script, package = project.root / "scripts/train.py", project.root / "core"
        return code_digest(script, package=package, leave_out=("stage",))

    before = digest()
    assert before != project.digest()
    project.edit("scripts/stage.py", "Mistake(tolerance)", "Mistake()")
    assert digest() == before
    project.edit(NEURONS, "v / tau", "v * tau")
    assert digest() != before


def test_digest_does_not_depend_on_the_place(tmp_path):
    assert Project(tmp_path / "here").digest() == Project(tmp_path / "there").digest()


@pytest.mark.parametrize("entry", ["scripts/missing.py", "core/missing.py", "core.missing"])
def test_missing_entry(project, entry):
    path = project.root / entry if "/" in entry else entry
    with pytest.raises(FileNotFoundError, match="missing"):
        code_digest(path, package=project.root / "core")


def test_own_code_is_found_whatever_the_hash_seed():
    """Stages use `stores.write`; another process, with other hashes, agrees on the digest."""
    program = "from simcore.provenance import code_digest; print(code_digest('simcore.stores'))"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in "12"
    }
    assert digests == {code_digest("simcore.stores")}


def test_digests_are_remembered_until_a_source_changes(project, monkeypatch, tmp_path):
    def ask(folder):
        """As a process of its own would."""
        provenance._sources.cache_clear()
        provenance.remembered_digest.cache_clear()
        script, package = project.root / "scripts/train.py", project.root / "core"
        return provenance.remembered_digest(script, folder, package=package)

    def fail(*_, **__):
        raise AssertionError("computed again")

    folder = tmp_path / "digests"
    first = ask(folder)
    assert first == project.digest()
    with monkeypatch.context() as patched:
        patched.setattr(provenance, "code_digest", fail)
        assert ask(folder) == first
        project.edit(NEURONS, "20.0", "21.0")
        with pytest.raises(AssertionError, match="computed again"):
            ask(folder)
    second = ask(folder)
    assert second != first
    for file in folder.iterdir():
        file.write_text("{")
    assert ask(folder) == second
    (tmp_path / "no folder").touch()
    assert ask(tmp_path / "no folder") == second


def test_versions():
    found = versions()
    assert set(found) == {"python", "numpy", "numba", "llvmlite", "scipy", "xarray", "zarr"}
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert all(version[0].isdigit() for version in found.values())
