"""What the views work with: the analysis service of an application, and the models that it serves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import cast

from flask import Flask, current_app

from web import forms, metrics
from web.analyses import database
from web.analyses.records import Records
from web.analyses.service import AnalysisService
from web.analyses.shares import Shares
from web.analyses.storage import open_storage
from web.translation import gettext
from xray.analysis import Analyzer
from xray.annotate.words import Wording
from xray.networks.metadata import Facts, HeadFacts
from xray.registry import Registry


@dataclass(frozen=True)
class Services:
    """What the views work with.

    Attributes:
        analyses: Analyses radiographs and stores the results.
        shares: The links that show an analysis to others.
        models: The facts of each model, by name.
        artefacts: The facts of the models and of the networks that they use, by name, the models first.
        titles: The English title of each model, by name.
        skipped: Which folders of model/ are not served, and why, in a line each.
    """

    analyses: AnalysisService
    shares: Shares
    models: dict[str, HeadFacts]
    artefacts: Mapping[str, Facts]
    titles: dict[str, str]
    skipped: tuple[str, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The title of each model in the visitor's language, by name."""
        return {name: gettext(title) for name, title in self.titles.items()}

    @property
    def choices(self) -> dict[str, str]:
        """The titles of what can be asked for: each model, and several of them together."""
        names = forms.choices(list(self.titles))
        return {name: self.labels.get(name) or str(gettext(forms.LABELS[name])) for name in names}


def init_app(app: Flask, registry: Registry, wording: Callable[[], Wording]) -> None:
    """Give an application its services.

    Args:
        app: The application, configured.
        registry: Its models.
        wording: Writes the words of annotated copies; see `AnalysisService`.

    Raises:
        SettingError: The database or the object storage cannot be used.
    """
    models = {name: head.facts for name, head in registry.heads.items()}
    titles = forms.labels({name: facts.title for name, facts in models.items()})
    copies, pictures = open_storage(
        app.config["STORE"], Path(app.config["ANALYSIS_DIR"]), Path(app.config["INSTANCE_DIR"]) / "analyses"
    )
    service = AnalysisService(
        Analyzer(registry),
        copies,
        pictures,
        Records.open(database.database_url(app.config), keep_days=app.config["KEEP_DAYS"]),
        keep_days=app.config["KEEP_DAYS"],
        keep_count=app.config["KEEP_COUNT"],
        wording=wording,
        metrics=metrics.of(app),
    )
    if app.config["STORE"]:
        # Some hosts give a start one minute, and each image is a request to the storage.
        Thread(target=service.sweep, name="sweep", daemon=True).start()
    else:
        service.sweep()
    # Visitors need not know where on the host the models lie; the log says it.
    skipped = tuple(line.replace(f"{Path(app.config['MODEL_DIR'])}/", "model/") for line in registry.skipped)
    app.extensions["xray"] = Services(
        service, Shares(service.records), models, {**models, **registry.artefacts}, titles, skipped
    )


def services() -> Services:
    """Return the services of the current application."""
    return cast(Services, current_app.extensions["xray"])
