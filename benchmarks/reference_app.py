"""The reference way, written anew to be measured beside: Keras loads a model and predicts in a Flask view.

What its authors' view does, it does: the upload is saved and read back with OpenCV, squashed to 224 x 224, divided by
255, read by the whole VGG16 in float32; a copy of full size, with the verdict written on it, is saved as PNG, and a
small page names it. The weights are random, which takes the same time and room.

Serve it with REFERENCE_MODEL (from `python -m benchmarks.reference_app FILE`) and REFERENCE_FOLDER.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from flask import Flask, render_template_string, request

if TYPE_CHECKING:
    import keras

SIDE = 224
PAGE = """<!doctype html><title>Chest X-ray</title><h1>{{ verdict }}</h1><p>{{ percent }} %</p>
<a href="/static/{{ copy }}">copy</a>
<form action="/query" method="post" enctype="multipart/form-data"><input type="file" name="file"><button>Send</button>
</form>"""


def save(folder: Path) -> Path:
    """Save the network in a process of its own, so that TensorFlow does not weigh on whoever measures."""
    path = folder / "reference.keras"
    command = [sys.executable, "-m", "benchmarks.reference_app", str(path)]
    subprocess.run(command, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True, check=True)
    return path


def network() -> "keras.Model":
    """Return the articles' network: VGG16 at 224 px and a head of 590,210 parameters."""
    import keras

    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    base.trainable = False
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(2)(base.output))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(128, activation="relu")(x))
    return keras.Model(base.input, keras.layers.Dense(2, activation="softmax")(x))


def serve(model: "keras.Model", folder: Path) -> Flask:
    """Make the application."""
    app = Flask(__name__)
    for name in ("uploads", "copies"):
        (folder / name).mkdir(exist_ok=True)

    @app.get("/")
    def index() -> str:
        return render_template_string(PAGE)

    @app.post("/query")
    def query() -> str:
        file = request.files["file"]
        path = folder / "uploads" / Path(str(file.filename)).name
        file.save(path)
        picture = np.asarray(cv2.imread(str(path)))
        small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), (SIDE, SIDE))
        scores = model.predict(np.expand_dims(small, 0) / 255.0, verbose=0)[0]
        verdict, percent = ("POSITIVE", "NEGATIVE")[int(np.argmax(scores))], round(100 * float(scores.max()))
        copy = f"{verdict}_Prob_{percent}_Name_{path.name}.png"
        cv2.putText(picture, f"{verdict} {percent} %", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 255), 3)
        cv2.imwrite(str(folder / "copies" / copy), picture)
        return render_template_string(PAGE, verdict=verdict, percent=percent, copy=copy)

    return app


if __name__ == "__main__":
    network().save(sys.argv[1])
elif "REFERENCE_MODEL" in os.environ:
    import keras

    app = serve(keras.models.load_model(os.environ["REFERENCE_MODEL"]), Path(os.environ["REFERENCE_FOLDER"]))
