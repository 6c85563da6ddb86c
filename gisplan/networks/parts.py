"""Parts: what hangs together once everything of which that is not known operates, whichever way it flows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gisplan.networks.network import Network
from gisplan.networks.standing import NONE


def parts(network: Network) -> npt.NDArray[np.int64]:
    """Give the part of every joint, over the pieces that operate or may, today or once works are done.

    Closed valves are taken as open: they keep water from a parcel, and no load from finding another way.
    """
    may = ~network.standing.out & ((network.standing.grade < NONE) | network.standing.unknown)
    u, v = network.joined.u[may], network.joined.v[may]
    size = len(network.joined.xy)
    links = coo_array((np.ones(len(u), np.int8), (u, v)), shape=(size, size))
    return connected_components(links, directed=False)[1].astype(np.int64)
