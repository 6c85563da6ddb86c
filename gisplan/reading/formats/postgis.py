"""Tables of a PostGIS database: the door of psycopg. All tables of a zone are read in one read-only transaction.

Where the database is, and with which name and password, never stands in a zone.toml: it comes from the environment,
``GISPLAN_DATABASE`` or what libpq itself looks at (``PGHOST``, ``PGSERVICE``, ``~/.pgpass`` …), and is never shown.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gisplan.base.errors import EncodingError, FormatError, GisplanError, LayerError, ProfileError, ReadError
from gisplan.base.issues import Book
from gisplan.base.labels import say
from gisplan.reading.formats.raw import RawLayer, Request, choose
from gisplan.reading.formats.vector import shapes
from gisplan.reading.places.coordinates import crs_of
from gisplan.reading.refusals import listing, nearest, refusal, shorten

if TYPE_CHECKING:
    import psycopg

ENVIRONMENT = "GISPLAN_DATABASE"
PREFIX = "postgis:"
"""Before a table's name in the list of inputs."""
_SETTINGS = {
    "statement_timeout": "120s",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "120s",
    "extra_float_digits": "1",
    "datestyle": "ISO, YMD",
    "row_security": "off",  # a policy that would leave out rows is an error, not a shorter table
}
_CONNECT_S = 10
_AT_ONCE = 20_000
"""Rows that are fetched in one go."""
_ODD_NAME = re.compile(r"""[\x00-\x1f"';()]""")
_SHAPES = ("geometry", "geography")
_NO_TEXT = ("bytea", "raster", "topogeometry")
"""Types whose text nobody reads: photographs, grids."""

_RELATIONS = """
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY n.nspname, c.relname"""
_COLUMNS = """
SELECT a.attname, coalesce(b.typname, t.typname), coalesce(b.typnamespace, t.typnamespace)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_KEY = """
SELECT a.attname, t.typcategory FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
JOIN pg_type t ON t.oid = a.atttypid
WHERE i.indrelid = %s AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)"""
_HOME = "SELECT n.oid, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = %s"

Secrets = tuple[str, ...]


@dataclass(frozen=True)
class _Home:
    """The schema in which PostGIS lives: its functions are called there and nowhere else."""

    oid: int = -1
    schema: str = "public"


@dataclass(frozen=True)
class _Table:
    """A table as the catalogue describes it.

    Attributes
    ----------
    schema, name
        Its name.
    columns
        The columns that can be written as text.
    shape
        The column with the shapes, None where it has none.
    key
        The primary key: columns, and whether each is text.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    shape: str | None
    key: tuple[tuple[str, bool], ...]


class _LostError(Exception):
    """The connection broke, or the server could not keep its picture of the data: worth one more try."""


def read_tables(requests: Sequence[Request], book: Book) -> list[list[RawLayer]]:
    """Read tables of the database, all in one transaction: nobody's change in between is half seen.

    Parameters
    ----------
    requests
        What is asked: `name` is the table (``schema.table``), `layer` the column with the shapes where there are
        several.
    book
        Where flaws are written down.

    Raises
    ------
    ReadError
        There is no way to the database, or it broke off.
    FormatError
        psycopg is not installed.
    LayerError
        A table is not there, is empty, or mixes coordinate systems.
    ProfileError
        What stands in zone.toml is not the name of a table.
    """
    for request in requests:
        _check_name(request, book.lang)
    found = _transaction(requests, book.lang) or _transaction(requests, book.lang)
    if found is None:
        raise refusal(ReadError, "db_lost", book.lang, tables=_named(requests))
    return [[layer] for layer in found]


def fingerprint(layer: RawLayer) -> str:
    """Give the sha256 of the rows of a table: the same rows give the same text."""
    digest = hashlib.sha256()
    for name in layer.table.columns:
        cells = [None if cell is None or cell != cell else str(cell) for cell in layer.table[name].tolist()]
        digest.update(json.dumps([str(name), cells], ensure_ascii=True).encode())
    if layer.geometry is not None:
        for shape in shapely.to_wkb(layer.geometry, include_srid=False):
            digest.update(shape if shape is not None else b"-")
        digest.update(layer.broken.tobytes())
    digest.update(layer.crs.to_wkt().encode() if layer.crs is not None else b"-")
    return digest.hexdigest()


def _check_name(request: Request, lang: str) -> None:
    """Refuse what is no name of a table; a connection is not even repeated, it may hold a password."""
    if "://" in request.name or "=" in request.name:
        raise refusal(ProfileError, "db_in_zone_file", lang, where=request.where, variable=ENVIRONMENT)
    if _ODD_NAME.search(request.name):
        raise refusal(ProfileError, "db_name", lang, where=request.where, found=shorten(request.name))


def _transaction(requests: Sequence[Request], lang: str) -> list[RawLayer] | None:
    """Read all tables in one transaction; None where the connection broke."""
    try:
        import psycopg
    except ImportError as error:
        raise refusal(FormatError, "db_driver", lang, where=requests[0].where) from error
    with closing(_connect(lang)) as connection:
        known = connection.info
        secrets = (known.password, known.host, known.user, known.hostaddr, known.dsn)
        try:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            return _read(connection, requests, lang)
        except psycopg.Error as error:
            if connection.broken or isinstance(error, psycopg.errors.SerializationFailure):
                return None
            raise _refused(error, requests, secrets, lang) from None


def _connect(lang: str) -> psycopg.Connection[Any]:
    """Open the connection; what libpq says of a failure names host and user, and is never passed on."""
    import psycopg

    try:
        return psycopg.connect(
            os.environ.get(ENVIRONMENT, ""),
            connect_timeout=_CONNECT_S,
            client_encoding="utf8",
            prepare_threshold=None,
            application_name="gisplan",
        )
    except psycopg.ProgrammingError:
        raise refusal(ReadError, "db_setting", lang, variable=ENVIRONMENT) from None
    except psycopg.Error as error:
        text = str(error)
        if "password" in text or "authentication" in text or "pg_hba" in text:
            cause = say("cause.db_login", lang)
        else:
            cause = say("cause.db_missing" if "does not exist" in text else "cause.db_unreachable", lang)
        if not any(os.environ.get(name) for name in (ENVIRONMENT, "PGHOST", "PGSERVICE", "PGHOSTADDR")):
            cause = say("cause.db_unset", lang, variable=ENVIRONMENT)
        raise refusal(ReadError, "db_connect", lang, cause=cause, variable=ENVIRONMENT) from None


def _refused(error: psycopg.Error, requests: Sequence[Request], secrets: Secrets, lang: str) -> GisplanError:
    """Turn what the server says into one sentence, without anything of the connection."""
    from psycopg import errors

    tables = _named(requests)
    if isinstance(error, errors.InsufficientPrivilege):
        return refusal(ReadError, "db_denied", lang, tables=tables)
    if isinstance(error, errors.QueryCanceled | errors.LockNotAvailable):
        return refusal(ReadError, "db_slow", lang, tables=tables, limit=_SETTINGS["statement_timeout"])
    if isinstance(error, errors.CharacterNotInRepertoire | errors.UntranslatableCharacter):
        return refusal(EncodingError, "db_encoding", lang, tables=tables)
    text = error.diag.message_primary or type(error).__name__
    for secret in secrets:
        if secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "…", text)
    return refusal(ReadError, "db_query", lang, tables=tables, reason=shorten(text, 160))


def _named(requests: Sequence[Request]) -> str:
    return listing(dict.fromkeys(request.name for request in requests))


def _read(connection: psycopg.Connection[Any], requests: Sequence[Request], lang: str) -> list[RawLayer]:
    """Describe all tables from the catalogue, then read them one after the other."""
    with connection.cursor() as cursor:
        for name, value in {**_SETTINGS, "search_path": "pg_catalog"}.items():
            cursor.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
        found = cursor.execute(_HOME, ("postgis",)).fetchone()
        home = _Home(*found) if found else _Home()
        relations = cursor.execute(_RELATIONS).fetchall()
        tables = [_described(cursor, _find(relations, request, lang), home, request, lang) for request in requests]
        # Views may call functions that look their tables up as the database is set to.
        cursor.execute("SET LOCAL search_path TO DEFAULT")
        return [_layer(connection, table, home, request, lang) for table, request in zip(tables, requests, strict=True)]


def _find(relations: list[tuple[int, str, str]], request: Request, lang: str) -> tuple[int, str, str]:
    """Find a table in the catalogue by comparing whole names; a name without a schema must be the only one."""
    exact = [entry for entry in relations if f"{entry[1]}.{entry[2]}" == request.name]
    found = exact or [entry for entry in relations if entry[2] == request.name]
    titles = [f"{schema}.{name}" for _, schema, name in found or relations]
    listed = listing(titles, 30)
    if not found:
        raise refusal(
            LayerError, "db_no_table", lang,
            where=request.where, table=request.name, near=nearest(request.name, titles) or "—", tables=listed,
        )  # fmt: skip
    if len(found) > 1:
        raise refusal(LayerError, "db_which_table", lang, where=request.where, table=request.name, tables=listed)
    return found[0]


def _described(
    cursor: psycopg.Cursor[Any], entry: tuple[int, str, str], home: _Home, request: Request, lang: str
) -> _Table:
    """Read from the catalogue which columns a table has."""
    oid, schema, name = entry
    columns = cursor.execute(_COLUMNS, (oid,)).fetchall()
    key = cursor.execute(_KEY, (oid,)).fetchall()
    places = [column for column, kind, where in columns if kind in _SHAPES and where == home.oid]
    if request.layer is not None:
        places = choose(places, request, Book(lang))
    if len(places) > 1:
        raise refusal(
            LayerError, "db_which_shape", lang, table=request.name, where=request.where, columns=listing(places, 30)
        )
    text = tuple(
        column
        for column, kind, where in columns
        if kind not in _NO_TEXT and not (kind in _SHAPES and where == home.oid)
    )
    return _Table(schema, name, text, places[0] if places else None, tuple((c, kind == "S") for c, kind in key))


def _layer(connection: psycopg.Connection[Any], table: _Table, home: _Home, request: Request, lang: str) -> RawLayer:
    """Read the rows of a table, every value as the text that the database writes."""
    crs = _system(connection, table, home, request, lang)
    columns: list[list[Any]] = [[] for _ in range(len(table.columns) + 1)]
    # A cursor of the server: the rows come in portions, and the time limit holds for each.
    with connection.cursor(name="gisplan", binary=True) as cursor:
        cursor.execute(_query(table, home))
        while rows := cursor.fetchmany(_AT_ONCE):
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    count = len(columns[-1])
    if not count:
        raise refusal(LayerError, "layer_empty", lang, file=request.name, where=request.where)
    frame = pd.DataFrame(
        {name: pd.Series(column, dtype="str") for name, column in zip(table.columns, columns, strict=False)},
        index=pd.RangeIndex(count),
    )
    fids = np.arange(1, count + 1)
    if table.shape is None:
        return RawLayer(request.name, "", frame, fids)
    geometry, broken = shapes(np.array([*columns[-1], None], dtype=object)[:-1])
    return RawLayer(request.name, "", frame, fids, geometry, broken, crs)


def _query(table: _Table, home: _Home) -> Any:
    """Write the query of a table: names as identifiers, values as text, in an order that is always the same."""
    from psycopg import sql

    def text(column: str) -> Any:
        return sql.SQL("CAST({} AS pg_catalog.text)").format(sql.Identifier(column))

    shape: Any = sql.SQL("NULL")
    if table.shape is not None:
        shape = sql.SQL("{f}({g}(CAST({c} AS {t}), 90))").format(
            f=sql.Identifier(home.schema, "st_asbinary"),
            g=sql.Identifier(home.schema, "st_curvetoline"),
            c=sql.Identifier(table.shape),
            t=sql.Identifier(home.schema, "geometry"),
        )
    by_text = sql.SQL('{} COLLATE pg_catalog."C"')
    order: list[Any] = []
    if table.key:
        order = [by_text.format(text(c)) if is_text else sql.Identifier(c) for c, is_text in table.key]
    else:
        order = [*(by_text.format(text(c)) for c in table.columns), *([shape] if table.shape is not None else [])]
    return sql.SQL("SELECT {columns} FROM {table} ORDER BY {order}").format(
        columns=sql.SQL(", ").join([*(text(c) for c in table.columns), shape]),
        table=sql.Identifier(table.schema, table.name),
        order=sql.SQL(", ").join(order or [shape]),
    )


def _system(connection: psycopg.Connection[Any], table: _Table, home: _Home, request: Request, lang: str) -> CRS | None:
    """Ask for the coordinate system of a table: of all its rows, not of the first."""
    from psycopg import sql

    if table.shape is None:
        return None
    query = sql.SQL(
        "SELECT {srid}(CAST({column} AS {kind})), count(*) FROM {table} WHERE {column} IS NOT NULL"
        " GROUP BY 1 ORDER BY 1"
    ).format(
        srid=sql.Identifier(home.schema, "st_srid"),
        kind=sql.Identifier(home.schema, "geometry"),
        table=sql.Identifier(table.schema, table.name),
        column=sql.Identifier(table.shape),
    )
    with connection.cursor() as cursor:
        found = cursor.execute(query).fetchall()
        if len(found) > 1:
            systems = listing(f"SRID {srid} ×{count}" for srid, count in found)
            raise refusal(LayerError, "db_srids", lang, table=request.name, where=request.where, systems=systems)
        number = found[0][0] if found else 0
        query = sql.SQL("SELECT auth_name, auth_srid, srtext FROM {} WHERE srid = %s").format(
            sql.Identifier(home.schema, "spatial_ref_sys")
        )
        name, code, words = cursor.execute(query, (number,)).fetchone() or ("", "", "")
    crs = crs_of(f"{name}:{code}") if name and code else None
    return crs if crs is not None else crs_of(words or "")
