"""The report of one page."""

import re
import zlib
from html import unescape

import numpy as np
import pytest

from tests.web.results import make_own_result, make_result
from web.render import pdf as report
from web.render import reading
from web.render.pdf import A4, PAPERS
from xray.io.jpeg import encode_jpeg
from xray.io.png import encode_png
from xray.networks.preprocess import Box
from xray.quality.cautions import Caution

DISCLAIMER = "For education and research only, not for diagnosis."
LABELS = {"covid_normal": "Model 1: Covid / Normal", "covid_pneumo": "Model 2: Covid / Pneumo"}
# All that can be said of one radiograph: one part of it was read, and it is tilted or was straightened.
ALL_CAUTIONS = tuple(
    str(caution)
    for caution in Caution
    if caution not in (Caution.RIGHT_PART, Caution.TOP_PART, Caution.BOTTOM_PART, Caution.STRAIGHTENED)
)


class Written:
    """What stands in a PDF file: its pages, and where on the page which text is, in points from below."""

    def __init__(self, content: bytes) -> None:
        assert content.startswith(b"%PDF-")
        self.content = content
        self.pages = len(re.findall(rb"/Type\s*/Page\b", content))
        self.size = tuple(
            float(side) for side in re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content).groups()
        )
        self.images = len(set(re.findall(rb"/(?:File|Drawn)\w+ (\d+) 0 R", content)))
        found = []
        for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
            try:
                # A stream may end with what looks like its line's end: so it need not be whole.
                drawn = zlib.decompressobj().decompress(stream)
            except zlib.error:
                continue
            found += re.findall(rb"([\d.-]+) ([\d.-]+) Td\n\((.*?)\) Tj", drawn)
        self.lines = [(float(x), float(y), self._text(text)) for x, y, text in found]
        self.text = " ".join(text for _, _, text in self.lines)

    @staticmethod
    def _text(raw: bytes) -> str:
        return re.sub(rb"\\(.)", rb"\1", raw).decode("cp1252")


@pytest.fixture
def found():
    """A film and two heat maps, as they are kept."""
    film = np.linspace(0, 255, 240 * 200).reshape(200, 240).astype(np.uint8)
    found = {"film.jpg": encode_jpeg(film)}
    for name, right in (("heat-covid_normal.png", 150), ("heat-covid_pneumo.png", 180), ("opacity.png", 200)):
        heat = np.zeros((213, 256, 4), np.uint8)
        heat[90:120, 100:right] = (40, 159, 240, 150)
        found[name] = encode_png(heat)
    return found


@pytest.fixture
def write(make_app, found, make_record):
    """Write a report, and read what stands in it."""
    app = make_app()

    def report_of(pictures=found, size=A4, **fields):
        with app.test_request_context():
            return Written(report.write(make_record(**fields), pictures, LABELS, size))

    return report_of


def test_a_report_says_all_that_was_found(write, make_record):
    page = write(name="scan 7 (2).png", cautions=("child",))
    for part in (
        "scan 7 (2).png",
        "UTC",
        "Both models read together",
        "Looks like another pneumonia",
        "NEGATIVE for COVID-19. Model 1 finds it abnormal, and model 2 says which pneumonia it looks like.",
        "POSITIVE. COVID-19 or another pneumonia. Ask both models to tell which.",
        "negative below 0.40, positive from 0.60",
        "From 0.60 up this",
        "70% of the heat lies inside the lungs.",
        "Looks like a child’s radiograph",
        "Model 1: Covid / Normal, version 1.2.3",
        "Model 2: Covid / Pneumo, version 1.2.3",
        "A score is not a probability",
        make_record().created.strftime("%Y"),
    ):
        assert part in page.text
    assert page.images == 3 and b"/Alt (The radiograph)" in page.content


def test_without_operating_points_the_report_shows_no_edge(write):
    text = write(results=(make_own_result(),)).text
    assert "No verdict" in text and "0.97" in text and "pneumonia · 1" in text
    assert "negative below" not in text and "hatched" not in text and "INCONCLUSIVE" not in text


@pytest.mark.parametrize("size", PAPERS.values(), ids=PAPERS)
@pytest.mark.parametrize("longer", [1, 1.4])
@pytest.mark.parametrize("proportion", [(240, 200), (200, 400), (900, 300)])
def test_the_worst_case_fits_on_one_page(write, make_opacity_map, monkeypatch, size, longer, proportion):
    def translate(text: str, **values: object) -> str:
        return (text % values if values else text) + " é" * int((longer - 1) / 2 * len(text))

    monkeypatch.setattr(report, "_", translate)
    monkeypatch.setattr(reading, "_", translate)
    beside = tuple(make_result(model, 0.5, heat_in_lungs=0.1) for model in LABELS)
    width, height = proportion
    measures = make_opacity_map().measure(np.zeros((4, 4, 512)), Box(0, 9, 0, 9), np.ones((9, 9), bool)).measures
    more = {"cautions": ALL_CAUTIONS, "opacity": measures}
    page = write(size=size, name="W" * 60, results=beside, width=width, height=height, **more)
    assert page.pages == 1
    assert page.size == pytest.approx((size.width / 25.4 * 72, size.height / 25.4 * 72), abs=0.1)
    foot = min(y for _, y, text in page.lines if text.startswith(DISCLAIMER))
    margin = 11 / 25.4 * 72
    below = [text for _, y, text in page.lines if y < foot]
    assert not [text for text in below if text.startswith("–")] and below
    assert all(margin < y < page.size[1] - margin and x > margin for x, y, _ in page.lines)
    assert page.images == 4 and "Extent score 7.0" in page.text


@pytest.mark.parametrize("name", ["肺部 X 光片.png", "фото.png", "🫁.png", "שלום.png"])
def test_a_name_in_another_script_is_drawn(write, name):
    page = write(name=name)
    assert page.pages == 1 and page.images > 3
    assert "?" not in page.text.replace("?paper", "")


@pytest.mark.parametrize("name", ["\x00\x1b(x)\\.png", ") Tj ET (", "%%EOF", "\u202egnp.exe", "", " "])
def test_a_strange_name_breaks_nothing(write, name):
    page = write(name=name)
    assert page.pages == 1 and DISCLAIMER in page.text


def test_in_chinese_all_of_it_is_drawn(write, monkeypatch):
    words = {"For education and research only, not for diagnosis.": "仅用于教育和研究，不用于诊断。"}
    for module in (report, reading):
        monkeypatch.setattr(module, "_", lambda text, **_: words.get(text, "胸部光片的判读结果" * 4))
    page = write(cautions=ALL_CAUTIONS)
    assert page.pages == 1 and page.images > 20 and DISCLAIMER not in page.text
    read_aloud = re.findall(rb"/ActualText <feff(\w+)>", page.content)
    assert bytes.fromhex(read_aloud[0].decode()).decode("utf-16-be") == next(iter(words.values()))


@pytest.mark.parametrize("broken", [{}, {"film.jpg": b""}, {"film.jpg": b"\xff\xd8 cut off"}])
def test_without_its_pictures_the_report_says_so(write, broken):
    page = write(broken)
    assert page.images == 0 and page.text.count("no longer kept") == 3 and "POSITIVE" in page.text


# ── As it is fetched ──


@pytest.fixture
def address(client, send):
    page = send(client, name="scan 7.png").text
    return f"/analyses/{re.search(r'/analyses/([-_A-Za-z0-9]{22})/', unescape(page))[1]}.pdf"


def test_a_report_is_fetched_by_its_owner_alone(client, address, make_client):
    answer = client.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r"attachment; filename=scan_7-[\w-]{6}\.pdf", answer.headers["Content-Disposition"])
    page = Written(answer.data)
    assert page.pages == 1 and "scan 7.png" in page.text and page.images == 3
    assert client.application.test_client().get(address).status_code == 404


@pytest.mark.parametrize(
    ("query", "name"), [("", "A4"), ("?paper=a4", "A4"), ("?paper=letter", "US Letter"), ("?paper=x", "A4")]
)
def test_the_paper_is_chosen_by_the_address(client, address, query, name):
    page = Written(client.get(address + query).data).text
    assert f"{name} · 1/1" in page and ("?paper=letter" in page) is (name == "A4")
