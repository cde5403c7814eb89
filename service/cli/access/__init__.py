"""Commands for administrators: keys, sessions, audit."""
