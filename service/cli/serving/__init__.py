"""The commands that keep running, and the processes they keep."""
