"""What the routes work with: one set of services for each application."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flask import Flask, current_app
from flask_babel import gettext

from web import forms, metrics
from web.analyses.desk import Desk
from web.analyses.pictures import Pictures
from web.analyses.records import Records
from web.analyses.store import Store
from xray.analysis import Analyzer
from xray.metadata import Facts, ModelFacts
from xray.registry import Registry


@dataclass(frozen=True)
class Services:
    """What the routes work with.

    Attributes:
        desk: reads films and keeps what was found.
        models: the facts of each model, by name.
        artefacts: the facts of the models and of the networks that they stand on, by name, the models first.
        titles: what people call each model in English, by name.
    """

    desk: Desk
    models: dict[str, ModelFacts]
    artefacts: Mapping[str, Facts]
    titles: dict[str, str]

    @property
    def labels(self) -> dict[str, str]:
        """What people call each model in the visitor's language, by name."""
        return {name: str(gettext(title)) for name, title in self.titles.items()}

    @property
    def choices(self) -> dict[str, str]:
        """What can be asked for, and what people call it: the models, and several of them together."""
        names = forms.choices(list(self.titles))
        return {name: self.labels.get(name) or str(gettext(forms.LABELS[name])) for name in names}


def provide(app: Flask, registry: Registry) -> None:
    """Give an application its services, as its settings ask for.

    Raises:
        SettingError: the database cannot be used.
    """
    instance = Path(app.config["INSTANCE_DIR"])
    models: dict[str, ModelFacts] = {name: head.facts for name, head in registry.heads.items()}
    models |= {name: head.facts for name, head in registry.class_heads.items()}
    titles = forms.labels({name: facts.title for name, facts in models.items()})
    desk = Desk(
        Analyzer(registry),
        Store(Path(app.config["ANALYSIS_DIR"])),
        Pictures(instance / "analyses"),
        Records.open(
            app.config["DATABASE_URL"] or f"sqlite:///{(instance / 'analyses.sqlite3').resolve()}",
            keep_days=app.config["KEEP_DAYS"],
        ),
        keep_days=app.config["KEEP_DAYS"],
        keep_count=app.config["KEEP_COUNT"],
        metrics=metrics.of(app),
    )
    desk.sweep()
    app.extensions["xray"] = Services(desk, models, {**models, **registry.artefacts}, titles)


def services() -> Services:
    """Return those of the application that answers the request."""
    return cast(Services, current_app.extensions["xray"])
