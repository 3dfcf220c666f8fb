"""The delta counts in chDB, which is ClickHouse in this process: python bench_deltas_chdb.py FILES OUTPUT PORT_CLASSES.

FILES is a pattern whose names end in parquet, jsonl or json.gz, PORT_CLASSES a JSON object of SQL conditions by class.
"""

import json
import sys

from chdb import session

files, output, port_classes = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
TYPES = (
    "source_ip String, source_port Int64, destination_ip String, destination_port Int64, source_bytes Int64, "
    "destination_bytes Int64, event_start DateTime64(6, 'UTC'), event_end DateTime64(6, 'UTC'), event_action String, "
    "event_name String, event_reason String, network_transport String"
)
layout = "Parquet" if files.endswith(".parquet") else "JSONEachRow"
CONDITIONS = {
    "allow_cnt": "event_action = 'allow'",
    "deny_cnt": "event_action IN ('deny', 'drop')",
    "alert_cnt": "event_action = 'alert'",
    "rst_cnt": "position(event_reason, 'rst') > 0",
    "aged_out_cnt": "event_reason = 'aged-out'",
    "zero_reply_cnt": "destination_bytes = 0",
    "short_session_cnt": "lasted <= 1000000",
    "threat_cnt": "event_name = 'THREAT'",
    "traffic_cnt": "event_name = 'TRAFFIC'",
    "tcp_cnt": "network_transport = 'tcp'",
    "udp_cnt": "network_transport = 'udp'",
    "icmp_cnt": "network_transport IN ('icmp', 'ipv6-icmp')",
} | {f"{name}_port_sessions_cnt": condition for name, condition in port_classes.items()}
counts = ", ".join(f"countIf({condition}) AS {name}" for name, condition in CONDITIONS.items())
sums = ", ".join(f"sum({name}) AS {name}" for name in ("sessions_cnt", *CONDITIONS, "bytes_sent_sum", "bytes_recv_sum"))
query = f"""
    SELECT host_ip, role, toDateTime64(toStartOfFifteenMinutes(minute), 6, 'UTC') AS slice_start,
        max(minutes.sessions_cnt) AS max_sessions_per_minute, {sums.replace("sum(", "sum(minutes.")},
        sum(minutes.microseconds) / 1e6 AS duration_sum
    FROM (
        SELECT end.1 AS host_ip, end.2 AS role, toStartOfMinute(event_start) AS minute, count() AS sessions_cnt,
            {counts}, sum(end.3) AS bytes_sent_sum, sum(end.4) AS bytes_recv_sum, sum(lasted) AS microseconds
        FROM (
            SELECT *, dateDiff('microsecond', event_start, event_end) AS lasted,
                arrayJoin([(source_ip, 'outbound', source_bytes, destination_bytes),
                    (destination_ip, 'inbound', destination_bytes, source_bytes)]) AS end
            FROM file('{files}', {layout}, $${TYPES}$$)
        ) AS flows
        GROUP BY host_ip, role, minute
    ) AS minutes
    GROUP BY host_ip, role, slice_start
    INTO OUTFILE '{output}' TRUNCATE FORMAT Parquet
    SETTINGS max_threads = 2, date_time_input_format = 'best_effort'"""
database = session.Session()
database.query(query)
database.close()
