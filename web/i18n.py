"""The five languages of the pages: by the visitor's choice, else by what the browser prefers."""

from flask import Blueprint, Flask, Response, redirect, request, session
from flask_babel import Babel, get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from web import formats
from web.views.way_back import way_back
from xray.errors import Phrase, XrayError, plain

# By their own names, as their speakers look for them.
LANGUAGES = {"en": "English", "fr": "Français", "es": "Español", "pt": "Português", "zh": "中文"}
_KEY = "language"

language = Blueprint("language", __name__)


def speak(app: Flask) -> None:
    """Let an application answer in its visitor's language."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    # Templates may break a sentence where the line ends; the catalogues hold it in one line.
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    Babel(app, locale_selector=chosen)
    formats.teach(app)
    app.register_blueprint(language)
    app.context_processor(lambda: {"languages": LANGUAGES, "locale": get_locale()})
    app.after_request(_tell)


def chosen() -> str:
    """Return the language of this request, one of LANGUAGES."""
    wanted = session.get(_KEY)
    return wanted if wanted in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "en")


def in_words(error: XrayError) -> str:
    """Say in the visitor's language why something was refused."""
    return str(gettext(error.template, **{name: _value(value) for name, value in error.values.items()}))


def _value(value: object) -> str:
    match value:
        case XrayError():
            return in_words(value)
        case Phrase():
            return str(gettext(value))
        case float():
            return formats.decimals(plain(value))
    return plain(value)


def _tell(response: Response) -> Response:
    """Keep caches from giving a page to those who read another language."""
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = str(get_locale())
        response.vary.update(("Accept-Language", "Cookie"))
    return response


@language.post("/language")
def choose() -> AnyResponse:
    """Remember a choice, and go back to the page that it was made on."""
    wanted = request.form.get("language")
    if wanted in LANGUAGES:
        session[_KEY] = wanted
        session.permanent = True
    return redirect(way_back(request.form.get("back", "")), 303)
