# Manual pages are installed; the rest travels with the source.

dist_man_MANS += \
	%D%/feature_store.yaml.5 \
	%D%/larder.1 \
	%D%/liblarder.3

EXTRA_DIST += \
	%D%/architecture.md \
	%D%/backends.md \
	%D%/ci.md \
	%D%/concepts.md \
	%D%/definitions.md \
	%D%/example.c \
	%D%/expressions.md \
	%D%/formats.md \
	%D%/testing.md
