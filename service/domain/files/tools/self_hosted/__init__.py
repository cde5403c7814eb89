"""Tools that people run themselves, most of them open source."""
