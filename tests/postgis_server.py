"""A PostgreSQL with PostGIS for the tests: the one of GISPLAN_TEST_DATABASE, or one that is started here and stopped.

GISPLAN_TEST_DATABASE names a database of a role that may make databases, roles and extensions. Without it the server
of ``/usr/lib/postgresql`` is started in a temporary folder, on this machine's loopback only.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

SERVERS = Path("/usr/lib/postgresql")
ADMIN = "gisplan_admin"


@contextmanager
def server() -> Iterator[str]:
    """Give the connection of an administrator; without a server skip, and on CI fail."""
    given = os.environ.get("GISPLAN_TEST_DATABASE")
    if given:
        yield given
        return
    programs = sorted(SERVERS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    extension = Path("/usr/share/postgresql")
    if not programs or not list(extension.glob(f"{programs[-1].parts[-3]}/extension/postgis.control")):
        reason = "no GISPLAN_TEST_DATABASE, and no PostgreSQL with PostGIS on this machine"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="gisplan-pg-"))
    try:
        with _started(programs[-1].parent, folder) as conninfo:
            yield conninfo
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(programs: Path, folder: Path) -> Iterator[str]:
    # PostgreSQL refuses to run as root: there it runs as the account that its package has made.
    account: dict[str, str] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if account:
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(programs / program), "-D", str(folder / "data"), *arguments],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd=folder, **account,
        )  # fmt: skip

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run(
        "initdb", "-U", ADMIN, "--no-sync", "-E", "UTF8", "--locale=C",
        "--auth-local=trust", "--auth-host=scram-sha-256",
    )  # fmt: skip
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=20"
    run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
    try:
        yield make_conninfo(host=str(folder), port=port, user=ADMIN, dbname="postgres")
    finally:
        run("pg_ctl", "stop", "-m", "immediate")


@contextmanager
def database(admin: str, name: str) -> Iterator[str]:
    """Make an empty database with PostGIS, and remove it afterwards."""
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    conninfo = make_conninfo(admin, dbname=name)
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")
        yield conninfo
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
