# One Check program a room (tests/test_ROOM.c), then whole commands, then the
# architecture. The driver counts single tests: Check's, or a script as one.

check_LTLIBRARIES += %D%/libsupport.la
%C%_libsupport_la_SOURCES = \
	%D%/support.c %D%/support.h \
	%D%/offline.c %D%/offline.h \
	%D%/online.c %D%/online.h \
	%D%/rows.c %D%/rows.h \
	%D%/servers.c %D%/servers.h \
	%D%/shop.c %D%/shop.h \
	%D%/snapshots.c %D%/snapshots.h \
	%D%/told.c %D%/told.h

# Each is one file of that name, linked with the library and the support.
ROOM_TESTS = \
	%D%/conformance_keys \
	%D%/conformance_offline \
	%D%/conformance_online \
	%D%/conformance_registry \
	%D%/oracle_asof \
	%D%/oracle_sum \
	%D%/oracle_window \
	%D%/test_apply \
	%D%/test_arena \
	%D%/test_batch \
	%D%/test_cases \
	%D%/test_catalog \
	%D%/test_config \
	%D%/test_contract \
	%D%/test_copy \
	%D%/test_cron \
	%D%/test_csv \
	%D%/test_diff \
	%D%/test_error \
	%D%/test_events \
	%D%/test_explain \
	%D%/test_expression \
	%D%/test_fallback \
	%D%/test_feast \
	%D%/test_freshness \
	%D%/test_hashed \
	%D%/test_historical \
	%D%/test_ingest \
	%D%/test_ingest_rows \
	%D%/test_json \
	%D%/test_key \
	%D%/test_keyed \
	%D%/test_layout \
	%D%/test_load \
	%D%/test_lookup \
	%D%/test_materialize \
	%D%/test_name \
	%D%/test_nomem \
	%D%/test_number \
	%D%/test_plan \
	%D%/test_print \
	%D%/test_prove \
	%D%/test_pushable \
	%D%/test_readable \
	%D%/test_records \
	%D%/test_row \
	%D%/test_runs \
	%D%/test_snapshot \
	%D%/test_sort \
	%D%/test_statistics \
	%D%/test_storage \
	%D%/test_stream \
	%D%/test_sum \
	%D%/test_table \
	%D%/test_text \
	%D%/test_time \
	%D%/test_validate \
	%D%/test_window \
	%D%/test_windowed \
	%D%/test_windows_online \
	%D%/test_write \
	%D%/test_yaml

# What concerns one driver alone.
if HAVE_LMDB
ROOM_TESTS += \
	%D%/test_lmdb \
	%D%/test_threads
endif
if HAVE_POSTGRES
ROOM_TESTS += \
	%D%/test_offline_postgres \
	%D%/test_postgres \
	%D%/test_postgres_tables
endif
if HAVE_SQLITE
ROOM_TESTS += \
	%D%/oracle_expression \
	%D%/oracle_windowed_join \
	%D%/test_registry_sqlite \
	%D%/test_sqlite \
	%D%/test_user_tables
endif

if HAVE_SERVER
ROOM_TESTS += %D%/test_token
%C%_test_token_SOURCES = \
	%D%/test_token.c tools/serve/token.c
%C%_test_token_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
%C%_test_token_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS) \
	$(SERVER_CFLAGS)
%C%_test_token_LDADD = $(LDADD) $(SERVER_LIBS)
endif

if HAVE_REDIS
ROOM_TESTS += \
	%D%/test_redis \
	%D%/test_redis_cluster \
	%D%/test_redis_options \
	%D%/test_redis_sentinel \
	%D%/test_redis_slots
if HAVE_LMDB
ROOM_TESTS += \
	%D%/test_fallback_redis
endif
endif

# These have a malloc() of their own.
%C%_test_expression_SOURCES = \
	%D%/test_expression.c %D%/allocations.c %D%/allocations.h
%C%_test_fallback_SOURCES = \
	%D%/test_fallback.c %D%/allocations.c %D%/allocations.h \
	%D%/doors.c %D%/doors.h
%C%_test_hashed_SOURCES = \
	%D%/test_hashed.c %D%/allocations.c %D%/allocations.h \
	%D%/hashes.c %D%/hashes.h
%C%_test_lookup_SOURCES = \
	%D%/test_lookup.c %D%/allocations.c %D%/allocations.h
%C%_test_nomem_SOURCES = \
	%D%/test_nomem.c %D%/allocations.c %D%/allocations.h
%C%_test_windowed_SOURCES = \
	%D%/test_windowed.c %D%/allocations.c %D%/allocations.h

# Hostile bytes: each reads its folder of fuzz/corpus, and that spoilt.
FUZZ_TESTS = \
	%D%/fuzz/fuzz_csv \
	%D%/fuzz/fuzz_expression \
	%D%/fuzz/fuzz_feast \
	%D%/fuzz/fuzz_json \
	%D%/fuzz/fuzz_yaml
%C%_fuzz_fuzz_csv_SOURCES = \
	%D%/fuzz/fuzz_csv.c %D%/fuzz/fuzz.h %D%/fuzz/run_corpus.c
%C%_fuzz_fuzz_expression_SOURCES = \
	%D%/fuzz/fuzz_expression.c %D%/fuzz/fuzz.h %D%/fuzz/run_corpus.c
%C%_fuzz_fuzz_feast_SOURCES = \
	%D%/fuzz/fuzz_feast.c %D%/fuzz/fuzz.h %D%/fuzz/run_corpus.c
%C%_fuzz_fuzz_json_SOURCES = \
	%D%/fuzz/fuzz_json.c %D%/fuzz/fuzz.h %D%/fuzz/run_corpus.c
%C%_fuzz_fuzz_yaml_SOURCES = \
	%D%/fuzz/fuzz_yaml.c %D%/fuzz/fuzz.h %D%/fuzz/run_corpus.c
%C%_fuzz_fuzz_csv_LDADD = libldr.la
%C%_fuzz_fuzz_expression_LDADD = libldr.la
%C%_fuzz_fuzz_feast_LDADD = libldr.la
%C%_fuzz_fuzz_json_LDADD = libldr.la
%C%_fuzz_fuzz_yaml_LDADD = libldr.la
if HAVE_REDIS
FUZZ_TESTS += %D%/fuzz/fuzz_redis
%C%_fuzz_fuzz_redis_SOURCES = \
	%D%/fuzz/fuzz_redis.c %D%/fuzz/fuzz.h %D%/fuzz/run_corpus.c
%C%_fuzz_fuzz_redis_LDADD = libldr.la
endif
check_PROGRAMS += $(FUZZ_TESTS)
TESTS += $(FUZZ_TESTS)
EXTRA_DIST += \
	%D%/fuzz/corpus/csv/bad_bytes.csv \
	%D%/fuzz/corpus/csv/one_column.csv \
	%D%/fuzz/corpus/csv/quotes.csv \
	%D%/fuzz/corpus/csv/stray_quotes.csv \
	%D%/fuzz/corpus/csv/twins.csv \
	%D%/fuzz/corpus/csv/two_marks.csv \
	%D%/fuzz/corpus/csv/typed.csv \
	%D%/fuzz/corpus/expression/casts.sql \
	%D%/fuzz/corpus/expression/deep.sql \
	%D%/fuzz/corpus/expression/logic.sql \
	%D%/fuzz/corpus/expression/long.sql \
	%D%/fuzz/corpus/expression/moments.sql \
	%D%/fuzz/corpus/expression/numbers.sql \
	%D%/fuzz/corpus/expression/texts.sql \
	%D%/fuzz/corpus/feast/before_epoch.bin \
	%D%/fuzz/corpus/feast/bool_list.bin \
	%D%/fuzz/corpus/feast/double.bin \
	%D%/fuzz/corpus/feast/float_list.bin \
	%D%/fuzz/corpus/feast/int64_list.bin \
	%D%/fuzz/corpus/feast/key_none.bin \
	%D%/fuzz/corpus/feast/key_old.bin \
	%D%/fuzz/corpus/feast/key_two.bin \
	%D%/fuzz/corpus/feast/map.bin \
	%D%/fuzz/corpus/feast/mark.bin \
	%D%/fuzz/corpus/feast/nat.bin \
	%D%/fuzz/corpus/feast/string_list.bin \
	%D%/fuzz/corpus/feast/time.bin \
	%D%/fuzz/corpus/feast/timestamp.bin \
	%D%/fuzz/corpus/feast/unpacked.bin \
	%D%/fuzz/corpus/json/deep.json \
	%D%/fuzz/corpus/json/refused.jsonl \
	%D%/fuzz/corpus/json/spine.jsonl \
	%D%/fuzz/corpus/json/typed.jsonl \
	%D%/fuzz/corpus/redis/deep.resp \
	%D%/fuzz/corpus/redis/errors.resp \
	%D%/fuzz/corpus/redis/huge_array.resp \
	%D%/fuzz/corpus/redis/huge_text.resp \
	%D%/fuzz/corpus/redis/mixed.resp \
	%D%/fuzz/corpus/redis/moved.resp \
	%D%/fuzz/corpus/redis/slots.resp \
	%D%/fuzz/corpus/yaml/bytes.yaml \
	%D%/fuzz/corpus/yaml/deep.yaml \
	%D%/fuzz/corpus/yaml/marks.yaml \
	%D%/fuzz/corpus/yaml/objects.yaml \
	%D%/fuzz/corpus/yaml/query.yaml

CLI_TESTS = \
	%D%/cli/bad_input.sh \
	%D%/cli/cases.sh \
	%D%/cli/ci.sh \
	%D%/cli/concurrent.sh \
	%D%/cli/contracts.sh \
	%D%/cli/copy.sh \
	%D%/cli/doctor.sh \
	%D%/cli/ends.sh \
	%D%/cli/example.sh \
	%D%/cli/failures.sh \
	%D%/cli/fallback.sh \
	%D%/cli/freshness.sh \
	%D%/cli/join_sql.sh \
	%D%/cli/manual.sh \
	%D%/cli/memory.sh \
	%D%/cli/postgres.sh \
	%D%/cli/production.sh \
	%D%/cli/prove.sh \
	%D%/cli/push.sh \
	%D%/cli/serve.sh \
	%D%/cli/serve_look.sh \
	%D%/cli/serve_metrics.sh \
	%D%/cli/serve_push.sh \
	%D%/cli/stats.sh \
	%D%/cli/transcripts.sh
if HAVE_SERVER
CLI_TESTS += \
	%D%/cli/serve_audit.sh \
	%D%/cli/serve_load.sh \
	%D%/cli/serve_systemd.sh \
	%D%/cli/serve_tls.sh \
	%D%/cli/serve_tokens.sh
endif
if HAVE_POSTGRES
CLI_TESTS += %D%/cli/failures_postgres.sh
endif
if HAVE_REDIS
CLI_TESTS += %D%/cli/feast.sh
if HAVE_SERVER
CLI_TESTS += %D%/cli/serve_restart.sh
endif
endif
EXTRA_DIST += \
	%D%/cli/feast_redis.py \
	%D%/http/looks.txt \
	%D%/http/protocol.txt \
	%D%/http/reads.txt \
	%D%/http/repository/feature_store.yaml \
	%D%/http/repository/features.yaml \
	%D%/http/repository/orders.jsonl \
	%D%/http/repository/visits.jsonl \
	%D%/http/writes.txt \
	%D%/cli/stats_oracle.py \
	%D%/cli/transcripts/copy.txt \
	%D%/cli/transcripts/definitions.txt \
	%D%/cli/transcripts/feast.txt \
	%D%/cli/transcripts/feature_repo.txt \
	%D%/cli/transcripts/forms.txt \
	%D%/cli/transcripts/freshness.txt \
	%D%/cli/transcripts/ingest.txt \
	%D%/cli/transcripts/stats.txt \
	%D%/cli/transcripts/tour.txt \
	%D%/cli/transcripts/usage.txt

ARCHITECTURE_TESTS = \
	%D%/checks/calls.sh \
	%D%/checks/docs.sh \
	%D%/checks/exports.sh \
	%D%/checks/headers.sh \
	%D%/checks/layers.sh \
	%D%/checks/lists.sh \
	%D%/checks/session.sh \
	%D%/checks/tour.sh \
	%D%/checks/words.sh

# Real servers, which tests start.
SERVER_FILES = \
	%D%/servers/cluster.sh \
	%D%/servers/larder.sh \
	%D%/servers/pgbouncer.sh \
	%D%/servers/postgres.sh \
	%D%/servers/redis.sh \
	%D%/servers/sentinel.sh \
	%D%/servers/session.awk

# What tests read.
TEST_FILES = \
	%D%/cases/faults/columns.expect \
	%D%/cases/faults/columns.yaml \
	%D%/cases/faults/dangling.expect \
	%D%/cases/faults/dangling.yaml \
	%D%/cases/faults/duplicates.expect \
	%D%/cases/faults/duplicates.yaml \
	%D%/cases/faults/features.expect \
	%D%/cases/faults/features.yaml \
	%D%/cases/faults/jobs.expect \
	%D%/cases/faults/jobs.yaml \
	%D%/cases/faults/keys.expect \
	%D%/cases/faults/keys.yaml \
	%D%/cases/faults/kinds.expect \
	%D%/cases/faults/kinds.yaml \
	%D%/cases/faults/names.expect \
	%D%/cases/faults/names.yaml \
	%D%/cases/faults/ondemand.expect \
	%D%/cases/faults/ondemand.yaml \
	%D%/cases/faults/renamed.expect \
	%D%/cases/faults/renamed.yaml \
	%D%/cases/faults/root.expect \
	%D%/cases/faults/root.yaml \
	%D%/cases/faults/services.expect \
	%D%/cases/faults/services.yaml \
	%D%/cases/faults/shapes.expect \
	%D%/cases/faults/shapes.yaml \
	%D%/cases/faults/sources.expect \
	%D%/cases/faults/sources.yaml \
	%D%/cases/faults/syntax.expect \
	%D%/cases/faults/syntax.yaml \
	%D%/cases/faults/types.expect \
	%D%/cases/faults/types.yaml \
	%D%/cases/faults/views.expect \
	%D%/cases/faults/views.yaml \
	%D%/cases/faults/windows.expect \
	%D%/cases/faults/windows.yaml \
	%D%/cli/transcripts/copy.txt \
	%D%/cli/transcripts/definitions.txt \
	%D%/cli/transcripts/feast.txt \
	%D%/cli/transcripts/feature_repo.txt \
	%D%/cli/transcripts/forms.txt \
	%D%/cli/transcripts/freshness.txt \
	%D%/cli/transcripts/ingest.txt \
	%D%/cli/transcripts/stats.txt \
	%D%/cli/transcripts/tour.txt \
	%D%/cli/transcripts/usage.txt

if HAVE_CHECK
check_PROGRAMS += $(ROOM_TESTS)
TESTS += $(ROOM_TESTS)
endif
TESTS += $(CLI_TESTS) $(ARCHITECTURE_TESTS)
EXTRA_DIST += $(CLI_TESTS) $(ARCHITECTURE_TESTS) $(TEST_FILES) $(SERVER_FILES) \
	%D%/checks/public.sh

# What sends a server the requests of a corpus, and many at once.
check_PROGRAMS += %D%/ask %D%/load
%C%_ask_SOURCES = %D%/http/ask.c
%C%_ask_LDADD =
%C%_load_SOURCES = %D%/http/load.c
%C%_load_LDADD =

# For every program that names no libraries of its own: those above.
LDADD = %D%/libsupport.la libldr.la $(CHECK_LIBS)

TEST_EXTENSIONS = .sh
LOG_DRIVER = bash $(srcdir)/build-aux/larder-test-driver
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = bash
AM_TESTS_ENVIRONMENT = \
	srcdir='$(abs_srcdir)'; builddir='$(abs_builddir)'; \
	PATH='$(abs_builddir)':"$$PATH"; LC_ALL=C; \
	CC='$(CC)'; MODE_CFLAGS='$(MODE_CFLAGS)'; \
	POSTGRES_CFLAGS='$(POSTGRES_CFLAGS)'; \
	CK_DEFAULT_TIMEOUT=$${CK_DEFAULT_TIMEOUT-120}; \
	export srcdir builddir PATH LC_ALL CC MODE_CFLAGS POSTGRES_CFLAGS \
		CK_DEFAULT_TIMEOUT;

# The scripts look at the library and the command as built.
check_SCRIPTS =
check-local: have-check
have-check:
if !HAVE_CHECK
	@echo "The tests need Check: install Debian's check, then configure again."
	@exit 1
endif

# The long runs: the same programs, with LARDER_SOAK set they go on for longer.
SOAK_TESTS = %D%/oracle_asof %D%/oracle_window
if HAVE_SQLITE
SOAK_TESTS += %D%/oracle_expression %D%/oracle_windowed_join
endif
soak: all $(SOAK_TESTS)
	@for test in $(SOAK_TESTS); do \
	    echo "soak: $$test"; LARDER_SOAK=1 ./$$test || exit 1; \
	done

.PHONY: have-check
