"""Tables and queries for events for the site's own systems."""
