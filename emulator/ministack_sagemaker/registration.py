"""Adds this package's services to MiniStack, so that requests, state machines and IAM policies reach them."""

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
    encryption_keys,
    function_logs,
    machine_logs,
    machine_roles,
    machine_versions,
    missing_keys,
    policy_variables,
    schedule_targets,
    stepped_clock,
    template_encryption,
    transport,
)
from ministack_sagemaker.patches.embedded_metrics import extract_embedded_metrics
from ministack_sagemaker.patches.map_history import record_states_inside_maps


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
    """Add every service of this package."""
    from ministack_sagemaker.redshift_data.service import handle as redshift_data
    from ministack_sagemaker.sagemaker_pipelines.service import handle as sagemaker

    register(SAGEMAKER, sagemaker)
    register(REDSHIFT_DATA, redshift_data)
    for name, handle in app.SERVICE_HANDLERS.items():
        app.SERVICE_HANDLERS[name] = with_faults(name, handle)
    missing_keys.tell_who_may_list()
    encryption_keys.ask_for_keys()
    template_encryption.keep()
    _authorize_on_resources()
    record_states_inside_maps()
    extract_embedded_metrics()
    machine_versions.add_resource_types()
    machine_versions.start_nested_by_alias()
    machine_roles.act_with_own_roles()
    machine_logs.deliver_with_own_roles()
    aborted_executions.end_with_what_they_wait_for()
    schedule_targets.start_with_their_roles()
    function_logs.write_with_own_roles()
    transport.count_as_tls()
    policy_variables.substitute()
    stepped_clock.go_by_it()


def _authorize_on_resources() -> None:
    """Let policies that name a pipeline or a cluster match; MiniStack knows only its own services' resources."""
    of_ministack = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, region: str, account: str
    ) -> str:
        arn = resource_arn_of(service, body, region, account) or of_ministack(
            service, method, path, headers, body, query_params, region, account
        )
        # A log group's ARN in a policy ends in :*, which matches what AWS asks about: the group's streams.
        of_group = service == "logs" and ":log-group:" in arn and ":log-stream:" not in arn
        return f"{arn.removesuffix(':*')}:log-stream:" if of_group else arn

    iam_actions.extract_resource_arn = extract_resource_arn
    tags_of_ministack = iam_actions.request_tag_context

    def request_tag_context(service: str, action: str, body: bytes, parameters: dict) -> dict:
        return tags_of_ministack(service, action, body, parameters) | conditions_of(service, body, parameters)

    iam_actions.request_tag_context = request_tag_context
