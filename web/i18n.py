"""The five languages of the pages: the visitor's choice, or else what the browser prefers."""

from flask import Flask, Response, request, session
from flask_babel import Babel, get_locale, gettext

from web import formats
from xray.errors import Phrase, XrayError, plain

# By their own names, as their speakers look for them.
LANGUAGES = {"en": "English", "fr": "Français", "es": "Español", "pt": "Português", "zh": "中文"}
SESSION_KEY = "language"


def init_app(app: Flask) -> None:
    """Translate the pages of an application."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    # A sentence may be broken over lines in a template; the catalogues hold it in one line.
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    Babel(app, locale_selector=_chosen)
    formats.init_app(app)
    app.context_processor(lambda: {"languages": LANGUAGES, "locale": get_locale()})
    app.after_request(_add_headers)


def in_words(error: XrayError) -> str:
    """Return an error's message in the visitor's language."""
    return str(gettext(error.template, **{name: _value(value) for name, value in error.values.items()}))


def _chosen() -> str:
    wanted = session.get(SESSION_KEY)
    return wanted if wanted in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "en")


def _value(value: object) -> str:
    match value:
        case XrayError():
            return in_words(value)
        case Phrase():
            return str(gettext(value))
        case float():
            return formats.decimals(plain(value))
    return plain(value)


def _add_headers(response: Response) -> Response:
    """Keep caches from giving a page to those who read another language."""
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = str(get_locale())
        response.vary.update(("Accept-Language", "Cookie"))
    return response
