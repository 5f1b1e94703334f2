"""What took long, kept so that other runs start from it: trained clocks and points of sweeps.

The folder that a study names as ``kept`` has a folder for each study, with a file for each stage of
the clock's training and, in ``sweeps/``, one for each sweep. What lies there is compact and goes by
its *identity*: a digest of all that it depends on but for the code, since whoever names the folder
wants numbers of earlier code to stand for those of today's. Which code it was stays on record.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import xarray as xr

from simcore import datasets, stores
from simcore.datasets import variable
from simcore.errors import UserError

# What learns; all other weights are those of the start network.
LEARNED = ("e_to_e_weight", "i_to_e_weight")
# Of the 10 bits of the mantissa of a 16-bit number.
_CUT = 3
COURSE = ("time", "block_weight", "i_to_e_mean", "rate_e", "rate_i")


def training_path(folder, stage):
    """Path of a stage of the clock's training in a study's folder of what is kept."""
    return Path(folder) / f"{stage}{stores.SUFFIX}"


def points_path(folder, sweep):
    """Path of a sweep's points in a study's folder of what is kept."""
    return Path(folder) / "sweeps" / f"{sweep}{stores.SUFFIX}"


def check_folder(folder, where):
    """Refuse a folder that cannot be what a study names as ``kept``.

    Raises
    ------
    UserError
        It is not there, or is the folder of one study.
    """
    path = Path(folder)
    if not path.is_dir():
        raise UserError(
            f"{where}: kept: there is no folder {folder}: name one in which each study has a "
            "folder with what `snakemake keep` wrote (docs/stores.md)."
        )
    if (path / "sweeps").is_dir() or any(path.glob(f"*{stores.SUFFIX}")):
        raise UserError(
            f"{where}: kept: {folder} is itself the folder of one study: give it the name of that "
            "study, and name the folder above it."
        )


def _read(path, stage):
    """Read a file of this module."""
    try:
        return stores.read(path, stage=stage)
    except UserError:
        raise UserError(
            f"{path} is damaged, or is not what `snakemake keep` wrote: copy it again, or leave "
            "out kept."
        ) from None


# -------------------------------------------------------------------------------- trained clocks


def identity_of(path, stage):
    """What the training of a stage goes by that is kept in a file; None if there is no file."""
    if not Path(path).exists():
        return None
    return _read(path, _kept_stage(stage)).attrs["identity"]


def _kept_stage(stage):
    return f"kept {stage}"


def keep_training(dataset, path, identity):
    """Write what cannot be made again quickly of a stage of the clock's training.

    That is the learned weights, to 0.4 %, and the course of the learning, its weights between
    clusters to 0.05 %. Spikes and the state are left out: no training goes on from what is kept.

    Parameters
    ----------
    dataset : xarray.Dataset
        The store of the stage (:func:`simcore.datasets.training`).
    path : path-like
    identity : str
        Of its step (:class:`simcore.sweeps.Step`).
    """
    compact = dataset[[*LEARNED, *COURSE]]
    compact = compact.assign({name: _rounded(compact[name]) for name in LEARNED})
    compact["block_weight"] = compact["block_weight"].astype(np.float16)
    compact.attrs = {"identity": identity, "structure": _structure(dataset)}
    found = dataset.attrs
    stores.write(
        compact,
        path,
        stage=_kept_stage(found["stage"]),
        parameters=json.loads(found["parameters"]),
        seed=found["seed"],
        # Not that of the code which took it over.
        code_digest=found.get("trained_by", found["code_digest"]),
        inputs={},
        simulated_ms=found["simulated_ms"],
    )


def _rounded(weight):
    """Round to 8 significant bits, in 16: those that are cut off could not be compressed."""
    bits = weight.values.astype(np.float16).view(np.uint16)
    bits = (bits + (1 << _CUT >> 1)) >> _CUT << _CUT
    return weight.copy(data=bits.astype(np.uint16).view(np.float16))


def training(path, stage, before):
    """Give back a stage of the clock's training.

    Parameters
    ----------
    path : path-like
        What :func:`keep_training` wrote.
    stage : str
    before : xarray.Dataset
        The stage before, which has the same synapses.

    Returns
    -------
    xarray.Dataset
        Of :func:`simcore.datasets.training`, without spikes and state; the attribute ``trained_by``
        is the digest of the code that trained it.

    Raises
    ------
    UserError
        The network before has other synapses.
    """
    kept = _read(path, _kept_stage(stage))
    if kept.attrs["structure"] != _structure(before):
        raise UserError(
            f"{path} belongs to a network with other synapses: it was made by code that draws them "
            "in another way. Leave out kept, and the clock is trained anew."
        )
    variables = datasets.connectivity(datasets.read_connectivity(before))
    for name in LEARNED:
        weight = kept[name].values.astype(variables[name].dtype)
        variables[name] = variables[name].copy(data=weight)
    course = {name: kept[name].variable for name in COURSE}
    course["block_weight"] = course["block_weight"].astype(float)
    found = kept.attrs
    attributes = {"simulated_ms": found["simulated_ms"], "trained_by": found["code_digest"]}
    return xr.Dataset(variables | course, attrs=attributes)


def _structure(dataset):
    """Digest of which neurons are connected."""
    digest = hashlib.sha256()
    for group in ("e_to_e", "i_to_e"):
        for part in ("row_pointer", "column"):
            digest.update(np.ascontiguousarray(dataset[f"{group}_{part}"].values, np.int64))
    return digest.hexdigest()


# ------------------------------------------------------------------------------ points of a sweep


def keep_points(numbers, costs, path, *, name, seed):
    """Write the numbers of some points of a sweep.

    Parameters
    ----------
    numbers : dict of str to xarray.Dataset
        By the identity of the point: its store, or what :func:`points` gave; with an attribute
        ``place``, where it lies in the sweep.
    costs : dict of str to float
        CPU seconds of steps, by their identity.
    path : path-like
    name : str
        Of the sweep.
    seed : int
    """
    stored = list(numbers.values())
    texts = {
        "identity": (list(numbers), "what the point goes by"),
        "place": ([one.attrs.get("place", "") for one in stored], "where it lies in the sweep"),
        "failure": ([one.attrs["failure"] for one in stored], "why it lacks numbers, if so"),
        "code_digest": ([one.attrs["code_digest"] for one in stored], "of the code that made it"),
    }
    variables = {
        key: variable("point", np.array(values, dtype=object), "1", meaning)
        for key, (values, meaning) in texts.items()
    }
    # Points of other measures are other points: no number of theirs is missed.
    for measure in dict.fromkeys(name for one in stored for name in one.data_vars):
        units = {one[measure].attrs["units"] for one in stored if measure in one} - {"1"}
        values = np.array([float(one.get(measure, np.nan)) for one in stored])
        variables[measure] = variable("point", values, min(units, default="1"), measure)
    stores.write(
        xr.Dataset(variables, attrs={"costs": json.dumps(costs, sort_keys=True)}),
        path,
        stage=_kept_points(name),
        parameters={},
        seed=seed,
        code_digest="",
        inputs={},
        simulated_ms=0.0,
    )


def _kept_points(sweep):
    return f"kept points of sweep {sweep}"


def points(path, sweep):
    """Read the points of a sweep that are kept.

    Returns
    -------
    dict of str to xarray.Dataset
        By identity, each as a point's own store has it; empty if nothing is kept.
    """
    if not Path(path).exists():
        return {}
    table = _read(path, _kept_points(sweep))
    # Files of earlier versions have no places.
    texts = [t for t in ("identity", "place", "failure", "code_digest") if t in table]
    columns = {text: table[text].values.tolist() for text in texts}
    numbers = table.drop_vars(texts)
    return {
        identity: numbers.isel(point=place).assign_attrs(
            {text: columns[text][place] for text in texts[1:]}
        )
        for place, identity in enumerate(columns["identity"])
    }


def costs(path, sweep):
    """CPU seconds of the steps of points that are kept, by identity; empty if nothing is kept."""
    if not Path(path).exists():
        return {}
    return json.loads(_read(path, _kept_points(sweep)).attrs["costs"])
