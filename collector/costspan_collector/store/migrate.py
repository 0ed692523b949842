"""Bring a database to the schema, and to the price catalogue, of this release."""

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, pool

from costspan_collector.bundled import bundled
from costspan_collector.store.database import connect, sqlalchemy_url
from costspan_collector.store.price_write import load_catalogue

# Two collectors that start at once must not both migrate.
_LOCK = 0x636F7374


def migrate(database_url: str) -> str:
    """Apply what is missing of the migrations, load the catalogue if it is another, and return the
    revision reached. Safe to repeat and to run from two places.
    """
    engine = create_engine(sqlalchemy_url(database_url), poolclass=pool.NullPool)
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")).replace("%", "%%"))
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
        connection.commit()
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            with connect(database_url) as other:
                load_catalogue(other)
            revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        finally:
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")
            connection.commit()
    return str(revision)
