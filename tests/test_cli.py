"""The command line: files, reports, and one sentence with exit code 2 for every mistake."""

import json
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from ddpm_demo import __version__
from ddpm_demo.cli import COMMANDS, build_parser, main
from ddpm_demo.cli.train import DEFAULT_MAX_STEPS
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.tasks.registry import tasks


@pytest.fixture
def generate(tiny_checkpoint, tmp_path, capsys):
    """Run `generate` on the tiny checkpoint; gives (exit code, stdout, stderr)."""

    def run(*options, checkpoint=tiny_checkpoint, out=tmp_path / "out"):
        argv = ["generate", "--out", str(out), *options]
        if checkpoint is not None:
            argv += ["--checkpoint", str(checkpoint)]
        code = main(argv)
        return code, *capsys.readouterr()

    return run


def one_sentence(text):
    return text.count("\n") == 1 and text.endswith(".\n") and "Traceback" not in text


def test_one_picture_a_seed_with_its_recipe(generate, tmp_path, tiny_checkpoint):
    code, stdout, _ = generate("--num-images", "3", "--num-steps", "2", "--seed", "5")
    assert code == 0
    paths = [tmp_path / "out" / f"seed-{seed}.png" for seed in (5, 6, 7)]
    assert stdout.split() == [str(path) for path in paths]
    for index, path in enumerate(paths):
        recipe = read_recipe(path)
        assert recipe["task"] == "generate" and recipe["checkpoint"] == tiny_checkpoint.name
        assert (recipe["seed"], recipe["image_index"], recipe["num_steps"]) == (5, index, 2)
        assert recipe["version"] == __version__ and len(recipe["weight_hash"]) == 12
        assert Image.open(path).size == (16, 16)


def test_json_is_one_object_and_nothing_else(generate, tmp_path):
    options = ["--num-images", "2", "--num-steps", "3", "--grid", "--animation", "webp", "--json"]
    code, stdout, stderr = generate(*options)
    report = json.loads(stdout)
    assert code == 0 and stderr == ""
    names = ["seed-0.png", "seed-1.png", "grid.png", "animation.webp"]
    assert report["files"] == [str(tmp_path / "out" / name) for name in names]
    assert report["recipe"]["sampler"] == "dpmpp_2m" and report["seconds"] > 0
    animation = Image.open(tmp_path / "out" / "animation.webp")
    assert animation.n_frames > 1  # equal neighbours are stored once
    assert animation.size == Image.open(report["files"][2]).size


def test_a_saved_picture_gives_its_recipe_back(generate, tmp_path):
    generate("--num-images", "2", "--num-steps", "2", "--seed", "9", "--sampler", "ddim")
    saved = tmp_path / "out" / "seed-10.png"
    # The picture does not tell where the folder lies: without it the name alone is not enough.
    code, _, stderr = generate("--recipe", str(saved), checkpoint=None, out=tmp_path / "again")
    assert code == 2 and "tiny" in stderr
    code, *_ = generate("--recipe", str(saved), out=tmp_path / "again")
    assert code == 0
    assert (tmp_path / "again" / "seed-10.png").read_bytes() == saved.read_bytes()
    options = ["--recipe", str(saved), "--num-images", "1", "--json"]
    _, stdout, _ = generate(*options, out=tmp_path / "one")
    recipe = json.loads(stdout)["recipe"]
    assert (recipe["num_images"], recipe["sampler"], recipe["seed"]) == (1, "ddim", 9)


def test_changed_weights_are_mentioned(generate, tiny_checkpoint, tmp_path):
    generate("--num-images", "1", "--num-steps", "1")
    _, _, stderr = generate(
        "--recipe", str(tmp_path / "out" / "seed-0.png"), checkpoint="fashion-32"
    )
    assert "not those that made the picture" in stderr


@pytest.mark.parametrize(
    "options, word",
    [
        (["--num-steps", "0"], "num_steps"),
        (["--num-steps", "10001"], "num_steps"),
        (["--num-images", "0"], "num_images"),
        (["--num-images", "10000001"], "num_images"),
        (["--seed", "-1"], "seed"),
        (["--size-px", "100000"], "size_px"),
        (["--sampler", "magic"], "magic"),
        (["--sampler", "ddim", "--eta", "2"], "ta"),
        (["--sampler", "ddim", "--eta", "nan"], "ta"),
        (["--sampler", "unipc", "--eta", "0.5"], "UniPC"),
        (["--spacing", "wide"], "wide"),
        (["--animation", "avi"], "avi"),
    ],
)
def test_wrong_values_give_one_sentence_and_no_files(generate, tmp_path, options, word):
    code, stdout, stderr = generate(*options)
    assert code == 2 and stdout == "" and one_sentence(stderr) and word in stderr
    assert not list(tmp_path.glob("out/*"))


def spoil_nothing(folder):
    shutil.rmtree(folder)


def spoil_with_a_pickle(folder):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))


def spoil_by_truncation(folder):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def spoil_with_100_billion_parameters(folder):
    path = folder / "unet" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "block_out_channels": [75_000, 75_000]}))


@pytest.mark.parametrize(
    "spoil, word",
    [
        (spoil_nothing, "no checkpoint called"),
        (spoil_with_a_pickle, "pickle"),
        (spoil_by_truncation, "truncated"),
        (spoil_with_100_billion_parameters, "block_out_channels"),
    ],
)
def test_bad_checkpoints_give_one_sentence(generate, tiny_checkpoint, tmp_path, spoil, word):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "spoilt")
    spoil(folder)
    code, stdout, stderr = generate(checkpoint=folder)
    assert code == 2 and stdout == "" and one_sentence(stderr) and word in stderr
    code, *_ = generate("--num-steps", "1", "--num-images", "1")
    assert code == 0


def test_bad_recipe_files_give_one_sentence(generate, tmp_path):
    text, plain, other = (tmp_path / name for name in ("text.png", "plain.png", "other.png"))
    text.write_text("text")
    Image.new("L", (8, 8)).save(plain)
    for path in (text, plain, other):
        code, stdout, stderr = generate("--recipe", str(path))
        assert code == 2 and stdout == "" and one_sentence(stderr)


def test_a_folder_that_cannot_be_made_gives_one_sentence(generate, tmp_path):
    (tmp_path / "file").touch()
    code, _, stderr = generate(out=tmp_path / "file")
    assert code == 2 and one_sentence(stderr) and "file" in stderr


@pytest.mark.parametrize("argv", [[], ["nothing"], ["generate"], ["generate", "--seed", "x"]])
def test_wrong_usage_is_one_line_and_exit_code_2(capsys, argv):
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_interrupting_is_no_trace(capsys, monkeypatch):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr("ddpm_demo.cli.checkpoints.run", interrupted)
    assert main(["checkpoints"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_checkpoints_are_listed_for_people_and_for_machines(capsys):
    assert main(["checkpoints"]) == 0
    text = capsys.readouterr().out
    assert main(["checkpoints", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["checkpoints"]
    for info in found:
        assert info["name"] in text and info["weight_hash"] in text
    assert {"faces-64", "fashion-32", "photos"} <= {info["name"] for info in found}


def test_the_module_runs_and_help_answers_without_torch():
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ddpm_demo", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for command in COMMANDS:
        assert command.__name__.rpartition(".")[2].replace("_", "-") in result.stdout
    for task in tasks():
        assert task in result.stdout
    assert "ddpm_demo.cli" in result.stderr and "| torch" not in result.stderr


def test_the_package_gives_its_names_lazily():
    code = (
        "import sys, ddpm_demo; assert 'torch' not in sys.modules;"
        "assert ddpm_demo.DDPM.__name__ == 'DDPM' and 'DDPM' in dir(ddpm_demo);"
        "assert all(getattr(ddpm_demo, name) for name in ddpm_demo.__all__);"
        "assert not hasattr(ddpm_demo, 'nothing')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_what_argparse_refuses_is_said_in_the_users_language(capsys, monkeypatch):
    told = {
        "denoise": "缺少参数：IMAGE, --out",
        "denoise a.png --out b --colour": "无法识别的参数：--colour",
        "denoise a.png --out b --seed x": "参数 --seed：'x' 不是整数",
        "denoise a.png --out b --sigma-255 x": "参数 --sigma-255：'x' 不是数字",
        "denoise a.png --out": "参数 --out 后面需要一个值",
        "repair": "参数 COMMAND：没有 'repair'",
    }
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", "zh-CN")
    for words, said in told.items():
        with pytest.raises(SystemExit) as ended:
            main(words.split())
        assert ended.value.code == 2 and said in capsys.readouterr().err


def test_the_help_of_every_command_and_option_is_in_the_users_language(monkeypatch):
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", "zh-CN")
    parser = build_parser()
    assert is_chinese(parser.description)
    (commands,) = (action for action in parser._actions if action.dest == "==SUPPRESS==")
    for name, command in commands.choices.items():
        assert is_chinese(command.description), name
        for action in command._actions:
            assert is_chinese(action.help or ""), (name, action.dest)
        assert "%(" not in command.format_help() and "{default}" not in command.format_help()


def is_chinese(words):
    return any("\u4e00" <= letter <= "\u9fff" for letter in words)


def test_a_default_in_the_help_is_the_default(monkeypatch, capsys):
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", "en")
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert f"default: {DEFAULT_MAX_STEPS}\n" in capsys.readouterr().out


def test_a_wrong_file_is_named(tmp_path, capsys):
    wrong = tmp_path / "wrong.png"
    wrong.write_text("no picture")
    assert main(["denoise", str(wrong), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith(f"{wrong}: The file is not a picture")
