"""Where the time of one film goes: `python -m benchmarks.stages`.

Walks films of full size through the stages of `POST /query` one by one, in one process and one thread, and prints the
median of each beside its floor: the part that is left when everything around the one library call is taken away.
"""

import argparse
import secrets
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from isal import isal_zlib

from benchmarks import pictures
from benchmarks.figure import circumstances, markdown
from web.analyses import service as drawing
from web.factory import create_app
from web.views import result
from xray.analysis import Analysis, of_picture, predict
from xray.annotate import annotated_copy
from xray.io import image, jpeg
from xray.networks import preprocess
from xray.networks.lungs import network_input, segment
from xray.quality import polarity

MODEL = "covid_normal"
WARM = 3
Found = TypeVar("Found")
FLOORS = {
    "decode": "`cv2.imdecode` at the size that is needed",
    "lungs": "`interpreter.invoke` of the U-Net",
    "backbone": "`interpreter.invoke` of the VGG16",
    "heads": "one product of features and weights",
    "explain": "one product of features and weights",
    "annotate": "the copy's pixels, written once",
    "encode": "the copy's bytes through ISA-L at the same level, and `cv2.imencode` of the film",
    "keep": "the same files written, not flushed",
    "page": "`/healthz`, through the whole of Flask",
}


class Clock:
    """Adds up how long each stage took on each film."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def time(self, stage: str, work: Callable[[], Found]) -> Found:
        """Do a piece of work and note how long it took."""
        start = time.perf_counter()
        found = work()
        self.seconds[stage].append(time.perf_counter() - start)
        return found

    def median_ms(self, stage: str) -> float:
        """Return the median of a stage."""
        return 1000 * statistics.median(self.seconds[stage])


def measure() -> list[tuple[str, float, float, str]]:
    """Return each stage with its median and its floor in milliseconds, and what the floor is."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"ANALYSIS_DIR": f"{folder}/copies", "INSTANCE_DIR": f"{folder}/instance"}
        app = create_app({**settings, "SECRET_KEY": "benchmark of stages"})
        stages, floors = Clock(), Clock()
        for number, film in enumerate(pictures.full_size()):
            if number == WARM:
                stages.seconds.clear()
                floors.seconds.clear()
            with app.test_request_context():
                _walk(app.extensions["xray"].desk, film, stages, floors, Path(folder))
            floors.time("page", lambda: app.test_client().get("/healthz"))
    return [(stage, stages.median_ms(stage), floors.median_ms(stage), floor) for stage, floor in FLOORS.items()]


def _walk(desk: drawing.Desk, film: pictures.Picture, stages: Clock, floors: Clock, folder: Path) -> None:
    registry, when = desk.analyzer.registry, datetime.now(UTC)
    backbone, head = registry.backbone, registry.heads[MODEL]
    picture = stages.time("decode", lambda: image.load(film.data))
    floors.time("decode", lambda: _decoded(film.data))
    found = stages.time(
        "lungs", lambda: polarity.as_film(picture.image, lambda each: segment(each, registry.segmenter))
    )
    small = network_input(found.image)[None]
    floors.time("lungs", lambda: registry.segmenter(small))
    x = preprocess.preprocess(found.image, found.lungs, backbone.recipe)[None]
    features = stages.time("backbone", lambda: _features(found, backbone))
    floors.time("backbone", lambda: backbone.network(x))
    stages.time("heads", lambda: (registry.screen.examine(features), of_picture(found), head.score(features)))
    floors.time("heads", lambda: features.mean(axis=(0, 1)) @ np.ones((features.shape[2], 2), np.float32))
    box = preprocess.crop_box(found.lungs, backbone.recipe)
    prediction = stages.time("explain", lambda: predict(head, features, box, found.lungs))
    floors.time("explain", lambda: features @ np.ones(features.shape[2], np.float32))
    analysis = Analysis(found.image, found.lungs, box, (prediction,), (), picture.shape)
    copy = stages.time(
        "annotate", lambda: annotated_copy.annotate(analysis, prediction, file_name=film.name, when=when)
    )
    floors.time("annotate", lambda: copy.copy())
    png, drawn = stages.time("encode", lambda: (annotated_copy.encode_png(copy), drawing._drawn(analysis, None)))
    floors.time("encode", lambda: (isal_zlib.compress(copy.tobytes(), 1), annotated_copy.encode_jpeg(found.image)))
    record = stages.time("keep", lambda: _keep(desk, analysis, png, drawn, when))
    floors.time("keep", lambda: [(folder / "floor").write_bytes(each) for each in (png, *drawn.values())])
    stages.time("page", lambda: result.page(record))


def _decoded(data: bytes) -> object:
    content = np.frombuffer(data, np.uint8)
    if image.sniff(data) != "JPEG":
        return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    frame = jpeg.check(data, image.DEFAULT_LIMITS)
    halved = max(frame.height, frame.width) >= 2 * image.LONGEST
    return cv2.imdecode(content, cv2.IMREAD_REDUCED_GRAYSCALE_2 if halved else cv2.IMREAD_GRAYSCALE)


def _features(found: polarity.Film, backbone: object) -> np.ndarray:
    return backbone.network(preprocess.preprocess(found.image, found.lungs, backbone.recipe)[None])[0]  # type: ignore[attr-defined]


def _keep(desk: drawing.Desk, analysis: Analysis, png: bytes, drawn: object, when: datetime) -> object:
    prediction = analysis.predictions[0]
    copy = desk.store.save(png, prediction.verdict, prediction.score, "film.png")
    id = secrets.token_urlsafe(16)
    desk.pictures.save(id, drawn)  # type: ignore[arg-type]
    outline = annotated_copy.outline_path(analysis.lungs, analysis.sent)
    record = drawing._record(
        analysis, [copy], outline, id=id, owner="nobody", created=when, name="film.png", choice=MODEL, turn=0
    )
    desk.records.add(record)
    return record


def report() -> str:
    """Measure, and write the breakdown as a Markdown table."""
    rows = measure()
    whole, least = sum(ms for _, ms, _, _ in rows), sum(floor for _, _, floor, _ in rows)
    cells = [(stage, f"{ms:.1f} ms", f"{floor:.1f} ms", what) for stage, ms, floor, what in rows]
    cells.append(("all", f"{whole:.1f} ms", f"{least:.1f} ms", ""))
    return markdown(("stage", "median", "floor", "what the floor is"), cells)


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__.splitlines()[0]).parse_args()
    print(circumstances())
    print(report())


if __name__ == "__main__":
    main()
