"""Pins the base image of each Dockerfile to the digest that its tag has now: `make pin-images`.

The digest comes from the registry, so that it is the one that a build on this day would have got. Docker is not needed.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DOCKERFILES: Final = (ROOT / "spark_jobs" / "Dockerfile", ROOT / "lambdas" / "upsert_pipelines" / "Dockerfile")
_BASE: Final = re.compile(r"^ARG BASE_IMAGE=(?P<image>[^@\s]+)(?P<digest>@sha256:[0-9a-f]{64})?$", re.MULTILINE)
_ACCEPTED: Final = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_SECONDS: Final = 30


def pinned(dockerfile: str, scheme: str = "https") -> str:
    """Return the text of a Dockerfile with the digest of its base image.

    Raises
    ------
    ValueError
        It has no ARG BASE_IMAGE, or its registry answers with no digest.
    """
    found = _BASE.search(dockerfile)
    if found is None:
        raise ValueError("The Dockerfile has no line ARG BASE_IMAGE=<registry>/<repository>:<tag>.")
    line = f"ARG BASE_IMAGE={found['image']}@{digest_of(found['image'], scheme)}"
    return dockerfile[: found.start()] + line + dockerfile[found.end() :]


def digest_of(image: str, scheme: str = "https") -> str:
    """Return the digest, `sha256:` and 64 hex digits, that an image's tag has in its registry."""
    registry, _, rest = image.partition("/")
    repository, _, tag = rest.rpartition(":")
    url = f"{scheme}://{registry}/v2/{repository}/manifests/{tag}"
    try:
        answer = _head(url)
    except urllib.error.HTTPError as refused:
        if refused.code != 401:
            raise
        answer = _head(url, _token(refused.headers["WWW-Authenticate"]))
    digest = answer.get("Docker-Content-Digest", "")
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ValueError(
            f"The registry of {image} answers with the digest {digest!r}, which is not sha256: and 64 digits."
        )
    return digest


def _head(url: str, token: str | None = None) -> dict[str, str]:
    headers = {"Accept": _ACCEPTED} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, method="HEAD", headers=headers)  # noqa: S310  a registry's URL
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        return dict(answer.headers)


def _token(challenge: str) -> str:
    """Return the token for reading that a registry's challenge says where to get."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode({name: asked[name] for name in ("service", "scope") if name in asked})
    with urllib.request.urlopen(f"{asked['realm']}?{query}", timeout=_SECONDS) as answer:  # noqa: S310
        return str(json.load(answer)["token"])


def main() -> int:
    """Pin each Dockerfile and print its base image; return 1 where a registry is not reached."""
    for path in DOCKERFILES:
        try:
            text = pinned(path.read_text())
        except (OSError, ValueError) as error:
            print(f"{path.relative_to(ROOT)} stays as it is: {error}", file=sys.stderr)
            return 1
        path.write_text(text)
        found = _BASE.search(text)
        print(f"{path.relative_to(ROOT)}: {found[0].removeprefix('ARG BASE_IMAGE=') if found else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
