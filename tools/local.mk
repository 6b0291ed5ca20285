# The command, on larder.h and base only. It carries the library inside.

bin_PROGRAMS += larder
larder_SOURCES = \
	%D%/arguments.c %D%/arguments.h \
	%D%/door.h \
	%D%/door_cli.c \
	%D%/help.h \
	%D%/jsonout.c %D%/jsonout.h \
	%D%/larder.c \
	%D%/operation.c %D%/operation.h \
	%D%/place.c %D%/place.h \
	%D%/print.c %D%/print.h \
	%D%/run.c %D%/run.h \
	%D%/speak.c %D%/speak.h \
	%D%/table.c %D%/table.h
larder_CFLAGS = $(AM_CFLAGS) $(POPT_CFLAGS) $(JANSSON_CFLAGS) \
	$(SMARTCOLS_CFLAGS)
larder_LDADD = libldr.la $(POPT_LIBS) $(JANSSON_LIBS) $(SMARTCOLS_LIBS)
