#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stats_oracle.py make FILE SEED | check FILE STATS.json BY

make: random rows of every special value there is. check: are the statistics
what BY (python, duckdb) finds? Prints what differs; exit 1. The mean is compared
with Python's fractions to the last bit, with DuckDB to a relative 1e-9; quantiles and distinct values within the error told.
"""
import csv
import json
import math
import random
import sys
from fractions import Fraction

ODD = ["NaN", "inf", "-inf", "-0.0", "0.0", "5e-324", "-2.5e-310", "1e300",
       "-1e300", "", "0.1", "3"]
WORDS = ["rome", "oslo", "\u00e9t\u00e9", "\U0001f9c0", "a b", "\"q\"", "x,y"]


def make(path, seed):
    rand = random.Random(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["few", "many", "odd", "whole", "big", "word", "id", "t",
                      "flag", "zip", "none"])
        for i in range(12000):
            out.writerow([
                rand.randrange(7) / 4,
                rand.lognormvariate(0, 3) * rand.choice([1, -1]),
                rand.choice(ODD) if rand.random() < 0.5
                else repr(rand.gauss(0, 1)),
                rand.choice([rand.randrange(-50, 50), ""]),
                rand.randrange(-2**63, 2**63),
                rand.choice(WORDS + [""]),
                f"id-{rand.randrange(9000)}",
                f"20{rand.randrange(10, 30)}-0{rand.randrange(1, 10)}-1"
                f"{rand.randrange(10)}T00:00:{rand.randrange(10, 60)}Z",
                rand.choice(["true", "false", ""]),
                f"0{rand.randrange(10000):04}",
                ""])


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


class Checker:
    def __init__(self):
        self.bad = 0

    def same(self, column, what, told, right, near=0.0):
        if told is None or right is None:
            ok = told is right
        elif isinstance(right, str) or isinstance(told, str):
            ok = told == right
        else:
            ok = abs(told - right) <= near * max(abs(right), 1e-300)
        if not ok:
            print(f"{column}: {what} is {told!r}, and should be {right!r}")
            self.bad = 1


def quantile(values, percent):
    """The least that so many of the sorted values do not exceed."""
    return values[-(-len(values) * percent // 100) - 1]


def deviation(values):
    """The population's, as Larder rounds it: n * squares - sum^2, once."""
    n, exact = len(values), [Fraction(v) for v in values]
    return math.sqrt(float(n * sum(v * v for v in exact) - sum(exact) ** 2)
                     / n / n)


def numbers(texts, integers):
    return [int(t) if integers else float(t) for t in texts if t != ""]


def check_python(columns, stats, c):
    for name, texts in columns.items():
        s = stats[name]
        there = [t for t in texts if t != ""]
        c.same(name, "count", s["count"], len(there))
        c.same(name, "nulls", s["nulls"], len(texts) - len(there))
        if s["type"] in ("float64", "int64"):
            check_numbers(name, numbers(texts, s["type"] == "int64"), s, c)
        elif s["type"] == "string" and there:
            lengths = [len(t) for t in there]
            c.same(name, "max_length", s["max_length"], max(lengths))
            c.same(name, "mean_length", s["mean_length"],
                   sum(lengths) / len(there), 1e-15)
            c.same(name, "min", s["min"], min(there, key=str.encode))
            c.same(name, "max", s["max"], max(there, key=str.encode))
        if s["type"] not in ("float64", "int64"):
            c.same(name, "distinct", s["distinct"], len(set(there)),
                   5 * s["distinct_error"])
        for top in s["top"] or []:
            text = json.dumps(top["value"]).strip('"')
            if s["type"] == "string":
                text = top["value"]
            c.same(name, f"top {text}", top["count"], there.count(text))


def check_numbers(name, values, s, c):
    finite = sorted(v for v in values if math.isfinite(v))
    c.same(name, "nan", s["nan"], sum(v != v for v in values))
    c.same(name, "above", s["above"], values.count(math.inf))
    c.same(name, "below", s["below"], values.count(-math.inf))
    kinds = len({v for v in values if v == v}) + (s["nan"] > 0)
    c.same(name, "distinct", s["distinct"], kinds, 5 * s["distinct_error"])
    c.same(name, "min", s["min"], finite[0])
    c.same(name, "max", s["max"], finite[-1])
    c.same(name, "mean", s["mean"],
           float(sum(Fraction(v) for v in finite)) / len(finite))
    try:
        c.same(name, "stddev", s["stddev"], deviation(finite), 1e-15)
    except OverflowError:
        pass
    for p in (50, 95, 99):
        c.same(name, f"p{p}", s[f"p{p}"], quantile(finite, p),
               s["quantile_error"])
    c.same(name, "histogram", sum(b["count"] for b in s["histogram"]),
           len(finite))


def check_duckdb(path, stats, c):
    import duckdb
    db = duckdb.connect()
    db.execute("create table r as select * from read_csv(?, all_varchar = true"
               ", nullstr = '')", [path])
    for name in ("few", "many", "whole", "odd"):
        s = stats[name]
        got = db.execute(
            f"with v as (select cast({name} as double) v from r), "
            "f as (select v from v where isfinite(v)) select "
            "(select count(v) from v), (select count(distinct v) from v), "
            "(select min(v) from f), (select max(v) from f), "
            "(select favg(v) from f), "
            "(select quantile_disc(v, 0.5) from f), "
            "(select quantile_disc(v, 0.95) from f)").fetchone()
        c.same(name, "count", s["count"], got[0])
        c.same(name, "distinct", s["distinct"], got[1],
               5 * s["distinct_error"])
        c.same(name, "min", s["min"], got[2])
        c.same(name, "max", s["max"], got[3])
        if name != "odd":
            c.same(name, "mean", s["mean"], got[4], 1e-9)
        c.same(name, "p50", s["p50"], got[5], s["quantile_error"])
        c.same(name, "p95", s["p95"], got[6], s["quantile_error"])


def main():
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
        return 0
    with open(sys.argv[3], encoding="utf-8") as file:
        stats = {s["name"]: s for s in json.load(file)["features"]}
    c = Checker()
    if sys.argv[4] == "python":
        check_python(read(sys.argv[2]), stats, c)
    else:
        check_duckdb(sys.argv[2], stats, c)
    return c.bad


if __name__ == "__main__":
    sys.exit(main())
