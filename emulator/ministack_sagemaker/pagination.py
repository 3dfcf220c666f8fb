"""Pages of a list, as List operations give them."""

from __future__ import annotations

from typing import Any, TypeVar

from ministack_sagemaker.aws_json import ServiceError

Item = TypeVar("Item")


def page(items: list[Item], request: dict[str, Any], default_size: int = 100) -> tuple[list[Item], str | None]:
    """Return one page and the token of the next.

    Parameters
    ----------
    items
        The whole list, in the order asked for.
    request
        The request, with `MaxResults` and `NextToken` when the caller gave them.
    default_size
        Page size when `MaxResults` is absent or 0.

    Raises
    ------
    ServiceError
        `ValidationException` if `NextToken` was not returned by this emulator.
    """
    size = request.get("MaxResults") or default_size
    token = request.get("NextToken") or "0"
    if not token.isdecimal():
        raise ServiceError("ValidationException", f"NextToken {token!r} is not one that this operation returned.")
    start = int(token)
    end = start + size
    return items[start:end], str(end) if end < len(items) else None
