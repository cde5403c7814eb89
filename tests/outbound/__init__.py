"""Calls to other systems keep to their limits, against sockets that do not."""
