"""Rules for administrators: keys, sessions, audit."""
