"""Writes the files of this folder: `pip install pyarrow openpyxl`, then `python make.py` in it."""

import datetime as time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

TYPES = pa.table(
    {
        "id": pa.array([1, 2, None], pa.int64()),
        "unsigned": pa.array([2**32 - 1, 1, 0], pa.uint32()),
        "large": pa.array([2**64 - 1, 1, 0], pa.uint64()),
        "word": pa.array(["ä", "b", None]).dictionary_encode(),
        "single": pa.array([0.1, float("nan"), -2.75], pa.float32()),
        "half": pa.array([1.5, None, 0.1], pa.float16()),
        "price": pa.array([Decimal("12.34"), Decimal("-0.05"), None], pa.decimal128(10, 2)),
        "key": pa.array([Decimal("12345678901234567890123"), Decimal("-1"), None], pa.decimal128(30, 0)),
        "day": pa.array([time.date(1999, 3, 31), time.date(1950, 1, 1), None]),
        "at": pa.array([time.datetime(1999, 3, 31, 12, 5, 6), time.datetime(2000, 1, 1), None], pa.timestamp("us")),
        "clock": pa.array([time.time(12, 5, 6), None, None]),
        "tags": pa.array([["a", "b"], [], None]),
        "deep": pa.array([[["a"], ["b", "c"]], [[]], None]),
        "by": pa.array([{"name": "Ann", "born": {"in": "Ghent"}}, {"name": None, "born": None}, None]),
        "tracks": pa.array([[{"t": "x", "of": ["a", "b"]}, {"t": "y", "of": None}], [], None]),
        "map": pa.array([[("k", "v")], [], None], pa.map_(pa.string(), pa.string())),
        "raw": pa.array([b"\xff\xfe", b"ok", None]),
        "truth": pa.array([True, False, None]),
    }
)
pq.write_table(TYPES, "types.zstd.parquet", compression="zstd", data_page_version="2.0")
pq.write_table(TYPES, "types.snappy.parquet", compression="snappy", use_deprecated_int96_timestamps=True)
