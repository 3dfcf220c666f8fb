"""docs/networks.md: its table lists the fields with their defaults, and its JobSpec is valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ndr.contract.jobspecs.networks import Networks
from ndr.contract.networks import EXCLUDED, INTERNAL

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()


def test_the_table_lists_the_fields_with_their_defaults() -> None:
    table = PAGE.partition("The first four")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    fields = [name for row in rows for name in re.findall(r"`(\w+)`", row[1])]
    assert fields == list(Networks.model_fields)
    defaults = {re.findall(r"`(\w+)`", row[1])[0]: row[3] for row in rows}
    assert re.findall(r"`(\w+)`", defaults["internal"]) == list(INTERNAL)
    assert re.findall(r"`(\w+)`", defaults["excluded"]) == list(EXCLUDED)
    plain = Networks()
    assert defaults["ipv4_segment_prefix_length"].strip() == (
        f"{plain.ipv4_segment_prefix_length}, {plain.ipv6_segment_prefix_length}"
    )


def test_the_jobspec_of_the_page_is_valid() -> None:
    (document,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    networks = Networks.model_validate(json.loads(document))
    assert networks.all_excluded == {**EXCLUDED, "link_local": (), "load_balancers": ("10.0.7.0/28",)}
