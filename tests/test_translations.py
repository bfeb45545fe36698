"""Every word that the pages show is translated, its places are kept, and what is compiled is what is written."""

import ast
import re
import shlex
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from web.i18n import LANGUAGES

ROOT = Path(__file__).resolve().parents[1]
TRANSLATED = [code for code in LANGUAGES if code != "en"]
# Errors that reach the page, and so must hold words that can be found and translated.
SHOWN = {"UnreadableImageError", "UnsupportedImageError", "ImageTooLargeError", "NotAChestXrayError", "FormError"}
PLACES = re.compile(r"%\((\w+)\)|(?<!%)\{(\w+)\}")
TAGS = re.compile(r"</?\w+")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What `make words` finds in the code as it stands."""
    recipe = re.search(r"^EXTRACT := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    found = tmp_path_factory.mktemp("words") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "--quiet"]
    words = shlex.split(recipe[1].replace("\\\n", " "))
    subprocess.run([*command, *words, "--output-file", str(found)], cwd=ROOT, check=True)
    with found.open("rb") as file:
        return read_po(file)


def catalogue(language: str) -> Catalog:
    path = ROOT / "translations" / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


def key(message: Message) -> tuple[object, str | None]:
    return tuple(texts(message.id)), message.context


def texts(words: str | tuple[str, ...] | list[str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words)


def places(words: str) -> set[str]:
    return {first or second for first, second in PLACES.findall(words)}


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_word_is_missing_doubtful_or_left_over(template: Catalog, language: str) -> None:
    translated = catalogue(language)
    wanted = {key(message) for message in template if message.id}
    empty = [message.id for message in translated if message.id and not all(texts(message.string))]
    doubtful = [message.id for message in translated if message.id and message.fuzzy]
    known = {key(message) for message in translated if message.id}
    advice = "run `make words`, translate, and run it again"
    assert not wanted - known, advice
    assert not known - wanted and not translated.obsolete, advice
    assert not empty and not doubtful, advice


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_keeps_the_places_and_tags(language: str) -> None:
    translated = catalogue(language)
    for message in translated:
        if message.id:
            assert not list(message.check(translated)), message.id
            # A singular may say "the only one"; what is said of many names how many.
            *few, many = texts(message.string)
            whole = texts(message.id)[-1]
            assert places(many) == places(whole), many
            assert all(places(words) <= places(whole) for words in few), few
            assert sorted(TAGS.findall(many)) == sorted(TAGS.findall(whole)), many


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    path = ROOT / "translations" / language / "LC_MESSAGES" / "messages.mo"
    compiled = read_mo(BytesIO(path.read_bytes()))
    written = {key(message): texts(message.string) for message in catalogue(language) if message.id}
    assert {key(message): texts(message.string) for message in compiled if message.id} == written


def test_no_words_are_at_once_a_singular_and_words_of_their_own():
    # Chinese has one form for both: the plural's, whose places the words of their own would leave empty.
    alone, singular = set(), set()
    for folder, method in (("web", "python"), ("xray", "python"), ("templates", "jinja2")):
        suffix = "html" if method == "jinja2" else "py"
        options = {f"**.{suffix}": {"trimmed": "true"}}
        for _, _, words, _, _ in extract_from_dir(ROOT / folder, [(f"**.{suffix}", method)], options):
            singular.add(words[0]) if isinstance(words, tuple) else alone.add(words)
    assert singular and not alone & singular


def test_every_error_for_the_page_is_written_so_that_its_words_are_found() -> None:
    for path in [*ROOT.glob("web/**/*.py"), *ROOT.glob("xray/**/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            if name in SHOWN:
                words = call.args[0]
                assert isinstance(words, (ast.Constant, ast.Name, ast.Attribute)), (
                    f"{path.name}:{call.lineno}: expected plain words or a Phrase, with places for the values"
                )
