"""Text is drawn in the scripts of the world, and never wider than its place."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from xray.annotate.lettering import Sheet, printable

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def drawn(text: str) -> np.ndarray:
    sheet = Sheet(300, 40, 1.0, BLACK)
    sheet.write(text, 5, 30, 24, WHITE)
    return sheet.picture


@pytest.mark.parametrize("letter", ["é", "ü", "ß", "ф", "Ж", "Ω", "肺", "日", "한", "ع", "…", "·"])
def test_a_letter_has_its_own_shape(letter: str) -> None:
    assert drawn(letter).any() and not np.array_equal(drawn(letter), drawn("?"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("фото 肺.png", "фото 肺.png"),
        ("e\u0301.png", "é.png"),
        ("a\nb\tc\0.png", "a?b?c?.png"),
        ("evil\u202egnp.exe", "evil?gnp.exe"),
        ("latin-1 \udce9.png", "latin-1 ?.png"),
    ],
    ids=["scripts", "accent of a Mac", "control characters", "direction override", "bytes that are no text"],
)
def test_a_file_name_becomes_one_line(name: str, text: str) -> None:
    assert printable(name) == text
    assert drawn(printable(name)).any()


@pytest.mark.parametrize("text", ["x", "chest.png", "W" * 300 + ".jpeg", "肺" * 200 + ".dcm", "a" * 254 + "é"])
@pytest.mark.parametrize("width", [60, 250])
def test_a_long_line_loses_its_middle(text: str, width: int) -> None:
    sheet = Sheet(400, 40, 1.3, BLACK)
    shortened = sheet.shorten(text, 18, width)
    assert sheet.measure(shortened, 18) <= width or len(shortened) <= 3
    if sheet.measure(text, 18) <= width:
        assert shortened == text
    else:
        head, tail = shortened.split("…")
        assert head and text.startswith(head) and text.endswith(tail)


@pytest.mark.parametrize(
    ("text", "between"),
    [("Too close to call between COVID-19 and normal.", " "), ("看起来是儿童胸片：模型只见过一家医院的儿童。", "")],
)
def test_words_wrap_into_lines_that_fit(text: str, between: str) -> None:
    sheet = Sheet(400, 40, 1.0, BLACK)
    lines = sheet.wrap(text, 20, 200)
    assert between.join(lines) == text and len(lines) > 1
    assert all(sheet.measure(line, 20) <= 200 for line in lines)


def test_threads_draw_the_same_letters() -> None:
    """A FontFace that two threads share draws wrong ones (OpenCV 5.0.0)."""
    texts = [f"肺 фото é {number}" for number in range(60)]
    alone = [drawn(text) for text in texts]
    with ThreadPoolExecutor(6) as threads:
        np.testing.assert_array_equal(alone, list(threads.map(drawn, texts)))
