"""DuckDB files in the place of Redshift databases, and one DuckDB instance in the place of each cluster."""

from __future__ import annotations

import threading
from urllib.parse import quote, unquote

import duckdb

from ministack_sagemaker import directories
from ministack_sagemaker.scope import Scope

_MEMORY_LIMIT = "512MB"
_clusters: dict[tuple[Scope, str], duckdb.DuckDBPyConnection] = {}
_opening = threading.Lock()


def session(scope: Scope, cluster: str, database: str) -> duckdb.DuckDBPyConnection:
    """Open a session in a database, with its own temporary tables and settings.

    A statement reaches the other databases of the cluster by three names, as in Redshift.

    Parameters
    ----------
    scope
        The account and region of the cluster.
    cluster
        Cluster identifier or workgroup name. Each name exists, with an empty database at first.
    database
        The database's name.
    """
    key = (scope, cluster)
    with _opening:
        if key not in _clusters:
            _clusters[key] = duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "threads": "2"})
        cursor = _clusters[key].cursor()
        folder = directories.state("redshift", scope.account_id, scope.region, quote(cluster, safe=""))
        for name in sorted({database, *(unquote(path.stem) for path in folder.glob("*.duckdb"))}):
            path = folder / f"{quote(name, safe='')}.duckdb"
            cursor.execute(f"ATTACH IF NOT EXISTS {_literal(str(path))} AS {_identifier(name)}")
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {_identifier(database)}.public")
    cursor.execute(f"USE {_identifier(database)}.public")
    cursor.execute("SET TimeZone = 'UTC'")
    return cursor


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
