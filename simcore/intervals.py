"""Intervals from a few replicates: Student's t, for a bootstrap of so few is much too narrow."""

import numpy as np

COVERAGE = 0.95
# With fewer there is none: of two it would be nine standard deviations wide to both sides.
FEWEST = 3


def of_mean(values):
    """Return the 95 % interval of the mean of some replicates.

    Parameters
    ----------
    values : float (replicate,)

    Returns
    -------
    low, high : float
        NaN with fewer than `FEWEST`.
    """
    values = np.asarray(values, float)
    mean = values.mean() if values.size else np.nan
    total = values.sum()
    return of_jackknife(mean, (total - values) / max(values.size - 1, 1))


def of_jackknife(value, without):
    """Return the 95 % interval of a number by the jackknife; of a mean it is the usual one.

    Parameters
    ----------
    value : float
        Taken of all replicates.
    without : float (replicate,)
        Taken without each of them.

    Returns
    -------
    low, high : float
        NaN with fewer than `FEWEST`, or if a number is undefined.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 11.
    """
    from scipy.stats import t

    replicates = len(without)
    if replicates < FEWEST:
        return np.nan, np.nan
    error = np.sqrt((replicates - 1) * np.var(without))
    half = t.ppf((1 + COVERAGE) / 2, replicates - 1) * error
    return value - half, value + half
