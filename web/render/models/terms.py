"""The words for what metadata.json names by a key, in the visitor's language; an unknown key stands for itself."""

from dataclasses import dataclass

from web.translation import gettext as _
from xray.head_figures import Part
from xray.networks.metadata import Artefact, BackboneFacts
from xray.registry import BACKBONE


@dataclass(frozen=True)
class Source:
    """Who published radiographs: the words that cite it, and where it is."""

    citation: str
    address: str


# Names of publications are not translated.
SOURCES = {
    "cohen": Source(
        "COVID-19 image data collection, J. P. Cohen et al. 2020", "https://github.com/ieee8023/covid-chestxray-dataset"
    ),
    "kermany": Source("Chest X-Ray Images, D. Kermany et al. 2018", "https://data.mendeley.com/datasets/rscbjbr9sj/2"),
    "nih": Source("ChestX-ray8, X. Wang et al. 2017", "https://arxiv.org/abs/1705.02315"),
    "radiography-covid": Source(
        "COVID-19 Radiography Database, M. Chowdhury et al. 2020, T. Rahman et al. 2021",
        "https://arxiv.org/abs/2003.13145",
    ),
    "radiography-rsna": Source(
        "COVID-19 Radiography Database, M. Chowdhury et al. 2020, T. Rahman et al. 2021",
        "https://arxiv.org/abs/2003.13145",
    ),
    "siim": Source(
        "SIIM-FISABIO-RSNA COVID-19 Detection, P. Lakhani et al. 2021",
        "https://www.kaggle.com/c/siim-covid19-detection",
    ),
}


def source_words(source: str) -> str:
    """Say whose films a source holds."""
    words: dict[str, str] = {
        "cohen": _("many hospitals, mostly figures of papers"),
        "kermany": _("children aged one to five of one hospital"),
        "nih": _("adults of one hospital; labels found by software in reports"),
        "radiography-covid": _("radiographs of COVID-19 from several collections"),
        "radiography-rsna": _("normal radiographs of adults"),
        "siim": _("adults; radiologists read what each radiograph looks like"),
    }
    return words.get(source, source)


def title(facts: Artefact) -> str:
    """Name an artefact that is no model of the form."""
    if isinstance(facts, BackboneFacts) and facts.name != BACKBONE:
        return str(_("VGG16 with fewer channels, taught by the whole one"))
    words: dict[str, str] = {
        "segmentation": _("Lung segmentation"),
        "backbone": _("VGG16 pretrained on radiographs"),
        "screen": _("Screen of pictures"),
        "opacity": _("Opacity map"),
    }
    return words.get(facts.kind, facts.title)


def group_name(key: str) -> str:
    """Name a group of the test radiographs: of a view, sex or age."""
    words: dict[str, str] = {
        "not stated": _("not stated"),
        "F": _("women"),
        "M": _("men"),
        "AP Supine": _("AP, supine"),
        "up to 18": _("up to 18 years"),
        "up to 40": _("up to 40 years"),
        "up to 60": _("up to 60 years"),
        "over 60": _("over 60 years"),
    }
    return words.get(key, key)


def part_name(part: Part) -> str:
    """Name the radiographs that a part's figures are of."""
    groups: dict[str, str] = {"views": _("view"), "sexes": _("sex"), "ages": _("age")}
    match part.kind:
        case "all":
            return str(_("all sources"))
        case "children":
            return str(_("the children’s published test part"))
        case "baselines":
            return str(_("no lung: %(shown)s", shown=erasure(part.name)))
        case "inside":
            return str(_("%(source)s alone", source=part.name))
        case "left_out":
            return str(_("%(source)s, nothing learned of it", source=part.name))
    return f"{groups[part.kind]}: {group_name(part.name)}" if part.kind in groups else part.name


def erasure(key: str) -> str:
    """Say what of a film was shown."""
    words: dict[str, str] = {
        "as_it_is": _("the whole radiograph"),
        "lungs_only": _("lungs only"),
        "lungs_erased": _("lungs erased"),
        "scrambled": _("scrambled in blocks"),
        "border_only": _("border only"),
    }
    return words.get(key, key.replace("_", " "))


def change(key: str) -> str:
    """Say what was done to a film that should change no verdict."""
    words: dict[str, str] = {
        "jpeg_70": _("JPEG of quality 70"),
        "jpeg_30": _("JPEG of quality 30"),
        "half_size": _("half the size"),
        "noise": _("noise"),
        "brighter": _("brighter"),
        "darker": _("darker"),
        "low_contrast": _("less contrast"),
        "negative": _("black and white exchanged"),
        "cropped": _("cropped"),
        "turned_left": _("turned a little to the left"),
        "turned_right": _("turned a little to the right"),
        "mirrored": _("mirrored"),
        "letters": _("letters drawn on it"),
        "arrow": _("an arrow drawn on it"),
    }
    return words.get(key, key.replace("_", " "))


def check(key: str) -> str:
    """Name a question of the screen."""
    words: dict[str, str] = {
        "not_frontal": _("Not a frontal chest radiograph"),
        "child": _("A child’s radiograph"),
        "upside_down": _("Upside down"),
        "unfamiliar": _("Unlike the training radiographs"),
    }
    return words.get(key, key.replace("_", " "))


def asked(key: str) -> str:
    """Say which pictures the screen was asked about, and what counts."""
    words: dict[str, str] = {
        "refused by the gate or the screen": _("refused by the gate or the screen"),
        "refused by the screen alone": _("refused by the screen alone"),
        "half films, which it has not learned": _("half radiographs, which it has not learned, refused"),
        "frontal test films refused": _("frontal test radiographs refused: mistakes"),
        "frontal test films refused, their source left out of the training": _(
            "frontal test radiographs refused, their source left out of the training: mistakes"
        ),
        "found, other folds": _("found among radiographs not used for training"),
        "test films given the caution": _("test radiographs given the caution"),
        "strangers given the caution": _("pictures that are not chest radiographs, given the caution"),
    }
    return words.get(key, key)


def kind_of_picture(key: str) -> str:
    """Name what was shown to the screen; the name of a source stays."""
    words: dict[str, str] = {
        "brain_mri": _("MRI slices of the head"),
        "ct": _("CT slices"),
        "gradient": _("colour gradients"),
        "lateral": _("lateral radiographs"),
        "noise": _("noise"),
        "photograph": _("photographs"),
        "text page": _("pages of text"),
        "half": _("half radiographs"),
        "child": _("children’s radiographs"),
        "upside down": _("radiographs upside down"),
    }
    return words.get(key, key)
