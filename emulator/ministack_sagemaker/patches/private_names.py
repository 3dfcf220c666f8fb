"""The private names of MiniStack that this package uses, and the version of MiniStack that has them.

A private name may change in any release. A test compares this table with the installed MiniStack and with the names
that this package really uses; at its start the server compares the version alone.
"""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Mapping
from typing import Any, Final

from ministack_sagemaker.errors import AccountError

MINISTACK_VERSION: Final = "1.5.33"
"""The release that the patches were written for."""

PRIVATE_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "ministack.core.iam_evaluator": {
        "_conditions_met": "(conditions, ctx)",
        "_gather_role_policies": "(role_name, account_id)",
        "_resolve_condition_key": "(key, ctx)",
    },
    "ministack.core.lambda_runtime": {"_PYTHON_WORKER_SCRIPT": "str"},
    "ministack.services.cloudformation.provisioners": {"_RESOURCE_HANDLERS": "mapping"},
    "ministack.services.cloudwatch": {
        "_alarms": "mapping",
        "_evaluate_alarm": "(alarm)",
        "_evaluate_all_alarms": "()",
    },
    "ministack.services.cloudwatch_logs": {"_append_log_events": "(stream, events)"},
    "ministack.services.dynamodb": {"_sse_description_from_spec": "(spec)", "_tables": "mapping"},
    "ministack.services.eventbridge": {
        "_cron_next_fire": "(fields, after_dt)",
        "_invoke_target": "(target, event, rule, view)",
        "_parse_cron_fields": "(expr)",
        "_parse_rate_seconds": "(expr)",
    },
    "ministack.services.lambda_svc": {
        "_emit_lambda_metrics": "(function_name, duration_ms, error, throttle)",
        "_emit_lambda_logs": "(func, request_id, log_text, error, duration_ms, log_source)",
        "_execute_function_warm": "(func, event, request_id)",
        "_functions": "mapping",
    },
    "ministack.services.s3": {
        "_bucket_default_sse_headers": "(bucket_name)",
        "_bucket_encryption": "mapping",
        "_buckets": "mapping",
        "_crc32c": "(body)",
        "_crc64nvme": "(body)",
        "_error": "(code, message, status, resource, extra, headers)",
        "_stored_sse_headers": "(obj)",
    },
    "ministack.services.scheduler": {"_at_time_epoch": "(expr)"},
    "ministack.services.sns": {"_topics": "mapping"},
    "ministack.services.sqs": {"_queue_name_to_url": "mapping", "_queues": "mapping"},
    "ministack.services.stepfunctions": {
        "_AWS_SDK_ERROR_CODE_OVERRIDES": "mapping",
        "_AWS_SDK_ERROR_PREFIX": "mapping",
        "_AWS_SDK_SERVICE_MAP": "mapping",
        "_ExecutionError": "exception",
        "_add_event": "(execution, event_type, details)",
        "_apply_jsonata_arguments": "(state_def, raw_input, ctx)",
        "_call_lambda": "(func_ref, event)",
        "_create_state_machine": "(data)",
        "_create_state_machine_alias": "(data)",
        "_delete_state_machine_alias": "(data)",
        "_error_matches": "(error_equals, error)",
        "_execute_map": "(state_def, raw_input, execution, ctx)",
        "_execute_pass": "(state_def, raw_input, ctx)",
        "_execute_task": "(state_def, raw_input, execution, ctx)",
        "_execution_version_arn": "(arn)",
        "_executions": "mapping",
        "_fail_execution": "(execution, error, cause)",
        "_invoke_nested_start_execution": "(resource, input_data)",
        "_invoke_nested_start_execution_sync": "(resource, input_data)",
        "_invoke_resource": "(resource, input_data)",
        "_invoke_with_callback": "(resource, input_data, token, state_def)",
        "_nested_execution_failure": "(payload)",
        "_publish_state_machine_version": "(data)",
        "_resolve_state_machine_arn": "(arn)",
        "_run_execution": "(exec_arn)",
        "_run_map_items": "(state_def, raw_input, execution, ctx)",
        "_run_sub_machine": "(states, start_at, input_data, execution, ctx)",
        "_scaled_sleep": "(seconds)",
        "_send_task_failure": "(data)",
        "_start_execution": "(data)",
        "_start_sync_execution": "(data)",
        "_state_machine_versions": "mapping",
        "_state_machines": "mapping",
        "_stop_execution": "(data)",
        "_update_state_machine": "(data)",
        "_update_state_machine_alias": "(data)",
    },
    "ministack.services.sts": {"_sessions": "mapping"},
}
"""Module, name, and what the name stands for: the parameters of a function, or a kind of value."""


def kind_of(value: Any) -> str:
    """Return what a value of MiniStack is, in the words of `PRIVATE_NAMES`."""
    if inspect.isfunction(value):
        return f"({', '.join(inspect.signature(value).parameters)})"
    if inspect.isclass(value) and issubclass(value, Exception):
        return "exception"
    return "mapping" if hasattr(value, "items") else type(value).__name__


def check_version() -> None:
    """Check that the installed MiniStack is the release that the patches were written for.

    Raises
    ------
    AccountError
        It is another one.
    """
    found = importlib.metadata.version("ministack")
    if found != MINISTACK_VERSION:
        raise AccountError(
            f"MiniStack {found} is installed, and the patches of ministack_sagemaker were written for "
            f"{MINISTACK_VERSION}. Install that release with `pip install ministack=={MINISTACK_VERSION}`. To use "
            f"{found}, adapt the patches until emulator/tests pass, and change MINISTACK_VERSION in "
            "patches/private_names.py."
        )
