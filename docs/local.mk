# Manual pages are installed; the rest travels with the source.

EXTRA_DIST += \
	%D%/concepts.md \
	%D%/definitions.md \
	%D%/formats.md
