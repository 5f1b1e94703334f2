"""Spike trains for Neo, and from there for NIX files and many others, and for Elephant."""

from pathlib import Path

import numpy as np

from simcore import stores
from simcore.errors import UserError

# Neo's classes by the ending of a file.
FORMATS = {".nix": "NixIO", ".mat": "NeoMatlabIO", ".pkl": "PickleIO"}


def to_neo(dataset):
    """Turn the spikes of a store into a Neo block.

    Parameters
    ----------
    dataset : xarray.Dataset
        With ``spike_time`` and ``spike_neuron``: a replay, or the last seconds of a training.

    Returns
    -------
    neo.Block
        One segment. Each neuron is a spike train, silent ones too, annotated with ``population``
        (E or I), ``neuron`` (as in the store) and ``cluster``; then each read-out, with
        ``population`` (read-out), ``channel`` and ``symbol`` or ``frequency``, where it has one.
        The block's annotations hold the store's parameters, seed and code digest.

    Raises
    ------
    UserError
        The store holds no spikes of a clock, or Neo is not installed.
    """
    try:
        import neo
    except ImportError:
        raise UserError(
            "Neo is not installed: pip install -e '.[neo]' in the project's folder brings it."
        ) from None
    if "spike_neuron" not in dataset or "cluster" not in dataset:
        raise UserError(
            "This store holds no spikes of a clock: choose a replay, or an embedding or "
            "consolidation that was trained here (what an earlier run kept has none)."
        )
    begin = float(dataset["spike_time"].attrs.get("spikes_from_ms", 0.0))
    # A store says how long the run was that it is of.
    end = float(dataset.attrs["simulated_ms"])
    cluster = dataset["cluster"].values
    sizes = _sizes(dataset)
    known = {name: dataset.attrs[name] for name in ("stage", "parameters", "seed", "code_digest")}
    block = neo.Block(name=dataset.attrs["stage"], **known)
    segment = neo.Segment(name=dataset.attrs["stage"])
    block.segments.append(segment)
    trains = _trains(dataset["spike_time"].values, dataset["spike_neuron"].values, sum(sizes))
    for neuron, times in enumerate(trains):
        excitatory = neuron < sizes[0]
        about = {"population": "E" if excitatory else "I", "neuron": neuron}
        if excitatory:
            about["cluster"] = int(cluster[neuron])
        name = f"{about['population']} {neuron}"
        segment.spiketrains.append(_train(neo, times, begin, end, name, about))
    for channel, times in enumerate(_readout_trains(dataset)):
        about = {"population": "read-out", "channel": channel}
        for label, kind in (("symbol", str), ("frequency", float)):
            if label in dataset:
                about[label] = kind(dataset[label].values[channel])
        segment.spiketrains.append(_train(neo, times, begin, end, f"read-out {channel}", about))
    return block


def export(path, to):
    """Write the spikes of a store into a file that Neo can write.

    Parameters
    ----------
    path : path
        Of a ``.zarr.zip`` store.
    to : path
        Its ending chooses the format: ``.nix``, ``.mat``, ``.pkl``.

    Returns
    -------
    int
        How many spike trains the file has.

    Raises
    ------
    UserError
        The store holds no spikes, the file exists, or Neo writes no such file.
    """
    if not str(path).endswith(stores.SUFFIX):
        raise UserError(f"{path} is no store: name a {stores.SUFFIX} file.")
    to = Path(to)
    if to.exists():
        raise UserError(f"{to} is there already: remove it or choose another name.")
    if to.suffix not in FORMATS:
        raise UserError(f"{to} must end in one of {', '.join(FORMATS)}.")
    block = to_neo(stores.read(path))
    import neo

    with stores.writing(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        if to.suffix == ".nix":
            with neo.NixIO(str(to), mode="ow") as file:
                file.write_block(block)
        else:
            getattr(neo, FORMATS[to.suffix])(str(to)).write_block(block)
    return len(block.segments[0].spiketrains)


def _sizes(dataset):
    """Number of E and I neurons."""
    if "neurons_e" in dataset.attrs:
        return int(dataset.attrs["neurons_e"]), int(dataset.attrs["neurons_i"])
    return dataset.sizes["neuron_e"], len(dataset["i_to_i_row_pointer"]) - 1


def _readout_trains(dataset):
    if "readout_spike_channel" not in dataset:
        return []
    spikes = (dataset[f"readout_spike_{part}"].values for part in ("time", "channel"))
    return _trains(*spikes, dataset.sizes["channel"])


def _trains(time, neuron, count):
    """Spike times of each neuron."""
    order = np.lexsort((time, neuron))
    ends = np.cumsum(np.bincount(neuron, minlength=count))[:-1]
    return np.split(time[order], ends)


def _train(neo, times, begin, end, name, about):
    return neo.SpikeTrain(times, units="ms", t_start=begin, t_stop=end, name=name, **about)
