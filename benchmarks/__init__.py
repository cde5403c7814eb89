"""What docs and README claim about speed, measured: `python -m benchmarks` or `make bench`.

Each module measures one thing and says in its docstring what and how. Everything runs on this
machine's loopback against a PostgreSQL of its own with default durability, ends by itself, and
stops what it started, by process id, also on Ctrl-C.

A lone time says little about a machine that has other things to do. So ours and its limits are
measured in turns within one run, and what is reported are medians of ratios over the rounds.
"""
