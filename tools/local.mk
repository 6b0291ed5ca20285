# The command, on larder.h and base only. It carries the library inside.

bin_PROGRAMS += larder
larder_SOURCES = \
	%D%/answer.c %D%/answer.h \
	%D%/arguments.c %D%/arguments.h \
	%D%/ask.c %D%/ask.h \
	%D%/cases.c %D%/cases.h \
	%D%/cases_find.c \
	%D%/cases_run.c \
	%D%/cases_typed.c \
	%D%/cases_value.c %D%/cases_value.h \
	%D%/changes.c %D%/changes.h \
	%D%/completion.c \
	%D%/copy.c %D%/copy.h \
	%D%/door.h \
	%D%/door_cli.c \
	%D%/fallback.c %D%/fallback.h \
	%D%/guess.c %D%/guess.h \
	%D%/help.c %D%/help.h \
	%D%/input.c %D%/input.h \
	%D%/join.h \
	%D%/joined.c %D%/joined.h \
	%D%/jsonout.c %D%/jsonout.h \
	%D%/larder.c \
	%D%/look.h \
	%D%/manual.c \
	%D%/op_apply.c \
	%D%/op_copy.c \
	%D%/op_doctor.c \
	%D%/op_explain.c \
	%D%/op_freshness.c \
	%D%/op_get.c \
	%D%/op_help.c \
	%D%/op_ingest.c \
	%D%/op_init.c \
	%D%/op_join.c \
	%D%/op_ls.c \
	%D%/op_materialize.c \
	%D%/op_plan.c \
	%D%/op_prove.c \
	%D%/op_push.c \
	%D%/op_show.c \
	%D%/op_stats.c \
	%D%/op_test.c \
	%D%/op_validate.c \
	%D%/operation.c %D%/operation.h \
	%D%/outfile.c %D%/outfile.h \
	%D%/place.c %D%/place.h \
	%D%/print.c %D%/print.h \
	%D%/question.c %D%/question.h \
	%D%/run.c %D%/run.h \
	%D%/speak.c %D%/speak.h \
	%D%/table.c %D%/table.h \
	%D%/violations.c %D%/violations.h \
	%D%/yamlin.c %D%/yamlin.h
if HAVE_SERVER
SERVER_FLAG = -DHAVE_SERVER
larder_SOURCES += \
	%D%/op_serve.c \
	%D%/op_token.c \
	%D%/serve/audit.c %D%/serve/audit.h \
	%D%/serve/authorize.c %D%/serve/authorize.h \
	%D%/serve/body.c %D%/serve/body.h \
	%D%/serve/features.c \
	%D%/serve/frame.c %D%/serve/frame.h \
	%D%/serve/http.c %D%/serve/http.h \
	%D%/serve/listen.c %D%/serve/listen.h \
	%D%/serve/log.c %D%/serve/log.h \
	%D%/serve/notify.c %D%/serve/notify.h \
	%D%/serve/look.c \
	%D%/serve/metrics.c %D%/serve/metrics.h \
	%D%/serve/openapi.c \
	%D%/serve/out.c %D%/serve/out.h \
	%D%/serve/pool.c %D%/serve/pool.h \
	%D%/serve/readers.c %D%/serve/readers.h \
	%D%/serve/request.c %D%/serve/request.h \
	%D%/serve/route.c %D%/serve/route.h \
	%D%/serve/run.c %D%/serve/runs.h \
	%D%/serve/serve.c %D%/serve/serve.h \
	%D%/serve/shapes.c %D%/serve/shapes.h \
	%D%/serve/tls.c %D%/serve/tls.h \
	%D%/serve/token.c %D%/serve/token.h \
	%D%/serve/value.c %D%/serve/value.h \
	%D%/serve/watch.c %D%/serve/watch.h \
	%D%/serve/write.c
endif
larder_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% $(SERVER_FLAG) \
	-DLARDER_EXAMPLES='"$(pkgdatadir)/examples"'
larder_CFLAGS = $(AM_CFLAGS) $(POPT_CFLAGS) $(JANSSON_CFLAGS) \
	$(SMARTCOLS_CFLAGS) $(SERVER_CFLAGS)
larder_LDADD = libldr.la $(POPT_LIBS) $(JANSSON_LIBS) $(SMARTCOLS_LIBS) \
	$(SERVER_LIBS) \
	$(YAML_LIBS)
