"""Packed symmetric matrices against dense ones."""

import platform
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from oracle.packed import unpacked

from simcore.kernels.compilation import OPTIONS
from simcore.kernels.packed import (
    BLOCK,
    STRIP,
    advance_block,
    advance_packed,
    diagonal_places,
    packed_size,
    padded,
    read_row,
)

TYPES = [np.float64, np.float32]
SIZES = [*range(1, 18), 23, 24, 25, 31, 32, 33, 40, 63, 64, 65, 100, 200]


def packed(full):
    """The packed form of a symmetric matrix, written from the module's description alone."""
    n = len(full)
    rows = -(-n // 8) * 8
    whole = np.zeros((rows, rows), full.dtype)
    whole[:n, :n] = full
    numbers = []
    for block in range(0, rows, 8):
        for strip in (block, block + 4):
            for tile in range(0, block, 8):
                numbers.append(whole[strip : strip + 4, tile : tile + 8].ravel())
        numbers.append(whole[block : block + 8, block : block + 8].ravel())
    return np.concatenate(numbers)


def symmetric(n, seed=0, number=np.float64):
    A = np.random.default_rng(seed).standard_normal((n, n))
    return (A + A.T).astype(number)


def long_vector(short):
    """A vector with the padding of a packed matrix."""
    vector = np.zeros(padded(short.size), short.dtype)
    vector[: short.size] = short
    return vector


def test_blocks_are_those_of_the_description():
    assert (BLOCK, STRIP) == (8, 4)


@pytest.mark.parametrize("n", range(1, 41))
def test_round_trip(n):
    full = symmetric(n)
    P = packed(full)
    assert padded(n) % 8 == 0 and 0 <= padded(n) - n < 8
    assert P.size == packed_size(n) == packed_size(padded(n))
    np.testing.assert_array_equal(unpacked(P, n), full)
    places = diagonal_places(n)
    assert len(set(places)) == n
    np.testing.assert_array_equal(P[places], np.diag(full))


def test_half_the_size_of_a_full_matrix():
    assert packed_size(np.array([0, 8, 200])).tolist() == [0, 64, 200 * 208 // 2]


@pytest.mark.parametrize("number", TYPES)
def test_every_place_is_one_entry_or_its_mirror_image(number):
    """No number of the memory is unused, none is read for two entries but mirror images."""
    n = 40
    P = np.arange(1, packed_size(n) + 1, dtype=number)
    full = unpacked(P, n)
    assert full.dtype == number and set(full.ravel()) == set(P)
    below = np.tril(full - np.diag(np.diag(full)))
    outside = [(a, b) for a in range(n) for b in range(a) if a // 8 != b // 8]
    assert len({below[a, b] for a, b in outside}) == len(outside)
    assert all(full[a, b] == full[b, a] for a, b in outside)


@pytest.mark.parametrize("n", range(1, 41))
def test_rows_are_read(n):
    full, row = symmetric(n), np.full(padded(n), np.nan)
    for place in range(n):
        read_row(packed(full), place, row)
        np.testing.assert_array_equal(row[:n], full[place])
        assert (row[n:] == 0).all()


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("number", TYPES)
def test_advance_equals_dense(n, number):
    """P -= c c', then k = P q, from the new P."""
    generator = np.random.default_rng(n)
    full = symmetric(n, n, number)
    c, q = (generator.standard_normal(n).astype(number) for _ in range(2))
    P, k = packed(full), np.full(padded(n), np.nan, number)
    advance_packed(P, long_vector(c), long_vector(q), k)
    expected = full - np.outer(c.astype(float), c)
    unit = np.finfo(number).eps
    np.testing.assert_allclose(unpacked(P, n), expected, rtol=0, atol=8 * unit * abs(full).max())
    scale = (abs(expected) @ abs(q)).max()
    np.testing.assert_allclose(k[:n], expected @ q, rtol=0, atol=(n + 4) * unit * scale)
    assert (k[n:] == 0).all()


def test_a_single_entry_reaches_both_ends():
    """Each entry alone, so that none may make up for another: k_a from q_b and k_b from q_a."""
    n = 20
    zero = np.zeros(padded(n))
    for a in range(n):
        for b in range(a + 1):
            full = np.zeros((n, n))
            full[a, b] = full[b, a] = 1.0
            P, k = packed(full), np.empty(padded(n))
            q = np.arange(1.0, padded(n) + 1)
            q[n:] = 0
            advance_packed(P, zero, q, k)
            np.testing.assert_array_equal(k, long_vector(full @ q[:n]))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from(TYPES))
def test_whole_numbers_are_exact(n, seed, number):
    """Small whole numbers leave no room for rounding: equality to the last bit."""
    generator = np.random.default_rng(seed)
    full = generator.integers(-9, 10, (n, n))
    full = (full + full.T).astype(number)
    c, q = (generator.integers(-9, 10, n).astype(number) for _ in range(2))
    P, k = packed(full), np.empty(padded(n), number)
    advance_packed(P, long_vector(c), long_vector(q), k)
    np.testing.assert_array_equal(unpacked(P, n), full - np.outer(c, c))
    np.testing.assert_array_equal(k[:n], (full - np.outer(c, c)) @ q)
    np.testing.assert_array_equal(P, packed(full - np.outer(c, c)))  # the padding stays zero


@pytest.mark.parametrize("n", [1, 7, 8, 13, 40, 61])
@pytest.mark.parametrize("number", TYPES)
def test_stays_symmetric(n, number):
    """After hundreds of updates, in the squares on the diagonal too, whose entries are stored
    twice.
    """
    generator = np.random.default_rng(n)
    P = np.zeros(packed_size(n), number)
    P[diagonal_places(n)] = 2.0
    reference, c = 2.0 * np.eye(n), np.zeros(n)
    k = np.empty(padded(n), number)
    for _ in range(400):
        q = generator.standard_normal(n).astype(number)
        advance_packed(P, long_vector(c.astype(number)), long_vector(q), k)
        reference -= np.outer(c, c)
        c = k[:n].astype(float) / np.sqrt(1 + q @ k[:n].astype(float))
    full = unpacked(P, n)
    np.testing.assert_array_equal(full, full.T)
    assert 0 < np.linalg.eigvalsh(full.astype(float)).min() < 0.01
    tolerance = 1e-12 if number == np.float64 else 1e-4
    np.testing.assert_allclose(full, reference, rtol=0, atol=tolerance)
    P[diagonal_places(n)] = 0  # the padding: nothing has come in
    padding = unpacked(P, padded(n))
    assert not padding[n:].any() and not padding[:, n:].any()


def test_all_must_hold_one_type_of_number():
    P, c, q, k = (np.zeros(size) for size in (64, 8, 8, 8))
    with pytest.raises(Exception, match="the same type of number"):
        advance_packed(P, c, q.astype(np.float32), k)


@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64", "aarch64", "arm64"),
    reason="the names of the instructions are those of other machines",
)
@pytest.mark.parametrize(("number", "suffix"), [(np.float64, "pd"), (np.float32, "ps")])
def test_compiled_code_has_vector_instructions(number, suffix):
    """Without them a pass takes several times as long."""

    @njit(**OPTIONS | {"cache": False}, _nrt=False)
    def one_block(P, c, q, k):
        advance_block(P, 8, 8, c, q, k)

    one_block(*(np.zeros(size, number) for size in (200, 16, 16, 16)))
    code = "\n".join(one_block.inspect_asm().values())
    if platform.machine().lower() in ("x86_64", "amd64"):
        import llvmlite.binding as llvm

        features = llvm.get_host_cpu_features()
        register = "[yz]mm" if features.get("avx") else "xmm"
        name = rf"vf(n?m)(add|sub)\d+{suffix}" if features.get("fma") else f"v?mul{suffix}"
        counted = re.findall(rf"\b{name}\b.*%{register}", code)
    else:
        lanes = "2d" if suffix == "pd" else "4s"
        counted = re.findall(rf"\bfml[as]\.{lanes}|\bfml[as]\s+v\d+\.{lanes}", code)
    # 2 strips of 4 rows and 8 rows on the diagonal, with two or three products each.
    assert len(counted) >= 2 * 4 * 3 + 8 * 2
