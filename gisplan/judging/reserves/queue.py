"""Queues: where what people take in turn runs out, for very many mains and sources at once.

Users of an element stand together in some numbering (all that hang on a joint, all of a part), so that they are a
range of numbers; each has a place in the order. A wavelet matrix, one layer for every bit of a place, answers for all
elements in as many array operations as a place has bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Range = tuple[Ints, Ints]


@dataclass(frozen=True)
class _Layer:
    """One bit: how many users before each number have it at zero, and what they take; how many there are in all."""

    count: Ints
    load: Floats
    endless: Ints
    zeros: int

    def taken(self, low: Ints, high: Ints) -> Floats:
        return np.where(self.endless[high] > self.endless[low], np.inf, self.load[high] - self.load[low])

    def down(self, low: Ints, high: Ints, right: Bools) -> Range:
        a, b = self.count[low], self.count[high]
        return np.where(right, self.zeros + low - a, a), np.where(right, self.zeros + high - b, b)


class Queue:
    """What users take, by their place in the order; they are asked for by ranges of their numbers.

    Parameters
    ----------
    place
        Place of each user in the order, from 0, below 2**bits - 1; no two alike.
    load
        What each takes; may be infinite, not below zero.
    bits
        How many bits a place has; the same for all queues that are asked together.
    """

    def __init__(self, place: Ints, load: Floats, bits: int) -> None:
        self.layers: list[_Layer] = []
        for bit in range(bits - 1, -1, -1):
            zero = (place >> bit) & 1 == 0
            endless = np.isinf(load)
            self.layers.append(
                _Layer(
                    _running(zero.astype(np.int64)),
                    _running(np.where(zero & ~endless, load, 0.0)),
                    _running((zero & endless).astype(np.int64)),
                    int(zero.sum()),
                )
            )
            turn = np.concatenate([np.flatnonzero(zero), np.flatnonzero(~zero)])
            place, load = place[turn], load[turn]


def _running(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give the sums of all values before each number."""
    return np.concatenate([np.zeros(1, dtype=value.dtype), np.cumsum(value)])


def runs_out(queues: Sequence[Queue], ranges: Sequence[Range], budget: Floats, bits: int) -> Ints:
    """Find the first place at which the users of every element together take more than there is.

    Parameters
    ----------
    queues, ranges
        Kinds of users, and for each kind the range of numbers of every element (first, one past the last).
    budget
        What there is; one entry an element.
    bits
        As for the queues.

    Returns
    -------
    numpy.ndarray
        Places; 2**bits - 1 where it is enough for all.
    """
    place = np.zeros(len(budget), dtype=np.int64)
    used = np.zeros(len(budget))
    held = [*ranges]
    for level in range(bits):
        here = np.zeros(len(budget))
        for queue, (low, high) in zip(queues, held, strict=True):
            here = here + queue.layers[level].taken(low, high)
        right = used + here <= budget
        used = np.where(right, used + here, used)
        place = (place << 1) | right
        held = [queue.layers[level].down(*pair, right) for queue, pair in zip(queues, held, strict=True)]
    return place


def before(queues: Sequence[Queue], ranges: Sequence[Range], place: Ints, bits: int) -> Floats:
    """Add up what the users of lower places take; one entry a (range, place)."""
    used = np.zeros(len(place))
    held = [*ranges]
    for level in range(bits):
        right = (place >> (bits - 1 - level)) & 1 == 1
        for queue, (low, high) in zip(queues, held, strict=True):
            used = np.where(right, used + queue.layers[level].taken(low, high), used)
        held = [queue.layers[level].down(*pair, right) for queue, pair in zip(queues, held, strict=True)]
    return used


def last_before(queues: Sequence[Queue], ranges: Sequence[Range], place: Ints, bits: int) -> Ints:
    """Find the last place below a given one that a user has; -1 where there is none."""
    found = np.full(len(place), -1, dtype=np.int64)
    for queue, (low, high) in zip(queues, ranges, strict=True):
        rank, at = _rank(queue, (low, high), place, bits), (low, high)
        has = rank > 0
        nth, best = np.maximum(rank - 1, 0), np.zeros(len(place), dtype=np.int64)
        for level in range(bits):
            layer = queue.layers[level]
            zeros = layer.count[at[1]] - layer.count[at[0]]
            right = nth >= zeros
            nth = np.where(right, nth - zeros, nth)
            best = (best << 1) | right
            at = layer.down(*at, right)
        found = np.maximum(found, np.where(has, best, -1))
    return found


def _rank(queue: Queue, pair: Range, place: Ints, bits: int) -> Ints:
    """Count the users of lower places."""
    total = np.zeros(len(place), dtype=np.int64)
    low, high = pair
    for level in range(bits):
        layer = queue.layers[level]
        right = (place >> (bits - 1 - level)) & 1 == 1
        total += np.where(right, layer.count[high] - layer.count[low], 0)
        low, high = layer.down(low, high, right)
    return total
