#!/usr/bin/env python3
"""Makes worldcup98.csv and nasa_http.csv from per-minute request counts.

    python3 data/make.py INPUT OUTPUT

INPUT holds worldcup98/requests_per_minute.csv (two columns: minute as `YYYY-MM-DD HH:MM:SS` in GMT, requests)
and nasa_http/requests_per_minute.csv (two columns: minutes since 1 July 1995 00:00 local time, requests), both
binned from the access logs of the Internet Traffic Archive. OUTPUT is this folder.

It only selects whole days and writes the time as minutes since the first of them; counts are not touched. A day
that lacks a minute or that holds a long run of zeros ends the script with a message instead of a file.
"""

import csv
import sys
from datetime import datetime, timedelta
from pathlib import Path

MINUTES_A_DAY = 1440
LONGEST_RUN_OF_ZEROS = 60


def timestamp(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")


def minute_of_july(text):
    return datetime(1995, 7, 1) + timedelta(minutes=int(text))


TRACES = [
    # name, how a time is read, first day, days
    ("worldcup98", timestamp, datetime(1998, 6, 11), 15),
    ("nasa_http", minute_of_july, datetime(1995, 7, 4), 15),
]


def longest_run_of_zeros(counts):
    longest = run = 0
    for count in counts:
        run = run + 1 if count == 0 else 0
        longest = max(longest, run)
    return longest


def select(source, read_time, first, days):
    """Counts of `days` whole days from `first`, one a minute."""
    with open(source, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        counted = {read_time(time): int(count) for time, count in rows}
    minutes = [first + timedelta(minutes=m) for m in range(days * MINUTES_A_DAY)]
    absent = [m for m in minutes if m not in counted]
    if absent:
        sys.exit(f"{source}: no row for {absent[0]}, expected every minute of the selected days")
    return [counted[m] for m in minutes]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    for name, read_time, first, days in TRACES:
        counts = select(source / name / "requests_per_minute.csv", read_time, first, days)
        if longest_run_of_zeros(counts) > LONGEST_RUN_OF_ZEROS:
            sys.exit(f"{name}: more than {LONGEST_RUN_OF_ZEROS} minutes of zeros, expected a server that was up")
        with open(target / f"{name}.csv", "w", newline="\n") as file:
            file.write("minute,count\n")
            file.writelines(f"{minute},{count}\n" for minute, count in enumerate(counts))


if __name__ == "__main__":
    main()
