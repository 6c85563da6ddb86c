"""PostGIS: a real server; one read-only transaction, ids to the last digit, and a password that is nowhere."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import pytest
import shapely
from postgis_server import database, server
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rewriting import GANTING, NETWORKS, Sheet, grades, rewrite
from small_zone import HEAD, WATER, X, Y, codes, parcels, pipes, square

from gisplan.base.errors import (
    EncodingError,
    FormatError,
    GisplanError,
    LayerError,
    MissingCRS,
    ProfileError,
    ReadError,
)
from gisplan.base.issues import Book
from gisplan.cli import REFUSED, main
from gisplan.reading.formats import postgis
from gisplan.reading.formats.raw import Request
from gisplan.reading.survey import read_folder

CANARY = "kanarien-Vogel_7#"
READER = "gisplan_canary_reader"
KINDS = {"int64": "bigint", "float64": "double precision", "bool": "boolean", "datetime64[ns]": "timestamp"}
TABLES = '[parcels]\ntable = "public.parcels"\n' + WATER.replace("status", 'table = "public.water"\nstatus')


@pytest.fixture(scope="module")
def admin() -> Iterator[str]:
    with server() as conninfo, database(conninfo, "gisplan_test") as found:
        with psycopg.connect(found, autocommit=True) as connection:
            connection.execute(f"DROP ROLE IF EXISTS {READER}")
            connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{CANARY}'")
            connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {READER}")
        yield found
        with psycopg.connect(found, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {READER}")
            connection.execute(f"DROP ROLE {READER}")


@pytest.fixture
def base(admin: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """Give an open door to an empty database, and let gisplan read from it as somebody who may only look."""
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GISPLAN_DATABASE", as_reader(admin))
    with psycopg.connect(admin, autocommit=True) as connection:
        yield connection
        for (schema,) in connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public$)'"
        ).fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        for kind, name in connection.execute(
            "SELECT CASE relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, relname"
            " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm')"
            " AND relname !~ '^(spatial_ref_sys|geometry_columns|geography_columns)$'"
        ).fetchall():
            query = sql.SQL("DROP {} IF EXISTS {} CASCADE").format(sql.SQL(kind), sql.Identifier("public", name))
            connection.execute(query)


def as_reader(admin: str) -> str:
    """The same server by name, password and port, as a bureau reaches it."""
    here = conninfo_to_dict(admin)
    host = here.get("host", "127.0.0.1")
    return make_conninfo(
        host="127.0.0.1" if str(host).startswith("/") else host,
        port=here.get("port", 5432), dbname=here["dbname"], user=READER, password=CANARY,
    )  # fmt: skip


def store(base: psycopg.Connection, name: tuple[str, str], frame: gpd.GeoDataFrame, srid: int, **more: str) -> None:
    """Write a frame with plain SQL."""
    names = [c for c in frame.columns if c != frame.geometry.name]
    kinds = [more.get(c) or KINDS.get(str(frame[c].dtype), "text") for c in names]
    with base.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name[0])))
        cursor.execute(
            sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(name[0]), sql.Identifier(READER))
        )
        columns = [sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(k)) for c, k in zip(names, kinds, strict=True)]
        columns.append(sql.SQL("geom geometry"))
        cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(*name), sql.SQL(", ").join(columns)))
        place = sql.SQL(sql.Identifier(*name).as_string().replace("%", "%%"))
        query = sql.SQL("INSERT INTO {} VALUES ({}, ST_GeomFromWKB(%s, {}))").format(
            place, sql.SQL(", ").join(sql.Placeholder() * len(names)), sql.Literal(srid)
        )
        rows = frame[names].astype(object).where(frame[names].notna(), None).to_numpy().tolist()
        shapes = [None if shape is None else shapely.to_wkb(shape) for shape in frame.geometry]
        cursor.executemany(query, [[*row, shape] for row, shape in zip(rows, shapes, strict=True)])


def read(*names: str, layer: str | None = None, lang: str = "en"):
    book = Book(lang)
    found = postgis.read_tables([Request(name, "[layer.water]", layer) for name in names], book)
    return [raws[0] for raws in found]


def small(base: psycopg.Connection, zone, **frames: gpd.GeoDataFrame) -> Path:
    for name, frame in {"parcels": parcels(), "water": pipes(), **frames}.items():
        store(base, ("public", name), frame, 4546)
    return zone(TABLES, parcels=None, water=None)


def test_the_embedded_zone_from_a_database_gives_the_same_grades(base, tmp_path: Path) -> None:
    def writer(sheet: Sheet, folder: Path) -> str:
        store(base, ("管网", f"{sheet.key} {sheet.layer}"), sheet.frame, sheet.frame.crs.to_epsg())
        return f'table = "管网.{sheet.key} {sheet.layer}"'

    folder = rewrite(tmp_path / "zone", writer, ("parcels", "barriers", *NETWORKS))
    said = (folder / "zone.toml").read_text(encoding="utf-8")
    for key in ("works", "evidence"):
        table = pd.read_csv(folder / f"{key}.csv", dtype=str)
        (folder / f"{key}.csv").unlink()
        store(base, ("管网", key), gpd.GeoDataFrame(table, geometry=[None] * len(table)), 0)
        base.execute(sql.SQL("ALTER TABLE 管网.{} DROP COLUMN geom").format(sql.Identifier(key)))
        said += f'\n[{key}]\ntable = "管网.{key}"\n'
    (folder / "zone.toml").write_text(said, encoding="utf-8")
    ours, theirs = grades(GANTING), grades(folder)
    assert len(ours) == 1660
    assert (ours == theirs).all()


def test_a_table_is_read_as_it_stands(base, zone) -> None:
    survey = read_folder(small(base, zone), lang="en")
    assert list(survey.parcels.index) == ["P1", "P2", "P3"] and survey.parcels.geometry.iloc[0].equals(square(0, 0))
    assert list(survey.layers["water"]["diameter_mm"]) == [300.0, 200.0]
    assert sorted(survey.inputs) == ["postgis:public.parcels", "postgis:public.water", "zone.toml"]
    assert codes(survey) == ["default_status"]


def test_values_are_text_to_the_last_digit(base) -> None:
    base.execute(
        "CREATE TABLE t (big bigint, num numeric(30,4), txt text, padded char(5), yes boolean, day date,"
        " at timestamp, f float8, small float4, photo bytea, geom geometry(Point, 4546))"
    )
    base.execute(
        "INSERT INTO t VALUES (1410240010010000001, 12345678901234567890.5000, '0010', 'ab', true, '2026-01-31',"
        " '2026-01-31 08:00', 0.1, 0.1, 'x', ST_SetSRID(ST_Point(1, 2), 4546)),"
        " (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),"
        " (1410240010010000002, 0, '', ' ', false, NULL, NULL, 1e300, 3, NULL, ST_SetSRID(ST_Point(3, 4), 4546))"
    )
    (raw,) = read("public.t")
    table = raw.table.astype(object).where(raw.table.notna(), None)
    assert "photo" not in table and "geom" not in table
    assert table["big"].tolist() == ["1410240010010000001", "1410240010010000002", None]
    assert table["num"].tolist() == ["12345678901234567890.5000", "0.0000", None]
    assert table["txt"].tolist() == ["0010", "", None]
    assert table["yes"].tolist() == ["true", "false", None]
    assert table["day"].tolist() == ["2026-01-31", None, None]
    assert table["at"].tolist() == ["2026-01-31 08:00:00", None, None]
    assert table["f"].tolist() == ["0.1", "1e+300", None] and table["small"].tolist() == ["0.1", "3", None]
    assert [None if g is None else g.wkt for g in raw.geometry] == ["POINT (1 2)", "POINT (3 4)", None]
    assert raw.crs.to_epsg() == 4546 and not raw.broken.any() and raw.fids.tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", ["bigint", "numeric", "text"])
@pytest.mark.parametrize("blank", [False, True], ids=["whole", "with a null"])
def test_ids_keep_every_digit(base, zone, kind: str, blank: bool) -> None:
    ids = ["1410240010010000001", "1410240010010000002", None if blank else "1410240010010000003"]
    if kind == "text":
        ids[0] = "0410240010010000001"
    whole = [id_ or "1410240010010000003" for id_ in ids]
    frame = pd.concat([pipes(), pipes().iloc[:1]], ignore_index=True).assign(feature=ids)
    folder = small(base, zone, parcels=parcels().assign(parcel=whole), water=frame)
    for column in ("parcels ALTER parcel", "water ALTER feature"):
        base.execute(f"ALTER TABLE {column} TYPE {kind} USING {column.split()[-1]}::{kind}")
    survey = read_folder(folder, lang="en")
    assert [str(name) for name in survey.parcels.index] == whole
    found = [str(name) for name in survey.layers["water"].index.get_level_values(0)]
    assert [name for name in found if name[0] != "#"] == [name for name in ids if name is not None] and len(found) == 3


def test_the_order_does_not_depend_on_where_rows_lie_on_the_disk(base) -> None:
    store(base, ("public", "plain"), pipes(), 4546)
    store(base, ("public", "keyed"), pipes(), 4546)
    base.execute("ALTER TABLE keyed ADD PRIMARY KEY (feature)")
    before = [postgis.fingerprint(raw) for raw in read("plain", "keyed")]
    for name in ("plain", "keyed"):  # an update moves a row to the end
        base.execute(f"UPDATE {name} SET role = role WHERE feature = 'W1'")
        assert base.execute(f"SELECT feature FROM {name}").fetchall() == [("W2",), ("W1",)]
    after = read("plain", "keyed")
    assert [postgis.fingerprint(raw) for raw in after] == before and before[0] == before[1]
    assert after[0].table["feature"].tolist() == ["W1", "W2"]
    base.execute("UPDATE plain SET geom = ST_Translate(geom, 0.001, 0) WHERE feature = 'W1'")
    assert postgis.fingerprint(read("plain")[0]) != before[0]


def test_views_curves_and_geography(base) -> None:
    store(base, ("public", "t"), pipes(), 4546)
    base.execute("CREATE VIEW v AS SELECT * FROM t WHERE feature = 'W1'")
    base.execute("CREATE MATERIALIZED VIEW m AS SELECT feature, ST_Transform(geom, 4490)::geography AS g FROM t")
    base.execute("CREATE TABLE c (id int PRIMARY KEY, geom geometry)")
    base.execute(
        "INSERT INTO c VALUES (1, 'SRID=4546;CIRCULARSTRING(0 0, 1 1, 2 0)'), (2, 'SRID=4546;POINT EMPTY'),"
        " (3, 'SRID=4546;TIN(((0 0 0,0 0 1,0 1 0,0 0 0)))'), (4, 'SRID=4546;LINESTRING Z (0 0 5, 1 0 6)')"
    )
    view, matter, curves = read("public.v", "m", "public.c")
    assert view.table["feature"].tolist() == ["W1"]
    assert matter.crs.to_epsg() == 4490 and abs(shapely.get_x(shapely.get_point(matter.geometry[0], 0)) - 111.6) < 0.01
    assert abs(curves.geometry[0].length - 3.14159) < 1e-3 and curves.geometry[0].is_valid
    assert curves.broken.tolist() == [False, False, True, False] and curves.geometry[1].is_empty
    assert shapely.get_z(shapely.get_point(curves.geometry[3], 1)) == 6.0


def test_mixed_coordinate_systems_are_refused_with_their_counts(base, zone) -> None:
    folder = small(base, zone)
    base.execute("UPDATE water SET geom = ST_SetSRID(geom, 4547) WHERE feature = 'W2'")
    with pytest.raises(LayerError, match=r"public\.water.*SRID 4546 ×1, SRID 4547 ×1.*\[layer\.water\]"):
        read_folder(folder, lang="en")
    base.execute("UPDATE water SET geom = ST_SetSRID(geom, 0)")
    with pytest.raises(MissingCRS, match=r'public\.water.*crs = "EPSG:4546"'):
        read_folder(folder, lang="en")
    # An SRID of the house whose number is not in any register: its text counts.
    words = pd.Series([4546]).map(lambda number: __import__("pyproj").CRS(number).to_wkt("WKT1_GDAL"))[0]
    base.execute("INSERT INTO spatial_ref_sys VALUES (990046, NULL, NULL, %s, NULL)", (words,))
    base.execute("UPDATE water SET geom = ST_SetSRID(geom, 990046)")
    assert read_folder(folder, lang="en").layers["water"].geometry.iloc[0].equals(pipes().geometry.iloc[0])
    base.execute("DELETE FROM spatial_ref_sys WHERE srid = 990046")


def test_several_columns_of_shapes_need_a_word(base, zone) -> None:
    folder = small(base, zone)
    base.execute("ALTER TABLE water ADD geom2 geometry(LineString, 4546)")
    base.execute("UPDATE water SET geom2 = ST_Translate(geom, 0, 7)")
    with pytest.raises(LayerError, match=r'public\.water.*geom, geom2.*layer = "its name"'):
        read_folder(folder, lang="en")
    text = (folder / "zone.toml").read_text(encoding="utf-8")
    (folder / "zone.toml").write_text(
        text.replace('"public.water"', '"public.water"\nlayer = "geom2"'), encoding="utf-8"
    )
    survey = read_folder(folder, lang="en")
    assert survey.layers["water"].geometry.iloc[0].bounds[1] == pipes().geometry.iloc[0].bounds[1] + 7
    assert "postgis:public.water:geom2" in survey.inputs
    with pytest.raises(LayerError, match="geom3"):
        read("public.water", layer="geom3")


def test_tables_that_are_not_there_empty_or_forbidden(base) -> None:
    store(base, ("public", "water"), pipes(), 4546)
    store(base, ("old", "water"), pipes().iloc[:0], 4546)
    with pytest.raises(LayerError, match=r"public\.watr.*nearest is public\.water.*public\.water"):
        read("public.watr")
    with pytest.raises(LayerError, match=r"several tables.*old\.water, public\.water"):
        read("water")
    with pytest.raises(LayerError, match=r"old\.water: the layer has no features"):
        read("old.water")
    base.execute(f"REVOKE SELECT ON water FROM {READER}")
    with pytest.raises(ReadError, match=r"public\.water.*GRANT SELECT"):
        read("public.water")
    base.execute(f"GRANT SELECT ON water TO {READER}; ALTER TABLE water ENABLE ROW LEVEL SECURITY")
    base.execute("CREATE POLICY half ON water USING (feature = 'W1')")
    with pytest.raises(ReadError, match=r"public\.water.*row-level security"):
        read("public.water")
    for name in ("pg_catalog.pg_authid", "pg_authid", "information_schema.tables"):
        with pytest.raises(LayerError):
            read(name)


@pytest.mark.parametrize(
    "name",
    [
        "(select 1 id, pw pid from secret) q", "water; DROP TABLE water; --", '"water"', "water' OR 1=1", "wa\nter",
        "postgresql://bob:geheim@127.0.0.1/x", "host=127.0.0.1 password=geheim",
    ],
)  # fmt: skip
def test_what_is_no_name_never_reaches_the_server(name: str, monkeypatch) -> None:
    monkeypatch.setenv("GISPLAN_DATABASE", "postgresql://127.0.0.1:1/nowhere")
    with pytest.raises(ProfileError) as refused:
        read(name)
    assert "schema" in str(refused.value) or "GISPLAN_DATABASE" in str(refused.value)
    assert "geheim" not in str(refused.value)


def test_a_password_in_zone_toml_is_not_repeated(zone) -> None:
    for entry in ('table = "postgresql://bob:geheim@h/x"', 'file = "postgresql://bob:geheim@h/x"'):
        folder = zone(f"[parcels]\n{entry}\n", parcels=None)
        with pytest.raises(GisplanError) as refused:
            read_folder(folder, lang="en")
        assert "geheim" not in str(refused.value)
    with pytest.raises(ProfileError, match="either a table"):
        read_folder(zone('[parcels]\nfile = "a.gpkg"\ntable = "public.a"\n'), lang="en")


def test_names_that_are_hostile_or_chinese_are_only_names(base) -> None:
    names = [("管网", "给水 2026"), ("public", "a.b"), ("public", "x--y"), ("public", "SELECT"), ("public", "p%s{}")]
    for name in names:
        store(base, name, pipes(**{'a"; DROP TABLE keep; --': "1", "列 名": "2", "%s": "3"}), 4546)
    for name, raw in zip(names, read(*(".".join(name) for name in names)), strict=True):
        assert raw.table.columns.tolist() == [
            "feature",
            "role",
            "diameter_mm",
            'a"; DROP TABLE keep; --',
            "列 名",
            "%s",
        ], name
        assert raw.table["列 名"].tolist() == ["2", "2"] and raw.table["%s"].tolist() == ["3", "3"]


def test_nothing_can_be_written_even_by_a_view_that_tries(base, zone, monkeypatch, admin) -> None:
    monkeypatch.setenv("GISPLAN_DATABASE", admin)  # somebody who may do everything
    small(base, zone)
    base.execute("CREATE TABLE log (t text)")
    for number, attempt in enumerate(
        ("", "PERFORM set_config('transaction_read_only', 'off', false);", "SET TRANSACTION READ WRITE;")
    ):
        base.execute(
            f"CREATE OR REPLACE FUNCTION note{number}(t text) RETURNS text LANGUAGE plpgsql AS"
            f" $$ BEGIN {attempt} INSERT INTO public.log VALUES (t); RETURN t; END $$"
        )
        base.execute(
            f"CREATE VIEW spy{number} AS SELECT note{number}(feature) AS feature, role, diameter_mm, geom FROM water"
        )
        folder = zone(TABLES.replace("public.water", f"public.spy{number}"), parcels=None, water=None)
        with pytest.raises(ReadError, match=rf"public\.spy{number}.*(read-only|read-write)"):
            read_folder(folder, lang="en")
    assert base.execute("SELECT count(*) FROM log").fetchone() == (0,)
    # The same function does write where it may: the test can fail.
    base.execute("SELECT note0('x')")
    assert base.execute("SELECT count(*) FROM log").fetchone() == (1,)


def test_a_change_between_two_tables_is_not_seen(base, admin) -> None:
    """The first table waits at a lock; meanwhile somebody moves a row from the first table to the second."""
    for name in ("first", "second"):
        store(base, ("public", name), pipes(), 4546)
    base.execute(
        "CREATE FUNCTION wait(t text) RETURNS text LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN t; END $$"
    )
    base.execute("CREATE VIEW slow AS SELECT wait(feature) AS feature, geom FROM first")
    base.execute("SELECT pg_advisory_lock(7)")
    found: list = []
    reader = threading.Thread(target=lambda: found.extend(read("public.slow", "public.second")))
    reader.start()
    try:
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        assert until(lambda: base.execute(waits).fetchone() == (1,))
        base.execute("INSERT INTO second SELECT * FROM first WHERE feature = 'W1'")
        base.execute("DELETE FROM first WHERE feature = 'W1'")
    finally:
        base.execute("SELECT pg_advisory_unlock(7)")
        reader.join(30)
    assert [raw.table["feature"].tolist() for raw in found] == [["W1", "W2"], ["W1", "W2"]]
    assert [len(raw.table) for raw in read("public.slow", "public.second")] == [1, 3]


def until(true, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gisplan'"
    " AND query LIKE '%%FETCH%%' AND pid <> pg_backend_pid()"
)


def test_a_connection_that_breaks_once_is_taken_up_again_and_then_refused(base, zone, admin, capsys, tmp_path) -> None:
    folder = small(base, zone)
    base.execute("CREATE VIEW lame AS SELECT feature, role, diameter_mm, geom FROM water, pg_sleep(0.4)")
    found: list = []
    reader = threading.Thread(target=lambda: found.extend(read("public.lame")))
    reader.start()
    assert until(lambda: base.execute(KILL).fetchall() != [])
    reader.join(30)
    assert [raw.table["feature"].tolist() for raw in found] == [["W1", "W2"]]
    text = (folder / "zone.toml").read_text(encoding="utf-8").replace("public.water", "public.suicide")
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    base.execute(
        "CREATE FUNCTION die(t text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN t; END $$"
    )
    base.execute("CREATE VIEW suicide AS SELECT die(feature) AS feature, role, diameter_mm, geom FROM water")
    began = time.monotonic()
    assert main(["check", str(folder), "--lang", "en", "--out", str(tmp_path / "out")]) == REFUSED
    said = capsys.readouterr().err
    assert "public.suicide" in said and "broke off" in said and "Traceback" not in said
    assert time.monotonic() - began < 20


def test_a_table_that_takes_too_long_or_is_locked(base, admin, monkeypatch) -> None:
    store(base, ("public", "water"), pipes(), 4546)
    base.execute("CREATE VIEW slow AS SELECT feature, geom FROM water, pg_sleep(5)")
    monkeypatch.setitem(postgis._SETTINGS, "statement_timeout", "300ms")
    monkeypatch.setitem(postgis._SETTINGS, "lock_timeout", "200ms")
    with pytest.raises(ReadError, match=r"public\.slow.*300ms"):
        read("public.slow")
    with psycopg.connect(admin) as other:
        other.execute("LOCK TABLE water IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(ReadError, match=r"public\.water.*locked"):
            read("public.water")


def test_no_way_to_the_database_is_one_sentence_without_names(base, admin, monkeypatch) -> None:
    store(base, ("public", "water"), pipes(), 4546)
    good = as_reader(admin)
    cases = {
        make_conninfo(good, password="falsch-geheim"): "not accepted",
        make_conninfo(good, dbname="geheime_datenbank"): "no such database",
        make_conninfo(good, port=1): "does not answer",
        f"postgresql://bob:{CANARY}@[": "cannot be understood",
        f"hots=127.0.0.1 password={CANARY}": "cannot be understood",
    }
    for setting, expected in cases.items():
        monkeypatch.setenv("GISPLAN_DATABASE", setting)
        with pytest.raises(ReadError, match=expected) as refused:
            read("public.water")
        assert "GISPLAN_DATABASE" in str(refused.value)
        for secret in (CANARY, READER, "geheim", "127.0.0.1", "bob"):
            assert secret not in str(refused.value)
    # libpq's own variables serve as well.
    monkeypatch.delenv("GISPLAN_DATABASE")
    for key, value in conninfo_to_dict(good).items():
        monkeypatch.setenv({"dbname": "PGDATABASE"}.get(key, f"PG{key.upper()}"), str(value))
    assert len(read("public.water")[0].table) == 2


def test_the_password_is_nowhere(base, zone, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("GISPLAN_DEBUG", "1")
    folder = small(base, zone)
    out = tmp_path / "out"
    assert main(["check", str(folder), "--out", str(out)]) == 0
    base.execute("CREATE FUNCTION tell(t text) RETURNS text LANGUAGE plpgsql AS"
                 f" $$ BEGIN RAISE EXCEPTION 'host 127.0.0.1, I know {CANARY} of %', current_user; END $$")  # fmt: skip
    base.execute("DROP TABLE water")
    store(base, ("public", "w"), pipes(), 4546)
    base.execute("CREATE VIEW water AS SELECT tell(feature) AS feature, geom FROM w")
    assert main(["check", str(folder), "--out", str(out)]) == REFUSED
    monkeypatch.setenv("GISPLAN_DATABASE", make_conninfo(as_reader(base.info.dsn), port=1))
    assert main(["check", str(folder), "--out", str(out)]) == REFUSED
    shown = capsys.readouterr()
    everything = [shown.out.encode(), shown.err.encode(), *(p.read_bytes() for p in out.rglob("*") if p.is_file())]
    assert len(everything) > 5 and any(b"public.water" in data for data in everything)
    for secret in (CANARY, READER, "127.0.0.1"):
        assert not [data[:80] for data in everything if secret.encode() in data]


def test_without_psycopg_the_cure_is_named(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(FormatError, match=r'pip install "gisplan\[postgis\]"'):
        read("public.water")


def test_text_in_an_unknown_encoding_is_refused(admin, monkeypatch) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS gisplan_ascii")
        connection.execute("CREATE DATABASE gisplan_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        own = make_conninfo(admin, dbname="gisplan_ascii")
        with psycopg.connect(own, autocommit=True) as connection:
            connection.execute(b"CREATE TABLE t AS SELECT E'\\xB8\\xF8'::text AS a")
        monkeypatch.setenv("GISPLAN_DATABASE", own)
        with pytest.raises(EncodingError, match=r"public\.t"):
            read("public.t")
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP DATABASE gisplan_ascii")


def test_the_ground_may_be_a_table(base, zone) -> None:
    folder = small(base, zone)
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(X - 50, X + 451, 10.0), np.arange(Y - 50, Y + 151, 10.0)))
    spots = gpd.GeoDataFrame({"高程": 400 + 0.05 * (x - X)}, geometry=shapely.points(x, y))
    store(base, ("public", "gcd"), spots, 4546)
    (folder / "zone.toml").write_text(HEAD + TABLES + '[ground]\ntable = "public.gcd"\n', encoding="utf-8")
    survey = read_folder(folder, lang="en")
    cells = survey.ground.sample([square(0, 0)])
    assert len(cells.z) - cells.between.sum() == cells.expected[0]
    assert np.abs(cells.z - 400 - 0.05 * (cells.x - X)).max() < 1e-6
    assert "postgis:public.gcd" in survey.inputs


def test_dates_of_the_database_are_dates(base, zone) -> None:
    frame = parcels().assign(delivery_on=pd.to_datetime(["2026-05-01 00:00", "2026-05-02 13:30", None]))
    survey = read_folder(small(base, zone, parcels=frame), lang="en")
    assert survey.parcels["delivery_on"].dt.date.tolist()[:2] == [dt.date(2026, 5, 1), dt.date(2026, 5, 2)]
    assert "date_unclear" not in codes(survey)
