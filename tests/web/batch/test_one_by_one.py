"""Many pictures, each a request of its own, as the page’s script sends them."""

import io
import re
from html import unescape

import pytest
from werkzeug.datastructures import FileStorage

from tests.web.batch.answers import TEXT, picture
from tests.web.sending import posted
from xray.quality.out_of_distribution import NOT_FRONTAL


def test_one_picture_answers_with_its_row_its_verdict_and_its_thumbnail(client, ask, film):
    told = ask(client, film, "film.png", path="ward 3/film.png")
    assert (told["file"], told["verdict"], told["error"]) == ("ward 3/film.png", "NEGATIVE", "")
    with client.get(told["thumbnail"]) as thumbnail:
        assert max(picture(thumbnail.data).shape) == 160
    assert client.get(f"/analyses/{told['id']}").status_code == 200
    row = unescape(told["row"])
    for part in (f'href="/analyses/{told["id"]}"', "ward 3/film.png", "POSITIVE", "NEGATIVE", "0.97", "0.12"):
        assert part in row
    assert row.count("<td") == 5 and row.count("<th") == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT, "begins like none of them"),
        (b"", "0 bytes"),
        (b"PK\x03\x04 and so on", "zip inside a zip"),
        (b"\x89PNG\r\n\x1a\n", "truncated or damaged"),
    ],
)
def test_a_bad_file_is_a_row_with_its_error(client, ask, copies, data, words):
    told = ask(client, data, "bad.png")
    assert words in told["error"] and words in unescape(told["row"])
    assert not told["id"] and not copies.exists()


def test_refusals_and_cautions_of_the_screen_stand_in_the_row(make_client, make_registry, ask, film):
    assert "frontal" in ask(make_client(make_registry(said=(NOT_FRONTAL,))), film)["error"]
    row = unescape(ask(make_client(make_registry(said=("child",))), film)["row"])
    assert "Looks like a child’s radiograph" in row and 'data-kinds="other-pneumonia CAUTION"' in row


def test_a_disk_that_cannot_be_written_is_a_row_without_its_paths(make_client, ask, film, tmp_path):
    (tmp_path / "blocked").write_bytes(b"")
    told = ask(make_client(ANALYSIS_DIR=str(tmp_path / "blocked" / "copies")), film)
    assert "could not be kept" in told["error"] and str(tmp_path) not in told["row"]


def test_masks_show_the_outline_and_how_much_is_lung(client, ask, film):
    row = ask(client, film, function="mask")["row"]
    assert '<path class="mask" d="M' in row
    share = int(re.search(r"(\d+)\s?% of the picture", row)[1])
    # The stand-in draws two ellipses of 0.14 and 0.32 of a side.
    assert abs(share - 28) <= 2


def test_showing_has_a_heat_map_for_each_model(client, ask, film):
    told = ask(client, film, function="show")
    for model in ("covid_normal", "covid_pneumo"):
        address = f"/analyses/{told['id']}/heat-{model}.png"
        assert address in told["row"]
        with client.get(address) as heat:
            assert picture(heat.data).shape[2] == 4
    assert told["row"].count("of the heat for") == 2


def test_without_the_pages_token_nothing_is_read(make_client, ask, film, copies):
    client = make_client(WTF_CSRF_ENABLED=True)
    assert "expired" in ask(client, film, status=400)["problem"]
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/batch").text)[1]
    fields = {"function": "classify", "model": "both", "file": FileStorage(io.BytesIO(film), "film.png")}
    assert posted(client, "/batch/one", fields, headers={"X-CSRFToken": token}).json["verdict"] == "NEGATIVE"
