#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""windows.py EVENTS.csv THREADS - windows of one column by DuckDB, three ways.

Loads the events into a table, prints the names of the ways, then answers lines
"NAME SPINE.csv" with one JSON line each: the seconds, and the sums that tell
whether they are the same windows. The result stays in memory on DuckDB's side.

    join     spine and events of 90 days joined, then grouped by spine row: each
             pair of them is looked at, so best where an entity has few events
    lateral  a subquery a window, of the spine row's events
    window   spine rows among the events, under window functions over ranges of
             time: its cost grows with events, so best where there are many
"""
import json
import sys
import time

DAYS = (7, 30, 90)
AGGREGATES = {"sum": "sum", "mean": "avg", "min": "min", "max": "max",
              "count": "count"}
DAY_US = 86400 * 1000000
NAMES = [f"{name}{d}" for d in DAYS for name in AGGREGATES]


def join_sql():
    columns = ", ".join(
        f"{call}(v) filter (ts > t - interval {d} day) {name}{d}"
        for d in DAYS for name, call in AGGREGATES.items())
    return (f"select rid, any_value(sp.entity) entity, any_value(t) t, "
            f"{columns} from sp left join ev on sp.entity = ev.entity and "
            f"ev.ts <= sp.t and ev.ts > sp.t - interval {DAYS[-1]} day "
            "group by rid")


def lateral_sql():
    windows = " ".join(
        "left join lateral (select " + ", ".join(
            f"{call}(v) {name}{d}" for name, call in AGGREGATES.items()) +
        " from ev where ev.entity = sp.entity and ev.ts <= sp.t and "
        f"ev.ts > sp.t - interval {d} day) w{d} on true" for d in DAYS)
    return f"select rid, sp.entity, t, {', '.join(NAMES)} from sp {windows}"


def window_sql():
    columns = ", ".join(f"{call}(v) over w{d} {name}{d}"
                        for d in DAYS for name, call in AGGREGATES.items())
    windows = ", ".join(
        f"w{d} as (partition by entity order by ts range between "
        f"interval '{d * DAY_US - 1} microseconds' preceding and current row)"
        for d in DAYS)
    return (f"select * from (select rid, entity, ts t, {columns} from "
            "(select null::bigint rid, entity, ts, v from ev union all "
            f"select rid, entity, t, null from sp) window {windows}) "
            "where rid is not null")


def main():
    events, threads = sys.argv[1], int(sys.argv[2])
    ways = {"join": join_sql(), "lateral": lateral_sql(),
            "window": window_sql()}
    try:
        import duckdb
    except ImportError:
        print("bench: NO DUCKDB: its figures are missing", file=sys.stderr)
        ways = {}
    else:
        db = duckdb.connect()
        db.execute(f"set threads = {threads}")
        db.execute("set timezone = 'UTC'")
        db.execute("create table ev as select entity, v, ts::timestamp ts "
                   f"from read_csv('{events}')")
    print(" ".join(ways), flush=True)
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        db.execute("set preserve_insertion_order = true")
        db.execute(
            "create or replace temp table sp as select row_number() over () "
            "- 1 rid, entity, event_timestamp::timestamp t from "
            f"read_csv('{words[1]}')")
        db.execute("set preserve_insertion_order = false")
        begun = time.perf_counter()
        db.execute(
            f"create or replace temp table joined as {ways[words[0]]}")
        seconds = time.perf_counter() - begun
        # A row's number weighs it, as in windows.c.
        told = db.execute("select " + ", ".join(
            f"sum({name} * (rid % 7 + 1))" for name in NAMES) +
            " from joined").fetchone()
        db.execute("drop table joined")
        print(json.dumps({"what": "windows", "by": words[0],
                          "seconds": round(seconds, 4),
                          **dict(zip(NAMES, told))}), flush=True)


if __name__ == "__main__":
    main()
