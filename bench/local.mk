# Speed. Never part of the tests: a slow machine is not a fault.
#
#     make bench      one JSON line a figure on standard output

EXTRA_PROGRAMS += %D%/bench %D%/raw
%C%_bench_SOURCES = %D%/bench.c %D%/data.c %D%/data.h
%C%_bench_LDADD = libldr.la
%C%_raw_SOURCES = %D%/raw.c %D%/data.c %D%/data.h
%C%_raw_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_bench_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_raw_LDADD = $(LMDB_LIBS) $(SQLITE_LIBS)

EXTRA_DIST += %D%/README.md %D%/peers.py %D%/run

bench: larder$(EXEEXT) %D%/bench$(EXEEXT) %D%/raw$(EXEEXT)
	@bash $(srcdir)/%D%/run .
