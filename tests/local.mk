# One Check program a room (tests/test_ROOM.c), then whole commands, then the
# architecture. The driver counts single tests: Check's, or a script as one.

check_LTLIBRARIES += %D%/libsupport.la
%C%_libsupport_la_SOURCES = \
	%D%/support.c %D%/support.h \
	%D%/online.c %D%/online.h \
	%D%/rows.c %D%/rows.h

# Each is one file of that name, linked with the library and the support.
ROOM_TESTS = \
	%D%/test_arena \
	%D%/test_batch \
	%D%/test_error \
	%D%/test_key \
	%D%/test_name \
	%D%/test_number \
	%D%/test_row \
	%D%/test_stream \
	%D%/test_time

CLI_TESTS =

ARCHITECTURE_TESTS = \
	%D%/checks/calls.sh \
	%D%/checks/docs.sh \
	%D%/checks/exports.sh \
	%D%/checks/headers.sh \
	%D%/checks/layers.sh \
	%D%/checks/lists.sh \
	%D%/checks/tour.sh \
	%D%/checks/words.sh

# What tests read.
TEST_FILES =

if HAVE_CHECK
check_PROGRAMS += $(ROOM_TESTS)
TESTS += $(ROOM_TESTS)
endif
TESTS += $(CLI_TESTS) $(ARCHITECTURE_TESTS)
EXTRA_DIST += $(CLI_TESTS) $(ARCHITECTURE_TESTS) $(TEST_FILES) \
	%D%/checks/public.sh

# For every program that names no libraries of its own: those above.
LDADD = %D%/libsupport.la libldr.la $(CHECK_LIBS)

TEST_EXTENSIONS = .sh
LOG_DRIVER = bash $(srcdir)/build-aux/larder-test-driver
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = bash
AM_TESTS_ENVIRONMENT = \
	srcdir='$(abs_srcdir)'; builddir='$(abs_builddir)'; \
	PATH='$(abs_builddir)':"$$PATH"; CC='$(CC)'; LC_ALL=C; \
	CK_DEFAULT_TIMEOUT=$${CK_DEFAULT_TIMEOUT-120}; \
	export srcdir builddir PATH CC LC_ALL CK_DEFAULT_TIMEOUT;

# The scripts look at the library and the command as built.
check_SCRIPTS =
check-local: have-check
have-check:
if !HAVE_CHECK
	@echo "The tests need Check: install Debian's check, then configure again."
	@exit 1
endif

# The long runs: the same programs, with LARDER_SOAK set they go on for longer.
SOAK_TESTS =
soak: all $(SOAK_TESTS)
	@for test in $(SOAK_TESTS); do \
	    echo "soak: $$test"; LARDER_SOAK=1 ./$$test || exit 1; \
	done

.PHONY: have-check
