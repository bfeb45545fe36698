"""The real radiographs that the form offers; static/examples/SOURCES.md lists where each comes from."""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from web.settings import ROOT
from web.translation import gettext as _
from xray.errors import Phrase
from xray.finding import Finding

FOLDER = ROOT / "static" / "examples"


@dataclass(frozen=True)
class Source:
    """Whoever published radiographs, and on which terms.

    Attributes:
        title: name of the publisher.
        short: the same in a word or two.
        licence: name of the licence.
        address: of the publication.
    """

    title: str
    short: str
    licence: str
    address: str


HANNOVER = Source("Hannover Medical School", "Hannover", "CC BY 3.0", "https://doi.org/10.6084/m9.figshare.12275009")
GUANGZHOU = Source(
    "Guangzhou Women and Children’s Medical Center", "Guangzhou", "CC BY 4.0",
    "https://doi.org/10.17632/rscbjbr9sj.2",
)  # fmt: skip

BETHESDA = Source("NIH Clinical Center", "Bethesda", "free use", "https://nihcc.app.box.com/v/ChestXray-NIHCC")


@dataclass(frozen=True)
class Example:
    """One radiograph that no network learned from.

    Attributes:
        name: the value in the form.
        shows: what its publisher says it is.
        says: the finding of both models; kept true by a test.
        why: the reason why the models get it wrong; empty where they are right.
    """

    name: str
    shows: str
    says: Finding
    source: Source
    why: str = ""

    @property
    def file(self) -> str:
        """The file name in static/examples/."""
        return f"{self.name}.jpg"

    @property
    def upload_name(self) -> str:
        """The name under which it is analysed."""
        return f"example_{self.file}"

    @property
    def path(self) -> Path:
        """The file."""
        return FOLDER / self.file

    @property
    def title(self) -> str:
        """What it shows, in the visitor's language."""
        titles = {
            "covid": _("COVID-19"),
            "normal": _("Normal"),
            "pneumonia": _("Pneumonia"),
            "child_normal": _("Normal, a child"),
            "child_viral": _("Viral pneumonia, a child"),
            "child_bacterial": _("Bacterial pneumonia, a child"),
        }
        return str(titles[self.shows])

    @property
    def known(self) -> Finding:
        """What it shows, as a finding."""
        if self.shows == "covid":
            return Finding.COVID_19
        return Finding.NORMAL if self.shows.endswith("normal") else Finding.OTHER_PNEUMONIA


NO_CHANGE = Phrase(
    "This patient had COVID-19, and the lungs look clear. Early on many radiographs show no change yet, and "
    "the models see only the radiograph."
)
EXAMPLES = MappingProxyType({
    each.name: each
    for each in (
        Example("covid_1", "covid", Finding.COVID_19, HANNOVER),
        Example("covid_2", "covid", Finding.COVID_19, HANNOVER),
        Example("normal", "normal", Finding.NORMAL, HANNOVER),
        Example("pneumonia", "pneumonia", Finding.OTHER_PNEUMONIA, BETHESDA),
        Example("child_normal", "child_normal", Finding.NORMAL, GUANGZHOU),
        Example("child_viral", "child_viral", Finding.OTHER_PNEUMONIA, GUANGZHOU),
        Example("child_bacterial", "child_bacterial", Finding.OTHER_PNEUMONIA, GUANGZHOU),
        Example("covid_missed", "covid", Finding.NORMAL, HANNOVER, why=NO_CHANGE),
    )
})  # fmt: skip
