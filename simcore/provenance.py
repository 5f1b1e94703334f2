"""What a result came from: a digest of the code that made it, and the versions of the packages.

The digest is taken from the syntax trees of the files; no code is imported or run.
"""

import ast
import hashlib
import json
import os
import platform
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

_PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "xarray", "zarr")

# Code that uses one of these may reach any name of its own module ...
_REACH_MODULE = {"globals", "vars", "eval", "exec"}
# ... or any module, by a name that only a run of the code would tell.
_REACH_PACKAGE = {
    ("__import__",),
    ("import_module",),
    ("importlib", "import_module"),
    ("sys", "modules"),
}


def versions():
    """Versions of Python and of the packages that numbers depend on: dict of name to version."""
    return {"python": platform.python_version()} | {
        package: metadata.version(package) for package in _PACKAGES
    }


def origin():
    """By what results were made: dict of str to str, commit, processor, versions."""
    return {
        "commit": _commit(),
        "processor": _processor(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }


def _commit():
    """The commit of this code."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def code_digest(*entries, package=Path(__file__).parent, leave_out=()):
    """Digest of the code that entry files use, in this package and beside the files.

    All of an entry file counts. Of the modules that it imports, from the package or from the
    file's own folder, those top-level definitions count (functions, classes, constants) that it
    uses, directly or through other ones, with decorators, annotations, bases and defaults.
    Comments, docstrings, descriptions of a study's keys, layout and unused definitions do not
    count, nor does the code of other packages (see `versions`).

    What may matter without being named counts too: the top-level statements of every imported
    module (an import runs them), definitions whose decorator is code of ours (it may register
    them), and a whole module where it is used as an object or by a name that only a run would tell.
    Not followed: names in strings other than code, such as string annotations, and subclasses that
    are found through their base class.

    Parameters
    ----------
    *entries : path-like or str
        Files (`....py`), such as a workflow's scripts, or dotted names of the package's modules.
    package : path-like
        Folder of the package.
    leave_out : collection of str
        Modules beside the entry files that do not count, nor what they alone use.

    Returns
    -------
    str
        Hexadecimal digits. Equal for equal code on the same minor version of Python.

    Raises
    ------
    FileNotFoundError
        An entry does not exist.
    SyntaxError
        A file that is used is not valid Python.
    """
    package = Path(package).resolve()
    digests = [_Closure(package, entry, leave_out).digest() for entry in entries]
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


@cache
def remembered_digest(entry, folder, *, package=Path(__file__).parent, leave_out=()):
    """Digest of the code that an entry uses, from a file where an earlier process has noted it.

    Digests take long, and every job of a workflow asks for all of them. The file's name tells the
    state of all sources that may matter, so a stale digest is never found; a process sees them as
    they were when it first asked.

    Parameters
    ----------
    entry, package, leave_out
        As of :func:`code_digest`.
    folder : path-like
        Of the files; need not exist, nor be writable.
    """
    beside = Path(entry).parent
    sources = [_sources(folder) for folder in (package, beside) if folder.name]
    state = [platform.python_version_tuple()[:2], *sources]
    file = Path(folder) / f"{hashlib.sha256(repr(state).encode()).hexdigest()[:16]}.json"
    known, key = {}, f"{Path(entry).name} without {', '.join(leave_out) or 'nothing'}"
    with suppress(OSError, ValueError):
        known = json.loads(file.read_text())
    if key not in known:
        known[key] = code_digest(entry, package=package, leave_out=leave_out)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(f".{os.getpid()}")
            new.write_text(json.dumps(known, indent=1))
            new.replace(file)
    return known[key]


@cache
def _sources(folder):
    """Digest of all source files in a folder."""
    files = sorted(folder.rglob("*.py"))
    listing = [(str(file.relative_to(folder)), file.read_bytes()) for file in files]
    return hashlib.sha256(repr(listing).encode()).hexdigest()


# What all compiled kernels are reached from.
KERNELS = ("simcore.kernels.readout", "simcore.kernels.rls_network")


def kernels_digest():
    """Name the cache of compiled kernels: numba does not notice a change in another file."""
    return code_digest(*KERNELS)[:16]


class _Closure:
    """The definitions that an entry file reaches."""

    def __init__(self, package, entry, leave_out):
        self.package = package
        self.folder = None  # of an entry outside the package
        # Dotted name -> _Module, or None if it does not count or is not ours.
        self.modules = dict.fromkeys(leave_out)
        self.code = {}  # (module's name, definition's name) -> text that counts
        self.loaded = set()  # names of the modules whose import has been followed
        self.pending = []  # definitions in `code` whose own names are to be followed
        self.include_definitions(self.find_entry(entry))
        while self.pending:
            self.follow(*self.pending.pop())

    def digest(self):
        content = "\n".join(f"{key}: {text}" for key, text in sorted(self.code.items()))
        return hashlib.sha256(content.encode()).hexdigest()

    def find_entry(self, entry):
        path = Path(entry).resolve()
        if path.suffix == ".py" and not path.is_relative_to(self.package):
            self.folder = path.parent
            self.modules[path.stem] = _parse(path, path.stem)
            return self.modules[path.stem]
        dotted = str(entry)
        if path.suffix == ".py":
            names = path.relative_to(self.package.parent).with_suffix("").parts
            dotted = ".".join(names).removesuffix(".__init__")
        if self.module(dotted) is None:
            raise FileNotFoundError(f"there is no module {dotted} in {self.package}")
        return self.module(dotted)

    def module(self, dotted):
        """Find a module by its dotted name: in the package, beside the entry file, or None."""
        if dotted not in self.modules:
            path = self.locate(dotted)
            self.modules[dotted] = path and _parse(path, dotted)
        return self.modules[dotted]

    def locate(self, dotted):
        names = dotted.split(".")
        root = self.package.parent if names[0] == self.package.name else self.folder
        if root is None or not names[0]:
            return None
        base = root.joinpath(*names)
        for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if path.is_file():
                return path
        return base if base.is_dir() and any(base.glob("*.py")) else None

    def include_definitions(self, module):
        self.load(module.name)
        for name in module.definitions:
            self.include(module, name)

    def include_module(self, module):
        """Include all that can be reached through a module when it is used as an object."""
        if (module.name, "*") in self.code:
            return
        self.code[module.name, "*"] = ""
        self.include_definitions(module)
        for name in module.imports:
            for target, imported in self.resolve(module, (name,)):
                if imported is not None:
                    self.include(target, imported)
        if module.is_package:
            for path in module.folder.rglob("*.py"):
                names = path.relative_to(module.folder).with_suffix("").parts
                self.include_module(
                    self.module(".".join((module.name, *names)).removesuffix(".__init__"))
                )

    def load(self, dotted):
        """Include what the import of a module runs: its statements and its own imports."""
        module = self.module(dotted)
        if module is None or dotted in self.loaded:
            return
        self.loaded.add(dotted)
        self.load(dotted.rpartition(".")[0])
        self.include(module, None)
        for name, nodes in module.definitions.items():
            if any(self.registers(module, node) for node in nodes):
                self.include(module, name)

    def registers(self, module, node):
        """Whether a decorator of this definition may keep it somewhere: it is code of ours."""
        for decorator in getattr(node, "decorator_list", []):
            for chain in _chains(decorator):
                if chain[-1].startswith("overload"):  # of numba.extending
                    return True
                for target, name in self.resolve(module, chain):
                    nodes = target.definitions.get(name, [])
                    is_data = all(isinstance(part, ast.Assign | ast.AnnAssign) for part in nodes)
                    if not is_data or chain[-1] != name:  # or a method of our data
                        return True
        return False

    def include(self, module, name):
        """Include a definition and all it uses; None stands for the module's statements."""
        if (module.name, name or "") not in self.code:
            self.code[module.name, name or ""] = ""
            self.pending.append((module, name))

    def follow(self, module, name):
        """Note the code of a definition and include what it uses."""
        part = module.part(name)
        bindings = {}
        for dotted in part.imports.modules:
            self.load(dotted)
        for dotted in part.imports.starred:
            if self.module(dotted):
                self.include_module(self.module(dotted))
        for chain in part.chains:
            targets = self.resolve(module, chain, part.imports.bindings)
            if chain[0] in module.imports:
                found = sorted(f"{target.name}:{imported}" for target, imported in targets)
                bindings[chain] = found or sorted(map(str, module.imports[chain[0]]))
            for target, imported in targets:
                if imported is None:
                    self.include_module(target)
                else:
                    self.include(target, imported)
            if chain[0] in _REACH_MODULE:
                self.include_module(module)
            if chain in _REACH_PACKAGE:
                self.include_module(self.module(self.package.name))
        self.code[module.name, name or ""] = f"{part.text} {sorted(bindings.items())}"

    def resolve(self, module, chain, local_imports=None, seen=frozenset()):
        """Find what a dotted name in a module stands for: a list of (module, name or None for all).

        `seen` holds the imports that were already followed, so that a circle of them ends.
        """
        name, *rest = chain
        found = [(module, name)] if name in module.definitions else []
        for imports in (module.imports, local_imports or {}):
            for dotted, attribute in imports.get(name, ()):
                attributes = [attribute, *rest] if attribute else rest
                found += self.resolve_import(dotted, *attributes, seen=seen)
        return found

    def resolve_import(self, dotted, *attributes, seen=frozenset()):
        """Find what `attributes` of the module `dotted` stand for; nothing if it is not ours."""
        module = self.module(dotted)
        if module is None or (dotted, attributes) in seen:
            return []
        if not attributes:
            return [(module, None)]
        name = attributes[0]
        if name in module.definitions or name in module.imports:
            return self.resolve(module, attributes, seen=seen | {(dotted, attributes)})
        if self.module(f"{dotted}.{name}"):
            return self.resolve_import(f"{dotted}.{name}", *attributes[1:], seen=seen)
        return [(module, None)]


@dataclass
class _Imports:
    """What the import statements among some nodes bind and load."""

    bindings: dict = field(default_factory=dict)  # name -> {(dotted module, attribute or None)}
    modules: list = field(default_factory=list)  # dotted names of all that are loaded
    starred: list = field(default_factory=list)  # dotted names of `from ... import *`

    @classmethod
    def of(cls, nodes, package):
        """Collect, with relative names resolved against the dotted name of a package."""
        imports = cls()
        for node in nodes:
            for part in ast.walk(node):
                if isinstance(part, ast.Import):
                    for alias in part.names:
                        target = alias.name if alias.asname else alias.name.split(".")[0]
                        imports._bind(alias.asname or target, target, None)
                        imports.modules.append(alias.name)
                elif isinstance(part, ast.ImportFrom):
                    imports._add_from(part, package)
        return imports

    def _add_from(self, node, package):
        dotted = node.module or ""
        if node.level:
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            dotted = ".".join([*parents, dotted]).rstrip(".")
        self.modules.append(dotted)
        for alias in node.names:
            if alias.name == "*":
                self.starred.append(dotted)
            else:
                self._bind(alias.asname or alias.name, dotted, alias.name)
                self.modules.append(f"{dotted}.{alias.name}")  # if it is a module

    def _bind(self, name, dotted, attribute):
        self.bindings.setdefault(name, set()).add((dotted, attribute))


@dataclass
class _Part:
    """A definition, or the statements, of a module."""

    text: str
    chains: set  # the dotted names that it uses, as tuples
    imports: _Imports  # made inside it


class _Module:
    """A parsed file."""

    def __init__(self, name, path, tree):
        self.name = name
        self.is_package = path.name == "__init__.py" or path.is_dir()
        self.folder = path if path.is_dir() else path.parent
        self.definitions = {}  # name -> the top-level nodes that bind it
        self._package = name if self.is_package else name.rpartition(".")[0]
        self._statements = []  # the top-level nodes that do more than bind names
        self._parts = {}
        import_nodes = []
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                import_nodes.append(node)
                continue
            if not _only_binds(node):
                self._statements.append(node)
            for bound in _bound_names(node):
                self.definitions.setdefault(bound, []).append(node)
        self._imports = _Imports.of(import_nodes + self._statements, self._package)
        self.imports = self._imports.bindings  # name -> what it is imported as

    def part(self, name):
        """Give the definition of this name; None stands for the statements and imports."""
        if name not in self._parts:
            nodes = self._statements if name is None else self.definitions[name]
            self._parts[name] = _Part(
                text="\n".join(ast.dump(node) for node in nodes),
                chains={chain for node in nodes for chain in _chains(node)},
                imports=self._imports if name is None else _Imports.of(nodes, self._package),
            )
        return self._parts[name]


def _parse(path, name):
    # A folder without __init__.py is a package too.
    return _parse_source(path, name, b"" if path.is_dir() else path.read_bytes())


@cache
def _parse_source(path, name, source):
    tree = ast.parse(source, filename=str(path))
    for node in ast.walk(tree):
        for branch in ("body", "orelse", "finalbody"):
            nodes = getattr(node, branch, None)
            if isinstance(nodes, list):
                nodes[:] = [child for child in nodes if not _is_docstring(child)]
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in ("parameter", "Field"):
            _leave_description_out(node)
    return _Module(name, path, tree)


def _leave_description_out(call):
    """Of what declares a key of a study (`simcore.parameter_types.parameter`)."""
    call.keywords[:] = [given for given in call.keywords if given.arg != "description"]
    if call.func.id == "parameter":
        del call.args[2:3]


def _is_docstring(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _only_binds(node):
    """Whether a top-level node binds plain names and does nothing else that lasts."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return not any(
            isinstance(part, ast.Attribute | ast.Subscript)
            for target in targets
            for part in ast.walk(target)
        )
    return type(node).__name__ == "TypeAlias"


def _bound_names(node):
    """List the names that a top-level node may bind, imports aside."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(part.name)
        elif isinstance(part, ast.ExceptHandler) and part.name:
            names.add(part.name)
    return names


def _chains(node):
    """Yield the dotted names in a node as tuples: ("a", "b", "c") for `a.b.c`."""
    attributes = []
    if isinstance(node, ast.Attribute):
        inner = node
        while isinstance(inner, ast.Attribute):
            attributes.insert(0, inner.attr)
            inner = inner.value
        node = inner
    if isinstance(node, ast.Name):
        yield (node.id, *attributes)
        return
    for child in ast.iter_child_nodes(node):
        yield from _chains(child)
