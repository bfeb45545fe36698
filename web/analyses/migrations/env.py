"""Leads Alembic to the database: by the connection that the application lends it, or by DATABASE_URL.

The application runs what stands in versions/ by itself. By hand, from the repository's root:
`python -m alembic current`, `python -m alembic upgrade head`; and after a change of web/analyses/database.py
`python -m alembic revision --autogenerate -m "what changed"`, then look at what it wrote, and name the new version in
web/analyses/versions.py.
"""

from alembic import context
from flask import Flask
from sqlalchemy import Connection

from web import settings
from web.analyses import database


def run(connection: Connection) -> None:
    """Run the migrations that are asked for, in the transaction that is open."""
    # SQLite changes few things of a table that stands: Alembic then makes a new one and copies the rows.
    context.configure(connection, target_metadata=database.schema, render_as_batch=connection.dialect.name == "sqlite")
    with context.begin_transaction():
        context.run_migrations()


lent = context.config.attributes.get("connection")
if lent is not None:
    run(lent)
else:
    app = Flask("migrations")
    settings.configure(app)
    with database._engine(database.address(app.config)).begin() as own:
        run(own)
