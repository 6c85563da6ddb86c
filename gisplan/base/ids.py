"""Ids: short names for records that have none, the same in every run on the same data."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable


def short_ids(prefix: str, keys: Iterable[str]) -> list[str]:
    """Give every key an id of twelve letters and digits; a key that comes again gets a number behind it.

    An id depends on its own key only, so that what changes elsewhere leaves it alone.

    Parameters
    ----------
    prefix
        What the ids begin with.
    keys
        What makes each record itself: features, ends, kinds; never coordinates or row numbers.

    >>> short_ids("J-", ["water", "gas", "water"])
    ['J-0c11fa8d56c6', 'J-c2df2cf5731f', 'J-0c11fa8d56c6-2']
    """
    seen: Counter[str] = Counter()
    out = []
    for key in keys:
        name = prefix + hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return out
