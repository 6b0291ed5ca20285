# Manual pages are installed; the rest travels with the source.
