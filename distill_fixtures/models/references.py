"""From a reference string to a checked plan, without importing torch or reading a weight."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from distill_fixtures.demo import MODEL_NAMES, model_folder
from distill_fixtures.errors import ModelReferenceError, ServerError
from distill_fixtures.models.folders import (
    FolderRules,
    plan_of_adapter,
    plan_of_full_model,
    read_json_object,
    tokenizer_files,
)
from distill_fixtures.models.gguf_header import read_gguf_header
from distill_fixtures.models.hub import (
    HubId,
    cached_snapshot,
    check_online,
    config_of_classifier,
    download,
    parse_hub_id,
)
from distill_fixtures.models.learned_prompts import refuse_learned_prompt_of_plan
from distill_fixtures.models.other_tasks import refuse_unfit_base
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.served.address import is_served, parse_address
from distill_fixtures.models.served.card_file import read_card
from distill_fixtures.models.served.client import ServerClient
from distill_fixtures.tasks.input_file import nearest

__all__ = ["absolute_reference", "fetch", "plan_of_bare_config", "resolve_reference"]

SHAPES = (
    "demo:NAME, a folder, ORG/NAME[@REVISION], FILE.gguf or openai+http://HOST:PORT/v1?model=NAME"
)


def resolve_reference(
    reference: str,
    *,
    base_model: str | None = None,
    rules: FolderRules | None = None,
) -> ModelPlan:
    """Check a model reference and say which files it leads to.

    Args:
        reference: one of the shapes of the interface.
        base_model: a reference that replaces the base named in an adapter's configuration.
        rules: what the user has allowed; nothing by default.

    Raises:
        ModelReferenceError: it leads to no usable model. Takes no more than a few seconds, also
            where the Hub has to be asked.
    """
    resolver = _Resolver(base_model, rules or FolderRules())
    try:
        return resolver.resolve(reference, base_allowed=True).anchored()
    except OSError as error:
        raise ModelReferenceError(
            f"the model reference {reference!r} cannot be followed",
            got=f"{error.strerror or type(error).__name__}: {error.filename}",
            wanted="files and folders that may be read",
            next_step="give this user the right to read them, or give a copy",
        ) from error


def absolute_reference(reference: str) -> str:
    """A path that exists made absolute; any other reference as it is.

    >>> absolute_reference("demo:teacher")
    'demo:teacher'
    """
    path = os.path.expanduser(reference)
    return os.path.join(Path.cwd(), path) if os.path.exists(path) else reference


def plan_of_bare_config(reference: str) -> ModelPlan | None:
    """The plan of a folder that holds a full model's configuration and no weights, for an estimate
    of it; None of any other reference.

    Raises:
        ModelReferenceError: the configuration cannot be read.
    """
    folder = Path(reference).expanduser()
    if not (folder / "config.json").is_file() or (folder / "adapter_config.json").is_file():
        return None
    if any(folder.glob("*.safetensors")) or any(folder.glob("*.bin")):
        return None
    return ModelPlan(
        reference,
        "full",
        folder,
        other_files=(folder / "config.json",),
        tokenizer_files=tokenizer_files(folder),
        config=read_json_object(folder / "config.json"),
    ).anchored()


def fetch(
    plan: ModelPlan, *, base_model: str | None = None, allow_pickle: bool = False
) -> ModelPlan:
    """Download what a plan still lacks and plan again with the files there.

    A plan whose files are all local is returned as it is.
    """
    if plan.kind == "adapter" and plan.base is not None:
        base = plan.base
        if base.kind == "hub":
            base = _downloaded(base, None, allow_pickle, base_allowed=False)
            refuse_unfit_base(plan.config, base)
        return replace(plan, base=base)
    if plan.kind != "hub":
        return plan
    found = _downloaded(plan, base_model, allow_pickle, base_allowed=True)
    return fetch(found, allow_pickle=allow_pickle)


def _downloaded(
    plan: ModelPlan, base_model: str | None, allow_pickle: bool, *, base_allowed: bool
) -> ModelPlan:
    """A plan of the Hub with its own files there; an adapter's base may still be missing."""
    assert plan.hub_id is not None
    hub_id = HubId(plan.hub_id, plan.revision)
    folder = download(hub_id, allow_pickle=allow_pickle, allow_code=plan.trust_remote_code)
    rules = FolderRules(allow_pickle=allow_pickle, trust_remote_code=plan.trust_remote_code)
    found = _Resolver(base_model, rules).folder(plan.reference, folder, base_allowed=base_allowed)
    return replace(found, hub_id=plan.hub_id, revision=plan.revision).anchored()


class _Resolver:
    """Carries what the user allowed through an adapter's step to its base."""

    def __init__(self, base_model: str | None, rules: FolderRules) -> None:
        self._base_model = base_model
        self._rules = rules

    def resolve(self, reference: str, *, base_allowed: bool) -> ModelPlan:
        if reference.startswith("demo:"):
            return self._demo(reference)
        if is_served(reference):
            if not base_allowed:
                raise _served_base()
            return _plan_of_served(reference)
        path = Path(reference).expanduser()
        if path.suffix.lower() == ".gguf":
            return _plan_of_gguf(reference, path)
        if path.is_dir():
            return self.folder(reference, path, base_allowed=base_allowed)
        if path.exists():
            raise ModelReferenceError(
                f"the model reference {reference!r} is a file",
                got=f"a file ending in {path.suffix!r}",
                wanted=SHAPES,
                next_step="give the folder that the file lies in",
            )
        hub_id = parse_hub_id(reference)
        if hub_id is None:
            raise _leads_nowhere(reference)
        return self._hub(reference, hub_id, base_allowed=base_allowed)

    def folder(self, reference: str, folder: Path, *, base_allowed: bool) -> ModelPlan:
        """A local folder: an adapter where it has adapter_config.json, else a full model."""
        if (folder / "adapter_config.json").is_file():
            if not base_allowed:
                raise ModelReferenceError(
                    f"the base model {reference!r} is an adapter itself",
                    got="adapter_config.json in its folder",
                    wanted="a full model",
                    next_step="merge that adapter first, or give --distill-base-model",
                )
            base = self._base_of(folder)
            plan = plan_of_adapter(reference, folder, base, self._rules)
            refuse_learned_prompt_of_plan(plan)
            return plan
        if not (folder / "config.json").is_file():
            _refuse_many_adapters(folder)
            names = sorted(path.name for path in folder.iterdir())[:8]
            raise ModelReferenceError(
                f"the folder {folder} is no model",
                got=", ".join(names) or "an empty folder",
                wanted="config.json (a full model) or adapter_config.json (a PEFT adapter)",
                next_step="give the folder that `save_pretrained` wrote",
            )
        return plan_of_full_model(reference, folder, self._rules, is_base=not base_allowed)

    def _base_of(self, adapter: Path) -> ModelPlan:
        named = self._base_model
        if named is None:
            named = read_json_object(adapter / "adapter_config.json").get("base_model_name_or_path")
        if not isinstance(named, str) or not named:
            raise ModelReferenceError(
                f"the adapter in {adapter} does not say what it adapts",
                got=f"base_model_name_or_path: {named!r}",
                wanted="the base model's path or name",
                next_step="give it with --distill-base-model",
            )
        # A base saved beside its adapter is named relative to it, whatever the current folder.
        beside = adapter / named
        if self._base_model is None and not Path(named).is_dir() and beside.is_dir():
            named = str(beside)
        try:
            return self.resolve(named, base_allowed=False)
        except ModelReferenceError as error:
            raise ModelReferenceError(
                f"the base model of the adapter in {adapter}: {error.what}",
                got=error.got,
                wanted=error.wanted,
                next_step=f"{error.next_step}; or name the base with --distill-base-model",
            ) from error

    def _demo(self, reference: str) -> ModelPlan:
        name = reference.removeprefix("demo:")
        if name not in MODEL_NAMES:
            near = nearest(name, MODEL_NAMES)
            raise ModelReferenceError(
                f"there is no built-in model {reference!r}",
                got=repr(name),
                wanted=", ".join(f"demo:{known}" for known in MODEL_NAMES),
                next_step=f"did you mean demo:{near}?" if near else "give one of these",
            )
        folder = Path(model_folder(name))
        if not folder.is_dir():
            raise ModelReferenceError(
                f"the built-in model {reference!r} is not part of this installation",
                got=f"no folder {folder}",
                wanted="the weights that the package carries",
                next_step="install the package again",
            )
        return self.folder(reference, folder, base_allowed=False)

    def _hub(self, reference: str, hub_id: HubId, *, base_allowed: bool) -> ModelPlan:
        cached = cached_snapshot(hub_id)
        if cached is not None:
            plan = self.folder(reference, cached, base_allowed=base_allowed)
            return replace(plan, hub_id=hub_id.name, revision=hub_id.revision)
        if Path(reference).parent.is_dir():
            # MODELS/NAME beside a local folder MODELS is a mistyped path, not a name on the Hub.
            raise _leads_nowhere(reference)
        told = check_online(hub_id)
        return ModelPlan(
            reference=reference,
            kind="hub",
            folder=Path(),
            config=config_of_classifier(hub_id, told),
            hub_id=hub_id.name,
            revision=hub_id.revision,
            trust_remote_code=self._rules.trust_remote_code,
        )


def _refuse_many_adapters(folder: Path) -> None:
    """A folder of adapters is asked back: which?"""
    adapters = sorted(path.parent.name for path in folder.glob("*/adapter_config.json"))
    if adapters:
        raise ModelReferenceError(
            f"the folder {folder} holds adapters in folders of their own",
            got=", ".join(adapters[:8]) + (", ..." if len(adapters) > 8 else ""),
            wanted="one of them",
            next_step=f"give {folder / adapters[0]}, or another one",
        )


def _served_base() -> ModelReferenceError:
    """Nothing is asked: an adapter from elsewhere must not choose whom the key is sent to."""
    return ModelReferenceError(
        "an adapter cannot go on a model behind a server",
        got="a server's address as its base",
        wanted="a base whose files are here, or on the Hub",
        next_step="give the base's folder",
    )


def _plan_of_gguf(reference: str, path: Path) -> ModelPlan:
    if (path.parent / "adapter_config.json").is_file():
        # transformers would load the base that it names in the file's place.
        raise ModelReferenceError(
            f"the GGUF file {path} lies beside an adapter",
            got=f"{path.parent / 'adapter_config.json'}",
            wanted="a folder without adapter_config.json",
            next_step="put the GGUF file into a folder of its own",
        )
    header = read_gguf_header(path)
    config: dict[str, Any] = {"model_type": header.architecture}
    if header.window is not None:
        config["n_ctx"] = header.window
    return ModelPlan(
        reference, "gguf", path.parent, weight_files=(path,), config=config, gguf=header
    )


def _plan_of_served(reference: str) -> ModelPlan:
    """Ask the server at once whether it knows the model: a run of hours must not end with that."""
    address = parse_address(reference)
    card = read_card(address)
    client = ServerClient(address)
    try:
        client.check()
    except ServerError as error:
        raise ModelReferenceError(
            error.what, got=error.got, wanted=error.wanted, next_step=error.next_step
        ) from error
    finally:
        client.close()
    return ModelPlan(reference, "served", Path(), config=card, served=address)


def _leads_nowhere(reference: str) -> ModelReferenceError:
    return ModelReferenceError(
        f"the model reference {reference!r} leads nowhere",
        got="no file or folder of that name",
        wanted=SHAPES,
        next_step=f"check the spelling; paths are relative to the current folder ({Path.cwd()})",
    )
