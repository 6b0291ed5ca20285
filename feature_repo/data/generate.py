#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the sample data of this folder: a CSV per source, and spine.csv.

The numbers are made up; their faults are those of real life. Rows arrive in
weekly batches on Monday at 03:00, a median of 2 days after the event, 2.4 %
later than 7 days, none later than 14. Values are missing, some rows come
twice, some are corrected a week later: same key and event time, later
created_at, other values. Every source also has keys whose rows lie exactly on
the edges that a point-in-time join can get wrong (BOUNDARY_CASES).

Running it again gives the same bytes on any Python 3: the random numbers are
our own, and of floating point only + - * / and correctly rounded formatting
are used.
"""

import collections
import datetime
import os

SECOND = 1000000  # times are microseconds since 1970, UTC
HOUR = 3600 * SECOND
DAY = 24 * HOUR
WEEK = 7 * DAY
EPOCH = datetime.datetime(1970, 1, 1)


def at(*parts):
    """A time: at(2024, 1, 8, 3) is 2024-01-08T03:00:00Z."""
    return (datetime.datetime(*parts) - EPOCH) // datetime.timedelta(
        microseconds=1)


FIRST = at(2024, 1, 1)  # events lie in [FIRST, LAST)
LAST = at(2025, 1, 1)
BATCHES = [at(2024, 1, 8, 3) + week * WEEK for week in range(53)]

HCPS, PATIENTS, TRIGGERS, TERRITORIES = 96, 330, 290, 30
BRANDS = ["brand_a", "brand_b", "brand_c"]
SPECIALTIES = ["dermatology", "hematology", "oncology", "neurology",
               "rheumatology", "internal_medicine"]
PRACTICES = ["academic", "community", "community", "private"]
TRIGGER_TYPES = ["prescription_opportunity", "adherence_risk",
                 "churn_prevention", "cross_sell", "engagement_gap",
                 "competitive_threat", "treatment_switch", "reactivation"]
CHANNELS = ["email", "crm", "mobile", "portal", "rep_alert"]

# Days a value stays valid: the ttl of the view over each source.
TTL = {"hcp_activity": 7, "patient_journeys": 30, "trigger_responses": 7,
       "market_metrics": 14}

# A row of a source before it is text. `arrives` is the batch that brings it
# and orders the file; `created` is None in the few rows without created_at.
Row = collections.namedtuple("Row", "arrives created event key values")

# name; key columns; value columns; of these the ones that may be empty
Source = collections.namedtuple("Source", "name keys columns nullable values")


class Random:
    """splitmix64."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n

    def unit(self):
        return (self.next() >> 11) / 2**53

    def between(self, low, high):
        return low + (high - low) * self.unit()

    def bell(self):
        """Mean 0, standard deviation 1, within 3.5: nearly a normal."""
        return (self.unit() + self.unit() + self.unit() + self.unit()
                - 2) * 1.7320508

    def chance(self, p):
        return self.unit() < p

    def pick(self, items):
        return items[self.below(len(items))]

    def shuffled(self, items):
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]
        return items


def clamp(x, low, high):
    return min(max(x, low), high)


def text_of(time):
    """ISO 8601; microseconds only where there are any."""
    moment = EPOCH + datetime.timedelta(microseconds=time)
    return moment.isoformat() + "Z"


def yes(flag):
    return "true" if flag else "false"


def seed_of(text):
    """FNV-1a: a key's own numbers, whatever other keys there are."""
    seed = 0xCBF29CE484222325
    for byte in text.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    return seed


# Values of a row: functions of (random numbers, key, event time). What stays
# the same for a key is drawn anew each time from the key's own numbers.

def hcp_values(r, key, event):
    own = Random(seed_of(key[0]))
    base, drift = own.between(15, 85), own.between(-12, 12)
    specialty, practice = own.pick(SPECIALTIES), own.pick(PRACTICES)
    volume = own.between(50, 600)
    tier = "High" if base >= 70 else "Medium" if base >= 40 else "Low"
    year = (event - FIRST) / (366 * DAY)
    score = clamp(base + drift * year + 6 * r.bell(), 0, 100)
    trx = int(clamp(volume / 12 * (0.6 + score / 125) + 4 * r.bell(), 0, 100))
    nrx = int(trx * r.between(0.1, 0.3))
    return {
        "trx_count": "%d" % trx,
        "nrx_count": "%d" % nrx,
        "conversion_rate": "%.4f" % clamp(score / 250 + 0.03 * r.bell(), 0, 1),
        "engagement_score": "%.1f" % score,
        "call_frequency": "%.1f" % clamp(score / 12 + r.bell(), 0, 10),
        "specialty": specialty,
        "practice_type": practice,
        "digital_engagement_tier": tier,
    }


def therapy_start(key):
    """The second brand of a patient starts when the first one fails."""
    own = Random(seed_of(key[0]))
    first = at(2023, 7, 1) + own.below(330) * DAY
    return first if key[1] == first_brand(key[0]) else first + 150 * DAY


def first_brand(patient):
    return BRANDS[seed_of(patient) // 7 % len(BRANDS)]


def patient_values(r, key, event):
    own = Random(seed_of("/".join(key)))
    base = own.between(0.45, 0.95)
    start = therapy_start(key)
    days = max(0, (event - start) // DAY)
    adherence = clamp(base + 0.06 * r.bell(), 0, 1)
    risk = clamp(0.95 - adherence + 0.1 * r.bell(), 0, 1)
    stage = ("diagnosis" if days < 30 else
             "initial_treatment" if days < 90 else
             "treatment_optimization" if days < 180 else "maintenance")
    if r.chance(0.05):
        stage = "treatment_switch"
    return {
        "therapy_start_date": text_of(start),
        "days_on_therapy": "%d" % days,
        "adherence_rate": "%.3f" % adherence,
        "journey_stage": stage,
        "refill_count": "%d" % (days // 30),
        "gap_days": "%d" % int((1 - adherence) * 30 * r.unit()),
        "is_churned": yes(risk > 0.8),
        "churn_risk_score": "%.3f" % risk,
    }


def trigger_values(r, key, event):
    own = Random(seed_of(key[0]))
    kind, channel = own.pick(TRIGGER_TYPES), own.pick(CHANNELS)
    brand, base = own.pick(BRANDS), own.between(0.2, 0.7)
    hcp = "hcp_%05d" % (1 + r.below(HCPS))
    responding = clamp(base + 0.08 * r.bell(), 0, 1)
    converting = clamp(base * 0.45 + 0.05 * r.bell(), 0, 1)
    responded = r.chance(responding)
    hours = "%.1f" % r.between(0.5, 96) if responded else ""
    return {
        "hcp_id": hcp,
        "brand_id": brand,
        "trigger_type": kind,
        "channel": channel,
        "is_responded": yes(responded),
        "response_time_hours": hours,
        "conversion_flag": yes(responded and r.chance(converting)),
        "response_rate": "%.4f" % responding,
        "conversion_rate": "%.4f" % converting,
        "roi": "%.3f" % clamp(9 * converting - 1 + 0.5 * r.bell(), -1, 20),
    }


def market_values(r, key, event):
    territory = Random(seed_of(key[0]))
    region = territory.pick([1.15, 0.95, 0.9, 1.0])
    lives = 10000 + territory.below(50000)
    hcps = 20 + territory.below(180)
    brand = BRANDS.index(key[1])
    share = [0.12, 0.08, 0.25][brand]
    volume = [500, 270, 1660][brand]
    months = (event - FIRST) / (30 * DAY)
    trx = volume * region * (1 + 0.02 * months) * (1 + 0.15 * r.bell())
    share *= region * (1 + 0.005 * months) * (1 + 0.05 * r.bell())
    spend = lives * 1.5 * share * (1 + 0.3 * r.bell()) + 2000
    rivals = clamp(10 * (0.7 - share) + r.bell(), 0, 10)
    return {
        "market_share": "%.5f" % clamp(share, 0, 1),
        "investment_level": "%.2f" % max(0, spend),
        "competitor_activity": "%.2f" % rivals,
        "total_trx": "%d" % int(max(0, trx)),
        "total_nrx": "%d" % int(max(0, trx * r.between(0.15, 0.25))),
        "active_hcp_count": "%d" % int(hcps * r.between(0.7, 1)),
        "covered_lives": "%d" % lives,
    }


SOURCES = [
    Source("hcp_activity", ["hcp_id"],
           ["trx_count", "nrx_count", "conversion_rate", "engagement_score",
            "call_frequency", "specialty", "practice_type",
            "digital_engagement_tier"],
           {"engagement_score": 0.10, "call_frequency": 0.05,
            "conversion_rate": 0.02}, hcp_values),
    Source("patient_journeys", ["patient_id", "brand_id"],
           ["therapy_start_date", "days_on_therapy", "adherence_rate",
            "journey_stage", "refill_count", "gap_days", "is_churned",
            "churn_risk_score"],
           {"adherence_rate": 0.08, "gap_days": 0.05,
            "churn_risk_score": 0.12}, patient_values),
    Source("trigger_responses", ["trigger_id"],
           ["hcp_id", "brand_id", "trigger_type", "channel", "is_responded",
            "response_time_hours", "conversion_flag", "response_rate",
            "conversion_rate", "roi"],
           {"response_time_hours": 0.02, "conversion_rate": 0.03,
            "roi": 0.15}, trigger_values),
    Source("market_metrics", ["territory_id", "brand_id"],
           ["market_share", "investment_level", "competitor_activity",
            "total_trx", "total_nrx", "active_hcp_count", "covered_lives"],
           {"competitor_activity": 0.10, "investment_level": 0.05,
            "covered_lives": 0.12}, market_values),
]


# Which keys there are, and in which batches rows of them come.

def patient_keys():
    keys = []
    for n in range(1, PATIENTS + 1):
        patient = "pt_%06d" % n
        brand = first_brand(patient)
        keys.append((patient, brand))
        if Random(seed_of(patient + "/second")).chance(0.4):
            keys.append((patient, BRANDS[(BRANDS.index(brand) + 1) % 3]))
    return keys


def trigger_start(trigger):
    """The batch number in which a trigger's first row comes."""
    return seed_of(trigger) // 11 % 44


def schedule(source):
    """Pairs of a key and the batches with a row of it."""
    if source.name == "hcp_activity":
        return [(("hcp_%05d" % n,), BATCHES) for n in range(1, HCPS + 1)]
    if source.name == "patient_journeys":
        return [(key, [b for b in BATCHES[seed_of(key[0]) % 4::4]
                       if b - WEEK > therapy_start(key)])
                for key in patient_keys()]
    if source.name == "trigger_responses":
        names = ["trg_%06d" % n for n in range(1, TRIGGERS + 1)]
        return [((name,), BATCHES[trigger_start(name):][:20])
                for name in names]
    return [(("T%02d" % n, brand), BATCHES)
            for n in range(1, TERRITORIES + 1) for brand in BRANDS]


# Rows.

def lateness(r, n):
    """How long before its batch event n happened: 2.4 % of all n more than 7
    days, half of them at most 2 (a golden-ratio sequence keeps the shares)."""
    u = (n * 0x9E3779B97F4A7C15 % 2**64 >> 11) / 2**53
    if u < 0.024:
        return WEEK + (1 + r.below(7 * 86400)) * SECOND
    if u < 0.524:
        return (1 + r.below(2 * 86400)) * SECOND
    return 2 * DAY + (1 + r.below(5 * 86400)) * SECOND


def values_of(source, r, key, event):
    values = source.values(r, key, event)
    for column in source.columns:
        if r.chance(source.nullable.get(column, 0)):
            values[column] = ""
    return [values[column] for column in source.columns]


def ordinary_rows(source, r):
    rows = []
    for key, batches in schedule(source):
        for batch in batches:
            event = batch - lateness(r, len(rows))
            values = values_of(source, r, key, event)
            if FIRST <= event < LAST:
                rows.append(Row(batch, batch, event, key, values))
    return rows


def corrections(source, r, rows):
    """3 % of the rows that came within 7 days, again a week later with other
    values; one in ten of these once more, a day after."""
    again = []
    for row in rows:
        if row.created - row.event > WEEK or not r.chance(0.03):
            continue
        later = row.created + WEEK
        values = values_of(source, r, row.key, row.event)
        again.append(row._replace(arrives=later, created=later, values=values))
        if r.chance(0.1) and later + DAY - row.event <= 2 * WEEK:
            later += DAY
            values = values_of(source, r, row.key, row.event)
            again.append(row._replace(arrives=later, created=later,
                                      values=values))
    return again


def duplicates(r, rows):
    """1 % of the rows, sent again unchanged with the next batch."""
    return [row._replace(arrives=row.arrives + WEEK) for row in rows
            if r.chance(0.01)]


def next_batch(event):
    return event + WEEK - (event - BATCHES[0]) % WEEK


# The edges. Each case gives, for a moment t of the spine and a ttl, rows as
# (event, created, empty): event and created times, and whether every column
# that may be empty is. None as created is the next batch; "" is no created_at.
BOUNDARY_CASES = [
    # exactly as old as the ttl allows: found
    lambda t, ttl: [(t - ttl, None, False)],
    # one microsecond older: expired
    lambda t, ttl: [(t - ttl - 1, None, False)],
    # at the very moment: found, and newer than the day before
    lambda t, ttl: [(t, None, False), (t - DAY, None, False)],
    # one microsecond in the future: not seen; the one at the edge is
    lambda t, ttl: [(t + 1, None, False), (t - ttl, None, False)],
    # equal event times: the later created_at wins
    lambda t, ttl: [(t - HOUR, t - 2, False), (t - HOUR, t - 1, False)],
    # equal event and created times: the greater row by bytes wins
    lambda t, ttl: [(t - HOUR, t - 1, False), (t - HOUR, t - 1, False)],
    # known at the very moment, and a newer one known a microsecond too late
    lambda t, ttl: [(t - DAY, t, False), (t - HOUR, t + 1, False)],
    # equal event times: no created_at is lowest
    lambda t, ttl: [(t - HOUR, "", False), (t - HOUR, t - 1, False)],
    # the newest row has empty values: null, not the older row's values
    lambda t, ttl: [(t - HOUR, None, True), (t - DAY, None, False)],
    # nothing but the future
    lambda t, ttl: [(t + 1, None, False)],
]
BOUNDARY_TIMES = [at(2024, 2, 29, 23, 59, 59, 999999),
                  at(2024, 9, 30, 12, 0, 0, 1)]


def boundary_spine():
    """(t, case, number) of each boundary row of the spine."""
    return [(t + case * DAY, case, which * len(BOUNDARY_CASES) + case)
            for which, t in enumerate(BOUNDARY_TIMES)
            for case in range(len(BOUNDARY_CASES))]


def boundary_keys(number):
    """Every key column of boundary row `number`: keys of nothing else."""
    return {"hcp_id": "hcp_%05d" % (201 + number),
            "patient_id": "pt_%06d" % (901 + number),
            "trigger_id": "trg_%06d" % (901 + number),
            "territory_id": "T%02d" % (51 + number),
            "brand_id": BRANDS[number % len(BRANDS)]}


def boundary_rows(source, r):
    rows = []
    ttl = TTL[source.name] * DAY
    for t, case, number in boundary_spine():
        keys = boundary_keys(number)
        key = tuple(keys[name] for name in source.keys)
        for event, created, empty in BOUNDARY_CASES[case](t, ttl):
            values = source.values(r, key, event)
            if empty:
                values.update((column, "") for column in source.nullable)
            values = [values[column] for column in source.columns]
            arrives = created or next_batch(event)
            created = None if created == "" else arrives
            rows.append(Row(arrives, created, event, key, values))
    return rows


def history(source):
    """Every row of a source in the order of arrival."""
    r = Random(seed_of(source.name))
    rows = ordinary_rows(source, r)
    rows += corrections(source, r, rows)
    rows += boundary_rows(source, r)
    rows += duplicates(r, rows)
    return sorted(r.shuffled(rows), key=lambda row: row.arrives)


# The spine.

SPINE = ["hcp_id", "patient_id", "trigger_id", "territory_id", "brand_id",
         "event_timestamp", "planned_calls", "label"]
UNKNOWN = {"hcp_id": "hcp_99999", "patient_id": "pt_999999",
           "trigger_id": "trg_999999", "territory_id": "T99",
           "brand_id": "brand_z"}


def label_of(r, hcp):
    base = Random(seed_of(hcp)).between(15, 85)
    return "%d" % r.chance(base / 100)


def planned_calls(hcp):
    """What a request column holds; for some providers nothing is planned."""
    return "%d" % (seed_of(hcp) % 6)


def spine_row(r, patients, triggers):
    patient, brand = r.pick(patients)
    trigger = r.pick(triggers)
    week = min(trigger_start(trigger) + 1 + r.below(20), 51)
    time = BATCHES[week] + r.below(7 * 86400) * SECOND
    hcp = "hcp_%05d" % (1 + r.below(HCPS))
    return {"hcp_id": hcp, "patient_id": patient, "trigger_id": trigger,
            "territory_id": "T%02d" % (1 + r.below(TERRITORIES)),
            "brand_id": brand, "planned_calls": planned_calls(hcp),
            "label": label_of(r, hcp),
            "event_timestamp": text_of(min(time, LAST - SECOND))}


def spine():
    """440 ordinary rows, 15 with a key nobody knows, 15 with a missing key,
    the boundary rows, and 10 rows twice; in no order."""
    r = Random(seed_of("spine"))
    patients = patient_keys()
    triggers = ["trg_%06d" % n for n in range(1, TRIGGERS + 1)]
    rows = [spine_row(r, patients, triggers) for _ in range(470)]
    names = sorted(UNKNOWN)
    for n in range(15):
        rows[n][names[n % 5]] = UNKNOWN[names[n % 5]]
        rows[15 + n][names[n % 5]] = ""
    for t, _, number in boundary_spine():
        keys = boundary_keys(number)
        rows.append(dict(keys, event_timestamp=text_of(t),
                         planned_calls=planned_calls(keys["hcp_id"]),
                         label=label_of(r, keys["hcp_id"])))
    return r.shuffled(rows + rows[-5:] + rows[30:35])


# Text.

def write(name, header, lines):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    with open(path, "w", encoding="ascii", newline="\n") as out:
        for line in [header] + lines:
            out.write(",".join(line) + "\n")


def main():
    for source in SOURCES:
        header = source.keys + ["event_timestamp", "created_at"]
        lines = []
        for row in history(source):
            created = "" if row.created is None else text_of(row.created)
            lines.append(list(row.key) + [text_of(row.event), created]
                         + row.values)
        write(source.name + ".csv", header + source.columns, lines)
    write("spine.csv", SPINE, [[row[c] for c in SPINE] for row in spine()])


if __name__ == "__main__":
    main()
