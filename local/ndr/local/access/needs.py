"""What each JobSpec needs of the roles of a stack: actions on resources, each with what to do where it is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ndr.contract.jobspecs import MACHINE_INVENTORY_UNLOAD, JobSpec
from ndr.contract.jobspecs.check import EXTERNAL, read_prefixes, written_prefixes
from ndr.contract.jobspecs.machine_inventory_unload import Redshift
from ndr.contract.stack_buckets import bucket_of
from ndr.local.access.stack import Stack

PIPELINE_ROLE: Final = "PipelineRole"
PLAN_ROLE: Final = "PlanRunRole"
_ECR: Final = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z0-9.-]+/([a-z0-9._/-]+?)(?::[^@]+)?(?:@.+)?")


@dataclass(frozen=True)
class Need:
    """What one role must be allowed for one part of a JobSpec.

    Attributes
    ----------
    role : str
        The role's logical id in the template.
    purpose : str
        Such as `delta_builder reads integration from s3://bucket/prefix/`.
    actions : mapping of str to tuple of str
        The actions by the ARN of the resource that they are on.
    remedy : str
        What to do where an action is refused.
    """

    role: str
    purpose: str
    actions: Mapping[str, tuple[str, ...]]
    remedy: str


def needs_of(jobspecs: Iterable[JobSpec[Any]], stack: Stack) -> list[Need]:
    """Return what JobSpecs need, in their order."""
    return [need for jobspec in jobspecs for need in _needs(jobspec, stack)]


def _needs(jobspec: JobSpec[Any], stack: Stack) -> Iterator[Need]:
    job = jobspec.job_name
    for dataset, prefix in read_prefixes(jobspec).items():
        if bucket := bucket_of(prefix):
            remedy = f"add the ARN of the bucket {bucket} to the template's TrafficBucketArns"
            purpose = f"{job} reads {dataset} from {prefix}"
            roles = (PIPELINE_ROLE, PLAN_ROLE) if dataset in EXTERNAL else (PIPELINE_ROLE,)
            for role in roles:
                objects = {_example(prefix, stack): ("s3:GetObject",)} if role == PIPELINE_ROLE else {}
                yield Need(role, purpose, {_arn("s3", bucket, stack): ("s3:ListBucket",), **objects}, remedy)
    for dataset, prefix in written_prefixes(jobspec).items():
        if bucket := bucket_of(prefix):
            remedy = (
                f"write to the stack's data bucket {stack.outputs['DataBucketName']}, outside of code/ and "
                f"{stack.parameters.get('TrafficPrefix', 'integration/')}"
            )
            written = {_example(prefix, stack): ("s3:PutObject", "s3:DeleteObject")}
            yield Need(PIPELINE_ROLE, f"{job} writes {dataset} to {prefix}", written, remedy)
    if job == MACHINE_INVENTORY_UNLOAD:
        yield from _redshift(jobspec.spec.redshift, stack)
    if image := getattr(jobspec.spec, "processing_image_uri", None):
        yield from _image(job, image, stack)


def _redshift(redshift: Redshift, stack: Stack) -> Iterator[Need]:
    secret = {redshift.secret_arn: ("secretsmanager:GetSecretValue",)}
    purpose = f"{MACHINE_INVENTORY_UNLOAD} opens the secret {redshift.secret_arn}"
    yield Need(PIPELINE_ROLE, purpose, secret, "set the template's RedshiftSecretArn to it")
    target, name = _target(redshift, stack)
    purpose = f"{MACHINE_INVENTORY_UNLOAD} queries {name} in {redshift.region}"
    remedy = "set the template's RedshiftTargetArn to the ARN of that cluster or workgroup"
    yield Need(PIPELINE_ROLE, purpose, {target: ("redshift-data:ExecuteStatement",)}, remedy)


def _target(redshift: Redshift, stack: Stack) -> tuple[str, str]:
    """Return the ARN of the cluster or workgroup and its name. A workgroup's ARN has an id, which only AWS knows."""
    if name := redshift.cluster_identifier:
        return f"arn:{stack.partition}:redshift:{redshift.region}:{stack.account_id}:cluster:{name}", f"cluster {name}"
    name = redshift.workgroup_name
    try:
        serverless = stack.session.client("redshift-serverless", region_name=redshift.region)
        return str(serverless.get_workgroup(workgroupName=name)["workgroup"]["workgroupArn"]), f"workgroup {name}"
    except (ClientError, BotoCoreError):
        unknown = f"arn:{stack.partition}:redshift-serverless:{redshift.region}:{stack.account_id}:workgroup/{name}"
        return unknown, f"workgroup {name}, which could not be looked up (redshift-serverless:GetWorkgroup),"


def _image(job: str, image: str, stack: Stack) -> Iterator[Need]:
    found = _ECR.fullmatch(image)
    account, region, repository = found.groups() if found else ("", "", image)
    arn = f"arn:{stack.partition}:ecr:{region}:{account}:repository/{repository}"
    pull = {arn: ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")}
    remedy = f"push it to the registry of account {stack.account_id} in {stack.region}, and name that image"
    yield Need(PIPELINE_ROLE, f"{job} runs in {image}", pull, remedy)


def _arn(service: str, resource: str, stack: Stack) -> str:
    return f"arn:{stack.partition}:{service}:::{resource}"


def _example(prefix: str, stack: Stack) -> str:
    """Return the ARN of an object that could lie below a prefix."""
    return _arn("s3", f"{prefix.removeprefix('s3://')}part-0", stack)
