"""What every table is made from. Migrations build the tables; a test holds the two equal."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, registry

from service.store.types import PublicId, UtcTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


JSON_TYPE = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """Base of every table."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            UUID: PublicId,
            datetime: UtcTime,
            str: Text,
            dict[str, Any]: JSON_TYPE,
            list[str]: JSON_TYPE,
            list[list[Any]]: JSON_TYPE,
        },
    )


db = SQLAlchemy(model_class=Base)
