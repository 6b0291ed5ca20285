# One file a store, each where configure found its driver.

libldr_la_SOURCES += \
	%D%/builtin.c %D%/builtin.h \
	%D%/offline_memory.c \
	%D%/online_memory.c \
	%D%/registry_memory.c

if HAVE_SQLITE
libldr_la_SOURCES += \
	%D%/offline_sqlite.c \
	%D%/registry_sqlite.c \
	%D%/sql.c %D%/sql.h \
	%D%/sqlite.c %D%/sqlite.h \
	%D%/sqlite_append.c \
	%D%/sqlite_asof.c \
	%D%/sqlite_create.c \
	%D%/sqlite_describe.c \
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

if HAVE_LMDB
libldr_la_SOURCES += \
	%D%/environment_lmdb.c %D%/environment_lmdb.h \
	%D%/folder_lmdb.c %D%/folder_lmdb.h \
	%D%/online_lmdb.c \
	%D%/users_lmdb.c %D%/users_lmdb.h
endif

EXTRA_DIST += %D%/README.md
