"""Zeek connection logs read as the integration dataset."""

from ndr.sources.zeek.conn_log import ConnRows, read_conn_log

__all__ = ["ConnRows", "read_conn_log"]
