"""PyTorch's side of bench/train.ts: transformers' model in a bare loop with fused AdamW. Reads requests from stdin, one JSON object a line."""
import json
import resource
import sys
import time

import torch
from transformers import GPT2Config, GPT2ForSequenceClassification

model = optimizer = setup = None
answers = sys.stdout


def set_up(request):
    global model, optimizer, setup
    setup = request
    torch.set_num_threads(request["threads"])
    torch.manual_seed(1)
    config = GPT2Config(**{k: v for k, v in request["config"].items() if k != "model_type"}, num_labels=request["classes"], pad_token_id=0)
    model = GPT2ForSequenceClassification(config).float().train()
    decay = [p for n, p in model.named_parameters() if p.ndim > 1]
    rest = [p for n, p in model.named_parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}], lr=5e-5, fused=True)
    return {"ready": True}


def batch(index):
    rows = setup["batches"][index % len(setup["batches"])]
    length = 128 if setup["padding"] == "max_length" else max(len(r["ids"]) for r in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row["ids"])] = torch.tensor(row["ids"])
        mask[i, : len(row["ids"])] = 1
    return ids, mask, torch.tensor([r["label"] for r in rows])


def step(index):
    ids, mask, labels = batch(index)
    t0 = time.perf_counter()
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
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
    if "step" in request:
        answer = step(request["step"])
    elif "end" in request:
        answer = {"peakMib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    else:
        answer = set_up(request)
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
