"""Images in the account's own registry. Jobs run as processes here, so that an image is a name and a manifest."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final

from ministack_sagemaker.lifecycle import Account

MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
"""Media type of the manifest of one image."""
INDEX: Final = "application/vnd.oci.image.index.v1+json"
"""Media type of the manifest of several images, which SageMaker does not pull."""


def register_image(account: Account, name: str, media_type: str = MANIFEST) -> None:
    """Register an image, as a push would, unless its tag is there.

    Parameters
    ----------
    account
        A running account.
    name
        `repository:tag`.
    media_type
        MANIFEST or INDEX.
    """
    repository, _, tag = name.partition(":")
    ecr = account.client("ecr")
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=repository)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "name": name})
    with suppress(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(
            repositoryName=repository, imageTag=tag, imageManifest=manifest, imageManifestMediaType=media_type
        )
