# Speed. Never part of the tests: a slow machine is not a fault.
#
#     make bench      one JSON line a figure on standard output
#
# BENCH_EVENTS, BENCH_DIR and others: see the head of bench/run.

EXTRA_PROGRAMS += %D%/bare_redis %D%/bench %D%/ondemand %D%/raw %D%/windows
EXTRA_DIST += %D%/README.md %D%/feast_query.py %D%/peers.py \
	%D%/postgres.sh %D%/redis.sh %D%/run %D%/windows.py
CLEANFILES += %D%/bare_redis$(EXEEXT) %D%/bench$(EXEEXT) %D%/ondemand$(EXEEXT) %D%/raw$(EXEEXT) \
	%D%/windows$(EXEEXT)

# Larder's side sees larder.h and links what any program does.
%C%_bench_SOURCES = %D%/bench.c %D%/common.c %D%/common.h \
	%D%/data.c %D%/data.h
%C%_bench_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_bench_LDADD = liblarder.la

%C%_ondemand_SOURCES = %D%/ondemand.c %D%/common.c %D%/common.h \
	%D%/data.c %D%/data.h
%C%_ondemand_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_ondemand_LDADD = liblarder.la

%C%_windows_SOURCES = %D%/windows.c %D%/common.c %D%/common.h \
	%D%/data.c %D%/data.h
%C%_windows_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_windows_LDADD = liblarder.la

# The bare stores: nothing of Larder.
%C%_raw_SOURCES = %D%/raw.c %D%/data.c %D%/data.h
%C%_raw_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_raw_LDADD = $(SQLITE_LIBS) $(LMDB_LIBS)

%C%_bare_redis_SOURCES = %D%/bare_redis.c
%C%_bare_redis_LDADD = $(REDIS_LIBS)

if HAVE_REDIS
BENCH_REDIS = %D%/bare_redis$(EXEEXT)
endif

if HAVE_SQLITE
if HAVE_LMDB
bench: all %D%/bench$(EXEEXT) %D%/ondemand$(EXEEXT) %D%/raw$(EXEEXT) \
		%D%/windows$(EXEEXT) $(BENCH_REDIS)
	@srcdir='$(abs_srcdir)' builddir='$(abs_builddir)' \
		bash $(srcdir)/%D%/run
endif
endif
