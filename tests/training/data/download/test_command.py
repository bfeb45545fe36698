"""`python -m training download`: whom it asks, what it leaves out, what it says to do next."""

import json

import pytest
from msgspec.structs import replace

from tests.training.data.download.publisher import zipped
from training.__main__ import main as training
from training.data.download import command
from training.data.download.published import kaggle_token
from xray.errors import DatasetError


@pytest.fixture(autouse=True)
def nobodys_token(monkeypatch, tmp_path):
    """No token of whoever runs the tests."""
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "kaggle"))


@pytest.fixture
def run(children, serve, films, tmp_path, monkeypatch):
    """Run the command on two small sets, the children's, and one that wants a token; `run.publishers` serve them."""
    folders = {"COVID/images": "COVID-1.png", "Normal/images": "Normal-1.png"}
    second = serve(zipped({f"Database/{folder}/{name}": b"x" for folder, name in folders.items()}))
    second.login = ("somebody", "secret-key")
    known = children[1]
    radiography = replace(
        known, name="radiography", address=second.address, archive="radiography.zip", kaggle=True,
        holds=tuple(folders), lands="Database", source="Database",
    )  # fmt: skip
    monkeypatch.setattr(command, "published", lambda: {"kermany": known, "radiography": radiography})

    def go(*words, answers=()):
        given = iter(answers)

        def answer(_):
            try:
                return next(given)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", answer)
        return training(["download", *words, "--output", str(tmp_path / "input")])

    go.publishers = (children[0], second)
    return go


def test_it_shows_the_licence_asks_and_says_the_next_step_which_works(run, capsys, tmp_path):
    assert run("kermany", answers=["yes"]) == 0
    said = capsys.readouterr().out
    assert said.index("CC BY 4.0") < said.index("files in")
    assert said.rstrip().endswith(f"Next: python -m training prepare --source {tmp_path / 'input'}")
    source = said.split("--source ")[1].strip()
    args = ["--output", str(tmp_path / "manifest.csv"), "--validation", str(tmp_path / "validation")]
    assert training(["prepare", "--source", source, *args]) == 0
    assert len((tmp_path / "manifest.csv").read_text().splitlines()) == 1 + 4


@pytest.mark.parametrize("answer", ["", "no", "maybe"])
def test_without_a_yes_nothing_is_fetched(run, tmp_path, answer, capsys):
    assert run("kermany", answers=[answer]) == 0
    assert not (tmp_path / "input").exists()
    assert run.publishers[0].seen == []
    assert "Next" not in capsys.readouterr().out


def test_a_script_must_say_yes(run, tmp_path, capsys):
    assert run("kermany") == 2
    assert "--yes" in capsys.readouterr().err
    assert run("kermany", "--yes") == 0


def test_what_wants_a_token_is_left_out_or_refused_where_it_is_named(run, tmp_path, capsys):
    assert run("--yes") == 0
    assert "radiography: left out" in capsys.readouterr().out
    assert not (tmp_path / "input" / "Database").exists()
    assert (tmp_path / "input" / "20_Chest_Xray").exists()
    assert run("radiography", "--yes") == 2
    assert "https://www.kaggle.com/settings" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["environment", "file"])
def test_with_a_token_it_comes(run, tmp_path, where, monkeypatch, capsys):
    if where == "environment":
        monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
        monkeypatch.setenv("KAGGLE_KEY", "secret-key")
    else:
        (tmp_path / "kaggle").mkdir()
        (tmp_path / "kaggle" / "kaggle.json").write_text(json.dumps({"username": "somebody", "key": "secret-key"}))
    assert run("--yes") == 0
    assert (tmp_path / "input" / "Database" / "COVID" / "images" / "COVID-1.png").exists()
    said = capsys.readouterr()
    assert f"--source {tmp_path / 'input'} --source {tmp_path / 'input' / 'Database'}" in said.out
    # The children's publisher gets no key of Kaggle's.
    assert [login for _, login in run.publishers[0].seen] == [""]


@pytest.mark.parametrize("text", ["not json", "[]", '{"username": "somebody"}', '{"key": ["leaked-key"'])
def test_a_broken_kaggle_json_is_told_without_its_content(tmp_path, text):
    (tmp_path / "kaggle").mkdir()
    (tmp_path / "kaggle" / "kaggle.json").write_text(text)
    with pytest.raises(DatasetError, match=r"kaggle\.json: expected") as refused:
        kaggle_token()
    assert "leaked-key" not in str(refused.value)


@pytest.mark.parametrize(
    ("pin", "says"),
    [
        ("kermany", "NAME=SHA256"),
        ("kermany=abc", "NAME=SHA256"),
        ("other=" + "0" * 64, "NAME=SHA256"),
        ("kermany=" + "0" * 64, "other bytes"),
    ],
)
def test_a_wrong_pin_is_refused(run, pin, says, capsys):
    assert run("kermany", "--yes", "--pin", pin) == 2
    assert says in capsys.readouterr().err
    assert run("kermany", "--yes", "--pin", f"kermany={run.publishers[0].sha256.upper()}") == 0
