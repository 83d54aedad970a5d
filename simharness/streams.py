"""Addressed random draws: ``u = uniform(seed, stream, entity, occasion)``.

Philox-4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11) maps a counter
and a key to four 32-bit words. Here the key is the seed and the counter is the address of the draw:

    key     = (seed low, seed high)
    counter = (occasion, stream, entity low, entity high)

so a draw never depends on which draws were made before it: adding an offender, an arm or a detector moves nothing else.
There are two implementations that agree bit for bit: :func:`philox`, compiled, which draws, and :func:`philox_numpy`,
its vectorised twin. Every distribution takes exactly one uniform (see ``distributions.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any, cast, overload

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

UINT32_MASK = 0xFFFFFFFF
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_SHIFT = np.uint64(32)
_ROUNDS = 10


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``numba.njit`` with an on-disk cache, so that only the first run after an install compiles."""
    return cast(Callable[[Callable[..., Any]], Callable[..., Any]], njit(cache=True, **options))


@cache
def stream_id(name: str) -> int:
    """The 32-bit number of a stream's name; two names in use never share one (a test walks them all)."""
    return int.from_bytes(hashlib.blake2s(name.encode(), digest_size=4).digest(), "little")


def derive_seed(seed: int, purpose: str, index: int = 0) -> int:
    """A 64-bit seed for a separate world (a replication, training, calibration), itself an addressed draw."""
    words = philox_numpy(seed, stream_id("seed." + purpose), np.asarray([index], np.uint64), np.zeros(1, np.uint32))
    return int(words[0, 0]) | int(words[1, 0]) << 32


@compiled(inline="always")
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """One Philox-4x32-10 block for compiled kernels: four uint32 counter words and two uint32 key words to four
    words.
    """
    for _ in range(_ROUNDS):
        p0 = np.uint64(c0) * _M0
        p1 = np.uint64(c2) * _M1
        c0 = np.uint32(np.uint32(p1 >> _SHIFT) ^ c1 ^ k0)
        c1 = np.uint32(p1)
        c2 = np.uint32(np.uint32(p0 >> _SHIFT) ^ c3 ^ k1)
        c3 = np.uint32(p0)
        k0 = np.uint32(k0 + _W0)
        k1 = np.uint32(k1 + _W1)
    return c0, c1, c2, c3


@compiled(inline="always")
def uniform_at(seed: Any, stream: Any, entity: Any, occasion: Any) -> Any:
    """The compiled twin of :func:`uniform` for one address (uint64 seed, uint32 stream, uint64 entity, uint32
    occasion).
    """
    w0, w1, _, _ = philox(
        np.uint32(occasion),
        np.uint32(stream),
        np.uint32(entity),
        np.uint32(entity >> _SHIFT),
        np.uint32(seed),
        np.uint32(seed >> _SHIFT),
    )
    return (float(np.uint64(w0 >> np.uint32(6)) * np.uint64(1 << 26) + np.uint64(w1 >> np.uint32(6))) + 0.5) * 2.0**-52


@compiled()  # twelve to thirty times the speed of the vectorised twin
def _fill(seed: Any, stream: Any, entity: Any, occasion: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        out[i] = uniform_at(seed, stream, entity[i], occasion[i])


def philox_numpy(
    seed: int, stream: int, entity: NDArray[np.uint64], occasion: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Vectorised Philox over equally long ``entity`` and ``occasion``: an array of shape (4, n)."""
    return philox_blocks(
        (occasion, np.uint32(stream), entity.astype(np.uint32), (entity >> _SHIFT).astype(np.uint32)),
        (seed & UINT32_MASK, seed >> 32),
    )


def philox_blocks(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Vectorised Philox of explicit counter words (arrays or scalars, broadcast) under one key; shape (4, n)."""
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.atleast_1d(np.asarray(c, np.uint32)) for c in counter))
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0 = c0.astype(np.uint64) * _M0
        p1 = c2.astype(np.uint64) * _M1
        c0 = (p1 >> _SHIFT).astype(np.uint32) ^ c1 ^ np.uint32(k0)
        c1 = p1.astype(np.uint32)
        c2 = (p0 >> _SHIFT).astype(np.uint32) ^ c3 ^ np.uint32(k1)
        c3 = p0.astype(np.uint32)
        k0 = (k0 + int(_W0)) & UINT32_MASK
        k1 = (k1 + int(_W1)) & UINT32_MASK
    return np.stack([c0, c1, c2, c3])


@compiled()
def _uniform_scalar(seed: Any, stream: Any, entity: Any, occasion: Any) -> Any:
    return uniform_at(seed, stream, entity, occasion)


def draw(seed: int, stream: str, entity: int, occasion: int = 0) -> float:
    """:func:`uniform` for one address, compiled: about a microsecond, for event-driven code that draws singly."""
    address = np.uint64(seed), np.uint32(stream_id(stream)), np.uint64(entity), np.uint32(occasion)
    return float(_uniform_scalar(*address))


@overload
def uniform(seed: int, stream: str, entity: int, occasion: int = 0) -> float: ...
@overload
def uniform(seed: int, stream: str, entity: ArrayLike, occasion: ArrayLike = 0) -> NDArray[np.float64]: ...
def uniform(seed: int, stream: str, entity: ArrayLike, occasion: ArrayLike = 0) -> Any:
    """The draw at an address, in the open interval (0, 1), with 52 bits.

    ``entity`` (uint64) and ``occasion`` (uint32) are scalars or arrays that broadcast; the result has their shape
    (a float for two scalars). ``seed`` is an integer in [0, 2**64). Raises ValueError outside that range.
    """
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed: expected an integer in [0, 2**64), got {seed}")
    entities, occasions = np.broadcast_arrays(np.asarray(entity, np.uint64), np.asarray(occasion, np.uint32))
    out = np.empty(entities.size)
    _fill(np.uint64(seed), np.uint32(stream_id(stream)), entities.ravel(), occasions.ravel(), out)
    return float(out[0]) if entities.ndim == 0 else out.reshape(entities.shape)
