"""Low-rank adapters, trained on a text and merged into the weights."""

import random
from collections.abc import Mapping
from typing import Any

from models.llm.workers.folders import datatype_of, finish, load
from models.llm.workers.tokens import tokens_of, windows
from models.progress import Progress

MOST_WINDOWS = 4096


def answer(request: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Train on `texts` for so many `steps`, write the merged model to `target`."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(request["seed"])
    source, target, steps = request["source"], request["target"], request["steps"]
    rows = windows(
        tokens_of(source, request["texts"]), request["sequence_tokens"], MOST_WINDOWS
    )
    config = LoraConfig(
        r=request["rank"],
        lora_alpha=request["alpha"],
        target_modules=list(request["targets"]),
        task_type="CAUSAL_LM",
    )
    tuned: Any = get_peft_model(load(source, "fp32"), config)
    trained = [one for one in tuned.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=request["lr"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    draw, curve = random.Random(request["seed"]), []  # noqa: S311 - not for secrets
    tuned.train()
    for step in range(steps):
        batch = torch.tensor(draw.sample(rows, min(request["batch"], len(rows))))
        loss = tuned(batch, labels=batch).loss
        _require_number(float(loss), step, request["lr"])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        curve.append({"epoch": step + 1, "loss": round(float(loss), 4)})
        progress("train adapters", step + 1, steps)
    merged = tuned.merge_and_unload().to(datatype_of("bf16"))
    merged.save_pretrained(target)
    finish(source, target)
    return {"trained_parameters": sum(one.numel() for one in trained), "curve": curve}


def _require_number(loss: float, step: int, lr: float) -> None:
    if loss != loss:
        raise ValueError(f"the loss is NaN after {step} steps; lower lr, it is {lr:g}")
