"""Search without accents: the function `search_form` on PostgreSQL

SQLite has it from the service, which makes it on each connection.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_CAPITALS = "".join(
    chr(point)
    for point in (*range(0x391, 0x3AA), *range(0x402, 0x430))  # Greek and Cyrillic
    if chr(point).isalpha()
)
_LETTERS = (_CAPITALS + "\u03c2ØøŁłĐđÐðĦħ\u0131Ŋŋ", _CAPITALS.lower() + "\u03c3oollddddhhinn")
_PAIRS = ("ßss", "ẞss", "æae", "Æae", "œoe", "Œoe", "þth", "Þth")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    plain = (
        "lower(regexp_replace(normalize(given, NFKD), '[\\u0300-\\u036f]', '', 'g') COLLATE \"C\")"
    )
    for pair in _PAIRS:
        plain = f"replace({plain}, '{pair[0]}', '{pair[1:]}')"
    # Most texts are ASCII, and all that costs ten times as much.
    op.execute(
        f"""
        CREATE FUNCTION search_form(given text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN octet_length(given) = char_length(given)
                THEN lower(given COLLATE "C")
                ELSE translate({plain}, '{_LETTERS[0]}', '{_LETTERS[1]}') END
        $$
        """
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION search_form(text)")
