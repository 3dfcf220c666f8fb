"""What must work, role by role: each scenario uses every permission of its role, and notices when one is missing."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

from botocore.exceptions import ClientError
from tests.iam.world import ELSEWHERE, FAILING, PROBING, World
from tests.report.reading import Page
from tests.statemachines.publications import put_waiting

from ministack_sagemaker.registry import register_image
from ministack_sagemaker.testing import queue_of_events, received
from ndr.contract.datasets import MACHINE_INVENTORY
from ndr.contract.events import events_series
from ndr.contract.ledger import batch_claim_key, ledger_item, ledger_key
from ndr.contract.manifest import MANIFEST_NAME, Manifest
from ndr.contract.pipelines import COMPACTION_PIPELINE, FG_B_PIPELINE, INVENTORY_PIPELINE, SCORED_MINI_BATCH_PIPELINE
from ndr.contract.time import DAY, Interval, format_instant, horizon_interval, mini_batch_id, parse_instant
from ndr.jobs.report.job import report_uri
from ndr.local.deployment.create import IMAGE
from ndr.store.partition import time_partition_uri

REASON = "The project is unlucky."
LONG_AFTER = "2999-01-01T00:00:00Z"


def plan(world: World) -> None:
    """A backfill is planned from JobSpecs and ledger, and logged."""
    request = {"mode": "BACKFILL", "start": "2026-01-01", "end": "2026-01-03", "dry_run": True}
    event = {"kind": "baselines", "request": request, "started_at": "2026-04-02T00:30:00Z"}
    assert world.invoke("PlanRunFunctionName", event)["mode"] == "BACKFILL"


def plan_without_history(world: World) -> None:
    """What is published is seen, and that it is too little noted in the ledger."""
    empty_ledger(world)
    event = {
        "kind": "baselines",
        "request": {"horizon": "7d", "end": "2026-01-20"},
        "started_at": "2026-04-02T00:30:00Z",
    }
    assert world.invoke("PlanRunFunctionName", event)["insufficient"] == 1
    (item,) = world.deployment.table("LedgerTableName").scan()["Items"]
    assert item["status"] == "insufficient_history"


def plan_what_is_late(world: World) -> None:
    """A mini-batch that the manifest of its day does not name is late."""
    day = Interval(parse_instant("2026-01-09"), parse_instant("2026-01-10"))
    publish_deltas(world, day)
    spec = world.deployment.jobspecs()["delta_builder"].spec
    world.put(f"{spec.inputs.integration}{mini_batch_id(day)}/part-0.json", b"")
    event = {
        "kind": "baselines",
        "request": {"mode": "LATE", "start": "2026-01-09", "dry_run": True},
        "started_at": "2026-01-11T12:00:00Z",
    }
    assert len(world.invoke("PlanRunFunctionName", event)["batches"]) == 1


def publish_deltas(world: World, day: Interval) -> None:
    """Put the manifest of a day without a file."""
    manifest = Manifest(
        dataset="deltas",
        project_name="guarded",
        feature_spec_version="v1",
        start=day.start,
        end=day.end,
        tables={},
        coverage=1.0,
        code_version="c",
        run_id="r",
        published_at=day.end,
    )
    prefix = world.deployment.jobspecs()["delta_builder"].spec.outputs.deltas
    world.put(f"{time_partition_uri(prefix, day)}/{MANIFEST_NAME}", manifest.model_dump_json().encode())


def plan_after_a_holder(world: World) -> None:
    """The lease of a pipeline execution that has ended holds nothing."""
    hold(world, "2026-01-21")
    event = {
        "kind": "baselines",
        "request": {"horizon": "7d", "end": "2026-01-21", "dry_run": True},
        "started_at": "2026-04-02T00:30:00Z",
    }
    (skipped,) = world.invoke("PlanRunFunctionName", event)["skipped"]
    assert skipped["status"] == "insufficient_history", skipped


def empty_ledger(world: World) -> None:
    """Forget every baseline."""
    table = world.deployment.table("LedgerTableName")
    for item in table.scan()["Items"]:
        table.delete_item(Key={"series": item["series"], "as_of": item["as_of"]})


def hold(world: World, end: str) -> None:
    """Let the execution that failed hold a baseline, as if its job had not said that it ends."""
    empty_ledger(world)
    key = ledger_key("guarded", "v1", "fg_b", "7d", parse_instant(end))
    facts = {"status": "running", "holder": world.failed_execution, "lease_id": "its", "lease_until": LONG_AFTER}
    world.deployment.table("LedgerTableName").put_item(Item={**key, **facts})


def find_what_runs(world: World) -> None:
    """A batch that a pipeline execution runs already is planned to be followed."""
    asked = {
        "MiniBatchId": "lasting",
        "BatchStartTsIso": "2026-01-05T00:00:00Z",
        "BatchEndTsIso": "2026-01-06T00:00:00Z",
    }
    parameters = {"ProjectName": "guarded", "FeatureSpecVersion": "v1", **asked}
    sagemaker = world.client("sagemaker")
    arn = sagemaker.start_pipeline_execution(
        PipelineName=SCORED_MINI_BATCH_PIPELINE,
        PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
    )["PipelineExecutionArn"]
    try:
        request = {"mini_batch_id": "lasting", "batch_start": "2026-01-05", "batch_end": "2026-01-06"}
        event = {"kind": "mini_batch", "request": request, "started_at": format_instant(datetime.now(UTC))}
        assert world.invoke("PlanRunFunctionName", event)["pipeline_execution_arn"] == arn
    finally:
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
        world.pipeline_ends(arn)


def take_over_a_claim(world: World) -> None:
    """The claim of an execution that has ended holds nothing."""
    day = Interval(parse_instant("2026-01-07"), parse_instant("2026-01-08"))
    table, states = world.deployment.table("LedgerTableName"), world.client("stepfunctions")
    machine = world.deployment.machines["mini_batch"]
    ended = states.start_execution(stateMachineArn=machine, input='{"dry_run": true}')["executionArn"]
    world.until(lambda: states.describe_execution(executionArn=ended)["status"] != "RUNNING")
    table.put_item(Item={**batch_claim_key("guarded", "v1", day), "holder": ended})
    event = {
        "kind": "mini_batch",
        "request": {"mini_batch_id": mini_batch_id(day)},
        "started_at": format_instant(datetime.now(UTC)),
        "execution": "arn:of:another",
    }
    assert "wait_for" not in world.invoke("PlanRunFunctionName", event)


def explain(world: World) -> None:
    """A failed pipeline execution is explained with the job's own sentence and a link to its log's stream."""
    answer = world.invoke("ExplainFailureFunctionName", {"pipeline_execution_arn": world.failed_execution})
    assert answer["reason"] == REASON
    assert "log-events" in answer["log_url"], answer["log_url"]


def upsert(world: World) -> None:
    """A pipeline that is gone is registered anew, with code that is gone from the bucket."""
    sagemaker, s3, bucket = world.client("sagemaker"), world.client("s3"), world.deployment.data_bucket
    described = sagemaker.describe_pipeline(PipelineName=INVENTORY_PIPELINE)
    s3_uri = json.loads(described["PipelineDefinition"])["Steps"][0]["Arguments"]["ProcessingInputs"][0]["S3Input"]
    s3.delete_object(Bucket=bucket, Key=f"{s3_uri['S3Uri'].removeprefix(f's3://{bucket}/')}_SUCCESS")
    sagemaker.update_pipeline(PipelineName=INVENTORY_PIPELINE, PipelineDescription="edited by hand")
    (change,) = world.invoke("UpsertPipelinesFunctionName", {"pipelines": [INVENTORY_PIPELINE]})["pipelines"]
    assert change["change"] == "updated"


def try_plan_run(world: World) -> None:
    """A deploy lets plan_run plan, and is told how that went."""
    answers: list[dict[str, Any]] = []

    class Stack(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    name = world.deployment.outputs["PlanRunFunctionName"]
    (alias,) = world.client("lambda").list_aliases(FunctionName=name)["Aliases"]
    version = f"{alias['AliasArn'].removesuffix(alias['Name'])}{alias['FunctionVersion']}"
    event = {
        **dict.fromkeys(("StackId", "RequestId", "LogicalResourceId"), "s"),
        **{"RequestType": "Create", "ResourceType": "Custom::NdrSmokeTest"},
        "ResourceProperties": {"PlanRunFunction": version},
    }
    with HTTPServer(("127.0.0.1", 0), Stack) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        event["ResponseURL"] = f"http://127.0.0.1:{server.server_port}/"
        world.invoke("UpsertPipelinesFunctionName", event)
    assert [answer["Status"] for answer in answers] == ["SUCCESS"], answers


def unload(world: World) -> None:
    """The inventory is unloaded from Redshift by a job whose log is in CloudWatch, and is registered as a table."""
    registered_before = _inventory_table(world)
    (step,) = world.run_pipeline(INVENTORY_PIPELINE, ProjectName="guarded", ReferenceMonthIso="2026-02")
    job = step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert world.log_streams("/aws/sagemaker/ProcessingJobs", prefix=job) == 1, "the job left no log"
    assert _inventory_table(world) not in (None, registered_before), _said_of_tables(world, job)


def _said_of_tables(world: World, job: str) -> str:
    """Return the lines of a job's log about tables."""
    logs, group = world.client("logs"), "/aws/sagemaker/ProcessingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job)["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    return " ".join(each["message"] for each in events if "tables" in each["message"])


def _inventory_table(world: World) -> str | None:
    """Return where the metadata of the inventory's Iceberg table is; it moves with each change."""
    try:
        found = world.client("glue").get_table(DatabaseName="ndr_guarded_v1", Name=MACHINE_INVENTORY.name)["Table"]
    except ClientError:
        return None
    return str(found["Parameters"]["metadata_location"])


def report(world: World) -> None:
    """The report that follows the compaction has what is published, the ledger, and the executions of the machines."""
    day = Interval(parse_instant("2026-01-09"), parse_instant("2026-01-10"))
    publish_deltas(world, day)
    key = ledger_key("guarded", "v1", "fg_b", "7d", day.end)
    world.deployment.table("LedgerTableName").put_item(Item=ledger_item(key, "completed"))
    world.run_machine("mini_batch", {"dry_run": True})
    bucket, _, name = report_uri(world.deployment.jobspecs()).removeprefix("s3://").partition("/")
    world.client("s3").delete_object(Bucket=bucket, Key=name)
    days = {"DayStartTsIso": format_instant(day.start), "DayEndTsIso": format_instant(day.end)}
    world.run_pipeline(COMPACTION_PIPELINE, ProjectName="guarded", FeatureSpecVersion="v1", **days)
    found = world.client("s3").list_objects_v2(Bucket=bucket, Prefix=name)
    assert found["KeyCount"] == 1, "AccessDenied: there is no report"
    document = Page.of(world.client("s3").get_object(Bucket=bucket, Key=name)["Body"].read().decode()).document
    told = document["operations"]
    assert told["note"] is None, told["note"]
    assert told["executions"]
    assert ["7d", int(day.end.timestamp()), "completed", None] in told["grid"]
    assert [1.0, 1] in dict(document["data"]["coverage"])["deltas"]


def probe(world: World) -> None:
    """A job reads what was delivered to another bucket, and can change neither code nor traffic."""
    world.run_pipeline(PROBING, Bucket=world.deployment.data_bucket, Traffic=ELSEWHERE)


def plan_what_is_late_elsewhere(world: World) -> None:
    """A mini-batch that was delivered to another bucket is found too."""
    day = Interval(parse_instant("2026-01-12"), parse_instant("2026-01-13"))
    world.put(f"s3://{ELSEWHERE}/flows/{mini_batch_id(day)}/part-0.json", b"")
    request = {"mode": "LATE", "start": "2026-01-12", "dry_run": True, "project_name": ELSEWHERE}
    event = {"kind": "baselines", "request": request, "started_at": "2026-01-14T12:00:00Z"}
    assert len(world.invoke("PlanRunFunctionName", event)["batches"]) == 1


def upsert_without_the_image(world: World) -> None:
    """Nothing is registered while the image of the jobs is not in the registry."""
    ecr, name = world.client("ecr"), IMAGE.partition(":")[0]
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": IMAGE.partition(":")[2]}])
    try:
        functions, function = world.client("lambda"), world.deployment.outputs["UpsertPipelinesFunctionName"]
        answer = json.loads(functions.invoke(FunctionName=function, Payload=b"{}")["Payload"].read())
        assert f"{IMAGE} does not exist" in answer["errorMessage"], answer
    finally:
        register_image(world.deployment.account, IMAGE)


def run_pipeline(world: World) -> None:
    """A pipeline is started and followed, and its failure is explained."""
    ended = world.run_machine("run_pipeline", {"pipeline_name": FAILING, "parameters": {}})
    assert ended["error"] == "PipelineFailedError"
    assert REASON in ended["cause"], ended["cause"]


def tell_of_publications(world: World) -> None:
    """An event that waits in the ledger is sent to the bus after a pipeline, a failed one too, and forgotten."""
    project = f"told-{uuid.uuid4().hex[:8]}"
    table = world.deployment.table("LedgerTableName")
    put_waiting(table, project, 1)
    queue = queue_of_events(world.deployment.account, project, {"detail": {"project_name": [project]}})
    world.run_machine("run_pipeline", {"pipeline_name": FAILING, "parameters": {"ProjectName": project}})
    assert len(received(world.deployment.account, queue)) == 1, "the event was not sent"
    waiting = [item for item in table.scan()["Items"] if item["series"] == events_series(project, "v1")]
    assert waiting == [], "the event was not forgotten"


def arrival(world: World) -> None:
    """A file that arrives starts the machine, by the template's rule and role."""
    states, machine = world.client("stepfunctions"), world.deployment.machines["mini_batch"]
    before = {each["executionArn"] for each in states.list_executions(stateMachineArn=machine)["executions"]}
    with world.rule_enabled():
        world.put(f"s3://{world.deployment.data_bucket}/integration/unnamed/{uuid.uuid4().hex}.json", b"")
    listed = states.list_executions(stateMachineArn=machine)["executions"]
    (started,) = [each["executionArn"] for each in listed if each["executionArn"] not in before]
    world.until(lambda: states.describe_execution(executionArn=started)["status"] != "RUNNING")
    output = json.loads(states.describe_execution(executionArn=started)["output"])
    assert output["skipped"] == "not a batch", output


def mini_batch(world: World) -> None:
    """A batch that fails says why, to the topic as well."""
    world.messages()
    ended = world.run_machine("mini_batch", {"batch_start": "2026-01-05", "batch_end": "2026-01-06"})
    assert REASON in ended["cause"], ended["cause"]
    assert any(REASON in message for message in world.messages()), "the topic was not told"
    claims = [
        item for item in world.deployment.table("LedgerTableName").scan()["Items"] if "#mini_batch" in item["series"]
    ]
    assert not [item for item in claims if item["holder"] == ended["executionArn"]], "the claim was not released"


def baselines(world: World) -> None:
    """A baseline whose history can't be read fails, is marked in the ledger and told to the topic."""
    world.messages()
    _publish_nonsense(world, horizon_interval("7d", parse_instant("2026-03-01"), DAY))
    empty_ledger(world)
    table = world.deployment.table("LedgerTableName")
    ended = world.run_machine("baselines", {"horizon": "7d", "end": "2026-03-01"})
    assert MANIFEST_NAME in ended["cause"], ended["cause"]
    (item,) = table.scan()["Items"]
    assert (item["status"], item["execution"]) == ("failed", ended["executionArn"]), item
    assert any(MANIFEST_NAME in message for message in world.messages()), "the topic was not told"


def _publish_nonsense(world: World, interval: Interval) -> None:
    """Put manifests that are none: enough for the planner, who goes by names, and not for the job."""
    specs = world.deployment.jobspecs()
    prefixes = (
        specs["delta_builder"].spec.outputs.deltas,
        specs["fg_a_builder"].spec.outputs.fg_a,
        specs["pair_counts_builder"].spec.outputs.pair_counts,
    )
    for prefix in prefixes:
        for day in interval.steps(DAY):
            world.put(f"{time_partition_uri(prefix, day)}/{MANIFEST_NAME}", b"nonsense")


def ledger(world: World) -> None:
    """What a job finds out about a baseline that an ended execution held is in the ledger: it has no history."""
    hold(world, "2026-02-01")
    table = world.deployment.table("LedgerTableName")
    parameters = {"ProjectName": "guarded", "BaselineHorizon": "7d", "BaselineEndTsIso": "2026-02-01T00:00:00Z"}
    given = [{"Name": key, "Value": value} for key, value in parameters.items()]
    sagemaker = world.client("sagemaker")
    started = sagemaker.start_pipeline_execution(PipelineName=FG_B_PIPELINE, PipelineParameters=given)
    world.pipeline_ends(started["PipelineExecutionArn"])
    (item,) = table.scan()["Items"]
    assert item["status"] == "insufficient_history"


def schedule(world: World) -> None:
    """A schedule with the target and the role of the template's fires, and its machine runs."""
    machine = world.deployment.machines["mini_batch"]
    states = world.client("stepfunctions")
    before = len(states.list_executions(stateMachineArn=machine)["executions"])
    _fire(world)
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == before + 1, "nothing was started"


def dead_letter(world: World) -> None:
    """A schedule whose machine is gone says so to the queue."""
    queue, sqs = world.deployment.outputs["ScheduleDeadLettersUrl"], world.client("sqs")
    name = queue.rpartition("/")[2]
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sqs.purge_queue(QueueUrl=url)
    _fire(world, alias="gone")
    found = sqs.receive_message(QueueUrl=url).get("Messages", [])
    assert len(found) == 1, "the queue was not told"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])


def _fire(world: World, alias: str = "live") -> None:
    """Let a copy of the 15-minute schedule fire once, now, at an alias of its machine."""
    scheduler = world.client("scheduler")
    (listed,) = [each for each in scheduler.list_schedules()["Schedules"] if "MiniBatchSchedule" in each["Name"]]
    target: dict[str, Any] = scheduler.get_schedule(Name=listed["Name"])["Target"]
    name = f"once-{uuid.uuid4().hex[:8]}"
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={**target, "Arn": target["Arn"].removesuffix("live") + alias, "Input": '{"dry_run": true}'},
    )
    world.until(lambda: name not in {each["Name"] for each in scheduler.list_schedules()["Schedules"]})


def log_of(machine: str) -> Scenario:
    """A machine is given its log."""

    def scenario(world: World) -> None:
        group = world.client("logs").describe_log_groups(logGroupNamePrefix="/aws/vendedlogs/states/")["logGroups"][0]
        destination = {"cloudWatchLogsLogGroup": {"logGroupArn": group["arn"]}}
        world.client("stepfunctions").update_state_machine(
            stateMachineArn=world.deployment.machines[machine],
            loggingConfiguration={"level": "ALL", "includeExecutionData": True, "destinations": [destination]},
        )

    scenario.__name__ = f"log_of_{machine}"
    return scenario


Scenario = Callable[[World], None]
# For each role the scenarios that must notice a missing statement; the first that does ends the search.
SCENARIOS: Final[dict[str, tuple[Scenario, ...]]] = {
    "PlanRunRole": (
        plan,
        plan_without_history,
        plan_what_is_late,
        plan_after_a_holder,
        find_what_runs,
        take_over_a_claim,
        plan_what_is_late_elsewhere,
        mini_batch,
        tell_of_publications,
    ),
    "ExplainFailureRole": (explain,),
    "UpsertPipelinesRole": (upsert, upsert_without_the_image, try_plan_run),
    "PipelineRole": (unload, ledger, probe, report),
    "RunPipelineRole": (log_of("run_pipeline"), run_pipeline, tell_of_publications),
    "MiniBatchRole": (log_of("mini_batch"), mini_batch),
    "BaselinesRole": (log_of("baselines"), baselines),
    "ScheduleRole": (schedule, dead_letter),
    "ArrivalRole": (arrival,),
}
