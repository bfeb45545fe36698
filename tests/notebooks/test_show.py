"""One radiograph and a list of them, tested as a notebook tests them."""

import cv2
import numpy as np
import pytest

from notebooks.show import counted, read_list, read_one


@pytest.fixture
def films(tmp_path, radiograph):
    paths = [tmp_path / "one.png", tmp_path / "two.png", tmp_path / "grey.png"]
    for path, picture in zip(paths, [radiograph(256, 256), radiograph(300, 280, 3), np.full((200, 200), 90, np.uint8)],
                             strict=True):  # fmt: skip
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return paths


def test_one_picture_gives_what_the_app_says_and_its_annotated_copy(analyzer, films) -> None:
    said, copy = read_one(analyzer, films[0], "covid_pneumo")
    app = analyzer.analyse(films[0].read_bytes(), ["covid_pneumo"]).predictions[0]
    assert (said.model, said.score, said.verdict) == ("covid_pneumo", app.score, app.verdict)
    picture = cv2.imdecode(np.frombuffer(copy, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] >= 880


def test_a_list_keeps_its_order_and_goes_on_after_a_refusal(analyzer, films) -> None:
    table = read_list(analyzer, [films[2], *films[:2]], "covid_normal")
    assert list(table.file) == ["grey.png", "one.png", "two.png"]
    assert "frontal chest" in table.refused[0] and np.isnan(table.score[0]) and not table.verdict[0]
    scores = [analyzer.analyse(path.read_bytes(), ["covid_normal"]).predictions[0].score for path in films[:2]]
    assert list(table.score[1:]) == scores
    counts = counted(table)
    assert counts["refused"] == 1 and sum(counts.values()) == 3
