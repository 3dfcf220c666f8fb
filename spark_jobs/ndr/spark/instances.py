"""The instances of a Processing job, as SageMaker names them to each."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ndr.contract.errors import InvalidRequestError


def opt_ml() -> Path:
    """Return the folder that SageMaker provides; NDR_OPT_ML names another one outside a container."""
    return Path(os.environ.get("NDR_OPT_ML", "/opt/ml"))


@dataclass(frozen=True)
class Instances:
    """Names of all instances of the job, sorted, and of this one."""

    names: tuple[str, ...]
    current: str

    @property
    def first(self) -> str:
        """The instance that runs the job; the others are workers or have nothing to do."""
        return self.names[0]

    @property
    def is_first(self) -> bool:
        return self.current == self.first


def read_instances() -> Instances:
    """Read `config/resourceconfig.json`; without it this machine is the only instance.

    Raises
    ------
    InvalidRequestError
        The file does not name the instances, or this one is not among them.
    """
    path = opt_ml() / "config" / "resourceconfig.json"
    try:
        found = json.loads(path.read_text())
        if not all(isinstance(name, str) and name for name in (*found["hosts"], found["current_host"])):
            raise ValueError("the name of an instance is not text")
        instances = Instances(tuple(sorted(found["hosts"])), found["current_host"])
    except FileNotFoundError:
        return Instances(("localhost",), "localhost")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidRequestError(
            f"{path} does not name the job's instances ({error!r}); SageMaker writes it with hosts and current_host."
        ) from None
    if instances.current not in instances.names:
        raise InvalidRequestError(
            f"{path} names the instances {list(instances.names)}, but this one is {instances.current!r}."
        )
    return instances
