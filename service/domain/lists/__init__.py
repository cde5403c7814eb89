"""Rules for mailing lists and the texts that people agree to."""
