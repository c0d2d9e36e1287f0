"""Free photographs from Debian packages, reduced to several sizes, for the restoration prior.

Only photographs: drawings, paintings, renders and flat gradients of the same packages were left
out after looking at each picture. scikit-image's astronaut, chelsea, coffee and rocket are what
the benchmarks measure on; no builder touches them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ...errors import UserError
from .rcc import read_rcc
from .writing import DatasetInfo, write_info, write_pictures

SHORT_SIDES_PX = (224, 320, 448, 640, 900)
# What is reduced to this share of its size or less no longer shows how it was compressed.
MAX_SCALE = 0.62


@dataclass(frozen=True)
class PhotoPackage:
    """Photographs of one Debian package.

    Args:
        name: of the package.
        folder: where it puts them.
        files: below `folder`; for a Qt resource file "erase.rcc:kitten.webp".
        licence, credit: for the model card.
    """

    name: str
    folder: Path
    files: tuple[str, ...]
    licence: str
    credit: str


def _plasma(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}/contents/images/2560x1600.jpg" for name in names)


def _rcc(activity: str, extra: str, names: str) -> tuple[str, ...]:
    return tuple(f"{activity}.rcc:{extra}{name}.webp" for name in names.split())


PACKAGES = (
    PhotoPackage(
        "mate-backgrounds",
        Path("/usr/share/backgrounds/mate/nature"),
        tuple(
            f"{name}.jpg"
            for name in "Aqua Blinds Dune FreshFlower Garden GreenMeadow LadyBird RainDrops Storm "
            "TwoWings Wood YellowFlower".split()
        ),
        "GPL-2+",
        "Charles Barbin, Lennart Poettering, Andrea Cimitan, Marco Cogoni, Hylke Bons, "
        "Jens Ansorg, Timothy Schellhase, Lapo Calamandrei, blackcombwhistler07, Sergey Nazarov, "
        "Jean-François Fortin Tam",
    ),
    PhotoPackage(
        "lomiri-wallpapers-16.04",
        Path("/usr/share/backgrounds"),
        (
            "Bridge_by_Sander_Klootwijk.jpg",
            "Dragonfly_by_Bolly.jpg",
            "Picture_0B_by_freespace.jpg",
            "Picture_1A_by_freespace.jpg",
            "Wine_by_Jakkub_Mede.jpg",
            "aitzgorri_by_Aitzol_Berasategi.jpg",
            "free_by_Peter_Nerlich.jpg",
            "friends_by_Aitzol_Berasategi.jpg",
            "greentock_by_Peter_Nerlich.jpg",
            "life_by_Aitzol_Berasategi.jpg",
            "picosdeeuropa_by_Aitzol_Berasategi.jpg",
            "seeding_by_Clements_Engelhardt.jpg",
            "sunset_by_Aitzol_Berasategi.jpg",
        ),
        "CC BY 4.0, CC BY-SA 4.0, CC0 1.0",
        "Sander Klootwijk, Bolly, Trevor “Freespace”, Jakub Mede, Aitzol Berasategi, "
        "Peter Nerlich, Clemens Engelhardt",
    ),
    PhotoPackage(
        "lomiri-wallpapers-20.04",
        Path("/usr/share/backgrounds"),
        ("Kleiber_by_Lukas_Baubkus.jpg",),
        "CC BY-SA 3.0",
        "Lukas Baubkus",
    ),
    PhotoPackage(
        "plasma-workspace-wallpapers",
        Path("/usr/share/wallpapers"),
        _plasma(
            "BytheWater",
            "ColdRipple",
            "ColorfulCups",
            "DarkestHour",
            "EveningGlow",
            "FallenLeaf",
            "Grey",
            "Kite",
            "OneStandsOut",
            "Path",
            "summer_1am",
        ),
        "GPL-2+",
        "KDE Visual Design Group",
    ),
    PhotoPackage(
        "palapeli-data",
        Path("/usr/share/palapeli/collection"),
        (
            "castle-maintenon.jpg",
            "cincinnati-bridge.jpg",
            "citrus-fruits.jpg",
            "european-honey-bee.jpg",
            "panther-chameleon-female.jpg",
        ),
        "public domain, GFDL 1.2+",
        "Eric Pouhier, Derek Jensen, US Department of Agriculture, John Severns, B. Navez",
    ),
    PhotoPackage(
        "gcompris-qt-data",
        Path("/usr/share/gcompris-qt/rcc"),
        _rcc(
            "erase",
            "",
            "alpaca bee butterfly calf camels caterpillar chamaeleon cheetah crab dolphin "
            "flying_fox gibbon giraffe goat gorilla gosling heron horse kingfisher kitten "
            "long_nosed_monkey macaque meerkats northern_harrier nubian_ibex penguin pika "
            "red_panda rhinoceros spoonbills squirrel swans toucan",
        )
        + _rcc(
            "explore_monuments",
            "",
            "egypt/bentPyramid egypt/greatPyramidOfGiza egypt/meidumPyramid egypt/redPyramid "
            "france/arlesAmphitheater france/chateaudeChambord france/chateaudeChenonceau "
            "france/citedeCarcassonne france/eiffelTower france/montStMichel "
            "france/palaisdesPapes france/pontduGard france/reimsCathedral france/rocamadour "
            "germany/aulaPalatina germany/berlinCathedral germany/brandenburgGate "
            "germany/neuschwansteinCastle germany/schwerinPalace germany/trierImperialBaths "
            "germany/wormsCathedral india/ajantaCave india/charminar india/gatewayofIndia "
            "india/goldenTemple india/greatStupa india/hawaMahal india/konarkSunTemple "
            "india/mysorePalace india/qutubMinar india/rangGhar india/victoriaMemorial "
            "usa/cabrillo usa/canyondeChelly usa/castillodeSanMarcos usa/castleClinton "
            "usa/fortSumter usa/georgeWashingtonBirthplace usa/lincolnMemorial "
            "usa/mountRushmore usa/navajo usa/statueofLiberty wonders/chichenItza "
            "wonders/christTheRedeemer wonders/colosseum wonders/greatWallofChina "
            "wonders/machuPicchu wonders/petra wonders/tajMahal",
        )
        + _rcc("explore_farm_animals", "animals/", "cat chicken cow dog duck horse owl pig sheep")
        + _rcc(
            "explore_world_animals",
            "animals/",
            "bison chameleon crocodile dragon giraffe hedgehog jaguar kangaroo koala lemur moose "
            "narwhal panda polar_bear scarlet_macaw",
        )
        + _rcc(
            "explore_world_music",
            "music/",
            "africa america australia ireland italy japan mexico orchestra",
        )
        + _rcc(
            "details",
            "image/",
            "Chenonceau_background EgeskovSlotSpejling_background EilanDonanCastle_background "
            "GizahPyramids_background NDP_background Nagoya_background "
            "Neuschwanstein_background OperaSidney_background TajMahal_background "
            "TowerBridgeLondon_background",
        )
        + _rcc("clickgame", "", "sea2 sea3 sea4 sea6"),
        "CC BY, CC BY-SA, CC0, GFDL, GPL, public domain, by picture",
        "the photographers whom /usr/share/doc/gcompris-qt-data/copyright names",
    ),
)
# For the curve while training; the figures in the model card are measured elsewhere, see above.
HELD_OUT = (
    "Garden.jpg",
    "EveningGlow/contents/images/2560x1600.jpg",
    "erase.rcc:kingfisher.webp",
    "erase.rcc:kitten.webp",
    "explore_monuments.rcc:india/hawaMahal.webp",
    "explore_monuments.rcc:wonders/colosseum.webp",
    "explore_world_music.rcc:music/africa.webp",
)


def build(folder: Path, packages: tuple[PhotoPackage, ...] = PACKAGES) -> DatasetInfo:
    """Writes all photographs at each of `SHORT_SIDES_PX` that they are large enough for.

    Raises:
        UserError: a package is not installed.
    """
    splits: dict[str, list[np.ndarray]] = {"train": [], "heldout": []}
    counts = {"train": 0, "heldout": 0}
    for package in packages:
        for name, image in read_package(package):
            split = "heldout" if name in HELD_OUT else "train"
            splits[split] += reduced(image)
            counts[split] += 1
    for split, pictures in splits.items():
        write_pictures(folder, split, pictures)
    sides = ", ".join(map(str, SHORT_SIDES_PX))
    info = DatasetInfo(
        name="photos",
        title="photographs of landscapes, plants, animals, buildings and things",
        packages=tuple(f"Debian {package.name}" for package in packages),
        licence="; ".join(f"{package.name}: {package.licence}" for package in packages),
        credit="; ".join(f"{package.name}: {package.credit}" for package in packages),
        counts=counts,
        notes=(
            f"reduced to short sides of {sides} pixels, at most {MAX_SCALE} of the original size: "
            f"{len(splits['train'])} pictures for training, {len(splits['heldout'])} held out",
        ),
    )
    write_info(folder, info)
    return info


def read_package(package: PhotoPackage) -> Iterator[tuple[str, Image.Image]]:
    """(name, RGB picture) of every photograph of a package.

    Raises:
        UserError: the package, or a picture of it, is not there.
    """
    archives: dict[str, dict[str, bytes]] = {}
    for name in package.files:
        archive, _, member = name.rpartition(":")
        try:
            if archive and archive not in archives:
                archives[archive] = dict(read_rcc(package.folder / archive))
            content = (
                _member(archives[archive], member)
                if archive
                else (package.folder / name).read_bytes()
            )
        except (OSError, KeyError) as error:
            raise UserError(
                "debian_package_missing",
                "The pictures of the Debian package “{package}” are not on this machine; "
                "install it with: apt install {package}",
                package=package.name,
            ) from error
        yield name, ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")


def _member(archive: dict[str, bytes], name: str) -> bytes:
    """The file whose path inside ends in resource/NAME."""
    for path, content in archive.items():
        if f"/{path}".endswith(f"/resource/{name}"):
            return content
    raise KeyError(name)


def reduced(image: Image.Image) -> list[np.ndarray]:
    """The picture at every size it can be reduced to, uint8 [H, W, 3] each."""
    short = min(image.size)
    pictures = []
    for side in SHORT_SIDES_PX:
        scale = side / short
        if scale <= MAX_SCALE or side == SHORT_SIDES_PX[0]:
            width, height = round(image.width * scale), round(image.height * scale)
            small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
            pictures.append(np.asarray(small))
    return pictures
