"""What a sweep measures at a point, from the datasets of its last steps."""

from simcore import datasets, rls_stages, stages
from simcore.rls_numbers import NUMBERS


def measured(group, results, dt, burn_in):
    """Measure one group of a point's results.

    Parameters
    ----------
    group : str
        Beginning of the measures' ids (:func:`simcore.sweeps.group_of`).
    results : dict of str to xarray.Dataset
        By the role that they play.
    dt, burn_in : float, ms
        Of the clock; unused for recursive least squares.

    Returns
    -------
    dict
        Id to (value, unit).
    """
    kind, _, name = group.partition(".")
    if kind == "rls":
        numbers = rls_stages.numbers(results["replay"], results["training"])
        return {
            f"{group}.{part}": (value, NUMBERS.get(part, ("1",))[0])
            for part, value in numbers.items()
        }
    if kind == "readout":
        numbers, _ = stages.passes(results["replay"], dt, burn_in, name=name)
        trained = stages.trained_synapses(results["learned"], results.get("network"))
        return numbers | {f"{group}.trained_synapses": (trained, "synapses")}
    if name == "weights":
        built = datasets.read_connectivity(results["network"])
        return stages.block_weights(built) | stages.disynaptic_inhibition(built)[0]
    return stages.rhythm(results["replay"], dt)[0] | stages.variability(results["replay"])[0]
