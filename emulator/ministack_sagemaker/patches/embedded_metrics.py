"""Metrics of log lines in the embedded metric format.

MiniStack lacks this: its CloudWatch Logs keeps such a line and extracts no metric from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from typing import Any, NamedTuple

from ministack.services import cloudwatch, cloudwatch_logs


class Datum(NamedTuple):
    """One value of one metric, under one set of dimensions."""

    namespace: str
    name: str
    value: float
    unit: str
    dimensions: dict[str, str]


def embedded_metrics(line: str) -> Iterator[Datum]:
    """Yield the metrics of a log line; none where it is not a JSON object with the member `_aws` of the format."""
    if '"_aws"' not in line:
        return
    try:
        document = json.loads(line)
        directives = document["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return
    for directive in directives:
        for names in directive["Dimensions"]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                values = document[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    yield Datum(directive["Namespace"], metric["Name"], value, metric.get("Unit", "None"), dimensions)


def extract_embedded_metrics() -> None:
    """Record the metrics of each line that is appended to a log stream, and evaluate the alarms on these metrics."""
    append = cloudwatch_logs._append_log_events

    def append_and_extract(stream: Any, events: list[dict[str, Any]]) -> None:
        append(stream, events)
        data = [datum for event in events for datum in embedded_metrics(event["message"])]
        for datum in data:
            cloudwatch.record_metric(*datum)
        if data:
            _evaluate_alarms({(datum.namespace, datum.name) for datum in data})

    cloudwatch_logs._append_log_events = append_and_extract


def _evaluate_alarms(metrics: Set[tuple[str, str]]) -> None:
    """Evaluate the alarms on some metrics: an evaluation reads all values of a metric, and each line would read all."""
    for alarm in list(cloudwatch._alarms.values()):
        if (alarm.get("Namespace"), alarm.get("MetricName")) in metrics:
            cloudwatch._evaluate_alarm(alarm)
