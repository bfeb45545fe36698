"""The whole pixel path, with the artefacts that are served."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from xray.analysis import Analyzer
from xray.errors import ImageError, NotAChestXrayError, UnreadableImageError
from xray.networks.heads import Head, Verdict, by_edges
from xray.networks.preprocess import LUNG_BOX, Recipe
from xray.quality.cautions import Caution
from xray.quality.out_of_distribution import NOT_FRONTAL, Screen
from xray.registry import Backbone, Registry

Draw = Callable[..., np.ndarray]


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def test_both_models_judge_the_same_radiograph(analyzer: Analyzer, radiograph: Draw) -> None:
    image = radiograph(600, 500)
    analysis = analyzer.analyse(png(image), analyzer.expand("both"))
    np.testing.assert_array_equal(analysis.image, image)
    assert analysis.lungs.shape == image.shape and 0.1 < analysis.lungs.mean() < 0.6
    assert [prediction.model for prediction in analysis.predictions] == ["covid_normal", "covid_pneumo"]
    for prediction in analysis.predictions:
        assert prediction.positive == "covid" and prediction.negative in {"normal", "pneumonia"}
        assert prediction.verdict is by_edges(
            prediction.score, prediction.own.negative_below, prediction.own.positive_from
        )
        assert prediction.explained == (
            prediction.negative if prediction.verdict is Verdict.NEGATIVE else prediction.positive
        )
        assert prediction.heat.shape == image.shape
        assert 0 <= prediction.heat.min() and prediction.heat.max() <= 1


def test_a_model_alone_gives_the_same_score_as_with_others(analyzer: Analyzer, radiograph: Draw) -> None:
    data = png(radiograph(512, 480, 5))
    together = [prediction.score for prediction in analyzer.analyse(data, analyzer.names).predictions]
    alone = [analyzer.analyse(data, [name]).predictions[0].score for name in analyzer.names]
    assert together == alone


def test_threads_do_not_mix_radiographs(radiograph: Draw) -> None:
    analyzer = Analyzer.load(pool_size=2, threads=1)
    films = [png(radiograph(300 + 40 * seed, 320, seed)) for seed in range(3)]

    def scores(data: bytes) -> list[float]:
        return [prediction.score for prediction in analyzer.analyse(data, analyzer.names).predictions]

    alone = [scores(film) for film in films]
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(scores, films * 2)) == alone * 2


def test_choices(analyzer: Analyzer) -> None:
    assert analyzer.expand("both") == ("covid_normal", "covid_pneumo") == analyzer.names[:2]
    assert analyzer.expand("all") == analyzer.names
    assert analyzer.expand("covid_pneumo") == ("covid_pneumo",)
    with pytest.raises(ValueError, match=r"covid_normal, covid_pneumo.*both.*Received: 'covid_flu'"):
        analyzer.expand("covid_flu")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (png(cv2.circle(np.zeros((400, 400), np.uint8), (200, 200), 100, 255, cv2.FILLED)), NotAChestXrayError),
        (b"hello", UnreadableImageError),
    ],
    ids=["no lungs", "no image"],
)
def test_other_files_are_refused(analyzer: Analyzer, data: bytes, error: type[ImageError]) -> None:
    with pytest.raises(error):
        analyzer.analyse(data, analyzer.names)


@pytest.fixture
def judged(small_head: Callable[..., Head], make_screen: Callable[..., Screen]) -> Callable[..., tuple[Caution, ...]]:
    """Return the cautions for a drawn radiograph of the given lungs, which are found where they are dark."""

    def judge(
        lungs: np.ndarray, said: tuple[str, ...] = (), negative: bool = False, size: tuple[int, int] = (400, 300)
    ) -> tuple[Caution, ...]:
        def segment(x: np.ndarray) -> np.ndarray:
            dark = x[0, lungs, 0].mean() < x[0, ~lungs, 0].mean()
            return (lungs * dark).astype(np.float32)[None, ..., None]

        backbone = Backbone(lambda _: np.ones((1, 4, 4, 3), np.float32), Recipe(LUNG_BOX, 64), None)
        heads = {"covid_normal": small_head(3)}
        # Soft and noisy, as a film is: what is drawn in two greys looks like two pictures in one.
        soft = cv2.GaussianBlur(cv2.resize(np.where(lungs, 60, 180).astype(np.float32), size[::-1]), (0, 0), 5)
        noise = np.random.default_rng(0).normal(0, 6, size)
        film = np.clip(soft + noise + np.linspace(-15, 15, size[0])[:, None], 0, 249).astype(np.uint8)
        registry = Registry(segment, backbone, make_screen(*said, channels=3), heads)
        analysis = Analyzer(registry).analyse(png(255 - film if negative else film), ["covid_normal"])
        assert analysis.inverted is negative
        return analysis.cautions

    return judge


def pair_of_lungs(height: int = 80) -> np.ndarray:
    """Draw two ellipses in the middle of a square of 128 px."""
    mask = np.zeros((128, 128), np.uint8)
    for x in (36, 92):
        cv2.ellipse(mask, (x, 64), (22, height // 2), 0, 0, 360, 1, cv2.FILLED)
    return mask > 0


WHOLE, CUT = pair_of_lungs(), pair_of_lungs(200)


@pytest.mark.parametrize(
    ("lungs", "how", "expected"),
    [
        (WHOLE, {}, ()),
        (WHOLE, {"negative": True}, (Caution.INVERTED,)),
        (CUT, {}, (Caution.TIGHT_CROP,)),
        (WHOLE, {"size": (200, 160)}, ()),
        (WHOLE, {"size": (200, 159)}, (Caution.LOW_RESOLUTION,)),
        (WHOLE, {"size": (159, 300)}, (Caution.LOW_RESOLUTION,)),
        (WHOLE, {"said": (Caution.CHILD,), "negative": True}, (Caution.CHILD, Caution.INVERTED)),
    ],
    ids=["whole", "a negative", "cut", "large enough", "too narrow", "too flat", "with the screen's first"],
)
def test_cautions_of_the_image_follow_those_of_the_screen(judged, lungs, how, expected):
    assert judged(lungs, **how) == expected


def test_a_refusal_of_the_screen_is_raised(judged: Callable[..., tuple[Caution, ...]]) -> None:
    with pytest.raises(NotAChestXrayError, match="looks like something else"):
        judged(WHOLE, said=(NOT_FRONTAL,))


@pytest.mark.parametrize("upright", [90, 270])
def test_the_turn_of_a_lying_radiograph_does_not_stand_it_on_its_head(analyzer, radiograph, upright):
    lying = np.ascontiguousarray(np.rot90(radiograph(), upright // 90))
    with pytest.raises(NotAChestXrayError) as refused:
        analyzer.analyse(png(lying), ["both"])
    assert refused.value.turn == upright
