"""Roles that may do everything, for tests of the account itself; the template's own roles are tested as they are."""

from __future__ import annotations

import json

from ministack_sagemaker.lifecycle import Account

JOBS = "arn:aws:iam::123456789012:role/ndr-jobs"
STATES = "arn:aws:iam::123456789012:role/ndr-states"
_SERVICES = {JOBS: "sagemaker.amazonaws.com", STATES: "states.amazonaws.com"}
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def create_open_roles(account: Account) -> None:
    """Create them in an account."""
    iam = account.client("iam")
    for arn, service in _SERVICES.items():
        name = arn.rpartition("/")[2]
        trusted = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        trust = {"Version": "2012-10-17", "Statement": [trusted]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=json.dumps(_EVERYTHING))
