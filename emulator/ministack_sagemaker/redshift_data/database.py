"""DuckDB files in the place of Redshift clusters, one file for each database."""

from __future__ import annotations

import threading
from urllib.parse import quote

import duckdb

from ministack_sagemaker import directories
from ministack_sagemaker.scope import Scope

_MEMORY_LIMIT = "512MB"
_connections: dict[tuple[Scope, str, str], duckdb.DuckDBPyConnection] = {}
_opening = threading.Lock()


def session(scope: Scope, cluster: str, database: str) -> duckdb.DuckDBPyConnection:
    """Open a session in a database, with its own temporary tables and settings.

    Parameters
    ----------
    scope
        The account and region of the cluster.
    cluster
        Cluster identifier or workgroup name. Each name exists, with an empty database at first.
    database
        The database's name.
    """
    key = (scope, cluster, database)
    with _opening:
        if key not in _connections:
            folder = directories.state("redshift", scope.account_id, scope.region, quote(cluster, safe=""))
            path = folder / f"{quote(database, safe='')}.duckdb"
            connection = duckdb.connect(str(path), config={"memory_limit": _MEMORY_LIMIT, "threads": "2"})
            connection.execute("CREATE SCHEMA IF NOT EXISTS public")
            _connections[key] = connection
        cursor = _connections[key].cursor()
    cursor.execute("SET schema = 'public'")
    cursor.execute("SET TimeZone = 'UTC'")
    return cursor
