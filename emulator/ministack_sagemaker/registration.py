"""Registration of the added services with MiniStack, for requests, state machines and IAM policies."""

from __future__ import annotations

from dataclasses import dataclass

from ministack import app
from ministack.core import iam_actions, router
from ministack.services import stepfunctions

from ministack_sagemaker.authorization import conditions_of, resource_arn_of
from ministack_sagemaker.aws_json import Handler
from ministack_sagemaker.faults import with_faults
from ministack_sagemaker.patches import (
    aborted_executions,
    embedded_metrics,
    encryption_keys,
    execution_history,
    execution_limits,
    function_logs,
    function_metrics,
    function_time,
    lambda_errors,
    machine_logs,
    machine_roles,
    machine_versions,
    map_failures,
    missing_keys,
    nested_failures,
    object_checksums,
    policies_parsed_once,
    policy_variables,
    refused_requests,
    request_limits,
    schedule_targets,
    schedule_words,
    start_execution,
    stepped_clock,
    task_tokens,
    template_encryption,
    transport,
)


@dataclass(frozen=True)
class AddedService:
    """A service that MiniStack lacks.

    Attributes
    ----------
    name
        The service's name in botocore, in request signatures and in IAM policies.
    target_prefix
        First part of the `X-Amz-Target` header.
    sdk_integration
        The name in `arn:aws:states:::aws-sdk:<name>:<action>`.
    error_prefix
        First part of the names of its errors in a state machine.
    error_names
        Names of errors in a state machine where they differ from those on the wire.
    """

    name: str
    target_prefix: str
    sdk_integration: str
    error_prefix: str
    error_names: dict[str, str]


SAGEMAKER = AddedService(
    name="sagemaker",
    target_prefix="SageMaker",
    sdk_integration="sagemaker",
    error_prefix="SageMaker",
    # Step Functions calls through the AWS SDK for Java: errors in the service's model get the suffix Exception,
    # errors outside it, as SageMaker's ValidationException, come as the service's base class.
    error_names={
        "ResourceNotFound": "ResourceNotFoundException",
        "ResourceLimitExceeded": "ResourceLimitExceededException",
        "ValidationException": "SageMakerException",
        "InternalServerException": "SageMakerException",
    },
)
REDSHIFT_DATA = AddedService(
    name="redshift-data",
    target_prefix="RedshiftData",
    sdk_integration="redshiftdata",
    error_prefix="RedshiftData",
    error_names={},
)


def register(service: AddedService, handle: Handler) -> None:
    """Let MiniStack answer a service's requests, from clients and from state machines, with a handler."""
    app.SERVICE_HANDLERS[service.name] = handle
    router.SERVICE_PATTERNS[service.name] = {"target_prefixes": [f"{service.target_prefix}."]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[service.name] = service.name
    stepfunctions._AWS_SDK_SERVICE_MAP[service.sdk_integration] = {
        "target_prefix": service.target_prefix,
        "protocol": "json",
        "service_key": service.name,
    }
    stepfunctions._AWS_SDK_ERROR_PREFIX[service.sdk_integration] = service.error_prefix
    stepfunctions._AWS_SDK_ERROR_CODE_OVERRIDES[service.sdk_integration] = service.error_names


def register_all() -> None:
    """Add every service of this package and apply every patch."""
    from ministack_sagemaker.redshift_data.service import handle as redshift_data
    from ministack_sagemaker.sagemaker_pipelines.service import handle as sagemaker

    register(SAGEMAKER, sagemaker)
    register(REDSHIFT_DATA, redshift_data)
    for name, handle in app.SERVICE_HANDLERS.items():
        app.SERVICE_HANDLERS[name] = with_faults(name, handle)
    _authorize_on_resources()
    _apply_patches()


def _apply_patches() -> None:
    """Apply every patch. Those of one function wrap each other in this order."""
    request_limits.apply_limits()
    missing_keys.refuse_without_list_permission()
    encryption_keys.check_key_permissions()
    template_encryption.apply_encryption_settings()
    execution_limits.apply_limits()
    execution_history.record_all_events()
    map_failures.end_maps_at_a_failure()
    nested_failures.describe_nested_failures()
    embedded_metrics.extract_embedded_metrics()
    machine_versions.add_resource_types()
    machine_versions.start_nested_by_alias()
    machine_versions.run_what_was_started()
    start_execution.check_requests()
    machine_roles.check_task_permissions()
    task_tokens.check_and_fail()
    function_metrics.count_calls_of_machines()
    machine_logs.check_delivery_permissions()
    aborted_executions.stop_nested_executions()
    schedule_targets.check_target_permissions()
    schedule_words.replace_words()
    function_logs.check_log_permissions()
    function_time.charge_invocations()
    lambda_errors.name_errors_by_class()
    transport.count_as_tls()
    object_checksums.compute_fast()
    policies_parsed_once.keep()
    policy_variables.substitute()
    refused_requests.record()
    stepped_clock.go_by_it()


def _stack_arn(query_params: dict, region: str, account: str) -> str:
    """Return the stack that a request of CloudFormation is about, with any id; `*` where it is about none."""
    given = query_params.get("StackName", "")
    name = given[0] if isinstance(given, list) else given
    if not name or name.startswith("arn:"):
        return name or "*"
    return f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"


def _authorize_on_resources() -> None:
    """Tell MiniStack the resources of the added services and of CloudFormation, which policies name."""
    of_ministack = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, region: str, account: str
    ) -> str:
        arn = resource_arn_of(service, body, region, account) or of_ministack(
            service, method, path, headers, body, query_params, region, account
        )
        if service == "cloudformation" and arn == "*":
            return _stack_arn(query_params, region, account)
        # A log group's ARN in a policy ends in :*, which matches what AWS asks about: the group's streams.
        of_group = service == "logs" and ":log-group:" in arn and ":log-stream:" not in arn
        return f"{arn.removesuffix(':*')}:log-stream:" if of_group else arn

    iam_actions.extract_resource_arn = extract_resource_arn
    tags_of_ministack = iam_actions.request_tag_context

    def request_tag_context(service: str, action: str, body: bytes, parameters: dict) -> dict:
        return tags_of_ministack(service, action, body, parameters) | conditions_of(service, body, parameters)

    iam_actions.request_tag_context = request_tag_context
