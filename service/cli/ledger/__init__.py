"""Commands for the ledger of consent and its receipts."""
