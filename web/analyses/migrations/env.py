"""Alembic's environment: the connection that the application passes, or else the one that DATABASE_URL names.

The application migrates its database at start-up (`web.analyses.database.open_database`). By hand, from the
repository's root: `python -m alembic current`, `python -m alembic upgrade head`. After a change of the tables in
web/analyses/database.py: `python -m alembic revision --autogenerate --rev-id 0003 -m "what changed"`, then read what
it wrote. The newest version is the one whose file comes last.
"""

from alembic import context
from flask import Flask
from sqlalchemy import Connection

from web import settings
from web.analyses import database


def run(connection: Connection) -> None:
    """Run the requested migrations in the open transaction."""
    # SQLite can alter little in a table: Alembic then makes a new one and copies the rows.
    context.configure(connection, target_metadata=database.schema, render_as_batch=connection.dialect.name == "sqlite")
    with context.begin_transaction():
        context.run_migrations()


passed = context.config.attributes.get("connection")
if passed is not None:
    run(passed)
else:
    app = Flask("migrations")
    settings.configure(app)
    with database.make_engine(database.database_url(app.config)).begin() as own:
        run(own)
