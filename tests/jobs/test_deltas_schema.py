"""Arrow schemas of the contract's datasets."""

import pyarrow as pa

from ndr.contract.datasets import DELTAS, FG_A, PEER_DELTAS
from ndr.store.schema import arrow_schema


def test_columns_keep_their_order_and_types() -> None:
    assert arrow_schema(PEER_DELTAS) == pa.schema(
        [
            ("host_ip", pa.string()),
            ("role", pa.string()),
            ("peer_ip", pa.string()),
            ("peer_port", pa.int64()),
            ("slice_start", pa.timestamp("us", tz="UTC")),
            ("sessions_cnt", pa.int64()),
            ("allow_cnt", pa.int64()),
            ("deny_cnt", pa.int64()),
            ("bytes_sent_sum", pa.int64()),
            ("bytes_recv_sum", pa.int64()),
            ("is_admin_port", pa.bool_()),
            ("is_high_risk_port", pa.bool_()),
        ]
    )


def test_every_column_of_a_dataset_is_there_once() -> None:
    assert arrow_schema(DELTAS).names == DELTAS.column_names
    assert arrow_schema(FG_A).field("is_weekend").type == pa.bool_()
