"""What a plan of baselines says at the console: what is built, followed, skipped and missing, in a few sentences."""

from __future__ import annotations

from ndr.contract.wording import agreeing, counted
from ndr.planner.batches import followed_batches_sentences
from ndr.planner.plan import BaselinesPlan, InventoryRun
from ndr.planner.report import followed_sentence, in_progress_sentence


def baselines_message(plan: BaselinesPlan) -> str:
    """Return the message of a plan, in the order in which the machine acts."""
    sentences = [
        *followed_batches_sentences(plan.followed_batches),
        *_batches_sentences(plan),
        *(_inventory_sentence(each) for each in [plan.inventory] if each),
        *_runs_sentences(plan),
    ]
    if plan.not_delivered:
        sentences.append(f"No mini-batch was delivered for {', '.join(plan.not_delivered[:3])}.")
    return " ".join([*sentences, *_skipped_sentences(plan)])


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
    sentences = [
        f"{counted(plan.baselines - built_elsewhere, 'baseline')} of {plan.project_name} {plan.feature_spec_version} "
        f"to build in {counted(len(own), 'pipeline execution')}."
    ]
    if followed:
        what = counted(built_elsewhere, "is being built", "are being built")
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
