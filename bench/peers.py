#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""peers.py EVENTS.csv SPINE.csv THREADS - the same join by DuckDB and Polars.

One JSON line each, the sums beside the seconds, so that a figure is only read
where all agree. The events are loaded before the clock starts: DuckDB joins its
own native tables. Peers that are not installed are told on standard error.
"""
import json
import resource
import sys
import time

TTL_DAYS = 7
COLUMNS = [f"f{k}" for k in range(8)] + ["i0", "i1", "s"]


def tell(by, seconds, spine, threads, matched, sum_i1, sum_f6):
    print(json.dumps({
        "what": "join", "by": by, "spine": spine, "threads": threads,
        "seconds": round(seconds, 4), "matched": matched, "sum_i1": sum_i1,
        "sum_f6": round(sum_f6, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }), flush=True)


def duckdb_join(events, spine, threads):
    import duckdb
    db = duckdb.connect()
    db.execute(f"set threads = {threads}")
    db.execute("set timezone = 'UTC'")
    db.execute(f"create table ev as select * from read_csv('{events}')")
    db.execute("create table sp as select row_number() over () rid, entity, "
               f"event_timestamp t from read_csv('{spine}')")
    ttl = f"interval {TTL_DAYS} day"
    asof = ", ".join(f"case when ev.ts >= sp.t - {ttl} then ev.{c} end {c}"
                     for c in COLUMNS)
    grouped = ", ".join(f"arg_max({c}, ev.ts) {c}" for c in COLUMNS)
    ways = {
        "duckdb asof": f"select sp.rid, sp.entity, sp.t, {asof} from sp asof "
                       "left join ev on sp.entity = ev.entity and sp.t >= ev.ts",
        "duckdb arg_max": f"select rid, {grouped} from sp left join ev on "
                          "sp.entity = ev.entity and ev.ts <= sp.t and "
                          f"ev.ts >= sp.t - {ttl} group by rid",
    }
    for by, sql in ways.items():
        best = None
        for _ in range(3):
            begun = time.perf_counter()
            batch = db.execute(sql).fetchnumpy()
            seconds = time.perf_counter() - begun
            best = seconds if best is None else min(best, seconds)
        i1, f6 = (batch[c] for c in ("i1", "f6"))
        there = ~i1.mask if hasattr(i1, "mask") else slice(None)
        tell(by, best, len(i1), threads, len(i1[there]),
             int(i1[there].sum()), float(f6[there].sum()))


def polars_join(events, spine, threads):
    import datetime
    import polars as pl
    ev = pl.read_csv(events, try_parse_dates=True)
    sp = pl.read_csv(spine, try_parse_dates=True).with_row_index("rid")
    best = None
    for _ in range(3):
        begun = time.perf_counter()
        out = sp.sort("event_timestamp").join_asof(
            ev.sort("ts"), left_on="event_timestamp", right_on="ts",
            by="entity", tolerance=datetime.timedelta(days=TTL_DAYS)).sort("rid")
        seconds = time.perf_counter() - begun
        best = seconds if best is None else min(best, seconds)
    tell("polars", best, out.height, threads, out["i1"].count(),
         int(out["i1"].sum()), float(out["f6"].sum()))


def main():
    events, spine, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    for name, run in (("duckdb", duckdb_join), ("polars", polars_join)):
        try:
            run(events, spine, threads)
        except ImportError:
            print(f"bench: no {name}: its figures are missing", file=sys.stderr)


if __name__ == "__main__":
    main()
