#!/usr/bin/env python3
"""Makes teastore.bin from the published table of the TeaStore random walk.

    python3 data/make_teastore.py data.log data/teastore.bin

The table has one row a step, separated by spaces, under a header with names that occur twice; columns are read by position.
The first ten are kept: what follows them is computed from them and from the row after. Nothing is rounded, left out or filled in:
every number is written as a whole number of its last decimal, and one that is missing as the largest number there is.

Layout, little endian: eight bytes `TEASTORE`, the number of rows (u32), then whole columns one after the other:
replicas (u8), heap in 100 MB (u8), CPU limit in 100 millicores (u8), received and transmitted packets a second in
thousandths (u32 each), largest and current sessions (u16 each), used CPU in cores, used memory in GB and cost in USD an hour
in ten-thousandths (u16 each).
"""

import struct
import sys
from decimal import Decimal
from pathlib import Path

# Column, unit that a whole number stands for, code of `struct`.
COLUMNS = [
    (0, "1", "B"),
    (1, "100", "B"),
    (2, "100", "B"),
    (3, "0.001", "I"),
    (4, "0.001", "I"),
    (5, "1", "H"),
    (6, "1", "H"),
    (7, "0.0001", "H"),
    (8, "0.0001", "H"),
    (9, "0.0001", "H"),
]
FIELDS = 17


def whole(text, unit, code):
    if text == "NaN":
        return 256 ** struct.calcsize(code) - 1
    number = Decimal(text) / Decimal(unit)
    if number != int(number):
        sys.exit(f"{text} is no multiple of {unit}")
    return int(number)


def main(source, target):
    rows = [line.split() for line in Path(source).read_text().splitlines()[1:] if line.strip()]
    for number, row in enumerate(rows):
        if len(row) != FIELDS:
            sys.exit(f"row {number} has {len(row)} fields, expected {FIELDS}")
    out = b"TEASTORE" + struct.pack("<I", len(rows))
    for column, unit, code in COLUMNS:
        out += struct.pack(f"<{len(rows)}{code}", *(whole(row[column], unit, code) for row in rows))
    Path(target).write_bytes(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
