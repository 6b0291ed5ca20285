#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""feast_query.py TTL COLUMN... - the point-in-time statement that Feast runs on
PostgreSQL, rendered from the template of the Feast that is installed.

One view, named all, of the columns of larder.events, for the rows of the table
spine. Only the template is read: Feast itself is not imported, so that neither
its drivers nor its configuration are needed; jinja2 is.
"""
import ast
import importlib.util
import pathlib
import sys

MODULE = ("infra/offline_stores/contrib/postgres_offline_store/postgres.py")
NAME = "MULTIPLE_FEATURE_VIEW_POINT_IN_TIME_JOIN"


def template():
    package = importlib.util.find_spec("feast").submodule_search_locations[0]
    tree = ast.parse((pathlib.Path(package) / MODULE).read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == NAME:
            return ast.literal_eval(node.value)
    sys.exit(f"feast_query.py: this Feast has no {NAME}")


def main():
    import jinja2

    ttl, columns = int(sys.argv[1]), sys.argv[2:]
    view = {
        "name": "all",
        "ttl": ttl,
        "entities": ["entity"],
        "entity_selections": ['"entity" AS "entity"'],
        "features": columns,
        "field_mapping": {},
        "timestamp_field": "ts",
        "created_timestamp_column": "made",
        "table_subquery": '"larder"."events"',
    }
    print(jinja2.Template(template()).render(
        left_table_query_string="spine",
        entity_df_event_timestamp_col="event_timestamp",
        unique_entity_keys={"entity"},
        featureviews=[view],
        full_feature_names=False,
        final_output_feature_names=["entity", "event_timestamp"] + columns,
        use_cte=False,
    ))


if __name__ == "__main__":
    main()
