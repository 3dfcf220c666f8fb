"""The account and region in which a request, a job or a statement acts."""

from __future__ import annotations

import functools
import os
import secrets
import threading
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

_creating_client = threading.Lock()


@dataclass(frozen=True)
class Scope:
    """One AWS account in one region, for services that run in the server process."""

    account_id: str
    region: str

    @classmethod
    def of_request(cls) -> Scope:
        """Return the scope of the current request, which MiniStack reads from the signature."""
        from ministack.core.responses import get_account_id, get_region

        return cls(get_account_id(), get_region())

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    def client(self, service: str) -> Any:
        """Return a boto3 client with the rights of the account's root user."""
        return _client(self, service)

    def environment(self, role_arn: str | None = None, session_name: str = "job") -> dict[str, str]:
        """Return environment variables with which a process reaches this account.

        Parameters
        ----------
        role_arn
            The role the process acts as. It is assumed only when the account enforces IAM; otherwise every process
            acts as the root user.
        session_name
            The role session's name.
        """
        variables = {
            "AWS_ENDPOINT_URL": endpoint_url(),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return variables | self._credentials(role_arn, session_name)

    def _credentials(self, role_arn: str | None, session_name: str) -> dict[str, str]:
        from ministack import app

        if role_arn is None or not app.AUTH:
            # A 12-digit access key is how MiniStack names the root user of that account.
            return {"AWS_ACCESS_KEY_ID": self.account_id, "AWS_SECRET_ACCESS_KEY": "test"}
        return _session(self.account_id, role_arn, session_name)


def _session(account_id: str, role_arn: str, session_name: str) -> dict[str, str]:
    """Return credentials of a role that a service assumes; the trust policy names the service, not the account."""
    from ministack.services import sts

    role = role_arn.rpartition("/")[2]
    access_key, secret_key, token = (secrets.token_hex(length) for length in (8, 20, 20))
    variables = {
        "AWS_ACCESS_KEY_ID": f"ASIA{access_key.upper()}",
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_SESSION_TOKEN": token,
    }
    session = {
        "Arn": f"arn:aws:sts::{account_id}:assumed-role/{role}/{session_name}",
        "UserId": f"{role}:{session_name}",
        "SecretAccessKey": secret_key,
        "SessionToken": token,
    }
    sts.register_session(variables["AWS_ACCESS_KEY_ID"], session)
    return variables


def endpoint_url() -> str:
    """Return the address of this server."""
    return f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"


@functools.cache
def _client(scope: Scope, service: str) -> Any:
    with _creating_client:
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint_url(),
            region_name=scope.region,
            aws_access_key_id=scope.account_id,
            aws_secret_access_key="test",  # noqa: S106  MiniStack does not check the root user's signature
            config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard"}),
        )
