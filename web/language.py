"""The five languages of the pages: by the visitor's choice, else by what the browser prefers."""

from flask import Blueprint, Flask, redirect, request, session, url_for
from flask_babel import Babel, get_locale
from werkzeug.wrappers import Response as AnyResponse

# By their own names, as their speakers look for them.
LANGUAGES = {"en": "English", "fr": "Français", "es": "Español", "pt": "Português", "zh": "中文"}
_KEY = "language"

language = Blueprint("language", __name__)


def speak(app: Flask) -> None:
    """Let an application answer in its visitor's language."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    Babel(app, locale_selector=chosen)
    app.register_blueprint(language)
    app.context_processor(lambda: {"languages": LANGUAGES, "locale": get_locale()})


def chosen() -> str:
    """Return the language of this request, one of LANGUAGES."""
    wanted = session.get(_KEY)
    return wanted if wanted in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "en")


@language.post("/language")
def choose() -> AnyResponse:
    """Remember a choice, and go back to the page that it was made on."""
    wanted = request.form.get("language")
    if wanted in LANGUAGES:
        session[_KEY] = wanted
        session.permanent = True
    back = request.form.get("back", "")
    # A path of ours alone: "//host" or "/\\host" would lead elsewhere.
    ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    return redirect(back if ours else url_for("pages.index"), 303)
