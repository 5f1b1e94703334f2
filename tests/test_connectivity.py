"""Networks: random, hard-wired, synfire, and read from a matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from oracle.network import dense
from scipy.io import savemat
from scipy.sparse import csc_array

from simcore.connectivity import build, by_postsynaptic, random_synapses, read_matrix
from simcore.errors import UserError
from simcore.parameters import Clock


def built(**options):
    return build(Clock(**options), np.random.default_rng(1))


def pre_of(synapses):
    return np.repeat(np.arange(len(synapses.row_pointer) - 1), np.diff(synapses.row_pointer))


def density(synapses, post):
    return synapses.weight.size / post / (len(synapses.row_pointer) - 1)


def sparse(matrix):
    """Synapses of a small dense matrix[post, pre] through random_synapses' own layout."""
    from simcore.kernels.synapses import Synapses

    pre, post = np.nonzero(matrix.T)
    counts = np.bincount(pre, minlength=matrix.shape[1])
    row_pointer = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Synapses(row_pointer, post.astype(np.uint32), matrix[post, pre])


def test_balanced_network_has_the_paper_s_weights():
    network = built()
    assert (network.neurons_e, network.neurons_i) == (2400, 600)
    assert (network.clusters, network.cluster_size) == (30, 80)
    expected = {"e_to_e": 2.83, "i_to_e": 62.87, "e_to_i": 1.96, "i_to_i": 20.91}
    for group, weight in expected.items():
        synapses = getattr(network, group)
        np.testing.assert_allclose(synapses.weight, weight)
        post = 2400 if group.endswith("to_e") else 600
        assert density(synapses, post) == pytest.approx(0.2, abs=0.003)


@pytest.mark.parametrize("clusters", [10, 15])
def test_start_weights_scale_with_the_network(clusters):
    scale = (clusters * 80 / 2400) ** -0.5
    network = built(clusters=clusters)
    for group, weight in (("e_to_e", 2.83), ("i_to_e", 62.87), ("e_to_i", 1.96), ("i_to_i", 20.91)):
        np.testing.assert_allclose(getattr(network, group).weight, weight * scale)


def test_other_cluster_size_keeps_inputs_from_the_own_cluster():
    """Section 2: p = 0.2 * 80/n_c and 2.83 sqrt(0.2/p) for E to E alone."""
    network = built(clusters=15, cluster_size=160)
    assert density(network.e_to_e, 2400) == pytest.approx(0.1, abs=0.002)
    np.testing.assert_allclose(network.e_to_e.weight, 2.83 * 2**0.5)
    assert density(network.i_to_e, 2400) == pytest.approx(0.2, abs=0.003)
    np.testing.assert_allclose(network.i_to_e.weight, 62.87)
    own = network.cluster[pre_of(network.e_to_e)] == network.cluster[network.e_to_e.column]
    assert own.sum() / 2400 == pytest.approx(16, abs=0.5)


def test_hard_wired_weights():
    """Section 8, m = 3: 32.69, 13.08 and 1.453 pF; forward runs from k to k + 1."""
    network = built(connectivity="hard-wired")
    e_to_e = network.e_to_e
    step = (network.cluster[e_to_e.column] - network.cluster[pre_of(e_to_e)]) % 30
    for weight, where in ((32.69, step == 0), (13.08, step == 1), (1.453, step > 1)):
        values = np.unique(e_to_e.weight[where])
        assert values.size == 1 and values[0] == pytest.approx(weight, rel=5e-4)
    f = 3**-0.5
    for group, weight in (("i_to_e", 108.9), ("e_to_i", 2.83), ("i_to_i", 36.22)):
        np.testing.assert_allclose(getattr(network, group).weight, weight * f)
    assert density(e_to_e, 2400) == pytest.approx(0.2, abs=0.003)


def test_synfire_chain():
    network = built(connectivity="synfire")
    assert (network.neurons_e, network.neurons_i, network.clusters) == (120, 30, 120)
    W, _ = dense(network.e_to_e, 120)
    np.testing.assert_array_equal(W, 800 * np.roll(np.eye(120), 1, axis=0))
    assert network.e_to_i.weight[0] == pytest.approx(73, abs=0.2)
    f = 0.15**-0.5
    np.testing.assert_allclose(network.i_to_e.weight, 108.9 * f)
    np.testing.assert_allclose(network.i_to_i.weight, 36.22 * f)


@pytest.mark.parametrize("connectivity", ["trained", "hard-wired", "synfire"])
def test_no_neuron_has_a_synapse_onto_itself(connectivity):
    network = built(
        connectivity=connectivity, clusters=20, cluster_size=1 + 4 * (connectivity != "synfire")
    )
    for synapses in (network.e_to_e, network.i_to_i):
        assert (pre_of(synapses) != synapses.column).all()


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.01, 1), st.integers(0, 99))
def test_random_synapses_are_well_formed(pre, post, p, seed):
    synapses = random_synapses(np.random.default_rng(seed), pre, post, p, 3.0)
    assert synapses.row_pointer.dtype == np.int64 and synapses.column.dtype == np.uint32
    assert synapses.row_pointer[0] == 0 and synapses.row_pointer[-1] == synapses.column.size
    assert (synapses.column < post).all() and (synapses.weight == 3.0).all()
    for j in range(pre):
        row = synapses.column[synapses.row_pointer[j] : synapses.row_pointer[j + 1]]
        assert (np.diff(row.astype(int)) > 0).all()
    if p == 1:
        assert synapses.column.size == pre * post


def test_random_synapses_have_the_density_asked_for():
    synapses = random_synapses(np.random.default_rng(0), 400, 300, 0.3, 1.0)
    sd = (0.3 * 0.7 / 400 / 300) ** 0.5
    assert abs(density(synapses, 300) - 0.3) < 4 * sd


MATRICES = arrays.arrays(
    float, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.sampled_from([0, 0, 1, 2.5])
)


@given(MATRICES)
def test_incoming_is_the_inverse(matrix):
    """By the postsynaptic side the same synapses are found, each once, in order of pre."""
    synapses = sparse(matrix)
    incoming = by_postsynaptic(synapses, matrix.shape[0])
    again = np.zeros_like(matrix)
    for i in range(matrix.shape[0]):
        for n in range(incoming.row_pointer[i], incoming.row_pointer[i + 1]):
            assert synapses.column[incoming.position[n]] == i
            again[i, incoming.pre[n]] += synapses.weight[incoming.position[n]]
    np.testing.assert_array_equal(again, matrix)
    assert sorted(incoming.position) == list(range(synapses.weight.size))


@pytest.fixture
def matrix():
    """A[post, pre] of 8 E and 2 I neurons, every weight another."""
    A = np.random.default_rng(0).uniform(1, 30, (10, 10))
    A[np.random.default_rng(1).random((10, 10)) < 0.4] = 0
    return A


def saved(path, **variables):
    savemat(path, variables)
    return path


@pytest.mark.parametrize("kind", ["dense", "sparse", "integers"])
def test_matrix_round_trip(tmp_path, matrix, kind):
    if kind == "integers":
        matrix = np.rint(matrix).astype(np.int16)
    A = csc_array(matrix) if kind == "sparse" else matrix
    network = read_matrix(saved(tmp_path / "A.mat", A=A, other=3), 4)
    assert (network.neurons_e, network.neurons_i, network.clusters) == (8, 2, 2)
    assert network.cluster.tolist() == [0] * 4 + [1] * 4
    blocks = [[network.e_to_e, network.i_to_e], [network.e_to_i, network.i_to_i]]
    again = np.block([[dense(blocks[a][b], (8, 2)[a])[0] for b in (0, 1)] for a in (0, 1)])
    np.testing.assert_array_equal(again, matrix)
    count = sum(synapses.weight.size for row in blocks for synapses in row)
    assert count == np.count_nonzero(matrix)


def test_weights_beyond_the_bounds_are_read_as_they_are(tmp_path, matrix):
    matrix[0, 1], matrix[1, 0] = 1e-3, 1e3
    network = read_matrix(saved(tmp_path / "A.mat", A=matrix), 4)
    W, _ = dense(network.e_to_e, 8)
    assert W[0, 1] == 1e-3 and W[1, 0] == 1e3


def refused(path, *words, cluster_size=4, clusters=None):
    """One sentence that names the file and holds these words."""
    with pytest.raises(UserError) as error:
        read_matrix(path, cluster_size, clusters)
    message = str(error.value)
    assert str(path) in message and "\n" not in message and len(message) < 400
    for word in words:
        assert word in message, message


def test_missing_file(tmp_path):
    refused(tmp_path / "no.mat", "no such file")
    refused(tmp_path, "no such file")


@pytest.mark.parametrize("content", [b"", b"this is no matrix", bytes(range(256)) * 4])
def test_unreadable_file(tmp_path, content):
    path = tmp_path / "A.mat"
    path.write_bytes(content)
    refused(path, "cannot be read")


def test_truncated_file(tmp_path, matrix):
    path = saved(tmp_path / "A.mat", A=matrix)
    path.write_bytes(path.read_bytes()[:400])
    refused(path, "cannot be read")


def test_version_7_3(tmp_path):
    """Its header says so; then an HDF5 file begins."""
    path = tmp_path / "A.mat"
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."
    header = text.ljust(116) + bytes(8) + b"\x00\x02IM"
    path.write_bytes(header.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(100))
    refused(path, "v7.3", "-v7")


def test_no_variable_A(tmp_path, matrix):
    refused(saved(tmp_path / "A.mat", B=matrix), "no variable A")


@pytest.mark.parametrize("shape", [(10, 9), (4, 4), (12, 12), (10, 10, 2), (0, 0)])
def test_wrong_shape(tmp_path, shape):
    refused(saved(tmp_path / "A.mat", A=np.ones(shape)), "variable A", "square")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(tmp_path, matrix, value):
    matrix[3, 4] = value
    refused(saved(tmp_path / "A.mat", A=matrix), "not finite at A[3, 4]")


def test_negative(tmp_path, matrix):
    matrix[2, 9] = -1
    refused(saved(tmp_path / "A.mat", A=matrix), "negative at A[2, 9]")


@pytest.mark.parametrize("A", ["text", np.ones((10, 10)) * 1j])
def test_no_numbers(tmp_path, A):
    refused(saved(tmp_path / "A.mat", A=A), "variable A")


def test_clusters_that_do_not_divide(tmp_path, matrix):
    refused(saved(tmp_path / "A.mat", A=matrix), "cluster", cluster_size=3)


def test_other_number_of_clusters(tmp_path, matrix):
    refused(saved(tmp_path / "A.mat", A=matrix), "clusters", clusters=3)


def test_authors_matrix(reference_data):
    """Sections 2 and 4: p, mean and block structure of the authors' 15 x 160 matrix."""
    network = read_matrix(reference_data / "FF60b_2400_nc160.mat", 160)
    e_to_e = network.e_to_e
    assert density(e_to_e, 2400) == pytest.approx(0.100, abs=0.001)
    assert e_to_e.weight.mean() == pytest.approx(4.02, abs=0.005)
    step = (network.cluster[e_to_e.column] - network.cluster[pre_of(e_to_e)]) % 15
    means = [e_to_e.weight[step == k].mean() for k in (0, 1, 14)]
    assert 28.7 < means[0] < 30 and 8.8 < means[1] < 11.7 and 2.6 < means[2] < 4.4
    assert 1.45 <= e_to_e.weight[(step > 1) & (step < 14)].mean() < 1.6
