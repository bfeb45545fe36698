"""The comparison from its command line to its report."""

import json

from training.studies import backbones, compare

CONFIG = """
regularisation = 0.003
[films]
negative = ["normal"]
positive = ["covid", "pneumonia"]
splits = ["train", "val", "test", "held_out"]
at_most = 4
folds = 2
seed = 42
[tuning]
share = 0.1
epochs = 1
batch = 8
learning_rate = 1e-4
[[entries]]
backbone = "MobileNetV2"
weights = "imagenet"
size = 32
recipes = ["whole-image"]
tuned = true
[[entries]]
backbone = "MobileNetV2"
weights = "random"
size = 32
recipes = ["lung-box"]
"""


def test_a_report_is_written_with_baselines_gains_and_counts(
    collection, tmp_path, monkeypatch, small_backbones, fewer_draws, step
):
    monkeypatch.setattr(compare, "ARCHITECTURES", backbones.ARCHITECTURES)
    monkeypatch.setattr(backbones, "SIZE", 32)
    weights = tmp_path / "secret-folder" / "mobile.weights.h5"
    weights.parent.mkdir()
    backbones.backbone("MobileNetV2", "random", 32).save_weights(weights)
    (tmp_path / "c.toml").write_text(CONFIG)
    named = ("--weights", f"MobileNetV2={weights}")
    step(compare, tmp_path / "c.toml", *named, "--manifest", collection, "--output", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["films"] == 24  # 4 of each of 3 classes and 2 sources
    assert [each["tuning"] for each in report["entries"]] == ["frozen", "fine-tuned", "frozen"]
    assert len(report["baselines"]) == 2 and all(each["roc_auc"] for each in report["baselines"])
    assert set(report["entries"][1]["gained"]) == {"value", "low", "high"}
    assert [each["backbone"] for each in report["architectures"]] == [6 * 27 + 6 + 24 + 8 * 54 + 8]
    html = (tmp_path / "out" / "report.html").read_text()
    for words in ("lungs erased", "Fine-tuned less frozen", "MobileNetV2 (random), lung-box, frozen", "F1"):
        assert words in html
    assert "MobileNetV2 (file) 32 px, from mobile.weights.h5" in html and "secret-folder" not in html
    assert html.count("data:image/png") == 1 and "http" not in html.split("</head>")[1]
