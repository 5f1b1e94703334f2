"""Units and arithmetic that several modules share."""

import numpy as np

MS_PER_UNIT = 10.0  # Kim & Chow 2018 count time in units of the membrane time constant
WINDOW = 10.0  # ms: the spikes that make a cluster of the clock the most active one


def steps_of(time, dt):
    """Return how many steps of dt a time has, rounded: 0.1 ms has no exact floating-point number.

    Parameters
    ----------
    time : float or array, ms
    dt : float, ms

    Returns
    -------
    int, or int64 array of the shape of `time`
    """
    steps = np.asarray(time) / dt
    return np.rint(steps).astype(np.int64) if steps.ndim else round(float(steps))


def ratio(total, count):
    """Divide two arrays of one shape: float64, NaN where `count` is not above 0."""
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def scaled(values):
    """Stretch an array of any shape to what lies between 0 and 1; all 0 if it is constant."""
    span = np.ptp(values)
    return (values - np.min(values)) / span if span > 0 else np.zeros(np.shape(values))


def sparse_matrix(row_pointer, column, weight, columns):
    """Return sparse weights as a matrix (row, column) of scipy, in 64 bits.

    Parameters
    ----------
    row_pointer, column, weight : arrays (row + 1,), (synapse,), (synapse,)
        Row i has the synapses from row_pointer[i] to row_pointer[i + 1].
    columns : int
    """
    from scipy.sparse import csr_array

    shape = len(row_pointer) - 1, columns
    return csr_array((np.asarray(weight, dtype=float), column, row_pointer), shape=shape)


def decaying_sum(steps, decay, start):
    """Return x of x[s] = decay x[s - 1] + steps[s], from x[-1] = start.

    Parameters
    ----------
    steps : float64 array (time, column)
    decay : float
    start : float64 array (column,)

    Returns
    -------
    float64 array (time, column)
    """
    from scipy.signal import lfilter

    before = decay * np.asarray(start)[np.newaxis]
    return lfilter([1.0], [1.0, -decay], steps, axis=0, zi=before)[0]


def sorted_eigenvalues(matrix):
    """Compute the eigenvalues of a matrix (n, n).

    Returns
    -------
    complex128 array (n,)
        By falling real part, then by falling imaginary part.
    """
    eigenvalue = np.linalg.eigvals(matrix).astype(complex)
    return eigenvalue[np.lexsort((-eigenvalue.imag, -eigenvalue.real))]
