#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""peers.py EVENTS.csv DATABASE THREADS - the same join by DuckDB and Polars,
and the statistics of all columns by DuckDB.

Loads the events, prints the names of the peers there are, then answers lines
"NAME SPINE.csv" with one JSON line each: the seconds, and the sums that tell
whether it is the same join. DuckDB joins its own native tables in the file
DATABASE; the result stays in memory on its side, all columns, no matter in
which order. Polars gives its rows in the spine's order, as Larder does. A line
"summarize" is answered with what DuckDB's SUMMARIZE took, and means.
"""
import datetime
import json
import sys
import time

TTL_DAYS = 7
COLUMNS = [f"f{k}" for k in range(8)] + ["i0", "i1", "s"]


class DuckDB:
    def __init__(self, events, database, threads):
        import duckdb
        self.db = duckdb.connect(database)
        self.db.execute(f"set threads = {threads}")
        self.db.execute("set timezone = 'UTC'")
        self.db.execute("set preserve_insertion_order = false")
        self.db.execute(
            f"create table ev as select * from read_csv('{events}')")
        self.db.execute("checkpoint")

    def join(self, sql, spine):
        self.db.execute(
            "create or replace temp table sp as select row_number() over () "
            f"rid, entity, event_timestamp t from read_csv('{spine}')")
        begun = time.perf_counter()
        self.db.execute(f"create or replace temp table joined as {sql}")
        seconds = time.perf_counter() - begun
        rows, matched, i1, f6 = self.db.execute(
            "select count(*), count(i1), sum(i1), sum(f6) from joined"
        ).fetchone()
        self.db.execute("drop table joined")
        return seconds, rows, matched, i1, f6

    def summarize(self):
        begun = time.perf_counter()
        self.db.execute("create or replace temp table summary as summarize "
                        f"select {', '.join(COLUMNS)} from ev")
        seconds = time.perf_counter() - begun
        mean, rows = self.db.execute(
            "select cast(avg as double), count from summary "
            "where column_name = 'f6'").fetchone()
        stddev, = self.db.execute("select stddev_pop(f6) from ev").fetchone()
        return {"what": "stats", "by": "summarize", "seconds":
                round(seconds, 4), "rows": rows, "mean_f6": mean,
                "stddev_f6": stddev}

    def asof(self, spine):
        columns = ", ".join(
            f"case when ev.ts >= sp.t - interval {TTL_DAYS} day then ev.{c} "
            f"end {c}" for c in COLUMNS)
        return self.join(
            f"select sp.rid, sp.entity, sp.t, {columns} from sp asof left join "
            "ev on sp.entity = ev.entity and sp.t >= ev.ts", spine)

    def arg_max(self, spine):
        columns = ", ".join(f"arg_max({c}, ev.ts) {c}" for c in COLUMNS)
        return self.join(
            f"select rid, any_value(sp.entity) entity, any_value(sp.t) t, "
            f"{columns} from sp left join ev on sp.entity = ev.entity and "
            f"ev.ts <= sp.t and ev.ts >= sp.t - interval {TTL_DAYS} day "
            "group by rid", spine)


class Polars:
    def __init__(self, events):
        import polars
        self.pl = polars
        self.events = polars.read_csv(events, try_parse_dates=True)

    def polars(self, spine):
        rows = self.pl.read_csv(
            spine, try_parse_dates=True).with_row_index("rid")
        begun = time.perf_counter()
        out = rows.sort("event_timestamp").join_asof(
            self.events.sort("ts"), left_on="event_timestamp", right_on="ts",
            by="entity", tolerance=datetime.timedelta(days=TTL_DAYS)
        ).sort("rid")
        seconds = time.perf_counter() - begun
        return (seconds, out.height, out["i1"].count(), out["i1"].sum(),
                out["f6"].sum())


def main():
    events, database, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    peers, duckdb = {}, None
    try:
        duckdb = DuckDB(events, database, threads)
        peers.update(asof=duckdb.asof, arg_max=duckdb.arg_max)
    except ImportError:
        print("bench: NO DUCKDB: its figures are missing", file=sys.stderr)
    try:
        peers.update(polars=Polars(events).polars)
    except ImportError:
        print("bench: NO POLARS: its figures are missing", file=sys.stderr)
    print(" ".join(peers), flush=True)
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        if words[0] == "summarize":
            print(json.dumps(duckdb.summarize()), flush=True)
            continue
        seconds, rows, matched, i1, f6 = peers[words[0]](words[1])
        print(json.dumps({
            "what": "join", "by": words[0], "seconds": round(seconds, 4),
            "rows": rows, "matched": matched, "sum_i1": int(i1),
            "sum_f6": round(f6, 1)}), flush=True)


if __name__ == "__main__":
    main()
