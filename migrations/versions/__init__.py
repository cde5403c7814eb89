"""One module a step: `0001_verb_noun.py`."""
