"""The averages of many radiographs that the lesson shows; static/examples/SOURCES.md tells how they were made."""

from dataclasses import dataclass

from web.examples import FOLDER
from web.translation import gettext as _


@dataclass(frozen=True)
class Average:
    """The mean of many radiographs of one class.

    Attributes:
        name: the value in an address.
        films: the number of radiographs.
    """

    name: str
    films: int

    @property
    def file(self) -> str:
        """The file name in static/examples/."""
        return f"average_{self.name}.png"

    @property
    def label(self) -> str:
        """Its description in the visitor's language."""
        labels = {
            "covid": _("Average of %(films)d radiographs of COVID-19, no patient’s picture", films=self.films),
            "normal": _("Average of %(films)d normal radiographs, no patient’s picture", films=self.films),
            "pneumonia": _(
                "Average of %(films)d radiographs of children with other pneumonia, no patient’s picture",
                films=self.films,
            ),
        }
        return str(labels[self.name])

    def read(self) -> bytes:
        """Return the content of the PNG file."""
        return (FOLDER / self.file).read_bytes()


AVERAGES = {each.name: each for each in (Average("covid", 296), Average("normal", 500), Average("pneumonia", 500))}
