"""What is drawn of an analysis for its pages."""

from collections.abc import Mapping
from dataclasses import replace

from web.analyses import storage
from xray.analysis import Analysis
from xray.annotate.panels import heat_layer, opacity_layer, thumbnail, viewer_image
from xray.io.jpeg import encode_jpeg
from xray.io.png import encode_png
from xray.networks.lungs import LungMask, resized


def page_images(analysis: Analysis) -> Mapping[str, bytes]:
    """Return the images of the page, by name."""
    deep = analysis.deep and replace(analysis.deep, levels=viewer_image(analysis.deep.levels))
    film = viewer_image(analysis.image)
    heats = {storage.heat(each.model): heat_layer(each) for each in analysis.predictions if each.cam.any()}
    return {
        storage.FILM: encode_jpeg(film),
        storage.THUMB: encode_jpeg(thumbnail(film)),
        storage.MASK: encode_png(_mask(analysis)),
        **heats,
        **({storage.OPACITY: opacity_layer(analysis.opacity)} if analysis.opacity else {}),
        **({storage.DEEP: encode_png(deep.packed())} if deep else {}),
    }


def _mask(analysis: Analysis) -> LungMask:
    """Return the lung mask in the size of the image that was sent."""
    if analysis.sent in (None, analysis.lungs.shape):
        return analysis.lungs
    return resized(analysis.lungs, analysis.sent)
