"""Quantised checkpoints: by which method, what it needs, and what becomes of it on a CPU.

Told from config.json alone; nothing is imported to find out. What each method needs is what
transformers' own quantizers look for (5.23); a method that is not in the table would be passed over
by transformers with a warning, and the packed weights read as if they were plain ones.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from distill_fixtures.errors import ModelReferenceError

__all__ = [
    "METHODS",
    "Method",
    "Package",
    "check_device",
    "check_packages",
    "code_of_method",
    "method_of",
    "settings_of",
    "unpacked_on",
]

Elsewhere = Literal["runs", "unpacked", "refused"]


@dataclass(frozen=True, slots=True)
class Package:
    """A package that loading needs.

    Attributes:
        module: the name under which it is imported.
        install: what pip is told.
        at_least: the oldest version that will do; None: any.
    """

    module: str
    install: str
    at_least: str | None = None

    def __str__(self) -> str:
        return self.install if self.at_least is None else f"{self.install}>={self.at_least}"

    @property
    def lack(self) -> str | None:
        """What is wrong with what is installed, or None."""
        if not _is_there(self.module):
            return f"{self.install} is not installed"
        if self.at_least is None:
            return None
        from packaging.version import InvalidVersion, Version

        try:
            found = importlib.metadata.version(self.install)
            enough = Version(found) >= Version(self.at_least)
        except (importlib.metadata.PackageNotFoundError, InvalidVersion):
            return None  # built from source or vendored; transformers judges it
        return None if enough else f"{self.install} {found} is installed"


@dataclass(frozen=True, slots=True)
class Method:
    """A method of quantisation.

    Attributes:
        packages: needed on every device.
        elsewhere: what becomes of it on another device than ``home``. ``runs``: the weights stay
            packed; ``unpacked``: transformers unpacks them on loading, so that memory and times are
            those of unpacked weights; ``refused``.
        at_home: packages that are needed on ``home`` besides.
        home: the kind of device that it is made for.
    """

    packages: tuple[Package, ...] = ()
    elsewhere: Elsewhere = "runs"
    at_home: tuple[Package, ...] = ()
    home: str = "cuda"

    def is_home(self, device: str) -> bool:
        return device.partition(":")[0] == self.home


ACCELERATE = Package("accelerate", "accelerate", "1.1.0")
GPTQMODEL = Package("gptqmodel", "gptqmodel", "1.4.3")
KERNELS = Package("kernels", "kernels")

METHODS: Mapping[str, Method] = {
    "aqlm": Method((Package("aqlm", "aqlm"), ACCELERATE)),
    "auto-round": Method((Package("auto_round", "auto-round", "0.5.0"),)),
    "awq": Method((GPTQMODEL, ACCELERATE)),
    "bitnet": Method((ACCELERATE,)),
    "bitsandbytes": Method((Package("bitsandbytes", "bitsandbytes", "0.46.1"), ACCELERATE)),
    "compressed-tensors": Method(
        (Package("compressed_tensors", "compressed-tensors", "0.15.0"), ACCELERATE)
    ),
    "eetq": Method((KERNELS, ACCELERATE), "refused"),
    "fbgemm_fp8": Method((Package("fbgemm_gpu", "fbgemm-gpu"), ACCELERATE), "refused"),
    "fouroversix": Method((Package("fouroversix", "fouroversix"),)),
    "fp8": Method((ACCELERATE,), "unpacked", (KERNELS,)),
    "fp_quant": Method((Package("fp_quant", "fp_quant"), ACCELERATE), "refused"),
    "gemma": Method((ACCELERATE,)),
    "gptq": Method((Package("optimum", "optimum", "1.24.0"), GPTQMODEL)),
    "higgs": Method(
        (
            Package("flute", "flute-kernel", "0.4.1"),
            Package("fast_hadamard_transform", "fast_hadamard_transform"),
            ACCELERATE,
        ),
        "refused",
    ),
    "hqq": Method((Package("hqq", "hqq", "0.2.1"), ACCELERATE), "refused"),
    "metal": Method((ACCELERATE,), "unpacked", (KERNELS,), home="mps"),
    "mxfp4": Method((ACCELERATE,), "unpacked", (KERNELS,)),
    "mxfp8": Method((ACCELERATE,), "unpacked", (KERNELS,)),
    "quanto": Method((Package("optimum.quanto", "optimum-quanto"), ACCELERATE)),
    "quark": Method((Package("quark", "amd-quark", "0.12"),)),
    "sinq": Method((Package("sinq", "sinq"),)),
    "spqr": Method((Package("spqr_quant", "spqr_quant"), ACCELERATE), "refused"),
    "torchao": Method((Package("torchao", "torchao", "0.15.0"), ACCELERATE)),
    "vptq": Method((Package("vptq", "vptq", "0.0.4"), ACCELERATE), "refused"),
}
"""By ``quantization_config.quant_method`` of config.json."""


def settings_of(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """``quantization_config``, also that of a model's part for text; None: nothing is packed."""
    text = config.get("text_config")
    for part in (config, text if isinstance(text, Mapping) else {}):
        found = part.get("quantization_config")
        if found is not None:
            # Whatever it is, the weights are not plain.
            return found if isinstance(found, Mapping) else {"quant_method": f"no table: {found!r}"}
    return None


def method_of(config: Mapping[str, Any]) -> str | None:
    """The method's name as config.json has it; None where the weights are not packed.

    >>> method_of({"quantization_config": {"load_in_4bit": True}})
    'bitsandbytes'
    >>> method_of({"quantization_config": {"bits": 4}})
    'nothing'
    """
    settings = settings_of(config)
    if settings is None:
        return None
    if settings.get("load_in_4bit") is True or settings.get("load_in_8bit") is True:
        return "bitsandbytes"  # its files did not always name it
    return str(settings.get("quant_method", "nothing"))


def check_packages(reference: str, config: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of an unknown method, and one whose packages are not there.

    Raises:
        ModelReferenceError: names the method, and what to install.
    """
    name = method_of(config)
    if name is None:
        return
    if name not in METHODS:
        raise ModelReferenceError(
            f"the model {reference!r} is quantised in a way that is not known",
            got=f"quant_method in config.json: {name}"[:300],
            wanted=", ".join(METHODS),
            next_step="save the model in one of these, or give it as it was before quantisation",
        )
    _need(reference, name, METHODS[name].packages)


def check_device(reference: str, config: Mapping[str, Any], device: str) -> None:
    """Refuse a checkpoint that this device cannot run.

    Args:
        device: as ``resolve_device`` gives it.

    Raises:
        ModelReferenceError: the method needs a GPU, or on a GPU another package.
    """
    name = method_of(config)
    if name is None or name not in METHODS:
        return
    method = METHODS[name]
    if method.is_home(device):
        _need(reference, name, method.at_home)
    elif method.elsewhere == "refused":
        raise ModelReferenceError(
            f"the model {reference!r} is quantised with {name}, which needs a GPU",
            got=f"the device {device}",
            wanted=f"a {method.home} device (--distill-device {method.home})",
            next_step="run on a machine with one, give the model as it was before quantisation, or "
            "put it behind a server (openai+http://HOST:PORT/v1?model=NAME)",
        )


def unpacked_on(config: Mapping[str, Any], device: str) -> str | None:
    """The method, where its weights are unpacked on loading onto this device; else None."""
    name = method_of(config)
    if name is None or name not in METHODS or METHODS[name].is_home(device):
        return None
    return name if METHODS[name].elsewhere == "unpacked" else None


def code_of_method(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Modules that loading such a checkpoint imports; those that are not installed are left out."""
    name = method_of(config)
    if name is None or name not in METHODS:
        return ()
    # transformers' own part for a method is named as the method, where there is one.
    own = f"transformers.integrations.{name.replace('-', '_')}"
    named = (*(package.module for package in METHODS[name].packages), own)
    return tuple(module for module in named if _is_there(module))


def _need(reference: str, name: str, packages: tuple[Package, ...]) -> None:
    lacking = {package: package.lack for package in packages}
    lacks = [lack for lack in lacking.values() if lack is not None]
    if lacks:
        install = " ".join(f'"{each}"' for each, lack in lacking.items() if lack is not None)
        raise ModelReferenceError(
            f"the model {reference!r} is quantised with {name}, whose packages are not there",
            got="; ".join(lacks),
            wanted=", ".join(str(package) for package in packages),
            next_step=f"pip install {install}",
        )


def _is_there(module: str) -> bool:
    """Whether it could be imported; of a package's part the package itself is looked at first."""
    parent = module.rpartition(".")[0]
    if parent and not _is_there(parent):
        return False
    return importlib.util.find_spec(module) is not None
