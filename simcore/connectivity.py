"""Sparse networks: random, hard-wired, synfire, or read from a trained matrix."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simcore.errors import UserError
from simcore.kernels.plasticity import Incoming
from simcore.kernels.synapses import Synapses


@dataclass(frozen=True)
class Connectivity:
    """The four groups of recurrent synapses, by presynaptic neuron, and the clusters.

    Attributes
    ----------
    e_to_e, e_to_i, i_to_e, i_to_i : Synapses
    cluster : int32 (neurons_e,)
        Cluster of each E neuron; activity runs from cluster k to k + 1.
    """

    e_to_e: Synapses
    e_to_i: Synapses
    i_to_e: Synapses
    i_to_i: Synapses
    cluster: np.ndarray

    @property
    def neurons_e(self):
        """Number of E neurons."""
        return self.e_to_e.row_pointer.size - 1

    @property
    def neurons_i(self):
        """Number of I neurons."""
        return self.i_to_e.row_pointer.size - 1

    @property
    def clusters(self):
        """Number of clusters."""
        return int(self.cluster.max()) + 1

    @property
    def cluster_size(self):
        """E neurons of a cluster."""
        return self.neurons_e // self.clusters


def build(parameters, generator):
    """Build the start network of a study's clock.

    Parameters
    ----------
    parameters : simcore.parameters.Clock
    generator : numpy.random.Generator
        The stream of the weights.

    Returns
    -------
    Connectivity
    """
    if parameters.weights is not None:
        return read_matrix(parameters.weights, parameters.cluster_size, parameters.clusters)
    builders = {"trained": balanced, "hard-wired": hard_wired, "synfire": synfire}
    return builders[parameters.connectivity](parameters, generator)


def balanced(parameters, generator):
    """Draw the random network before learning.

    Start weights scale with 1/sqrt(N_E/2400). Clusters of another size than 80 keep the number of
    inputs from the own cluster: p = 0.2 * 80/n_c for E to E, with weights times sqrt(0.2/p).

    Parameters
    ----------
    parameters : simcore.parameters.Clock
    generator : numpy.random.Generator

    Returns
    -------
    Connectivity
        Weights in pF.

    Source: specification, section 2.
    """
    p, start = parameters.p, parameters.start_weights
    scale = (parameters.neurons_e / 2400) ** -0.5
    p_e_to_e = parameters.p_e_to_e or min(p * 80 / parameters.cluster_size, 1.0)
    weights = {
        "e_to_e": start.e_to_e * scale * (p / p_e_to_e) ** 0.5,
        "e_to_i": start.e_to_i * scale,
        "i_to_e": start.i_to_e * scale,
        "i_to_i": start.i_to_i * scale,
    }
    return _random_network(parameters, generator, weights, p_e_to_e)


def hard_wired(parameters, generator):
    """Draw a clock whose chain of clusters is set by hand.

    Parameters
    ----------
    parameters : simcore.parameters.Clock
    generator : numpy.random.Generator

    Returns
    -------
    Connectivity
        Weights in pF.

    Source: specification, section 8.
    """
    m, K = parameters.neurons_e / 800, parameters.clusters
    f = m**-0.5
    w_in = 4.32 * f / (1 / K + (1 - 1 / K) / 22.5)
    w_out = w_in / 22.5
    weights = {"e_to_e": w_out, "e_to_i": 2.83 * f, "i_to_e": 108.9 * f, "i_to_i": 36.22 * f}
    network = _random_network(parameters, generator, weights, parameters.p_e_to_e or parameters.p)
    pre = np.repeat(network.cluster, np.diff(network.e_to_e.row_pointer))
    post = network.cluster[network.e_to_e.column]
    network.e_to_e.weight[pre == post] = w_in
    network.e_to_e.weight[(pre + 1) % K == post] = 9 * w_out
    return network


def synfire(parameters, generator):
    """Draw a chain of single E neurons: neuron k excites k + 1 alone.

    Parameters
    ----------
    parameters : simcore.parameters.Clock
    generator : numpy.random.Generator

    Returns
    -------
    Connectivity
        Weights in pF.

    Source: specification, section 8.
    """
    n = parameters.neurons_e
    f = (n / 800) ** -0.5
    weights = {"e_to_e": 0.0, "e_to_i": 28.3 * f, "i_to_e": 108.9 * f, "i_to_i": 36.22 * f}
    network = _random_network(parameters, generator, weights, parameters.p)
    chain = Synapses(
        np.arange(n + 1), ((np.arange(n) + 1) % n).astype(np.uint32), np.full(n, 800.0)
    )
    return Connectivity(
        chain, network.e_to_i, network.i_to_e, network.i_to_i, np.arange(n, dtype=np.int32)
    )


def _random_network(parameters, generator, weights, p_e_to_e):
    e, i, p = parameters.neurons_e, parameters.neurons_i, parameters.p
    cluster = np.arange(e, dtype=np.int32) // np.int32(parameters.cluster_size)
    return Connectivity(
        random_synapses(generator, e, e, p_e_to_e, weights["e_to_e"], to_itself=False),
        random_synapses(generator, e, i, p, weights["e_to_i"]),
        random_synapses(generator, i, e, p, weights["i_to_e"]),
        random_synapses(generator, i, i, p, weights["i_to_i"], to_itself=False),
        cluster,
    )


def random_synapses(generator, pre, post, p, weight, *, to_itself=True):
    """Connect every pair of neurons with one probability and one weight.

    Parameters
    ----------
    generator : numpy.random.Generator
    pre, post : int
        Number of neurons on each side.
    p : float
        Probability of a synapse.
    weight : float, pF
    to_itself : bool
        Whether neuron n may have a synapse onto neuron n, of the same population.

    Returns
    -------
    Synapses
        By presynaptic neuron.
    """
    rows = []
    for j in range(pre):
        connected = generator.random(post) < p
        if not to_itself:
            connected[j] = False
        rows.append(np.flatnonzero(connected).astype(np.uint32))
    row_pointer = np.concatenate(([0], np.cumsum([row.size for row in rows])))
    column = np.concatenate(rows)
    return Synapses(row_pointer.astype(np.int64), column, np.full(column.size, float(weight)))


def by_postsynaptic(synapses, post):
    """Find the same synapses from the postsynaptic side.

    Parameters
    ----------
    synapses : Synapses
    post : int
        Number of postsynaptic neurons.

    Returns
    -------
    Incoming
    """
    order = np.argsort(synapses.column, kind="stable").astype(np.uint32)
    place = np.empty_like(order)
    place[order] = np.arange(order.size, dtype=np.uint32)
    pre = np.repeat(np.arange(synapses.row_pointer.size - 1), np.diff(synapses.row_pointer))
    counts = np.bincount(synapses.column, minlength=post)
    row_pointer = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return Incoming(row_pointer, pre[order].astype(np.uint32), order, place)


def read_matrix(path, cluster_size, clusters=None):
    """Read a trained weight matrix in the authors' layout.

    Parameters
    ----------
    path : path of a MATLAB file (before v7.3)
        Its variable ``A`` is A[post, pre] in pF, zero for no synapse, non-negative, E neurons
        (4/5 of all) first.
    cluster_size : int
        E neurons of a cluster.
    clusters : int, optional
        Their number, if it is to be checked.

    Returns
    -------
    Connectivity

    Raises
    ------
    UserError
        If the file cannot be read or is no such matrix.
    """
    A = _load_variable_A(path)
    neurons = A.shape[0]
    e = neurons * 4 // 5
    if e % cluster_size:
        raise UserError(
            f"{path}: its {e} E neurons (4/5 of {neurons}) cannot be cut into clusters of "
            f"{cluster_size}: set clock.cluster_size to the size with which it was trained."
        )
    if clusters is not None and clusters != e // cluster_size:
        raise UserError(
            f"{path}: its {e} E neurons are {e // cluster_size} clusters of {cluster_size}, but "
            f"clock.clusters is {clusters}: leave clusters out or mend cluster_size."
        )
    return Connectivity(
        _sparse(A[:e, :e]),
        _sparse(A[e:, :e]),
        _sparse(A[:e, e:]),
        _sparse(A[e:, e:]),
        np.arange(e, dtype=np.int32) // np.int32(cluster_size),
    )


def _load_variable_A(path):
    from scipy.io import loadmat

    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file: mend clock.weights.")
    try:
        content = loadmat(path, variable_names=["A"])
    except NotImplementedError:
        raise UserError(
            f"{path}: a MATLAB v7.3 file, which is not read: save it with '-v7' and try again."
        ) from None
    except Exception as error:
        raise UserError(
            f"{path}: cannot be read as a MATLAB file ({error}): save the matrix A with '-v7'."
        ) from None
    if "A" not in content:
        raise UserError(f"{path}: has no variable A: save the matrix A[post, pre] under that name.")
    A = content["A"]
    if hasattr(A, "toarray"):
        A = A.toarray()
    problem = _matrix_problem(A)
    if problem:
        raise UserError(
            f"{path}: its variable A {problem}: it must hold A[post, pre] in pF, square, "
            "non-negative, E neurons (4/5 of all) first."
        )
    return A.astype(np.float64)


def _matrix_problem(A):
    """What is wrong with a matrix, if anything."""
    if A.dtype.kind not in "fiu":
        return "is not a real matrix of numbers"
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        return f"has the shape {' x '.join(map(str, A.shape))}"
    if A.shape[0] < 5 or A.shape[0] % 5:
        return f"has {A.shape[0]} neurons, which cannot be cut 4 to 1 into E and I"
    if not np.isfinite(A).all():
        post, pre = np.argwhere(~np.isfinite(A))[0]
        return f"is not finite at A[{post}, {pre}] (counted from 0)"
    if (A < 0).any():
        post, pre = np.argwhere(A < 0)[0]
        return f"is negative at A[{post}, {pre}] (counted from 0)"
    return None


def _sparse(A):
    """Synapses by presynaptic neuron from a dense A[post, pre]."""
    pre, post = np.nonzero(A.T)
    row_pointer = np.concatenate(([0], np.cumsum(np.bincount(pre, minlength=A.shape[1]))))
    return Synapses(row_pointer.astype(np.int64), post.astype(np.uint32), A[post, pre].copy())
