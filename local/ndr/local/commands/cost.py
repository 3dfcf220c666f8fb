"""``ndr cost``: the monthly cost in AWS."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from ministack_sagemaker.errors import AccountError
from ndr.contract.errors import InvalidRequestError
from ndr.local.commands.options import HERE, Directory, progress
from ndr.local.console.tables import print_table
from ndr.local.cost.estimate import Line, estimate
from ndr.local.cost.month import SECONDS_PER_1000_HOSTS, Assumptions
from ndr.local.cost.prices import Prices, read_prices
from ndr.local.cost.stack import deployed_parameters, measured_seconds, template_stack
from ndr.local.deployment.create import find_template
from ndr.local.deployment.deployment import Deployment


def cost(
    directory: Directory = HERE,
    hosts: Annotated[int, typer.Option(min=1, help="Hosts in the traffic.")] = 1000,
    instance_type: Annotated[str, typer.Option(help="Instance of the Processing jobs.")] = "ml.m5.xlarge",
    instance_count: Annotated[int, typer.Option(min=1, help="Instances of each job.")] = 1,
    kept_days: Annotated[int, typer.Option(min=1, help="Days for which published data is kept.")] = 365,
) -> None:
    """Estimate a month in AWS with enabled schedules. Durations are measured in a running account, else assumed."""
    lines, prices = progress(), read_prices()
    parameters, seconds = _deployed(directory)
    assumed = Assumptions(hosts, instance_type, instance_count, kept_days, seconds)
    stack = template_stack(find_template(), parameters)
    _print_bill(lines.console, estimate(stack, assumed, prices), prices)
    lines.line(_source_of_durations(assumed))
    lines.line(f"Transitions assume a polling interval of {stack.poll_seconds} to {stack.max_poll_seconds} s.")
    lines.line(_source_of_prices(prices, instance_type))


def _deployed(directory: Directory) -> tuple[dict[str, str], dict[str, float]]:
    try:
        deployment = Deployment.load(directory)
    except (AccountError, InvalidRequestError):
        return {}, {}
    return deployed_parameters(deployment), measured_seconds(deployment.client("cloudwatch"), deployment.project_name)


def _print_bill(console: Console, bill: list[Line], prices: Prices) -> None:
    rows = [
        (
            line.service,
            line.what,
            f"{line.quantity:,.1f}",
            line.unit,
            f"{line.price:.10f}".rstrip("0").rstrip("."),
            f"{line.cost:,.2f}",
        )
        for line in bill
    ]
    total = sum(line.cost for line in bill)
    rows.append(("total", "", "", "", "", f"{total:,.2f}"))
    title = f"A month of 30 days, {prices.currency}, {prices.region}, prices looked up on {prices.as_of}"
    columns = ("service", "what", "quantity", "unit", "price", "cost")
    print_table(console, title, columns, rows, right=("quantity", "price", "cost"))


def _source_of_durations(assumed: Assumptions) -> str:
    measured = [job for job in SECONDS_PER_1000_HOSTS if job in assumed.seconds]
    guessed = [job for job in SECONDS_PER_1000_HOSTS if job not in assumed.seconds]
    sentences = []
    if measured:
        sentences.append(f"Measured in this account: {', '.join(measured)}.")
    if guessed:
        sentences.append(f"Assumed for {assumed.hosts:,} hosts: {', '.join(guessed)}.")
    return " ".join([*sentences, "Each job also pays a minute of start-up. Storage and requests are assumed."])


def _source_of_prices(prices: Prices, instance_type: str) -> str:
    unverified = list(prices.unverified(instance_type))
    unknown = f"Prices without a source: {', '.join(unverified)}." if unverified else ""
    return f"The source of each price is beside it in cost/prices.json. {unknown}".rstrip()
