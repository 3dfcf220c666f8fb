"""``ndr cost``: the monthly cost in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from ministack_sagemaker.errors import AccountError
from ndr.contract.errors import InvalidRequestError, JobSpecNotFoundError
from ndr.contract.jobspecs import FG_C_BUILDER
from ndr.contract.wording import agreeing, counted
from ndr.local.commands.options import HERE, AsJson, Directory
from ndr.local.console.output import output_console
from ndr.local.console.tables import Listing, Number, print_listings
from ndr.local.cost.choices import Choice, choices
from ndr.local.cost.estimate import Line, estimate
from ndr.local.cost.month import FILES_A_SLICE, SECONDS_PER_1000_HOSTS, START_UP_SECONDS, Assumptions
from ndr.local.cost.prices import Prices, read_prices
from ndr.local.cost.stack import deployed_parameters, measured_flows_per_day, measured_seconds, template_stack
from ndr.local.deployment.create import find_template
from ndr.local.deployment.deployment import Deployment

STARTS: Final = ("schedule", "arrival")
"""What starts a batch: the schedule; or a file that arrives."""
MEAN_START_UP_MINUTES: Final = sum(START_UP_SECONDS) / 2 / 60


@dataclass(frozen=True)
class Measured:
    """What a running account knows: its parameters, job durations, flows of a day, and whether it has FG-C.

    Nothing is known without an account.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    flows_per_day: float | None = None
    has_scores: bool = True


def cost(
    directory: Directory = HERE,
    hosts: Annotated[int, typer.Option(min=1, help="Hosts in the traffic.")] = 1000,
    instance_type: Annotated[str, typer.Option(help="Instance of the Processing jobs.")] = "ml.m5.xlarge",
    instance_count: Annotated[int, typer.Option(min=1, help="Instances of each job.")] = 1,
    kept_days: Annotated[int, typer.Option(min=1, help="Days for which published data is kept.")] = 365,
    files: Annotated[
        int, typer.Option(min=1, help="Files delivered in 15 minutes; with StartOnArrival, each starts an execution.")
    ] = FILES_A_SLICE,
    start_up_minutes: Annotated[
        float, typer.Option(min=0, help="Start-up of a Processing job, in the bill.")
    ] = MEAN_START_UP_MINUTES,
    as_json: AsJson = False,
) -> None:
    """Estimate a month in AWS with enabled schedules, and compare pipelines, batch lengths and starts of batches.

    Rows, template parameters and whether there is FG-C are those of a running account, else assumed. Polling intervals
    are the template's.
    """
    prices = read_prices()
    measured = _measured(directory)
    stack = template_stack(find_template(), measured.parameters)
    assumed = Assumptions(
        *(hosts, instance_type, instance_count, kept_days, measured.seconds, measured.flows_per_day),
        start_up_seconds=60 * start_up_minutes,
        pipeline=stack.pipeline,
        batch_minutes=stack.batch_minutes,
        has_scores=measured.has_scores,
        on_arrival=stack.on_arrival,
        files_a_slice=files,
    )
    notes = [
        _billed_choice(assumed),
        _source_of_durations(assumed),
        f"Transitions assume a polling interval of {stack.poll_seconds} to {stack.max_poll_seconds} s.",
        _source_of_prices(prices, instance_type),
    ]
    listings = [
        _bill(estimate(stack, assumed, prices), prices),
        _choices(list(choices(stack, assumed, prices)), prices),
    ]
    facts = {"currency": prices.currency, "region": prices.region, "notes": notes}
    console = output_console()
    print_listings(console, listings, as_json, **facts)
    if not as_json:
        for note in notes:
            console.print(note, soft_wrap=True)


def _measured(directory: Path) -> Measured:
    try:
        deployment = Deployment.load(directory)
    except (AccountError, InvalidRequestError):
        return Measured()
    seconds = measured_seconds(deployment.client("cloudwatch"), deployment.project_name)
    parameters = deployed_parameters(deployment)
    try:
        jobspecs = deployment.jobspecs()
    except JobSpecNotFoundError:
        return Measured(parameters, seconds)
    return Measured(parameters, seconds, measured_flows_per_day(jobspecs), FG_C_BUILDER in jobspecs)


def _choices(found: list[Choice], prices: Prices) -> Listing:
    rows = [
        (
            *(each.pipeline, each.has_scores, STARTS[each.on_arrival], each.batch_minutes),
            *(*map(round, each.minutes), *map(round, each.dollars)),
        )
        for each in found
    ]
    shortest, longest = (f"{seconds / 60:.0f}" for seconds in START_UP_SECONDS)
    title = (
        f"Minutes from delivery to features and {prices.currency} a month, start-ups of {shortest} to {longest} minutes"
    )
    measures = ("batch", "least", "mean", "most", f"cost at {shortest}", f"cost at {longest}")
    return Listing("choices", title, ("pipeline", "FG-C", "start", *measures), rows, right=measures)


def _bill(bill: list[Line], prices: Prices) -> Listing:
    rows: list[tuple[object, ...]] = [
        (
            line.service,
            line.what,
            Number(line.quantity, f"{line.quantity:,.1f}"),
            line.unit,
            Number(line.price, f"{line.price:.10f}".rstrip("0").rstrip(".")),
            _cents(line.cost),
        )
        for line in bill
    ]
    rows.append(("total", None, None, None, None, _cents(sum(line.cost for line in bill))))
    title = f"A month of 30 days, {prices.currency}, {prices.region}, prices looked up on {prices.as_of}"
    columns = ("service", "what", "quantity", "unit", "price", "cost")
    return Listing("bill", title, columns, rows, right=("quantity", "price", "cost"))


def _cents(cost: float) -> Number:
    return Number(cost, f"{cost:,.2f}")


def _billed_choice(assumed: Assumptions) -> str:
    scores = "with" if assumed.has_scores else "without"
    files = f", {counted(assumed.files_a_slice, 'file')} in 15 minutes" if assumed.on_arrival else ""
    start = f"{STARTS[assumed.on_arrival]}{files}"
    length = counted(assumed.batch_minutes, "minute")
    return f"The bill is of {assumed.pipeline} {scores} FG-C, batches of {length}, by {start}."


def _source_of_durations(assumed: Assumptions) -> str:
    measured = [job for job in SECONDS_PER_1000_HOSTS if job in assumed.seconds]
    guessed = [job for job in SECONDS_PER_1000_HOSTS if job not in assumed.seconds]
    flows = "assumed" if assumed.flows_per_day is None else "measured in this account"
    sentences = [f"{counted(round(assumed.flows_a_day), 'flow')} a day, {flows}."]
    if measured:
        sentences.append(f"Durations measured in this account: {', '.join(measured)}.")
    if guessed:
        sentences.append(f"Durations assumed for {counted(assumed.hosts, 'host')}: {', '.join(guessed)}.")
    sentences.append("Those of the jobs of a batch follow from its flows, by benchmarks/results/mini_batch.json.")
    start_up_minutes = assumed.start_up_seconds / 60
    minutes = f"{start_up_minutes:g} {agreeing(start_up_minutes, 'minute', 'minutes')}"
    start_up = f"The bill has {minutes} of start-up for each job, taken as billed."
    return " ".join([*sentences, start_up, "Storage and requests are assumed."])


def _source_of_prices(prices: Prices, instance_type: str) -> str:
    unverified = list(prices.unverified(instance_type))
    unknown = f"Prices without a source: {', '.join(unverified)}." if unverified else ""
    return f"The source of each price is beside it in cost/prices.json. {unknown}".rstrip()
