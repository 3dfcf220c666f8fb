"""An account that holds a history: simulated tables, a bucket that counts, and no running executions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging import getLogger
from time import process_time
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from moto import mock_aws
from tests.planning.bucket import Bucket, Raw
from tests.planning.history import History
from tests.statemachines.jobspecs import documents

from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import FG_B_BUILDER, JobSpecs, check_jobspecs, parse_jobspec
from ndr.contract.jobspecs.table import put_jobspec
from ndr.planner.clients import planner_session
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.services import Services

REGION: Final = "us-east-1"
DEFAULTS: Final = {"project_name": "ndr-prod", "feature_spec_version": "v1"}
KEYS: Final = {"jobspecs": ("project_name", "job_name_version"), "ledger": ("series", "as_of")}


def daily_jobspecs() -> JobSpecs:
    """JobSpecs of a project whose baselines are all built daily."""
    written = documents("ndr-prod")
    for document in written:
        if document["job_name"] == FG_B_BUILDER:
            document["spec"]["cadence"] = dict.fromkeys(HORIZONS, "daily")
    return check_jobspecs([parse_jobspec(document) for document in written])


def project_prefixes() -> FeaturePrefixes:
    """Where the project's features lie."""
    return FeaturePrefixes.of(daily_jobspecs())


@dataclass
class Account:
    """The planner's services, what is asked of them, and the CPU seconds of a stretch of code."""

    services: Services
    bucket: Bucket
    ledger: Counter[str]

    @contextmanager
    def measured(self) -> Iterator[dict[str, float]]:
        """Measure the body: S3 requests, requests of the ledger by operation, CPU seconds without the bucket's own."""
        self.bucket.requests.clear()
        self.bucket.opened.clear()
        self.ledger.clear()
        figures: dict[str, float] = {}
        elsewhere, began = self.bucket.seconds, process_time()
        yield figures
        figures["cpu_s"] = process_time() - began - (self.bucket.seconds - elsewhere)
        figures["s3_requests"] = self.bucket.requests.total()
        figures["ledger_requests"] = self.ledger.total()


@contextmanager
def account(history: History) -> Iterator[Account]:
    """Serve a history to the planner."""
    with mock_aws():
        session = planner_session()
        dynamodb = session.resource("dynamodb", region_name=REGION)
        tables = {name: create_table(dynamodb, name, *keys) for name, keys in KEYS.items()}
        for spec in daily_jobspecs().values():
            put_jobspec(tables["jobspecs"], spec)
        bucket = history.bucket()
        s3 = bucket.attach(session.client("s3", region_name=REGION))
        sagemaker = session.client("sagemaker", region_name=REGION)
        sagemaker.meta.events.register_first("before-send.sagemaker", lambda request, **_: _not_found(request.url))
        states = session.client("stepfunctions", region_name=REGION)
        requests: Counter[str] = Counter()
        events = tables["ledger"].meta.client.meta.events
        for name in ("Query", "TransactWriteItems", "UpdateItem"):  # JobSpecs are read with GetItem
            events.register(f"before-call.dynamodb.{name}", lambda model, **_: requests.update([model.name]))
        services = Services(
            tables["jobspecs"], tables["ledger"], s3, sagemaker, states, DEFAULTS, 15, 0, "", getLogger("planner")
        )
        yield Account(services, bucket, requests)


def create_table(dynamodb: Any, name: str, partition: str, sort: str) -> Any:
    return dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in (partition, sort)],
        KeySchema=[{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}],
    )


def _not_found(url: str) -> AWSResponse:
    body = json.dumps({"__type": "ResourceNotFound", "message": "no such pipeline"}).encode()
    return AWSResponse(url, 400, {"x-amzn-errortype": "ResourceNotFound"}, Raw(body))  # type: ignore[arg-type]
