#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write spine.csv: flights of flights.csv to predict, an hour before.

Each row is a real flight: its route, the moment an hour before it, so that its
own delay is still in the future, and whether it was more than 15 minutes late.
Six rows are of airports that nobody knows, and one row comes twice. Running it
again gives the same bytes.
"""

import csv
import datetime
import os

HERE = os.path.dirname(os.path.abspath(__file__))
TIME = "%Y-%m-%dT%H:%M:%SZ"
ROWS = 200
UNKNOWN = ["XXA", "XXB", "XXC"]


def flights():
    with open(os.path.join(HERE, "flights.csv"), newline="") as rows:
        return list(csv.DictReader(rows))


def spine_row(flight):
    time = datetime.datetime.strptime(flight["event_timestamp"], TIME)
    time -= datetime.timedelta(hours=1)
    late = "1" if int(flight["delay"]) > 15 else "0"
    return [flight["origin"], flight["destination"], time.strftime(TIME), late]


def spine(history):
    """Evenly through the flights but for the first day, in no order of time:
    77 and ROWS have no common divisor, so every flight comes once."""
    history = [f for f in history if f["event_timestamp"] > "2001-01-02"]
    step = len(history) // ROWS
    rows = [spine_row(history[n * 77 % ROWS * step]) for n in range(ROWS)]
    for n in range(6):
        rows[30 * n + 9][n % 2] = UNKNOWN[n // 2]
    return rows + [rows[4]]


def main():
    path = os.path.join(HERE, "spine.csv")
    with open(path, "w", encoding="ascii", newline="\n") as out:
        out.write("origin,destination,event_timestamp,late\n")
        for row in spine(flights()):
            out.write(",".join(row) + "\n")


if __name__ == "__main__":
    main()
