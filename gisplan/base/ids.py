"""Ids: short names for records that have none, the same in every run on the same data."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable


def short_ids(prefix: str, keys: Iterable[str]) -> list[str]:
    """Give every key an id of ten letters and digits; a key that comes again gets a number behind it.

    An id depends on its own key only, so that what changes elsewhere leaves it alone.

    Parameters
    ----------
    prefix
        What the ids begin with.
    keys
        What makes each record itself: features, ends, kinds; never coordinates or row numbers.

    >>> short_ids("J-", ["water", "gas", "water"])
    ['J-twrcvmv5hb', 'J-wceahaqquz', 'J-twrcvmv5hb-2']
    """
    seen: Counter[str] = Counter()
    out = []
    for key in keys:
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=7).digest()
        name = prefix + base64.b32encode(digest)[:10].decode().lower()
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return out
