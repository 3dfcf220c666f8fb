"""What a plan of baselines says at the console: what is built, followed, skipped and missing, in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence

from ndr.contract.horizons import Cadence
from ndr.contract.time import DAY, Interval, baseline_ends, day_text, format_instant
from ndr.contract.wording import agreeing, counted
from ndr.planner.batches import followed_batches_sentences
from ndr.planner.plan import BaselinesPlan, InventoryRun
from ndr.planner.report import followed_sentence, in_progress_sentence


def baselines_message(plan: BaselinesPlan, no_ends: Sequence[str] = ()) -> str:
    """Return the message of a plan, in the order in which the machine acts.

    Parameters
    ----------
    no_ends : sequence of str
        A sentence for each horizon of which no baseline ends in the range that was asked for.
    """
    sentences = [
        *followed_batches_sentences(plan.followed_batches),
        *_batches_sentences(plan),
        *(_inventory_sentence(each) for each in [plan.inventory] if each),
        *_runs_sentences(plan),
    ]
    if plan.not_delivered:
        sentences.append(f"No mini-batch was delivered for {', '.join(plan.not_delivered[:3])}.")
    return " ".join([*sentences, *_skipped_sentences(plan), *no_ends])


def no_ends_sentence(horizon: str, asked: Interval, cadence: Cadence, weekday: int) -> str:
    """Say that no baseline of a horizon ends in a range, and which range would hold one."""
    following = baseline_ends(Interval(asked.start, asked.start + 8 * DAY), cadence, weekday)[0]
    when = "at midnight UTC" if cadence == "daily" else f"at 00:00 UTC of a {following:%A}"
    return (
        f"No {horizon} baseline ends in {asked}: they end {when}, next at {format_instant(following)}; "
        f'write "end": "{day_text(following + DAY)}", or later, to build it.'
    )


def _batches_sentences(plan: BaselinesPlan) -> list[str]:
    new = [batch for batch in plan.batches if batch["MiniBatchId"] not in plan.followed_batches]
    if not new:
        return []
    named = ", ".join(f"[{batch['BatchStartTsIso']}, {batch['BatchEndTsIso']})" for batch in new[:3])
    what = counted(len(new), "batch of missing features is", "batches of missing features are")
    return [f"{what} built first: {named}."]


def _inventory_sentence(inventory: InventoryRun) -> str:
    month, arn = inventory.parameters["ReferenceMonthIso"], inventory.pipeline_execution_arn
    if arn is None:
        return f"The machine inventory of {month} is unloaded first."
    return followed_sentence(f"The machine inventory of {month} is being unloaded", [arn])


def _runs_sentences(plan: BaselinesPlan) -> list[str]:
    followed = {run.pipeline_execution_arn: run for run in plan.runs if run.pipeline_execution_arn}
    built_elsewhere = sum(len(run.baselines) for run in plan.runs if run.pipeline_execution_arn)
    own = [run for run in plan.runs if run.pipeline_execution_arn is None]
    project = f"of {plan.project_name} {plan.feature_spec_version}"
    if not plan.runs:
        return [f"No baseline {project} is left to build."]
    sentences = []
    if own:
        baselines = counted(plan.baselines - built_elsewhere, "baseline")
        sentences.append(f"{baselines} {project} to build in {counted(len(own), 'pipeline execution')}.")
    if followed:
        named = f"{built_elsewhere:,}" if own else f"{counted(built_elsewhere, 'baseline')} {project}"
        what = f"{named} {agreeing(built_elsewhere, 'is', 'are')} being built"
        sentences.append(followed_sentence(what, [str(arn) for arn in followed]))
    return sentences


def _skipped_sentences(plan: BaselinesPlan) -> list[str]:
    held = [item for item in plan.skipped if item.status == "in_progress"]
    unreadable = [item for item in plan.skipped if item.status == "unreadable"]
    told = {"in_progress", "unreadable", *(["insufficient_history"] if plan.insufficient else [])}
    counts: dict[str, int] = {}
    for item in plan.skipped:
        if item.status not in told:
            counts[item.status] = counts.get(item.status, 0) + item.count
    sentences = []
    if unreadable:
        count = sum(item.count for item in unreadable)
        skipped = counted(count, "has a ledger item that cannot be read", "have a ledger item that cannot be read")
        sentences.append(f"{skipped}, skipped ({unreadable[0].reason}); correct or delete the item.")
    for status, count in counts.items():
        word = "completed" if status == "completed" else "failed"
        sentences.append(
            f'{count} {agreeing(count, "is", "are")} {status} and skipped; write "reprocess": "{word}" to build '
            f"{agreeing(count, 'it', 'them')}."
        )
    if plan.insufficient:
        first, count = next(iter(plan.insufficient.values())), len(plan.insufficient)
        sentences.append(
            f"{count} {agreeing(count, 'has', 'have')} too little history and {agreeing(count, 'is', 'are')} "
            f"not run: {first}. "
            'Write "fill_upstream": true to build missing features first, or load more history.'
        )
    return [*sentences, *([in_progress_sentence(held)] if held else [])]
