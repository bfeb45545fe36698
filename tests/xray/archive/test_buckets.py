"""An archive in an object store: radiographs from a bucket, results and masks into one, over HTTP."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xray.archive import results, sources
from xray.archive.command import main
from xray.archive.row import DestinationError
from xray.archive.run import run
from xray.archive.worker import Task, hashed

OF = {"covid_normal": "3.0.0"}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of moto's S3 server."""
    boto3, moto = pytest.importorskip("boto3"), pytest.importorskip("moto.server")
    pytest.importorskip("pyarrow")
    s3fs = pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{port}"),
        ("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere"),
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    made = boto3.resource("s3").Bucket("archive")
    made.create()
    yield made
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def test_films_and_results_live_in_a_bucket(bucket: Any, engine: Any, film: Callable[[int], bytes]) -> None:
    for number, name in enumerate(("a.png", "deeper/b.png", "notes.txt")):
        bucket.put_object(Key=f"films/{name}", Body=b"text" if name.endswith("txt") else film(number))
    task = Task(tuple(OF), "vgg16_cxr", masks="s3://archive/masks")
    for _ in range(2):
        results.check_writable("s3://archive/out", task.masks)
        to = results.to("s3://archive/out")
        assert run(sources.find("s3://archive/films"), to, engine, task, OF, io.StringIO()) == 0
    rows = sorted(results.to("s3://archive/out").rows())
    assert [row.path for row in rows] == ["s3://archive/films/a.png", "s3://archive/films/deeper/b.png"]
    assert [row.error for row in rows] == ["", ""] and len(engine.seen) == 2
    with pytest.raises(DestinationError, match="s3://nowhere/out"):
        results.check_writable("s3://nowhere/out")
    names = [each.key for each in bucket.objects.all() if not each.key.endswith("/")]
    assert sum(name.startswith("masks/") for name in names) == 2
    assert sum(name.startswith("out/backbone=vgg16_cxr/part-") for name in names) == 1


def test_a_store_that_refuses_or_gives_no_answer_is_one_line_or_a_row(bucket, tmp_path, monkeypatch, capsys):
    s3fs = pytest.importorskip("s3fs")
    assert main(["s3://nowhere/films", f"{tmp_path}/o.csv"]) == 2
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3fs.S3FileSystem.clear_instance_cache()
    file = hashed("s3://archive/films/a.png")
    assert file.sha256 == "" and "Could not connect" in file.problem
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    assert main(["s3://archive/films", f"{tmp_path}/o.csv"]) == 2
    nothing, refused = capsys.readouterr().err.splitlines()
    assert "Received nothing there" in nothing and "credentials" in refused
