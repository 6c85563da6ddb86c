"""Carrying and loads against the worked example by hand, against EPANET, and against SWMM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sketch import layer, line, parcel, parcels, point, zone

import gisplan
from gisplan.judging.reserves.carrying import manning, mean_flow, pressure_flow, storm_intensity
from gisplan.rules.profile import Profile, load

STORM = {"storm_a": 1207.4, "storm_c": 0.94, "storm_b": 5.64, "storm_n": 0.74}


def carried(*services: str) -> Profile:
    """The full profile with a few services, and of their conditions those on reach, way, size and capacity."""
    full = load("jiutong_classic")
    kept = []
    for service in full.services:
        if service.key in services:
            asked = [c for c in service.conditions if c.measure.kind in ("reach", "path", "attribute", "capacity")]
            kept.append(replace(service, conditions=tuple(asked)))
    return replace(full, services=tuple(kept))


# ------------------------------------------------------------------------------------------------ by hand
@pytest.mark.parametrize(("diameter", "flow"), [(150, 17.7), (200, 31), (300, 71), (400, 126), (500, 196)])
def test_mains_under_pressure_at_one_metre_a_second(diameter, flow):
    assert pressure_flow(np.array([float(diameter)]), 1.0)[0] == pytest.approx(flow, abs=0.5)


@pytest.mark.parametrize(
    ("diameter", "slope", "fullness", "flow"),
    [
        (300, 0.003, 0.55, 31), (400, 0.0015, 0.65, 61), (500, 0.0012, 0.70, 110), (600, 0.001, 0.70, 163),
        (800, 0.0008, 0.70, 313), (1000, 0.0006, 0.75, 536),
        (300, 0.003, 1, 53), (400, 0.003, 1, 114), (500, 0.003, 1, 207), (600, 0.003, 1, 336), (800, 0.003, 1, 725),
        (1000, 0.003, 1, 1314),
    ],
)  # fmt: skip
def test_mains_that_fall(diameter, slope, fullness, flow):
    """Figures of a designer's table, n = 0.013."""
    found = manning(np.array([float(diameter)]), np.array([slope]), 0.013, np.array([float(fullness)]))[0]
    assert found == pytest.approx(flow, rel=1e-3, abs=0.6)


def test_a_full_pipe_by_the_formula_for_full_pipes():
    """Q = 0.3117 · D^(8/3) · √S / n, which is π/4 · D² · (D/4)^(2/3) · √S / n."""
    d, s = np.array([250.0, 700.0, 1500.0]), np.array([0.02, 0.001, 0.0007])
    wanted = 0.31169 * (d / 1000) ** (8 / 3) * np.sqrt(s) / 0.013 * 1000
    assert manning(d, s, 0.013, np.ones(3)) == pytest.approx(wanted, rel=1e-4)
    half = manning(d, s, 0.013, np.full(3, 0.5))
    assert half == pytest.approx(wanted / 2, rel=1e-4)  # half the area at the same hydraulic radius


@pytest.mark.parametrize("slope", [0.0, -0.002, np.nan])
def test_what_does_not_fall_carries_nobody_knows_what(slope):
    assert np.isnan(manning(np.array([300.0]), np.array([slope]), 0.013, np.array([0.55]))[0])


@pytest.mark.parametrize(
    ("years", "minutes", "rain"), [(2, 10, 202), (3, 10, 229), (3, 15, 186), (5, 10, 262), (10, 10, 306)]
)
def test_the_design_storm(years, minutes, rain):
    assert storm_intensity({**STORM, "return_period": years, "inlet_time": minutes}) == pytest.approx(rain, abs=0.6)


def test_the_mean_flow_behind_a_peak():
    """Mean flow 10 L/s: K halfway between 2.7 at 5 and 2.4 at 15 is 2.55; with 10 % that leaks in 28.05 L/s."""
    factor = load("jiutong_classic").service("sewage").figures["peak_flow"]
    peaks = np.array([10 * 2.55 * 1.1, 2 * 2.7 * 1.1, 2000 * 1.5 * 1.1])
    assert mean_flow(peaks, factor, 0.1) == pytest.approx([10, 2, 2000], rel=1e-3)


def test_ten_hectares():
    """150 mu of M2: 1,000 m3 of water on the largest day; 518.5 m3 of sewage on the mean day (× 0.7 / 1.35), which
    peaks at 6.00 · 2.67 · 1.1 = 17.6 L/s; 6.5 ha of runoff at 229 L/s/ha, 1,490 L/s; 4.0 MW × 0.8 = 3.2 MW.
    """
    gravity = {"invert_from_m": 98.0, "flow": "顺向"}
    land = parcels(p=(parcel(0, 10, 500, 210), {"use": "M2"}))
    plant = {"role": "source", "kind": "水厂", "capacity": 5000, "capacity_unit": "m3/d", "capacity_used": 0}
    works = {"role": "outfall", "kind": "污水处理厂", "capacity": 1, "capacity_unit": "万m3/d", "capacity_used": 0}
    station = {"role": "source", "kind": "变电站", "capacity": 20, "capacity_unit": "MVA", "capacity_used": 0}
    street = line((0, 0), (500, 0))
    said = {
        "water": layer(("w", street, {"diameter_mm": 200}), ("W", point(0, 0), plant)),
        "sewage": layer(
            ("s", street, {"diameter_mm": 300, **gravity, "invert_to_m": 96.5}), ("S", point(500, 0), works)
        ),
        "storm": layer(
            ("r", street, {"diameter_mm": 1000, **gravity, "invert_to_m": 96.0}),
            ("R", point(500, 0), {"role": "outfall", "kind": "出水口"}),
        ),
        "power": layer(("e", street, {"voltage_kv": 10}), ("E", point(0, 0), station)),
    }
    report = gisplan.check(zone(land, profile=carried(*said), **said))
    assert set(report.cells["grade"]) == {"A"}
    mains = report.ledger[report.ledger["kind"] == "main"].set_index("service")
    assert mains["promised"].to_dict() == pytest.approx(
        {"water": 1000, "storm": 6.5, "sewage": 10 * 100 * 0.7 / 1.35, "power": 3200}
    )
    # DN200 carries 31.4 L/s, 1.5 times the mean of the largest day: "thin"; the others as worked out above.
    assert mains["capacity"]["water"] == pytest.approx(31.416 * 86.4 / 1.5, rel=1e-3)
    assert mains["capacity"]["power"] == pytest.approx(8000 * 0.95)
    assert mains["capacity"]["storm"] == pytest.approx(1314 * (4 / 3) ** 0.5 / 229, rel=2e-3)
    mean = mains["capacity"]["sewage"] / 86.4
    k = np.interp(mean, [5, 15], [2.7, 2.4])
    assert mean * k * 1.1 == pytest.approx(31, abs=0.3)
    # One DN1000 at 0.004 is just enough for the storm.
    assert mains["capacity"]["storm"] == pytest.approx(6.6, abs=0.05)


def test_steam_for_ten_hectares():
    """25 t/h for a km2 of equipment works are 2.5 t/h on 10 ha; at 0.7 MW for a t/h, 1.75 MW of a boiler house of 3."""
    land = parcels(p=(parcel(0, 10, 500, 210), {"use": "M2", "supply_status": "拟供", "delivery_on": "2027-01-01"}))
    boiler = {"role": "source", "kind": "锅炉房", "capacity": 3.0, "capacity_unit": "MW", "capacity_used": 1.0}
    pipe = {"diameter_mm": 300, "medium": "蒸汽"}
    steam = layer(("h", line((0, 0), (500, 0)), pipe), ("H", point(0, 0), boiler))
    needs = pd.DataFrame([{"project": "X", "parcel": "p", "steam_t_h": 25.0 * 0.1}])
    report = gisplan.check(zone(land, profile=carried("heat"), heat=steam, projects=needs))
    row = report.ledger.set_index("feature").loc["H"]
    assert row[["capacity", "used", "promised", "left"]].tolist() == pytest.approx([3.0, 1.0, 1.75, 0.25])
    assert report.cells["grade"].tolist() == ["A"]
    needs["steam_t_h"] = 2.9  # 2.03 MW of the 2.0 that are left
    report = gisplan.check(zone(land, profile=carried("heat"), heat=steam, projects=needs))
    assert report.cells[["grade", "code"]].to_numpy().tolist() == [["D", "no_capacity"]]


# ------------------------------------------------------------------------------------------------ EPANET
def tree(seed: int):
    """A branching water network: mains (parent joint, joint, mm), land beside the middle of each, of 2 to 12 ha."""
    dice = np.random.default_rng(seed)
    mains, land = [(0, 1, 400)], []
    for joint in range(2, 9):
        mains.append((int(dice.integers(max(0, joint - 3), joint)), joint, int(dice.choice([150, 200, 300]))))
    for k in range(len(mains)):
        land.append((k, float(dice.integers(2, 13)), f"2027-{int(dice.permutation(12)[0]) + 1:02d}-{k + 1:02d}"))
    return mains, land


def spots(mains):
    """Joints far apart on a bow, so that no main comes near another's land."""
    at = {0: (0.0, 0.0)}
    for _, joint, _ in mains:
        at[joint] = (10_000.0 * joint, 7_000.0 * joint * joint)
    return at


def checked(mains, land):
    at, rows, given = spots(mains), [], {}
    for k, (parent, joint, size) in enumerate(mains):
        rows.append((f"m{k}", line(at[parent], at[joint]), {"diameter_mm": size}))
    for k, hectares, day in land:
        (x0, y0), (x1, y1) = at[mains[k][0]], at[mains[k][1]]
        x, y = (x0 + x1) / 2 + 10, (y0 + y1) / 2 - 10
        side = (hectares * 10_000) ** 0.5
        given[f"d{k}"] = (parcel(x, y - side, x + side, y), {"use": "M2", "supply_status": "拟供", "delivery_on": day})
    plant = {"role": "source", "kind": "水厂", "capacity": 99_999, "capacity_unit": "m3/d", "capacity_used": 0}
    return gisplan.check(
        zone(parcels(**given), water=layer(*rows, ("W", point(0, 0), plant)), profile=carried("water"))
    )


def epanet(mains, demands, folder):
    """Flow [L/s] and velocity [m/s] in every main, with the land's demand [m3/d] at the lower end of its main."""
    import wntr

    network = wntr.network.WaterNetworkModel()
    network.options.time.duration = 0
    network.add_reservoir("j0", base_head=200.0)
    for k, (parent, joint, size) in enumerate(mains):
        network.add_junction(f"j{joint}", base_demand=demands[k] * 1.5 / 86_400, elevation=0.0)
        network.add_pipe(f"m{k}", f"j{parent}", f"j{joint}", length=500.0, diameter=size / 1000, roughness=130.0)
    found = wntr.sim.EpanetSimulator(network).run_sim(file_prefix=str(folder / "net"))
    flow, speed = found.link["flowrate"].iloc[0], found.link["velocity"].iloc[0]
    names = [f"m{k}" for k in range(len(mains))]
    return np.abs(flow[names].to_numpy()) * 1000, np.abs(speed[names].to_numpy())


@pytest.mark.parametrize("seed", range(3))
def test_flows_and_velocities_are_those_of_epanet(seed, tmp_path):
    """What the ledger promises of each main is EPANET's flow at the peak hour; a full main runs at 1 m/s there."""
    mains, land = tree(seed)
    report = checked(mains, land)
    ledger = (
        report.ledger[report.ledger["kind"] == "main"].set_index("feature").loc[[f"m{k}" for k in range(len(mains))]]
    )
    need = {k: hectares * 100.0 for k, hectares, _ in land}
    flow, speed = epanet(mains, need, tmp_path)
    assert ledger["promised"].to_numpy() * 1.5 / 86.4 == pytest.approx(flow, rel=2e-3, abs=0.02)
    assert (ledger["promised"] / ledger["capacity"]).to_numpy() == pytest.approx(speed, rel=5e-3, abs=2e-3)

    # In the order of delivery: a parcel finds room if with all before it no main on its way runs faster than 1 m/s.
    parent = {joint: (up, k) for k, (up, joint, _) in enumerate(mains)}
    grades = report.cells.set_index("parcel")["grade"]
    before = dict.fromkeys(need, 0.0)
    seen = set()
    for k, _, _ in sorted(land, key=lambda one: one[2]):
        before[k] = need[k]
        _, speed = epanet(mains, before, tmp_path)
        way, joint = [], mains[k][1]
        while joint:
            joint, main = parent[joint]
            way.append(main)
        seen.add(bool(speed[way].max() > 1))
        assert grades[f"d{k}"] == ("D" if speed[way].max() > 1 else "A"), k
    assert seen == {True, False}, "some find room, and some do not"


# ------------------------------------------------------------------------------------------------ SWMM
def swmm(mains, inflows, folder, routing="DYNWAVE"):
    """Steady depth over diameter of every sewer in a row, and how far the water stands over each upper end's crown [m].

    `mains`: (diameter mm, slope), each `LENGTH` m long; `inflows`: L/s into the upper end of each.
    """
    from pyswmm import Links, Nodes, Simulation

    invert = 100.0
    nodes, sewers, shapes, flows = [], [], [], []
    for k, (size, slope) in enumerate(mains):
        nodes.append(f"J{k} {invert:.4f} 20 0 0 0")
        after = f"J{k + 1}" if k + 1 < len(mains) else "OUT"
        sewers.append(f"S{k} J{k} {after} {LENGTH} 0.013 0 0 0 0")
        shapes.append(f"S{k} CIRCULAR {size / 1000} 0 0 0 1")
        flows.append(f'J{k} FLOW "" FLOW 1.0 1.0 {inflows[k]:.4f}')
        invert -= slope * LENGTH
    text = "\n".join(
        [
            "[OPTIONS]", "FLOW_UNITS LPS", f"FLOW_ROUTING {routing}", "LINK_OFFSETS DEPTH", "START_DATE 01/01/2026",
            "START_TIME 00:00:00", "END_DATE 01/01/2026", "END_TIME 06:00:00", "ROUTING_STEP 5", "REPORT_STEP 00:05:00",
            "ALLOW_PONDING NO", "INERTIAL_DAMPING PARTIAL", "VARIABLE_STEP 0.75", "THREADS 1",
            "[JUNCTIONS]", *nodes, "[OUTFALLS]", f"OUT {invert:.4f} NORMAL", "[CONDUITS]", *sewers,
            "[XSECTIONS]", *shapes, "[INFLOWS]", *flows, "[REPORT]", "CONTINUITY NO", "",
        ]
    )  # fmt: skip
    file = folder / "sewer.inp"
    file.write_text(text)
    with Simulation(str(file)) as run:
        for _ in run:
            pass
        links, joints = Links(run), Nodes(run)
        fill = np.array([links[f"S{k}"].depth / (size / 1000) for k, (size, _) in enumerate(mains)])
        over = np.array([joints[f"J{k}"].depth - size / 1000 for k, (size, _) in enumerate(mains)])
    return fill, over


LENGTH = 400
SEWERS = [(300, 0.003), (400, 0.0015), (500, 0.0012), (600, 0.001)]


@pytest.mark.parametrize("fullness", [0.3, 0.55, 0.7])
def test_a_sewer_filled_to_a_share_carries_what_swmm_says(fullness, tmp_path):
    """The flow that Manning gives for a depth stands at that depth in SWMM's kinematic wave."""
    for size, slope in SEWERS[:2]:
        flow = manning(np.array([float(size)]), np.array([slope]), 0.013, np.array([fullness]))[0]
        fill, _ = swmm([(size, slope)] * 3, [flow, 0, 0], tmp_path, "KINWAVE")
        assert fill[-1] == pytest.approx(fullness, rel=0.01)


def test_sewers_surcharge_where_the_loads_exceed_the_capacity(tmp_path):
    """Loads run together down a row of sewers; the one that is too small drowns its upper end, the others do not."""
    full = manning(*(np.array(column, dtype=float) for column in zip(*SEWERS, strict=True)), 0.013, np.ones(4))
    add = np.diff(0.9 * full, prepend=0.0)
    _, over = swmm(SEWERS, add, tmp_path)
    assert (over < 0).all(), "nine tenths of what each carries: all have room"
    for short in range(4):
        run = add.copy()
        run[short] += 0.35 * full[short]
        if short + 1 < 4:
            run[short + 1] -= 0.35 * full[short]
        loads = np.cumsum(run)
        assert (loads > full).tolist() == [k == short for k in range(4)]
        _, over = swmm(SEWERS, run, tmp_path)
        assert over[short] > 0, SEWERS[short]
        assert (over[short + 1 :] < 0).all(), "what follows has room"
