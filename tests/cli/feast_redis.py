# SPDX-License-Identifier: Apache-2.0
#
# feast_redis.py - Feast's own Redis store, read and written as feast.sh asks.
#
#   feast_redis.py read ADDRESS VERSION     what it finds of each entity, a line each
#   feast_redis.py write ADDRESS VERSION    rows of its own
#
# The views are those of feast.sh, said in Feast's words.
import json
import sys
import warnings
from datetime import datetime, timedelta, timezone

warnings.filterwarnings("ignore")

from feast import Entity, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.online_stores.redis import RedisOnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import (Array, Bool, Bytes, Float32, Float64, Int32, Int64,
                         String, UnixTimestamp)

NAMES = ["b", "i", "l", "f", "d", "s", "y", "t"]
TYPES = [Bool, Int32, Int64, Float32, Float64, String, Bytes, UnixTimestamp]
FIELDS = ["bool", "int32", "int64", "float", "double", "string", "bytes",
          "unix_timestamp"]

driver = Entity(name="driver", join_keys=["driver_id"],
                value_type=ValueType.INT64)
customer = Entity(name="customer", join_keys=["customer_id"],
                  value_type=ValueType.STRING)
source = FileSource(path="none.parquet", timestamp_field="at")


def view(name, entities, schema):
    keys = [Field(name=e.join_key,
                  dtype=Int64 if e is driver else String) for e in entities]
    return FeatureView(name=name, entities=entities, source=source,
                       ttl=timedelta(days=0), schema=keys + schema)


every = view("every", [driver],
             [Field(name=n, dtype=t) for n, t in zip(NAMES, TYPES)] +
             [Field(name=n * 2, dtype=Array(t)) for n, t in zip(NAMES, TYPES)])
pair = view("pair", [driver, customer], [Field(name="x", dtype=Int64)])
whole = view("whole", [], [Field(name="x", dtype=Int64)])


def key(**parts):
    found = EntityKey()
    for name, part in parts.items():
        found.join_keys.append(name)
        value = found.entity_values.add()
        if isinstance(part, str):
            value.string_val = part
        else:
            value.int64_val = part
    return found


def plain(value):
    """A Value as JSON has it, and null for none."""
    which = value.WhichOneof("val")
    if which is None:
        return None
    held = getattr(value, which)
    if which.endswith("_list_val"):
        held = [v.hex() if isinstance(v, bytes) else v for v in held.val]
    if isinstance(held, bytes):
        held = held.hex()
    return {which: held}


def read(store, config):
    asked = [(every, [key(driver_id=n) for n in (1, 2, 3, 404)]),
             (pair, [key(driver_id=1, customer_id="Z\u00fcrich \u2603"),
                     key(driver_id=2, customer_id="")]),
             (whole, [key(__dummy_id="")])]
    for table, keys in asked:
        names = [f.name for f in table.features]
        for entity, (at, values) in zip(
                keys, store.online_read(config, table, keys, list(names))):
            found = {n: plain(values[n]) for n in names} if values else None
            print(json.dumps([table.name,
                              at.replace(tzinfo=timezone.utc).isoformat()
                              if at else None, found], sort_keys=True))


def one(field, value):
    return Value(**{field + "_val": value})


def several(field, values):
    made = Value()
    getattr(made, field + "_list_val").val.extend(values)
    # An empty list is there too.
    getattr(made, field + "_list_val").SetInParent()
    return made


def write(store, config):
    at = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone.utc)
    values = [True, -5, 1 << 40, 0.25, 1e300, "caf\u00e9", b"\x00\xff",
              1700000000]
    full = {n: one(f, v) for n, f, v in zip(NAMES, FIELDS, values)}
    full.update({n * 2: several(f, [v, v])
                 for n, f, v in zip(NAMES, FIELDS, values)})
    empty = {n: Value() for n in NAMES}
    empty.update({n * 2: several(f, []) for n, f in zip(NAMES, FIELDS)})
    store.online_write_batch(config, every, [
        (key(driver_id=11), full, at, at),
        (key(driver_id=12), empty, at, None)], None)
    store.online_write_batch(config, pair, [
        (key(driver_id=11, customer_id="c 9"), {"x": one("int64", 9)}, at,
         at)], None)
    store.online_write_batch(config, whole, [
        (key(__dummy_id=""), {"x": one("int64", 10)}, at, at)], None)
    # Over what Larder has written of it before.
    newer = dict(full, l=one("int64", 77))
    store.online_write_batch(config, every, [
        (key(driver_id=1), newer, at, at)], None)


def main():
    what, address, version = sys.argv[1:4]
    config = RepoConfig(project="interop", registry="none.db",
                        provider="local",
                        entity_key_serialization_version=int(version),
                        online_store={"type": "redis",
                                      "connection_string": address})
    {"read": read, "write": write}[what](RedisOnlineStore(), config)


main()
