# The command, on larder.h and base only. It carries the library inside.

