"""The hosts of a processing job, as SageMaker tells each of them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ndr.contract.errors import InvalidRequestError


def opt_ml() -> Path:
    """Return the folder that SageMaker provides; NDR_OPT_ML names another one where there is no container."""
    return Path(os.environ.get("NDR_OPT_ML", "/opt/ml"))


@dataclass(frozen=True)
class Hosts:
    """Names of all hosts of the job, sorted, and of this one."""

    names: tuple[str, ...]
    current: str

    @property
    def first(self) -> str:
        """The host that runs the job; the others help it or have nothing to do."""
        return self.names[0]

    @property
    def is_first(self) -> bool:
        return self.current == self.first


def read_hosts() -> Hosts:
    """Read `config/resourceconfig.json`; where there is none this machine is the only host.

    Raises
    ------
    InvalidRequestError
        The file does not name the hosts, or not this one among them.
    """
    path = opt_ml() / "config" / "resourceconfig.json"
    try:
        found = json.loads(path.read_text())
        if not all(isinstance(name, str) and name for name in (*found["hosts"], found["current_host"])):
            raise ValueError("a host's name is not text")
        hosts = Hosts(tuple(sorted(found["hosts"])), found["current_host"])
    except FileNotFoundError:
        return Hosts(("localhost",), "localhost")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidRequestError(
            f"{path} does not name the job's hosts ({error!r}); SageMaker writes it with hosts and current_host."
        ) from None
    if hosts.current not in hosts.names:
        raise InvalidRequestError(f"{path} names the hosts {list(hosts.names)}, but this one is {hosts.current!r}.")
    return hosts
