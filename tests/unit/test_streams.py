"""Philox against its published known answers, and the compiled kernel against its vectorised twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simharness.streams import derive_seed, philox, philox_blocks, philox_numpy, stream_id, uniform, uniform_at

# Random123 1.14 (Salmon et al. 2011), kat_vectors, philox4x32 with 10 rounds: counter, key, expected.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_known_answers(counter: tuple[int, ...], key: tuple[int, ...], expected: tuple[int, ...]) -> None:
    words = [np.uint32(word) for word in (*counter, *key)]
    assert tuple(int(w) for w in philox(*words)) == expected
    assert tuple(int(w) for w in philox_blocks(counter, key)[:, 0]) == expected


@settings(deadline=None)  # the first example compiles
@given(seed=U64, entity=U64, occasion=U32)
def test_kernel_and_twin_agree_bit_for_bit(seed: int, entity: int, occasion: int) -> None:
    words = philox_numpy(seed, stream_id("test.agree"), np.array([entity], np.uint64), np.array([occasion], np.uint32))
    high, low = (int(word) >> 6 for word in words[:2, 0])
    kernel = uniform_at(np.uint64(seed), np.uint32(stream_id("test.agree")), np.uint64(entity), np.uint32(occasion))
    assert uniform(seed, "test.agree", entity, occasion) == kernel == (high * 2**26 + low + 0.5) * 2.0**-52
    assert 0.0 < kernel < 1.0


def test_arrays_agree_with_the_twin_bit_for_bit() -> None:
    entities, occasions = np.arange(1 << 40, (1 << 40) + 1000, dtype=np.uint64), np.arange(1000, dtype=np.uint32)
    words = (philox_numpy(3, stream_id("test.agree"), entities, occasions)[:2] >> np.uint32(6)).astype(np.float64)
    twin = (words[0] * 2.0**26 + words[1] + 0.5) * 2.0**-52
    assert np.array_equal(uniform(3, "test.agree", entities, occasions), twin)


def test_a_draw_does_not_depend_on_its_neighbours() -> None:
    entities = np.arange(10_000, dtype=np.uint64)
    together = uniform(7, "test.order", entities, 3)
    alone = [uniform(7, "test.order", int(entity), 3) for entity in (0, 4095, 4096, 9_999)]
    assert [together[i] for i in (0, 4095, 4096, 9_999)] == alone


def test_every_part_of_the_address_matters() -> None:
    base = uniform(1, "test.a", 2, 3)
    others = [
        uniform(2, "test.a", 2, 3),
        uniform(1, "test.b", 2, 3),
        uniform(1, "test.a", 3, 3),
        uniform(1, "test.a", 2, 4),
        uniform(1 << 32, "test.a", 2, 3),
        uniform(1, "test.a", 2 << 32, 3),
    ]
    assert len({base, *others}) == 7


def test_shape_follows_the_address() -> None:
    assert uniform(1, "test.shape", np.zeros((2, 1), np.uint64), np.arange(3)).shape == (2, 3)
    assert isinstance(uniform(1, "test.shape", 0), float)


def test_derived_seeds_differ_by_purpose_and_index() -> None:
    seeds = {derive_seed(5, purpose, index) for purpose in ("replication", "training") for index in range(50)}
    assert len(seeds) == 100


def test_seed_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 2\*\*64\), got -1"):
        uniform(-1, "test.range", 0)


def test_uniformity_in_256_cells() -> None:
    """Pearson's chi-squared over 256 equal cells of 200,000 draws; the statistic has mean 255 and variance 510."""
    counts = np.bincount((uniform(11, "test.cells", np.arange(200_000)) * 256).astype(int), minlength=256)
    statistic = float(((counts - 200_000 / 256) ** 2 / (200_000 / 256)).sum())
    assert abs(statistic - 255) < 4 * 510**0.5
