"""Calls to the site's own systems: signed, and kept out of the network that we stand in."""
