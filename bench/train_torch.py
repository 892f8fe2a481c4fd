"""PyTorch's side of bench/train.ts: transformers' model in a bare loop with fused AdamW. Reads requests from stdin, one JSON object a line.
With `predict` in the setup it computes logits of a chunk of rows instead, sorted by length, in batches of 32.

`variant` of the setup says how:
  padded     to 128 tokens, as the notebook does
  dynamic    to the longest row of the batch
  packed     no padding: the rows as one sequence with a block-diagonal causal mask
  bf16       packed, forward and backward under bfloat16 autocast (not the same numbers)
  compiled   dynamic, under torch.compile(dynamic=True)
"""
import contextlib
import json
import resource
import sys
import time

import torch
from transformers import GPT2Config, GPT2ForSequenceClassification

model = transformer = optimizer = setup = None
answers = sys.stdout


def set_up(request):
    global model, transformer, optimizer, setup
    setup = request
    torch.set_num_threads(request["threads"])
    torch.manual_seed(1)
    config = GPT2Config(**{k: v for k, v in request["config"].items() if k != "model_type"}, num_labels=request["classes"], pad_token_id=0)
    model = GPT2ForSequenceClassification(config).float().train(not request.get("predict"))
    transformer = torch.compile(model.transformer, dynamic=True) if request["variant"] == "compiled" else model.transformer
    decay = [p for n, p in model.named_parameters() if p.ndim > 1]
    rest = [p for n, p in model.named_parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}], lr=5e-5, fused=True)
    return {"ready": True}


def padded(rows):
    length = 128 if setup["variant"] == "padded" else max(len(r["ids"]) for r in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row["ids"])] = torch.tensor(row["ids"])
        mask[i, : len(row["ids"])] = 1
    last = torch.tensor([len(r["ids"]) - 1 for r in rows])
    return dict(input_ids=ids, attention_mask=mask), lambda hidden: hidden[torch.arange(len(rows)), last]


def packed(rows):
    lengths = [len(r["ids"]) for r in rows]
    row = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(lengths))
    at = torch.arange(sum(lengths))
    visible = (row[:, None] == row[None, :]) & (at[:, None] >= at[None, :])
    mask = torch.zeros(visible.shape).masked_fill(~visible, torch.finfo(torch.float32).min)[None, None]
    ids = torch.tensor([i for r in rows for i in r["ids"]])[None]
    positions = torch.cat([torch.arange(n) for n in lengths])[None]
    last = torch.tensor(lengths).cumsum(0) - 1
    return dict(input_ids=ids, position_ids=positions, attention_mask=mask), lambda hidden: hidden[0, last]


def predict(index):
    rows = sorted(setup["batches"][index], key=lambda r: len(r["ids"]))
    t0 = time.perf_counter()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16) if setup["variant"] == "bf16" else contextlib.nullcontext():
        for i in range(0, len(rows), 32):
            inputs, pool = (padded if setup["variant"] == "dynamic" else packed)(rows[i : i + 32])
            model.score(pool(transformer(**inputs, use_cache=False).last_hidden_state))
    ms = (time.perf_counter() - t0) * 1e3
    return {"ms": ms, "forwardBackward": ms, "clip": 0, "optimizer": 0, "loss": 0}


def step(index):
    if setup.get("predict"):
        return predict(index)
    rows = setup["batches"][index % len(setup["batches"])]
    bf16 = setup["variant"] == "bf16"
    inputs, pool = (packed if setup["variant"] in ("packed", "bf16") else padded)(rows)
    labels = torch.tensor([r["label"] for r in rows])
    t0 = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
        # The head on the pooled tokens alone, which is less work than the reference's on all.
        logits = model.score(pool(transformer(**inputs, use_cache=False).last_hidden_state))
        loss = torch.nn.functional.cross_entropy(logits.float(), labels)
    loss.backward()
    value = loss.item()
    t1 = time.perf_counter()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
    t2 = time.perf_counter()
    optimizer.step()
    optimizer.zero_grad()
    t3 = time.perf_counter()
    return {"ms": (t3 - t0) * 1e3, "forwardBackward": (t1 - t0) * 1e3, "clip": (t2 - t1) * 1e3, "optimizer": (t3 - t2) * 1e3, "loss": value}


for line in sys.stdin:
    request = json.loads(line)
    try:
        if "step" in request:
            answer = step(request["step"])
        elif "end" in request:
            answer = {"peakMib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        else:
            answer = set_up(request)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
