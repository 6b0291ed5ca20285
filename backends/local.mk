# One file a store, each where configure found its driver.

libldr_la_SOURCES += \
	%D%/builtin.c %D%/builtin.h \
	%D%/disk.c %D%/disk.h \
	%D%/dialect_sql.c \
	%D%/host.c %D%/host.h \
	%D%/offline_memory.c \
	%D%/online_memory.c \
	%D%/registry_memory.c \
	%D%/sql.c %D%/sql.h

if HAVE_SQLITE
libldr_la_SOURCES += \
	%D%/offline_sqlite.c \
	%D%/registry_sqlite.c \
	%D%/sqlite.c %D%/sqlite.h \
	%D%/sqlite_append.c \
	%D%/sqlite_asof.c \
	%D%/sqlite_create.c \
	%D%/sqlite_describe.c \
	%D%/sqlite_examine.c %D%/sqlite_examine.h \
	%D%/sqlite_history.h \
	%D%/sqlite_keys.c %D%/sqlite_keys.h \
	%D%/sqlite_lock.c %D%/sqlite_lock.h \
	%D%/sqlite_newest.c %D%/sqlite_newest.h \
	%D%/sqlite_part.c %D%/sqlite_part.h \
	%D%/sqlite_query.c \
	%D%/sqlite_rows.c %D%/sqlite_rows.h \
	%D%/sqlite_scan.c \
	%D%/sqlite_seekable.c \
	%D%/sqlite_shape.c \
	%D%/sqlite_sought.c %D%/sqlite_sought.h \
	%D%/sqlite_table.c %D%/sqlite_table.h \
	%D%/sqlite_value.c
endif

if HAVE_POSTGRES
libldr_la_SOURCES += \
	%D%/offline_postgres.c \
	%D%/postgres.c %D%/postgres.h \
	%D%/postgres_answer.c \
	%D%/postgres_append.c \
	%D%/postgres_asof.c \
	%D%/postgres_bindings.c \
	%D%/postgres_cells.h \
	%D%/postgres_create.c \
	%D%/postgres_decode.c \
	%D%/postgres_describe.c \
	%D%/postgres_encode.c \
	%D%/postgres_examine.c %D%/postgres_examine.h \
	%D%/postgres_fail.c \
	%D%/postgres_history.h \
	%D%/postgres_latest.c \
	%D%/postgres_move.c %D%/postgres_move.h \
	%D%/postgres_options.c \
	%D%/postgres_owned.c \
	%D%/postgres_part.c %D%/postgres_part.h \
	%D%/postgres_pass.c \
	%D%/postgres_propose.c \
	%D%/postgres_rows.c %D%/postgres_rows.h \
	%D%/postgres_scan.c \
	%D%/postgres_select.c %D%/postgres_select.h \
	%D%/postgres_shape.c %D%/postgres_shape.h \
	%D%/postgres_spine.c %D%/postgres_spine.h \
	%D%/postgres_table.c %D%/postgres_table.h \
	%D%/postgres_wire.c %D%/postgres_wire.h \
	%D%/registry_postgres.c
endif

if HAVE_LMDB
libldr_la_SOURCES += \
	%D%/environment_lmdb.c %D%/environment_lmdb.h \
	%D%/examine_lmdb.c %D%/examine_lmdb.h \
	%D%/folder_lmdb.c %D%/folder_lmdb.h \
	%D%/online_lmdb.c \
	%D%/users_lmdb.c %D%/users_lmdb.h
endif

if HAVE_REDIS
libldr_la_SOURCES += \
	%D%/online_redis.c %D%/online_redis.h \
	%D%/redis.h \
	%D%/redis_canary.c \
	%D%/redis_cluster.c \
	%D%/redis_examine.c %D%/redis_examine.h \
	%D%/redis_fail.c \
	%D%/redis_feast.c %D%/redis_feast.h \
	%D%/redis_feast_put.c \
	%D%/redis_functions.c %D%/redis_functions.h \
	%D%/redis_link.c \
	%D%/redis_options.c \
	%D%/redis_put.c \
	%D%/redis_reply.c %D%/redis_reply.h \
	%D%/redis_route.c %D%/redis_route.h \
	%D%/redis_run.c \
	%D%/redis_scan.c \
	%D%/redis_sentinel.c \
	%D%/redis_slots.c %D%/redis_slots.h \
	%D%/redis_transport.c %D%/redis_transport.h \
	%D%/redis_walk.c
endif

EXTRA_DIST += %D%/README.md
