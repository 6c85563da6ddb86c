"""Offsets of web maps, by points that others have published, and by sizes and directions that are known."""

from __future__ import annotations

import numpy as np
import pytest

from gisplan.reading.places.offsets import bd09, from_bd09, from_gcj02, gcj02

LINFEN = (111.6, 36.15)
EAST_M, NORTH_M = 111_320 * np.cos(np.radians(36.15)), 110_950


def at(way, lon, lat):
    x, y = way(np.array([lon]), np.array([lat]))
    return float(x[0]), float(y[0])


def test_points_that_other_programs_give():
    # The examples that the widely used coordtransform libraries print for 116.404, 39.915.
    assert at(gcj02, 116.404, 39.915) == pytest.approx((116.41024449916938, 39.91640428150164), abs=1e-9)
    over = at(bd09, *at(from_gcj02, 116.404, 39.915))
    assert over == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-8)
    under = at(gcj02, *at(from_bd09, 116.404, 39.915))
    assert under == pytest.approx((116.39762729119315, 39.90865673957631), abs=1e-8)
    # Those libraries turn GCJ-02 back in one step, which is a metre or two off.
    assert at(from_gcj02, 116.404, 39.915) == pytest.approx((116.39775550083061, 39.91359571849836), abs=2e-5)


def test_size_and_direction_at_linfen():
    for way, east, north, far in (
        (gcj02, (540, 570), (-30, -5), (545, 570)),
        (bd09, (1100, 1150), (650, 700), (1300, 1335)),
    ):
        lon, lat = at(way, *LINFEN)
        dx, dy = (lon - LINFEN[0]) * EAST_M, (lat - LINFEN[1]) * NORTH_M
        assert east[0] < dx < east[1] and north[0] < dy < north[1] and far[0] < np.hypot(dx, dy) < far[1]


def test_there_and_back():
    lon, lat = np.meshgrid(np.linspace(75, 134, 30), np.linspace(19, 53, 20))
    for way, back, metres in ((gcj02, from_gcj02, 1e-4), (bd09, from_bd09, 0.25)):
        x, y = back(*way(lon.ravel(), lat.ravel()))
        assert np.abs(x - lon.ravel()).max() * 111_320 < metres and np.abs(y - lat.ravel()).max() * 111_320 < metres


def test_outside_china_nothing_moves():
    assert at(gcj02, 2.04, 41.35) == (2.04, 41.35) and at(from_gcj02, -0.12, 51.5) == (-0.12, 51.5)
