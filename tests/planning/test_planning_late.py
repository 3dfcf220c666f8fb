"""Late and stale data, told from manifests: which are opened, which files are late, and what lineage makes stale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from logging import getLogger
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from tests.unit.test_planning_baselines import jobspecs

from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS
from ndr.contract.fifteen_minutes import BATCH_MINUTES
from ndr.contract.jobspecs import DELTA_BUILDER
from ndr.contract.jobspecs.table import put_jobspec
from ndr.contract.ledger import LedgerRow
from ndr.contract.lineage import current_answers
from ndr.contract.manifest import FORMAT, MANIFEST_NAME, InputEntry, InputFile, InputRange, Manifest, Owner
from ndr.contract.time import DAY, SLICE, Interval, compact_instant, day_text, mini_batch_id, parse_instant
from ndr.planner.delivered_files import mini_batch_folders, out_of_batch_folders
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.late import plan_late
from ndr.planner.late_files import LateData, find_late
from ndr.planner.published import Published, keys_that_answer, read_manifests, read_published
from ndr.planner.requested_baselines import plan_requested_baselines
from ndr.planner.requests import BaselinesRequest, MiniBatchRequest, parse_request
from ndr.planner.services import Services
from ndr.planner.stale_baselines import baselines_stale_by_lineage

DAYS = parse_instant("2026-01-05")
WANTED = Interval(DAYS, DAYS + 3 * DAY)
NAMES = ("integration", "deltas", "fg_a", "pair_counts", "fg_b")
URIS = {name: f"s3://data/v1/{name}/" for name in NAMES}
PREFIXES = FeaturePrefixes(Owner("ndr-prod", "v1"), lookback_days=30, **URIS)
PUBLISHED = datetime(2026, 1, 9, tzinfo=UTC)


class Features:
    """Partitions of a bucket, as the jobs publish them, and the keys that were opened."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.opened: list[str] = []
        s3.meta.events.register("before-parameter-build.s3.GetObject", lambda params, **_: self._open(params))
        self.partitions: dict[str, dict[str, Manifest]] = {name: {} for name in ("deltas", "fg_a", "pair_counts")}

    def _open(self, parameters: dict[str, Any]) -> None:
        self.opened.append(parameters["Key"])

    def deliver(self, interval: Interval, name: str = "part-0.json") -> None:
        self.s3.put_object(Bucket="data", Key=f"v1/integration/{mini_batch_id(interval)}/{name}", Body=b"")

    def inputs(self, interval: Interval) -> tuple[InputEntry, ...]:
        """What was delivered of a mini-batch, as a manifest names it."""
        prefix = f"v1/integration/{mini_batch_id(interval)}/"
        listed = self.s3.list_objects_v2(Bucket="data", Prefix=prefix).get("Contents", [])
        files = tuple(
            InputFile(
                name=item["Key"].removeprefix(prefix),
                bytes=item["Size"],
                modified_at=item["LastModified"].replace(microsecond=0),
            )
            for item in listed
        )
        return (InputEntry(uri=f"s3://data/{prefix}".rstrip("/"), files=files),)

    def publish(self, dataset: str, interval: Interval, run_id: str, **facts: Any) -> Manifest:
        key = f"v1/{dataset}/dt={day_text(interval.start)}/{mini_batch_id(interval)}"
        return self.put(dataset, key, interval, run_id, **facts)

    def put(self, dataset: str, key: str, interval: Interval, run_id: str, **facts: Any) -> Manifest:
        manifest = Manifest(
            **{
                "format": FORMAT,
                "dataset": dataset,
                "project_name": "ndr-prod",
                "feature_spec_version": "v1",
                "start": interval.start,
                "end": interval.end,
                "tables": {},
                "code_version": "c",
                "run_id": run_id,
                "published_at": PUBLISHED,
                **facts,
            }
        )
        self.partitions.setdefault(dataset, {})[f"s3://data/{key}"] = manifest
        body = manifest.model_dump_json().encode()
        self.s3.put_object(Bucket="data", Key=f"{key}/{MANIFEST_NAME}", Body=body)
        return manifest

    def reads(self, dataset: str, interval: Interval, digested: bool = False) -> InputRange:
        """What answers now of a dataset for an interval, as a manifest records it."""
        answers = current_answers(self.partitions[dataset].items(), interval)
        return answers.digested(dataset, interval) if digested else answers.named(dataset, interval)

    def build(self, interval: Interval, run_id: str, lookback: int = 30) -> None:
        """Publish all features of an interval, with the lineage that FG-A and pair counts record."""
        self.publish("deltas", interval, run_id, inputs=self.inputs(interval))
        self.build_features(interval, run_id, lookback)

    def build_features(self, interval: Interval, run_id: str, lookback: int = 30) -> None:
        windows = self.reads("deltas", Interval(interval.start - DAY + SLICE, interval.end))
        novelty = self.reads("deltas", Interval(interval.start - lookback * DAY, interval.start), digested=True)
        self.publish("fg_a", interval, run_id, reads=(windows, novelty))
        self.publish("pair_counts", interval, run_id, reads=(self.reads("deltas", interval),))


@pytest.fixture
def features() -> Iterator[Features]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="data")
        yield Features(s3)


def day(number: int, days: int = 1) -> Interval:
    return Interval(DAYS + number * DAY, DAYS + (number + days) * DAY)


def late(features: Features, wanted: Interval = WANTED) -> LateData:
    features.opened.clear()
    return find_late(features.s3, PREFIXES, wanted)


def test_what_names_all_that_was_delivered_is_not_late_and_only_the_days_asked_for_are_opened(
    features: Features,
) -> None:
    for number in range(-3, 3):
        features.deliver(day(number))
        features.build(day(number), f"run{number}")
    found = late(features)
    assert (found.late, found.stale, found.batches, found.unreadable) == ((), (), [], ())
    assert len(features.opened) == 9
    assert {key.split("/")[2] for key in features.opened} == {"dt=2026-01-05", "dt=2026-01-06", "dt=2026-01-07"}


def test_a_file_in_a_subfolder_and_one_that_was_replaced_are_late(features: Features) -> None:
    for number in range(3):
        features.deliver(day(number))
        features.build(day(number), "r")
    features.deliver(day(0), "hour=3/part-1.json")
    assert [folder.interval for folder in late(features).late] == [day(0)]
    assert late(features).batches == [day(0, 2)]


def test_a_mini_batch_longer_than_the_slices_that_answer_is_late_where_one_of_them_does_not_name_it(
    features: Features,
) -> None:
    features.deliver(day(0))
    halves = [Interval(DAYS, DAYS + DAY / 2), Interval(DAYS + DAY / 2, DAYS + DAY)]
    features.publish("deltas", halves[0], "r", inputs=features.inputs(day(0)))
    features.publish("deltas", halves[1], "r")
    assert [folder.interval for folder in late(features).late] == [day(0)]
    features.publish("deltas", halves[1], "s", inputs=features.inputs(day(0)))
    assert late(features).late == ()


def test_features_whose_window_or_lookback_changed_are_stale_by_lineage(features: Features) -> None:
    for number in range(3):
        features.deliver(day(number))
        features.build(day(number), "r")
    features.publish("deltas", day(0), "again", inputs=features.inputs(day(0)))
    found = late(features, Interval(DAYS, DAYS + 4 * DAY))
    assert found.late == ()
    assert found.stale == (day(0, 3),)  # its own day, the windows of the next, the novelty of the one after
    assert found.batches == [day(0, 3)]
    assert late(features).stale == (day(0, 2),)  # mini-batches repair the last day themselves
    for number in range(3):
        features.build_features(day(number), "repaired")
    assert late(features, Interval(DAYS, DAYS + 4 * DAY)).stale == ()


def test_a_slice_that_was_absent_when_a_window_over_it_was_built_makes_it_stale(features: Features) -> None:
    first, second = Interval(DAYS, DAYS + SLICE), Interval(DAYS + SLICE, DAYS + 2 * SLICE)
    for interval in (second, first):
        features.deliver(interval)
        features.build(interval, "r")
    assert late(features).stale == (second,)


def test_features_that_were_never_built_over_published_deltas_are_built(features: Features) -> None:
    for number in range(3):
        features.deliver(day(number))
        features.build(day(number), "r")
    features.publish("deltas", day(0), "r", inputs=features.inputs(day(0)))
    key = f"v1/pair_counts/dt=2026-01-06/{mini_batch_id(day(1))}/{MANIFEST_NAME}"
    features.s3.delete_object(Bucket="data", Key=key)
    assert late(features).stale == (day(1),)


def test_scores_are_late_where_features_changed_or_they_are_missing(features: Features) -> None:
    def build_scores(interval: Interval, run_id: str) -> None:
        own = features.reads("fg_a", interval)
        pairs = features.reads("pair_counts", Interval(interval.start - DAY + SLICE, interval.end))
        baseline = InputRange(dataset="fg_b 7d", start=interval.start, end=interval.end)
        features.publish("fg_c", interval, run_id, reads=(own, pairs, baseline))

    def stale() -> tuple[Interval, ...]:
        return find_late(features.s3, replace(PREFIXES, fg_c="s3://data/v1/fg_c/"), WANTED).stale

    for number in range(3):
        features.deliver(day(number))
        features.build(day(number), "r")
    assert stale() == (day(0, 2),)  # none is built yet
    assert late(features).stale == ()  # a project without scores lacks none
    for number in range(3):
        build_scores(day(number), "r")
    assert stale() == ()
    features.publish("fg_a", day(1), "again", reads=features.partitions["fg_a"][_uri("fg_a", day(1))].reads)
    assert stale() == (day(1),)
    build_scores(day(1), "again")
    assert stale() == ()


def _uri(dataset: str, interval: Interval) -> str:
    return f"s3://data/v1/{dataset}/dt={day_text(interval.start)}/{mini_batch_id(interval)}"


def test_a_partition_of_which_a_part_was_built_again_is_stale_after_that_part_only(features: Features) -> None:
    for number in range(3):
        features.deliver(day(number))
        features.build(day(number), "r")
    hour = Interval(DAYS + 6 * DAY / 24, DAYS + 7 * DAY / 24)
    again = PUBLISHED + DAY
    features.publish("deltas", hour, "s", inputs=features.inputs(day(0)), published_at=again)
    windows = features.reads("deltas", Interval(hour.start - DAY, hour.end))
    features.publish("fg_a", hour, "s", reads=(windows,), published_at=again)
    features.publish("pair_counts", hour, "s", reads=(features.reads("deltas", hour),), published_at=again)
    assert late(features).stale == (Interval(hour.end, DAYS + 2 * DAY),)


def test_changes_outside_the_days_asked_for_are_not_judged(features: Features) -> None:
    for number in range(-2, 3):
        features.deliver(day(number))
        features.build(day(number), "r")
    features.publish("deltas", day(-2), "again", inputs=features.inputs(day(-2)))
    assert late(features).stale == ()


def test_one_bad_manifest_is_named_and_stops_nothing(features: Features) -> None:
    for number in range(3):
        features.deliver(day(number))
        features.build(day(number), "r")
    key = f"v1/deltas/dt=2026-01-06/{mini_batch_id(day(1))}/{MANIFEST_NAME}"
    features.s3.put_object(Bucket="data", Key=key, Body=b"{")
    features.publish("fg_a", day(2), "of another", project_name="other")
    found = late(features)
    assert [folder.interval for folder in found.late] == [day(1)]
    assert [sentence.split()[0] for sentence in found.unreadable] == [
        f"s3://data/{key}",
        f"s3://data/v1/fg_a/dt=2026-01-07/{mini_batch_id(day(2))}/{MANIFEST_NAME}",
    ]
    request = parse_request(BaselinesRequest, {"mode": "LATE"}, PUBLISHED, OWNED)
    message = plan_late(request, jobspecs(), found, {}).message
    assert f"Not used: s3://data/{key} is not a manifest" in message


OWNED = {"project_name": "ndr-prod", "feature_spec_version": "v1"}


def baseline(features: Features, horizon: str, end: datetime, **facts: Any) -> None:
    features.put(
        "fg_b",
        f"v1/fg_b/horizon={horizon}/end={compact_instant(end)}",
        Interval(end - 7 * DAY, end),
        f"{horizon} {end}",
        **facts,
    )


@pytest.mark.parametrize("is_recorded", [True, False], ids=["ranges", "only inputs"])
def test_a_baseline_built_before_the_last_slice_of_its_horizon_is_stale(features: Features, is_recorded: bool) -> None:
    slices = list(day(0).steps(SLICE))
    for interval in slices[-3:-1]:
        features.build(interval, "r")

    def built(end: datetime) -> None:
        if is_recorded:
            span = Interval(end - 7 * DAY, end)
            facts: dict[str, Any] = {
                "reads": tuple(features.reads(name, span, True) for name in ("fg_a", "pair_counts"))
            }
        else:
            named = [
                InputEntry(uri=uri, run_id=manifest.run_id)
                for dataset in ("fg_a", "pair_counts")
                for uri, manifest in features.partitions[dataset].items()
            ]
            facts = {"inputs": tuple(named)}
        baseline(features, "7d", end, **facts)

    built(day(1).start)
    rows = {"7d": {day(1).start: LedgerRow("completed"), day(2).start: LedgerRow("failed")}}

    def stale() -> list[tuple[str, datetime]]:
        answers = late(features).answers
        return baselines_stale_by_lineage(features.s3, PREFIXES, rows, answers, WANTED)[0]

    assert stale() == []
    features.build(slices[-1], "late")
    assert stale() == [("7d", day(1).start)]
    built(day(1).start)
    assert stale() == []


def test_the_message_names_stale_baselines_by_horizon_and_the_request_that_builds_them() -> None:
    request = parse_request(BaselinesRequest, {"mode": "LATE"}, PUBLISHED, OWNED)
    # Each stops its safety gap earlier, after the day; the first of them before it.
    rows = {
        "7d": {day(1).start: LedgerRow("completed"), day(2).start: LedgerRow("completed")},
        "30d": {day(2).start: LedgerRow("completed"), day(3).start: LedgerRow("completed")},
    }
    found = LateData(stale=(day(0),), delivered=(day(0),))
    specs = jobspecs(safety_gap={"7d": 1, "30d": 2})
    planned = plan_late(request, specs, found, rows, stale_by_lineage=[("30d", day(4).start)])
    assert planned.stale == [
        "30d 2026-01-08T00:00:00Z",
        "30d 2026-01-09T00:00:00Z",
        "7d 2026-01-07T00:00:00Z",
    ]
    assert (
        "2 baselines of 30d are stale (2026-01-08T00:00:00Z, 2026-01-09T00:00:00Z): the next run of 30d builds those "
        'that ended at most 31 days before it; to build them now write {"mode": "BACKFILL", "horizon": "30d", "start": '
        '"2026-01-08T00:00:00Z", "end": "2026-01-10T00:00:00Z"}.'
    ) in planned.message


def test_what_can_not_be_built_again_is_named_for_a_person() -> None:
    request = parse_request(BaselinesRequest, {"mode": "LATE"}, PUBLISHED, OWNED)
    found = LateData(stale=(day(0),), published=(day(0),))
    planned = plan_late(request, jobspecs(), found, {})
    assert planned.batches == []
    assert (
        "Not built, because the mini-batch of their time is gone: [2026-01-05T00:00:00Z, 2026-01-06T00:00:00Z); "
        "deliver it again, then start LATE again."
    ) in planned.message
    assert {DELTAS.name, FG_A.name, PAIR_COUNTS.name} == {"deltas", "fg_a", "pair_counts"}


def test_a_folder_holds_the_data_files_of_its_mini_batch_each_once(features: Features) -> None:
    long, exact, after = day(0, 2), day(1), day(2)
    for interval in (long, exact, after, day(-1)):
        features.deliver(interval)
    for name in ("hour=3/part-1.json", "hour=3/", "", "_SUCCESS", ".hidden.json", "_temporary/part-2.json"):
        features.deliver(exact, name)
    features.s3.put_object(Bucket="data", Key="v1/integration/20260106-notes/part-0.json", Body=b"")
    found = mini_batch_folders(features.s3, URIS["integration"], day(1))
    assert [(folder.interval, [file.name for file in folder.files]) for folder in found] == [
        (long, ["part-0.json"]),
        (exact, ["hour=3/part-1.json", "part-0.json"]),
    ]
    assert found[1].uri == f"s3://data/v1/integration/{mini_batch_id(exact)}"


def test_out_of_batch_rows_are_found_on_the_days_asked_for(features: Features) -> None:
    for number in (-1, 0, 1, 2):
        interval = Interval(day(number).start, day(number).start + SLICE)
        key = f"v1/deltas/_late/dt={day_text(interval.start)}/{mini_batch_id(interval)}/part-0.parquet"
        features.s3.put_object(Bucket="data", Key=key, Body=b"")
    found = out_of_batch_folders(features.s3, URIS["deltas"], Interval(day(0).start, day(1).start + SLICE))
    assert [folder.interval.start for folder in found] == [day(0).start, day(1).start]


def test_a_mini_batch_that_ends_with_the_time_asked_for_is_late_and_one_that_goes_on_is_not_yet(
    features: Features,
) -> None:
    features.deliver(day(0))
    assert [folder.interval for folder in late(features, day(0)).late] == [day(0)]
    assert late(features, Interval(DAYS, DAYS + DAY - SLICE)).late == ()


def test_files_that_a_manifest_does_not_note_are_late_when_they_are_newer_than_it(features: Features) -> None:
    features.deliver(day(0))
    (entry,) = features.inputs(day(0))
    unnoted = (InputEntry(uri=entry.uri),)
    modified = entry.files[0].modified_at
    features.publish("deltas", day(0), "r", inputs=unnoted, published_at=modified)
    assert late(features).late == ()
    features.publish("deltas", day(0), "r", inputs=unnoted, published_at=modified - timedelta(seconds=1))
    assert [folder.interval for folder in late(features).late] == [day(0)]


def test_mini_batches_repair_the_last_day_themselves(features: Features) -> None:
    features.publish("deltas", Interval(DAYS, DAYS + SLICE), "r")
    assert late(features, day(0)).stale == ()
    assert late(features, Interval(DAYS, DAYS + DAY + SLICE)).stale == (Interval(DAYS, DAYS + SLICE),)


def test_the_last_slice_of_a_day_is_stale_by_the_first_slice_of_its_lookback(features: Features) -> None:
    first = Interval(day(-2).start, day(-2).start + SLICE)
    last = Interval(day(1).start - SLICE, day(1).start)
    for interval in (first, last):
        features.publish("deltas", interval, "r")
    novelty = features.reads("deltas", day(-2), digested=True)  # it ends a day before the window of 24 hours begins
    features.publish("fg_a", last, "r", reads=(novelty,))
    features.publish("pair_counts", last, "r", reads=(features.reads("deltas", last),))
    prefixes, wanted = replace(PREFIXES, lookback_days=1), Interval(day(-2).start, day(2).start)
    assert last not in find_late(features.s3, prefixes, wanted).stale
    features.publish("deltas", first, "again")
    assert last in find_late(features.s3, prefixes, wanted).stale


def test_only_manifests_are_opened_and_one_that_is_gone_since_it_was_listed_is_left_out(features: Features) -> None:
    features.publish("deltas", day(0), "r")
    folder = f"v1/deltas/dt=2026-01-05/{mini_batch_id(day(0))}"
    features.s3.put_object(Bucket="data", Key=f"{folder}/part-0.parquet", Body=b"")
    found = read_published(features.s3, URIS["deltas"], "deltas", PREFIXES.owner, day(0))
    assert ([uri for uri, _ in found.manifests], found.unreadable) == ([f"s3://data/{folder}"], ())
    assert features.opened == [f"{folder}/{MANIFEST_NAME}"]
    gone = [f"v1/deltas/dt=2026-01-05/gone/{MANIFEST_NAME}"]
    assert read_manifests(features.s3, "data", gone, "deltas", PREFIXES.owner) == Published()
    with pytest.raises(ClientError, match="NoSuchBucket"):
        read_manifests(features.s3, "another", gone, "deltas", PREFIXES.owner)


def _table(name: str, partition: str, sort: str) -> Any:
    return boto3.resource("dynamodb", region_name="us-east-1").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in (partition, sort)],
        KeySchema=[{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}],
    )


@pytest.mark.parametrize(
    ("batch_minutes", "settle_minutes", "late_after"),
    # A day ends as a batch of any length does. The next batch of an hour is over at 01:00.
    [(15, 0, 60), (60, 0, 60), (15, 25, 85), (60, 25, 85)],
)
def test_a_mini_batch_is_late_an_hour_after_its_schedule(
    features: Features, batch_minutes: int, settle_minutes: int, late_after: int
) -> None:
    specs, sagemaker = jobspecs(), boto3.client("sagemaker", region_name="us-east-1")
    table = _table("jobspecs", "project_name", "job_name_version")
    for spec in specs.values():
        put_jobspec(table, spec)
    bucket, _, prefix = specs[DELTA_BUILDER].spec.inputs.integration.removeprefix("s3://").partition("/")
    if bucket != "data":
        features.s3.create_bucket(Bucket=bucket)
    features.s3.put_object(Bucket=bucket, Key=f"{prefix}{mini_batch_id(day(0))}/part-0.json", Body=b"")
    ledger = _table("ledger", "series", "as_of")
    states = boto3.client("stepfunctions", region_name="us-east-1")
    services = Services(
        table, ledger, features.s3, sagemaker, states, OWNED, batch_minutes, settle_minutes, "", getLogger()
    )
    at = day(1).start + timedelta(minutes=late_after)
    for now, batches in ((at - timedelta(seconds=1), 0), (at, 1)):
        with Stubber(sagemaker) as stubber:
            stubber.add_client_error("list_pipeline_executions", "ResourceNotFound")
            planned = plan_requested_baselines(services, {"mode": "LATE"}, now)
        assert len(planned.batches) == batches


@pytest.mark.parametrize("batch_minutes", BATCH_MINUTES)
@given(now=st.datetimes(datetime(2000, 1, 3), datetime(2099, 1, 1)), settle_minutes=st.integers(0, 1440))
def test_late_looks_at_whole_batches_of_the_schedule(batch_minutes: int, now: datetime, settle_minutes: int) -> None:
    """LATE must not build a part of a batch that the schedule is about to build."""
    instant = now.replace(tzinfo=UTC)
    nothing: Any = None
    services = Services(*(nothing,) * 5, OWNED, batch_minutes, settle_minutes, "", getLogger())
    asked = {"batch_minutes": batch_minutes, "settle_minutes": settle_minutes}
    scheduled = parse_request(MiniBatchRequest, asked, instant, OWNED).batch(instant)
    assert services.scheduled_until(instant) == scheduled.end


def test_slices_put_an_hour_or_more_before_their_compacted_day_are_not_opened() -> None:
    whole, put = day(0), day(2).start

    def listed(interval: Interval, before: timedelta) -> dict[str, Any]:
        folder = f"v1/deltas/dt={interval.start:%Y-%m-%d}/{mini_batch_id(interval)}"
        return {"Key": f"{folder}/_manifest.json", "LastModified": put - before}

    first, second, third = list(whole.steps(SLICE))[:3]
    hour = timedelta(hours=1)
    late = listed(second, hour - timedelta(seconds=1))
    objects = [listed(whole, timedelta()), listed(first, hour), late, listed(third, hour + timedelta(minutes=30))]
    assert keys_that_answer(objects, whole) == [objects[0]["Key"], late["Key"]]
    assert keys_that_answer(objects[1:], whole) == [each["Key"] for each in objects[1:]]
