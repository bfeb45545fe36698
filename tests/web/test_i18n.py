"""The pages speak the visitor's language; files for programs keep to one."""

from datetime import UTC, datetime
from html import unescape

import pytest

from web import i18n
from web.i18n import in_words
from xray.errors import NotAChestXrayError, Phrase, UnsupportedImageError

ABOUT = {"en": "It cannot", "fr": "Elle ne sait pas", "es": "No puede", "pt": "O aplicativo não pode", "zh": "它不能"}


def read(client, path="/about", prefers=None, **more):
    headers = {"Accept-Language": prefers} if prefers else {}
    return client.get(path, headers=headers, **more)


@pytest.mark.parametrize(
    ("prefers", "language"),
    [
        (None, "en"),
        ("fr", "fr"),
        ("es-AR,es;q=0.8,en;q=0.5", "es"),
        ("de,fr;q=0.3", "fr"),
        ("not a language at all;;;", "en"),
    ],
)
def test_a_page_speaks_what_the_browser_prefers(client, prefers, language):
    answer = read(client, prefers=prefers)
    assert f'<html lang="{language}"' in answer.text
    assert f"<h2>{ABOUT[language]}</h2>" in answer.text
    assert answer.headers["Content-Language"] == language
    assert {"accept-language", "cookie"} <= {name.lower() for name in answer.vary}


def test_a_choice_stays_and_wins_over_the_browser(client):
    answer = client.post(
        "/language", data={"language": "zh", "back": "/analyses/?page=2"}, headers={"Accept-Language": "fr"}
    )
    assert answer.status_code == 303 and answer.headers["Location"] == "/analyses/?page=2"
    assert ABOUT["zh"] in read(client, prefers="fr").text
    client.post("/language", data={"language": "tlh"})
    assert ABOUT["zh"] in read(client).text, "what is not spoken changes nothing"


def test_a_refused_file_is_explained_in_the_visitor_s_language(client, send):
    client.post("/language", data={"language": "es"})
    answer = send(client, b"%PDF-1.7 " + bytes(64), "film.pdf")
    assert answer.status_code == 415
    assert "Se esperaba una imagen PNG, JPEG o DICOM; se recibió: PDF." in unescape(answer.text)


def test_an_error_s_values_are_translated_with_it(make_app):
    app = make_app()
    inner = NotAChestXrayError(
        "This does not look like a frontal chest radiograph: expected lungs that fill at least %(least)s%% of the "
        "picture, received one where %(share)s%% looks like lungs. %(advice)s",
        least=10,
        share=3,
        advice=Phrase("Send one whole frontal chest radiograph, upright, without other pictures around it."),
    )
    hint = Phrase("It may be a radiograph that lies on its side: turn it upright and send it again.")
    error = NotAChestXrayError("%(reason)s %(hint)s", reason=inner, hint=hint)
    assert str(error) == f"{inner} {hint}" and "at least 10% of the picture" in str(error)
    with app.test_request_context(headers={"Accept-Language": "pt"}):
        said = in_words(error)
    assert "ao menos 10% da imagem" in said and "Envie uma única radiografia" in said and "deitada de lado" in said
    words = "Expected at most %(limit)s MiB, received %(received)s MiB. Please send a smaller export."
    error = UnsupportedImageError(words, limit=32, received=33.5)
    assert "received 33.5 MiB" in str(error)
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        assert "33,5 Mio" in in_words(error), "fractions have the separator of the language"


@pytest.mark.parametrize(
    ("language", "score", "text", "share", "moment"),
    [
        ("en", "0.97", "0.4996", "45%", "Nov 21, 2026 at 15:16 UTC"),
        ("fr", "0,97", "0,4996", "45\xa0%", "21 nov. 2026 à 15:16 UTC"),
        ("zh", "0.97", "0.4996", "45%", "2026年11月21日 15:16（UTC）"),
    ],
)
def test_numbers_and_times_are_written_as_the_language_writes_them(make_app, language, score, text, share, moment):
    with make_app().test_request_context(headers={"Accept-Language": language}):
        assert i18n.decimals(0.97) == score
        assert i18n.decimals("0.4996") == text
        assert i18n.percent(0.45) == share
        assert i18n.moment(datetime(2026, 11, 21, 15, 16, tzinfo=UTC)) == moment
