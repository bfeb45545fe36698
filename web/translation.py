"""The language of a request, and its catalogue of translations.

The language is the visitor's choice, or else what the browser prefers; outside of a request it is English, in which the
messages are written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations

from flask import Flask, has_request_context, request, session

from web.settings import ROOT

# By their own names, as their speakers look for them.
LANGUAGES = {"en": "English", "fr": "Français", "es": "Español", "pt": "Português", "zh": "中文"}
ENGLISH = "en"
SESSION_KEY = "language"
_CHOSEN = "xray.language"
_SPOKEN: ContextVar[str] = ContextVar("spoken", default="")


def init_app(app: Flask) -> None:
    """Translate the templates of an application."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # A sentence may be broken over lines in a template; the catalogues hold it in one line.
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
        lambda message: _catalogue(language()).gettext(message),
        lambda singular, plural, number: _catalogue(language()).ngettext(singular, plural, number),
        newstyle=True,
    )


def language() -> str:
    """Return the language of the request or of `speaking`, one of LANGUAGES."""
    if spoken := _SPOKEN.get():
        return spoken
    if not has_request_context():
        return ENGLISH
    environ = request.environ  # a page asks for hundreds of words, and each look at `request` costs a microsecond
    if _CHOSEN not in environ:
        wanted = session.get(SESSION_KEY)
        best = request.accept_languages.best_match(LANGUAGES, ENGLISH)
        environ[_CHOSEN] = wanted if wanted in LANGUAGES else best
    return str(environ[_CHOSEN])


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Give a thread beside the request its language.

    Args:
        name: one of LANGUAGES.
    """
    before = _SPOKEN.set(name)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def gettext(message: str, **values: object) -> str:
    """Return a message in the language of the request.

    Args:
        message: in English.
        values: for its places, such as `%(name)s`; without any, per cent signs stay as they are.
    """
    found = str(_catalogue(language()).gettext(message))  # without a translation, a Phrase would stay one
    return found % values if values else found


def ngettext(singular: str, plural: str, num: int) -> str:
    """Return a message that counts, in the language of the request.

    Args:
        singular: in English, of one.
        plural: in English, of any other number.
        num: the number, for the place `%(num)d`.
    """
    return _catalogue(language()).ngettext(singular, plural, num) % {"num": num}


@cache
def _catalogue(name: str) -> NullTranslations:
    if name == ENGLISH:
        return NullTranslations()
    with (ROOT / "translations" / name / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        return GNUTranslations(file)
