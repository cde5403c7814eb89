"""Rules for events for the site's own systems."""
