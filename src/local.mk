# The library: base first, then each folder that knows those above it. A line
# is a room.

include_HEADERS += %D%/larder.h %D%/larder_backend.h
noinst_LTLIBRARIES += libbase.la libldr.la
lib_LTLIBRARIES += liblarder.la

# Words any C program could use; the command uses them too.
libbase_la_SOURCES = \
	%D%/base/arena.c %D%/base/arena.h \
	%D%/base/cron.c %D%/base/cron.h \
	%D%/base/error.c \
	%D%/base/ignore.c %D%/base/ignore.h \
	%D%/base/json.c %D%/base/json.h \
	%D%/base/log.c %D%/base/log.h \
	%D%/base/name.c %D%/base/name.h \
	%D%/base/nearest.c %D%/base/nearest.h \
	%D%/base/number.c %D%/base/number.h \
	%D%/base/power_of_ten.c %D%/base/power_of_ten.h \
	%D%/base/shortest.c %D%/base/shortest.h \
	%D%/base/sum.c %D%/base/sum.h \
	%D%/base/time.c %D%/base/time.h \
	%D%/base/words.c %D%/base/words.h

# The whole library with nothing hidden: for tests, and for the command, which
# carries it inside so that it starts fast and is one file.
libldr_la_SOURCES = \
	%D%/data/batch.c %D%/data/batch.h \
	%D%/data/buffer.c \
	%D%/data/bytes.h \
	%D%/data/column.c %D%/data/column.h \
	%D%/data/column_copy.c \
	%D%/data/csv.c %D%/data/csv.h \
	%D%/data/csv_write.c \
	%D%/data/digest.c \
	%D%/data/feast_key.c %D%/data/feast_key.h \
	%D%/data/feast_row.c %D%/data/feast_row.h \
	%D%/data/feast_value.c \
	%D%/data/format.c %D%/data/format.h \
	%D%/data/header.c %D%/data/header.h \
	%D%/data/json.c %D%/data/json.h \
	%D%/data/jsonl.c \
	%D%/data/key.c %D%/data/key.h \
	%D%/data/merge.c %D%/data/merge.h \
	%D%/data/order.c %D%/data/order.h \
	%D%/data/protobuf.c %D%/data/protobuf.h \
	%D%/data/row.c %D%/data/row.h \
	%D%/data/row_digest.c \
	%D%/data/schema.c %D%/data/schema.h \
	%D%/data/sink.c %D%/data/sink.h \
	%D%/data/sort.c %D%/data/sort.h \
	%D%/data/spill.c %D%/data/spill.h \
	%D%/data/stream.c %D%/data/stream.h \
	%D%/data/tally.c %D%/data/tally.h \
	%D%/data/text.c %D%/data/text.h \
	%D%/data/value.c

libldr_la_SOURCES += \
	%D%/expression/arithmetic.c \
	%D%/expression/calendar.c \
	%D%/expression/check.c %D%/expression/check.h \
	%D%/expression/check_call.c \
	%D%/expression/compare.c \
	%D%/expression/convert.c \
	%D%/expression/evaluate.c %D%/expression/evaluate.h \
	%D%/expression/expression.c %D%/expression/expression.h \
	%D%/expression/functions.c %D%/expression/functions.h \
	%D%/expression/lex.c %D%/expression/lex.h \
	%D%/expression/parse.c %D%/expression/parse.h \
	%D%/expression/parse_value.c \
	%D%/expression/room.c \
	%D%/expression/strings.c \
	%D%/expression/suggest.c %D%/expression/suggest.h \
	%D%/expression/tree.c %D%/expression/tree.h \
	%D%/expression/values.c \
	%D%/expression/vector.h

libldr_la_SOURCES += \
	%D%/definition/check.c %D%/definition/check.h \
	%D%/definition/config.c %D%/definition/config.h \
	%D%/definition/definition.c %D%/definition/definition.h \
	%D%/definition/emit.c %D%/definition/emit.h \
	%D%/definition/expand.c %D%/definition/expand.h \
	%D%/definition/fault.c \
	%D%/definition/folder.c %D%/definition/folder.h \
	%D%/definition/layout.c %D%/definition/layout.h \
	%D%/definition/load.c %D%/definition/load.h \
	%D%/definition/load_keys.h \
	%D%/definition/load_nested.c \
	%D%/definition/load_parts.c %D%/definition/load_parts.h \
	%D%/definition/options.c \
	%D%/definition/print.c %D%/definition/print.h \
	%D%/definition/read.c %D%/definition/read.h \
	%D%/definition/table.c %D%/definition/table.h \
	%D%/definition/validate.c %D%/definition/validate.h \
	%D%/definition/validate_circle.c \
	%D%/definition/validate_ondemand.c \
	%D%/definition/validate_service.c \
	%D%/definition/validate_source.c \
	%D%/definition/validate_view.c \
	%D%/definition/validate_window.c \
	%D%/definition/yaml.c %D%/definition/yaml.h

libldr_la_SOURCES += \
	%D%/storage/backend.c %D%/storage/backend.h \
	%D%/storage/described.c \
	%D%/storage/fallback.c %D%/storage/fallback.h \
	%D%/storage/finding.c \
	%D%/storage/gate.c %D%/storage/gate.h \
	%D%/storage/hashed.c %D%/storage/hashed.h \
	%D%/storage/hashed_put.c \
	%D%/storage/hashed_scan.c \
	%D%/storage/hashed_sweep.c \
	%D%/storage/keyed.c %D%/storage/keyed.h \
	%D%/storage/newest.c %D%/storage/newest.h \
	%D%/storage/offline.c %D%/storage/offline.h \
	%D%/storage/online.c %D%/storage/online.h \
	%D%/storage/records.c %D%/storage/records.h

libldr_la_SOURCES += \
	%D%/registry/apply.c %D%/registry/apply.h \
	%D%/registry/breaking.c %D%/registry/breaking.h \
	%D%/registry/catalog.c %D%/registry/catalog.h \
	%D%/registry/compare.c %D%/registry/compare.h \
	%D%/registry/diff.c %D%/registry/diff.h \
	%D%/registry/examine.c %D%/registry/examine.h \
	%D%/registry/lineage.c \
	%D%/registry/probe.c %D%/registry/probe.h \
	%D%/registry/rows.c %D%/registry/rows.h \
	%D%/registry/snapshot.c %D%/registry/snapshot.h \
	%D%/registry/touched.c %D%/registry/touched.h

libldr_la_SOURCES += \
	%D%/engine/answer.c %D%/engine/answer.h \
	%D%/engine/approach.c %D%/engine/approach.h \
	%D%/engine/asof.c %D%/engine/asof.h \
	%D%/engine/assemble.c %D%/engine/assemble.h \
	%D%/engine/builds.c \
	%D%/engine/channel.c %D%/engine/channel.h \
	%D%/engine/chunk.c %D%/engine/chunk.h \
	%D%/engine/computed.c %D%/engine/computed.h \
	%D%/engine/clause.c %D%/engine/clause.h \
	%D%/engine/contract.c %D%/engine/contract.h \
	%D%/engine/copy.c %D%/engine/copy.h \
	%D%/engine/copy_history.c \
	%D%/engine/copy_online.c \
	%D%/engine/copy_rows.c %D%/engine/copy_rows.h \
	%D%/engine/derive.c %D%/engine/derive.h \
	%D%/engine/derive_keys.c \
	%D%/engine/differ.c %D%/engine/differ.h \
	%D%/engine/distinct.c %D%/engine/distinct.h \
	%D%/engine/events.c %D%/engine/events.h \
	%D%/engine/explain.c %D%/engine/explain.h %D%/engine/explaining.h \
	%D%/engine/explain_derived.c \
	%D%/engine/explain_window.c \
	%D%/engine/fill.c %D%/engine/fill.h \
	%D%/engine/freshness.c %D%/engine/freshness.h \
	%D%/engine/gathering.c \
	%D%/engine/historical.c %D%/engine/historical.h \
	%D%/engine/ingest.c %D%/engine/ingest.h \
	%D%/engine/lookup.c \
	%D%/engine/manifest.c %D%/engine/manifest.h \
	%D%/engine/materialize.c %D%/engine/materialize.h \
	%D%/engine/ondemand.c %D%/engine/ondemand.h \
	%D%/engine/packed.c %D%/engine/packed.h \
	%D%/engine/parallel.c %D%/engine/parallel.h \
	%D%/engine/plan.c %D%/engine/plan.h \
	%D%/engine/prove.c %D%/engine/prove.h \
	%D%/engine/push.c %D%/engine/push.h \
	%D%/engine/pushable.c %D%/engine/pushable.h \
	%D%/engine/range.c \
	%D%/engine/reader.c %D%/engine/reader.h \
	%D%/engine/readable.c %D%/engine/readable.h \
	%D%/engine/recompute.c %D%/engine/recompute.h \
	%D%/engine/runs.c %D%/engine/runs.h \
	%D%/engine/sample.c %D%/engine/sample.h \
	%D%/engine/series.c %D%/engine/series.h \
	%D%/engine/shares.c %D%/engine/shares.h \
	%D%/engine/sketch.c %D%/engine/sketch.h \
	%D%/engine/spine.c %D%/engine/spine.h \
	%D%/engine/statement.c %D%/engine/statement.h \
	%D%/engine/statistics.c %D%/engine/statistics.h \
	%D%/engine/statistics_report.c \
	%D%/engine/survey.c %D%/engine/survey.h \
	%D%/engine/track.c %D%/engine/track.h \
	%D%/engine/two.c \
	%D%/engine/verdict.c %D%/engine/verdict.h \
	%D%/engine/window.c %D%/engine/window.h \
	%D%/engine/windowed.c %D%/engine/windowed.h

libldr_la_SOURCES += %D%/larder.c

libldr_la_LIBADD = libbase.la $(SQLITE_LIBS) $(LMDB_LIBS) \
	$(POSTGRES_LIBS) $(REDIS_LIBS) $(CURL_LIBS) $(YAML_LIBS) \
	$(CSV_LIBS)

# What programs link: only what the two installed headers name is visible.
liblarder_la_SOURCES =
liblarder_la_LIBADD = libldr.la
liblarder_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0
