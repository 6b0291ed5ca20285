# Speed. Never part of the tests: a slow machine is not a fault.
#
#     make bench      one JSON line a figure on standard output

bench:
	@echo "bench: nothing to measure"
