"""A symmetric matrix packed into half its size, in the order in which one pass reads it.

The matrix has n rows, padded with zeros to a multiple of 8: m blocks of 8 rows. Stored is, block by
block, what lies left of the diagonal in two strips of 4 rows, then the 8 x 8 entries on the
diagonal, row by row. A strip is stored in tiles of 4 rows and 8 columns, so that the memory is read
from one end to the other: with rows one after the other a pass takes half as long again.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from simcore.kernels.compilation import kernel

BLOCK = 8  # rows of a block, columns of a tile
STRIP = 4  # rows of a strip


def padded(n):
    """Return the smallest multiple of the block that holds n."""
    return -(-n // BLOCK) * BLOCK


def packed_size(n):
    """Return how many numbers a packed matrix of n rows takes, its padding included."""
    blocks = padded(n) // BLOCK
    return BLOCK * BLOCK * blocks * (blocks + 1) // 2


def diagonal_places(n):
    """Return where the n diagonal entries stand in a packed matrix: int64 (n,)."""
    block, row = np.divmod(np.arange(n), BLOCK)
    before = BLOCK * BLOCK * block * (block + 1) // 2
    return before + BLOCK * BLOCK * block + row * (BLOCK + 1)


class _Vectors:
    """Operations on 8 numbers at once, written into a function that is being compiled."""

    def __init__(self, builder, number):
        self.builder, self.number = builder, number
        self.vector = ir.VectorType(number, BLOCK)
        self.align = 8 if isinstance(number, ir.DoubleType) else 4
        bits = 8 * self.align
        signature = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{BLOCK}f{bits}"
        self._fmuladd = cgutils.get_or_insert_function(builder.module, signature, name)
        self.zero = ir.Constant(self.vector, [0.0] * BLOCK)

    def _pointer(self, array, index):
        return self.builder.gep(array, [index])

    def load(self, array, index):
        pointer = self.builder.bitcast(self._pointer(array, index), self.vector.as_pointer())
        return self.builder.load(pointer, align=self.align)

    def store(self, value, array, index):
        pointer = self.builder.bitcast(self._pointer(array, index), self.vector.as_pointer())
        self.builder.store(value, pointer, align=self.align)

    def repeated(self, array, index):
        """One number of an array, 8 times."""
        number = self.builder.load(self._pointer(array, index))
        return self._shuffled(
            self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), number, _lane(0)),
            [0] * BLOCK,
        )

    def multiply_add(self, a, b, c):
        return self.builder.call(self._fmuladd, [a, b, c])

    def negated(self, a):
        return self.builder.fneg(a)

    def add_sum(self, value, array, index):
        """Add the sum of 8 numbers to one number of an array."""
        for distance in (4, 2, 1):
            turned = self._shuffled(value, [(n + distance) % BLOCK for n in range(BLOCK)])
            value = self.builder.fadd(value, turned)
        pointer = self._pointer(array, index)
        total = self.builder.extract_element(value, _lane(0))
        self.builder.store(self.builder.fadd(self.builder.load(pointer), total), pointer)

    def _shuffled(self, value, order):
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), order)
        return self.builder.shuffle_vector(value, ir.Constant(self.vector, ir.Undefined), lanes)


def _lane(n):
    return ir.Constant(ir.IntType(32), n)


@intrinsic
def advance_block(typingctx, P, place, first, c, q, k):
    """Pass over one block of rows: P -= c c' and k += P q, for the block and its mirror image.

    The compiler does not vectorize a loop that writes to P and k at once; hence vector
    instructions by hand. P, c, q and k hold numbers of one type; ``place`` is where the block
    begins in P, ``first`` its first row.
    """
    if len({array.dtype for array in (P, c, q, k)}) != 1:
        raise TypeError("P, c, q and k must hold the same type of number")

    def codegen(context, builder, signature, arguments):
        def data(n):
            array = context.make_array(signature.args[n])
            return array(context, builder, value=arguments[n]).data

        P, c, q, k = data(0), data(3), data(4), data(5)
        place, first = arguments[1], arguments[2]
        on = _Vectors(builder, P.type.pointee)
        for half in range(BLOCK // STRIP):
            rows = [builder.add(first, _int(half * STRIP + row)) for row in range(STRIP)]
            _strip(builder, on, P, place, first, rows, c, q, k)
            place = builder.add(place, builder.mul(first, _int(STRIP)))
        _diagonal(builder, on, P, place, first, c, q, k)
        return context.get_dummy_value()

    return types.none(P, place, first, c, q, k), codegen


def _int(value):
    return ir.Constant(ir.IntType(64), value)


def _strip(builder, on, P, place, width, rows, c, q, k):
    """Left of the diagonal: each entry x_ab counts in k_a with q_b and in k_b with q_a."""
    q_rows = [on.repeated(q, row) for row in rows]
    c_rows = [on.negated(on.repeated(c, row)) for row in rows]
    before = builder.block
    head, body, end = (builder.append_basic_block(name) for name in ("head", "body", "end"))
    builder.branch(head)

    builder.position_at_end(head)
    column = builder.phi(ir.IntType(64))
    column.add_incoming(_int(0), before)
    sums = [builder.phi(on.vector) for _ in rows]
    for total in sums:
        total.add_incoming(on.zero, before)
    builder.cbranch(builder.icmp_signed("<", column, width), body, end)

    builder.position_at_end(body)
    tile = builder.add(place, builder.mul(column, _int(STRIP)))
    c_columns, q_columns, k_columns = (on.load(array, column) for array in (c, q, k))
    for total, q_row, c_row in zip(sums, q_rows, c_rows, strict=True):
        x = on.multiply_add(c_row, c_columns, on.load(P, tile))
        on.store(x, P, tile)
        total.add_incoming(on.multiply_add(x, q_columns, total), body)
        k_columns = on.multiply_add(x, q_row, k_columns)
        tile = builder.add(tile, _int(BLOCK))
    on.store(k_columns, k, column)
    column.add_incoming(builder.add(column, _int(BLOCK)), body)
    builder.branch(head)

    builder.position_at_end(end)
    for total, row in zip(sums, rows, strict=True):
        on.add_sum(total, k, row)


def _diagonal(builder, on, P, place, first, c, q, k):
    """On the diagonal all 64 entries are stored, and advanced alike: it stays symmetric."""
    c_columns, k_columns = on.load(c, first), on.load(k, first)
    for n in range(BLOCK):
        row = builder.add(first, _int(n))
        at = builder.add(place, _int(n * BLOCK))
        x = on.multiply_add(on.negated(on.repeated(c, row)), c_columns, on.load(P, at))
        on.store(x, P, at)
        k_columns = on.multiply_add(x, on.repeated(q, row), k_columns)
    on.store(k_columns, k, first)


@kernel
def advance_packed(P, c, q, k):
    """P -= c c', then k = P q, in one pass over a packed P.

    Parameters
    ----------
    P : float (packed_size(n),)
        Changed in place.
    c, q, k : float (padded(n),)
        Of the type of P, their padding zero; k is overwritten.
    """
    k[:] = 0
    place = 0
    for first in range(0, k.size, BLOCK):
        advance_block(P, place, first, c, q, k)
        place += BLOCK * (first + BLOCK)


@kernel
def read_row(P, row, out):
    """Copy one row of a packed P, or column, for it is symmetric, into ``out`` (padded(n),)."""
    first, inner = row - row % BLOCK, row % BLOCK
    strip, lane = inner // STRIP, inner % STRIP
    place = STRIP * first * (first // BLOCK + 1)
    left = place + strip * STRIP * first + lane * BLOCK
    for column in range(0, first, BLOCK):
        for b in range(BLOCK):
            out[column + b] = P[left + STRIP * column + b]
    diagonal = place + BLOCK * first + inner * BLOCK
    for b in range(BLOCK):
        out[first + b] = P[diagonal + b]
    # Below the diagonal the row is a column: the tiles of later blocks that lie under it.
    for below in range(first + BLOCK, out.size, BLOCK):
        tile = STRIP * below * (below // BLOCK + 1) + STRIP * first + inner
        for a in range(BLOCK):
            out[below + a] = P[tile + a // STRIP * STRIP * below + a % STRIP * BLOCK]
