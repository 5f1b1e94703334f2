"""A study's results in Python: what there is, its numbers and pictures, and going on from there."""

import inspect
import json
import zipfile
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from simcore.errors import UserError
from simcore.stores import SUFFIX, file_digest

# Of a network that is there; its parameters for a replay have them as null.
FIXED = ("clock.clusters", "clock.cluster_size", "clock.neurons_e", "clock.neurons_i", "dt")
# What a test of a trained network may have anew; all else it was trained with.
TESTED = ("test.", "input.")
# The argument of a figure that is no store: the name of a target.
NAME = "name"


def open_study(folder):
    """Open the results of a study.

    Parameters
    ----------
    folder : path
        Such as ``results/demo``.

    Returns
    -------
    Results

    Raises
    ------
    UserError
        There are no results in this folder.
    """
    return Results(folder)


class Results:
    """What a study has computed: a store by its name, numbers, pictures, and runs that go on.

    Parameters
    ----------
    folder : path

    Examples
    --------
    >>> demo = open_study("results/demo")
    >>> demo.names()
    >>> demo["replay_abcba"]["readout_spike_time"]
    >>> demo.plot("replay_raster", "replay_abcba")
    >>> faster = demo.replay({"clock.external.rate_e": 5.0}, seed=7)
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        if (studies := _studies(self.folder)) and not _stores(self.folder):
            raise UserError(
                f"{folder} holds the results of several studies, {', '.join(studies)}: name one "
                "of these folders."
            )
        if not self.names():
            raise UserError(
                f"There are no results in {folder}: name the folder of a study, such as "
                "results/demo, or run it first."
            )

    def __repr__(self):
        return f"Results of {self.folder}: {', '.join(self.names())}"

    def __getitem__(self, name):
        """A store as an xarray.Dataset, by its name; values are read when they are used."""
        import xarray as xr

        path = self.folder / f"{name}{SUFFIX}"
        if not path.exists():
            raise UserError(f"{self.folder} holds no {name}: there are {', '.join(self.names())}.")
        try:
            return xr.open_dataset(path)
        except zipfile.BadZipFile:
            raise UserError(
                f"The store {path} is damaged: delete it and run the study again, which makes it."
            ) from None

    def names(self):
        """Names of all stores; those of sweeps begin with ``sweeps/``."""
        paths = [*_stores(self.folder), *_stores(self.folder / "sweeps")]
        names = (path.relative_to(self.folder).as_posix() for path in paths)
        return sorted(name.removesuffix(SUFFIX) for name in names)

    def summary(self):
        """The entries of summary.json as a pandas.DataFrame by their id."""
        return self._table("summary.json").set_index("id")

    def figures(self):
        """Title, caption and data of each figure, as a pandas.DataFrame by its file."""
        return self._table("report.json", "figures").set_index("file")

    def _table(self, name, key=None):
        import pandas as pd

        path = self.folder / name
        if not path.exists():
            raise UserError(f"{self.folder} holds no {name}: run the whole study first.")
        data = json.loads(path.read_text())
        return pd.DataFrame(data[key] if key else data)

    def provenance(self, name):
        """Parameters (dict), seed, versions and input digests of a store."""
        with self[name] as dataset:
            attributes = dict(dataset.attrs)
        decoded = ("parameters", "inputs", "versions")
        return {key: json.loads(attributes[key]) for key in decoded} | {
            key: attributes[key] for key in ("stage", "seed", "code_digest", "simulated_ms")
        }

    def plot(self, figure, *names):
        """Draw a function of :mod:`simcore.figures` or of :mod:`simcore.rls_figures`.

        Parameters
        ----------
        figure : str
            Such as ``replay_raster``.
        *names : str or xarray.Dataset
            Names of the stores that it shows, or datasets, in the order of its arguments; for
            ``target_and_replay`` the name of the target comes last.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from simcore import figures, rls_figures

        drawn = {
            name: function
            for module in (rls_figures, figures)
            for name, function in vars(module).items()
            if hasattr(function, "__wrapped__")  # by figures.styled
            and function.__module__ == module.__name__
        }
        if figure not in drawn:
            raise UserError(f"There is no figure {figure}: there are {', '.join(sorted(drawn))}.")
        arguments = inspect.signature(drawn[figure]).parameters
        needed = [name for name, one in arguments.items() if one.default is one.empty]
        if not len(needed) <= len(names) <= len(arguments):
            raise UserError(
                f"The figure {figure} shows {', '.join(arguments)}: name a store for each."
            )
        shown = [
            self[name] if isinstance(name, str) and argument != NAME else name
            for argument, name in zip(arguments, names, strict=False)
        ]
        try:
            return drawn[figure](*shown)
        except KeyError as error:
            missing = str(error.args[0]).split(". ")[0].removeprefix("No variable named ")
            raise UserError(
                f"The figure {figure} cannot be drawn of these stores, which lack {missing}: it "
                f"shows {', '.join(arguments)}."
            ) from None

    def _clock(self, network):
        """The clock of a name, the dataset itself, or by default the one that was replayed."""
        if network is None:
            return self.network
        return self[network] if isinstance(network, str) else network

    @property
    def network(self):
        """The clock that was replayed: the store that holds its connectivity."""
        return self._source("replay_clock", "network", ("consolidation", "network"))

    def _source(self, name, role, beginnings):
        """The store from which another one was made, among those whose names begin so."""
        wanted = self.provenance(name)["inputs"][role]
        for found in self.names():
            path = self.folder / f"{found}{SUFFIX}"
            if found.startswith(beginnings) and file_digest(path) == wanted:
                return self[found]
        raise UserError(
            f"{self.folder} lacks the {role} from which {name} was made: run the study again."
        )

    def replay(self, changes=None, *, seed=None, target=None, network=None):
        """Replay the clock anew, with another seed, changed parameters, or damage.

        Parameters
        ----------
        changes : dict, optional
            Parameters by dotted key, in the units of config/README.md: ``clock.external.rate_e``,
            ``replay.duration`` (ms), ``damage.neurons`` and so on.
        seed : int, optional
            Default: that of the study, which repeats its replay.
        target : str, optional
            Its read-outs take part.
        network : str or xarray.Dataset, optional
            Another clock: the name of a store, or what :meth:`train` returns.

        Returns
        -------
        xarray.Dataset
            As docs/stores.md describes a replay.
        """
        from simcore import stages
        from simcore.parameters import Damage
        from simcore.parameters import Replay as Settings

        stage = f"replay_{target or 'clock'}"
        stored = self.provenance(stage)
        options = {}
        if target:
            learned = self._source(stage, "readout", "readout_")
            options = {"target": self[f"target_{target}"], "learned": learned}
        given = _changed(stored["parameters"], changes or {})
        with _told(changes):
            at = Damage.model_validate(given.get("damage", {})).at
            if at and at >= Settings.model_validate(given["replay"]).duration:
                raise UserError("damage.at lies after the end of the replay: set replay.duration.")
            return stages.replay(
                given,
                stored["seed"] if seed is None else seed,
                self._clock(network),
                name=stored["stage"],
                **options,
            )

    def train(self, duration, changes=None):
        """Let the trained clock run on with all plasticity, without stimulation.

        It goes on in the state in which its consolidation ended, random streams included.

        Parameters
        ----------
        duration : float, ms
        changes : dict, optional
            As for :meth:`replay`.

        Returns
        -------
        xarray.Dataset
            As docs/stores.md describes a consolidation, which :meth:`replay` takes as ``network``.
        """
        from simcore import stages

        stored = self.provenance("consolidation")
        changes = {"clock.consolidation": duration} | (changes or {})
        given = _changed(stored["parameters"], changes)
        with _told(changes):
            return stages.training(
                given, stored["seed"], self["consolidation"], name="consolidation"
            )

    def test(self, experiment, changes=None):
        """Test networks that recursive least squares has trained anew, with the same starts.

        Parameters
        ----------
        experiment : str
            Its name in the study.
        changes : dict, optional
            Parameters by dotted key, as for :meth:`replay`: of ``test`` and ``input``, such as
            ``test.starts``, ``test.noise`` or ``test.damage``.

        Returns
        -------
        xarray.Dataset
            As docs/stores.md describes an ``rls_replay``.
        """
        from simcore import rls_stages

        stored = self.provenance(f"rls_replay_{experiment}")
        changes = changes or {}
        for key in changes:
            if not key.startswith(TESTED):
                raise UserError(
                    f"A trained network cannot have another {key}: change parameters of test or "
                    "input, or train it anew in a study."
                )
        given = {"experiment": _changed(stored["parameters"]["experiment"], changes)}
        of_experiment = (self[f"rls_{what}_{experiment}"] for what in ("targets", "training"))
        with _told(changes):
            return rls_stages.replay(given, stored["seed"], *of_experiment)


def _stores(folder):
    """Files of the stores in a folder."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def _studies(folder):
    """Names of the folders in it that a run has left there as those of studies."""
    return sorted(path.parent.name for path in folder.glob("*/logs"))


@contextmanager
def _told(changes):
    """Tell a value that no parameter can have in a sentence."""
    try:
        yield
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        key = next((key for key in changes if place and key.endswith(place)), place)
        message = problem["msg"].removeprefix("Value error, ")
        told = f"{key}: {message[0].lower()}{message[1:]}" if key else message
        raise UserError(f"{changes}: {told}.") from None


def _changed(parameters, changes):
    """Parameters with some values changed by dotted key; damage may come new."""
    from simcore.parameters import Damage

    parameters = json.loads(json.dumps(parameters))
    if any(key.startswith("damage.") for key in changes):
        parameters["damage"] = Damage().model_dump() | parameters.get("damage", {})
    for key, value in changes.items():
        *groups, name = key.split(".")
        group = parameters
        for one in groups:
            group = group.get(one, {}) if isinstance(group, dict) else {}
        if name not in group or key in FIXED:
            raise UserError(f"This stage uses no parameter {key} (config/README.md lists them).")
        group[name] = value
    return parameters
