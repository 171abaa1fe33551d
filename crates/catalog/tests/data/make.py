"""Writes the files of this folder: `pip install pyarrow xlsxwriter`, then `python make.py` in it."""

import datetime as time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

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

with xlsxwriter.Workbook("films.xlsx") as book:
    book.add_worksheet("Empty")
    films = book.add_worksheet("Films")
    day, moment, clock, length = (
        book.add_format({"num_format": f}) for f in ["dd/mm/yyyy", "yyyy-mm-dd hh:mm:ss", "hh:mm", "[h]:mm:ss"]
    )
    for column, name in [(1, "id"), (2, " Title "), (4, "Released"), (5, "Length"), (6, "At")]:
        films.write(2, column, name)
    films.write_row(3, 1, [1, "Amélie"])
    films.write_datetime(3, 4, time.date(2001, 4, 25), day)
    films.write_datetime(3, 5, time.timedelta(hours=2, minutes=2), length)
    films.write_datetime(3, 6, time.datetime(2001, 4, 25, 20, 30), moment)
    films.write_row(4, 1, [2.5, "true", True])
    films.write_datetime(4, 4, time.date(1904, 1, 1), day)
    films.write_datetime(4, 5, time.timedelta(hours=30), length)
    films.write_datetime(4, 6, time.time(20, 30), clock)
    films.write_formula(5, 1, "=1/0", None, "#DIV/0!")
    films.write_row(5, 2, ["x"])
    films.write_formula(5, 3, "=NA()", None, "#N/A")
    films.write_row(7, 1, [4, "two\nlines", " ", "soon", 0.25])
    films.write_row(8, 1, [5, "beside", None, None, None, None, None, "aside"])
    hidden = book.add_worksheet("Hidden")
    hidden.write(0, 0, "id")
    hidden.hide()
