"""Annotated copies, names of files, and who gets which picture."""

import re
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from web.analyses.storage import COPY_NAME

COPY_LINK = re.compile(r'href="/static/xray_analysis/([^"]+)" download')


def test_the_annotated_copy_can_be_downloaded_and_is_not_indexed(client, send):
    name = COPY_LINK.search(send(client, name="scan 7.png", model="covid_normal").text)[1]
    assert re.fullmatch(r"POSITIVE_Prob_97_Name_scan_7_[\w-]{22}\.png", name, re.ASCII)
    with client.get(f"/static/xray_analysis/{name}") as answer:
        assert (answer.status_code, answer.mimetype) == (200, "image/png")
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert "no-store" in answer.headers["Cache-Control"]
        assert cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR).shape[1] >= 880


@pytest.mark.parametrize("name", [".gitkeep", ".draft.part", "..%2f..%2fapp.py", "POSITIVE_Prob_97_Name_x_y.png"])
def test_nothing_but_a_copy_is_served_from_the_copies_folder(client, copies, name):
    copies.mkdir()
    (copies / ".gitkeep").touch()
    (copies / ".draft.part").touch()
    assert client.get(f"/static/xray_analysis/{name}").status_code == 404


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../x.png", "x.png"),
        ("фото.jpg", "фото.jpg"),
        (".jpg", ".jpg"),
        ("x.jpg.php", "x.jpg.php"),
        ("<script>alert(1)<b>.png", "&lt;script&gt;alert(1)&lt;b&gt;.png"),
        ("b" * 300 + ".png", "b" * 29 + "…" + "b" * 25 + ".png"),
    ],
)
def test_a_strange_file_name_is_harmless(client, send, copies, tmp_path, sent, shown):
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    answer = send(client, name=sent, model="covid_normal")
    assert answer.status_code == 200
    assert f'<h1 class="file-name">{shown}</h1>' in answer.text
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    ours = [path for path in made if path.parent == copies]
    assert len(ours) == 1 and COPY_NAME.fullmatch(ours[0].name)
    kept = re.compile(
        r"instance/analyses(/[\w-]{22}/(film|thumb)\.jpg|/[\w-]{22}/(mask|heat-covid_normal)\.png|\.sqlite3.*)"
    )
    assert all(kept.fullmatch(str(path.relative_to(tmp_path))) for path in made - set(ours))


def test_visitors_at_the_same_time_get_their_own_picture(make_app, send, make_film, film_of):
    app = make_app()

    def visit(number: int) -> tuple[int, str, np.ndarray]:
        brightness, visitor = 90 + 20 * number, app.test_client()
        page = send(visitor, make_film(brightness=brightness), f"film{number}.png").text
        return brightness, page, film_of(visitor, page)

    with ThreadPoolExecutor(6) as pool:
        pages = list(pool.map(visit, range(6)))
    for number, (brightness, page, shown) in enumerate(pages):
        assert f'<h1 class="file-name">film{number}.png</h1>' in page
        assert abs(int(shown[2, 2]) - brightness) < 15
        assert all(f"_Name_film{number}_" in name for name in COPY_LINK.findall(page))
