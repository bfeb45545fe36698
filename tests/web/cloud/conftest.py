"""Servers that instances share: PostgreSQL, an S3 store and Redis, started once for all of these tests."""

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.web.cloud import programs
from tests.web.cloud.programs import Program

AWS = {
    "AWS_ACCESS_KEY_ID": "key-for-tests",
    "AWS_SECRET_ACCESS_KEY": "secret-for-tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    # Nobody's own keys, and no question to a machine that this one is not.
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def folder_for() -> Iterator[Callable[[], Path]]:
    """Make folders that a program of another user can enter, unlike pytest's."""
    made: list[Path] = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="xray-cloud-")))
        return made[-1]

    yield make
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(folder_for: Callable[[], Path]) -> Iterator[Program]:
    """A running PostgreSQL."""
    programs.needs("psycopg")
    with programs.postgres(folder_for()) as program:
        yield program


@pytest.fixture(scope="session")
def redis(folder_for: Callable[[], Path]) -> Iterator[Program]:
    """A running Redis."""
    programs.needs("redis")
    with programs.redis(folder_for()) as program:
        yield program


@pytest.fixture(scope="session")
def s3(folder_for: Callable[[], Path]) -> Iterator[Program]:
    """A running S3 store."""
    programs.needs("boto3")
    with programs.s3(folder_for()) as program:
        yield program


@pytest.fixture
def counter(redis: Program) -> str:
    """The address of a Redis that counts nothing yet."""
    from redis import Redis

    address = f"redis://127.0.0.1:{redis.port}"
    with Redis.from_url(address) as client:
        client.flushall()
    return address


@pytest.fixture(scope="session")
def make_database(postgres: Program) -> Callable[[], str]:
    """Make an empty database; return its address, written as Heroku does."""
    import psycopg

    def make() -> str:
        name = f"xray_{secrets.token_hex(4)}"
        address = f"postgres://xray@127.0.0.1:{postgres.port}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return f"{address}/{name}"

    return make


@pytest.fixture
def new_database(make_database: Callable[[], str]) -> str:
    """The address of an empty database in PostgreSQL."""
    return make_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, in SQLite and in PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/folder/analyses.sqlite3"
    return request.getfixturevalue("new_database")


@dataclass(frozen=True)
class Cloud:
    """An empty bucket: the address of a folder in it, the environment that finds it, and a client of boto3's."""

    address: str
    bucket: str
    environment: dict[str, str]
    client: object

    def keys(self) -> list[str]:
        """Return the names of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", ()))


@pytest.fixture(scope="session")
def make_bucket(s3: Program) -> Iterator[Callable[[], Cloud]]:
    """Make an empty bucket."""
    import boto3

    environment = AWS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.port}"}
    keys = {name.lower(): AWS[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    session = boto3.session.Session(region_name=AWS["AWS_DEFAULT_REGION"], **keys)
    client = session.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])

    def make() -> Cloud:
        bucket = f"xray-{secrets.token_hex(4)}"
        client.create_bucket(Bucket=bucket)
        return Cloud(f"s3://{bucket}/films", bucket, environment, client)

    yield make
    client.close()


@pytest.fixture
def cloud(make_bucket: Callable[[], Cloud], monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An empty bucket, with the environment that finds it."""
    made = make_bucket()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made
