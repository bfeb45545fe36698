"""The page of the training radiographs: its figures are those of static/data/, or it says how to make them."""

import json
import re

import pytest

from tests.web.pages import text
from web.render.models import exploration

FIGURES = json.loads((exploration.FOLDER / "figures.json").read_text(encoding="utf-8"))


@pytest.fixture
def page(client):
    return client.get("/data").text


def test_every_image_is_there_and_none_is_of_few_radiographs(page):
    pictures = re.findall(r'src="/static/data/([^"]+)"', page)
    assert len(pictures) == len(FIGURES["groups"]) + len(FIGURES["components"])
    assert all((exploration.FOLDER / name).is_file() for name in pictures)
    assert all(group["films"] >= 100 for group in FIGURES["groups"])
    assert len(page.encode()) < 100_000


def test_without_figures_it_names_the_command(client, monkeypatch, tmp_path):
    monkeypatch.setattr(exploration, "FOLDER", tmp_path)
    assert "python -m training explore" in text(client.get("/data").text)
