"""Use cases for administrators: keys, sessions, audit."""
