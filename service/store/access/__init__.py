"""Tables and queries for administrators: keys, sessions, audit."""
