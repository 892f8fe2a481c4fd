"""PyTorch's side of bench/gpu.ts, on the same GPU: products, transformers' model in a bare loop with fused AdamW, padded to the longest row, and the
whole job through transformers' Trainer. Reads one JSON object from stdin and prints lines for people. fp32, TF32 off, as the reference computes.
"""
import json
import statistics
import sys
import tempfile
import time

try:
    import torch
    import transformers
    from transformers import GPT2Config, GPT2ForSequenceClassification
except ImportError as error:
    print(f"PyTorch is not compared: {error}")
    sys.exit(0)
if not torch.cuda.is_available():
    print(f"PyTorch is not compared: torch {torch.__version__} finds no CUDA device.")
    sys.exit(0)

setup = json.load(sys.stdin)
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
device = torch.device("cuda")
print(f"PyTorch {torch.__version__}, transformers {transformers.__version__}, {torch.cuda.get_device_name()}, fp32")


def model():
    torch.manual_seed(1)
    config = GPT2Config(**{k: v for k, v in setup["config"].items() if k != "model_type"}, num_labels=setup["classes"], pad_token_id=0)
    return GPT2ForSequenceClassification(config).float()


def products():
    width = setup["width"]
    print("  tokens    weight        forward              dX                  dW        TFLOP/s (ms)")
    for m in setup["tokens"]:
        for k, n in [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]:
            x, w, dy = torch.randn(m, k, device=device), torch.randn(k, n, device=device), torch.randn(m, n, device=device)
            cells = []
            for product in (lambda: x @ w, lambda: dy @ w.T, lambda: x.T @ dy):
                for _ in range(5):
                    product()
                times = []
                for _ in range(30):
                    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                    begin.record()
                    product()
                    end.record()
                    end.synchronize()
                    times.append(begin.elapsed_time(end))
                ms = statistics.median(times)
                cells.append(f"{2 * m * n * k / ms / 1e9:9.3f} ({ms:.3f})")
            print(f"  {m:6d}  {f'{k} x {n}':>11} " + " ".join(cells))


def padded(rows):
    length = max(len(r["ids"]) for r in rows)
    ids, mask = torch.zeros(len(rows), length, dtype=torch.long), torch.zeros(len(rows), length, dtype=torch.long)
    for i, r in enumerate(rows):
        ids[i, : len(r["ids"])] = torch.tensor(r["ids"])
        mask[i, : len(r["ids"])] = 1
    return dict(input_ids=ids.to(device), attention_mask=mask.to(device)), torch.tensor([len(r["ids"]) - 1 for r in rows], device=device)


def loop(rows, data):
    net = model().to(device).train()
    decay, rest = [p for p in net.parameters() if p.ndim > 1], [p for p in net.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}], lr=5e-5, fused=True)
    times, warm, steps = [], setup["warmUp"], setup["steps"]
    for step in range(warm + steps):
        batch = data[step * rows : (step + 1) * rows]
        torch.cuda.synchronize()
        started = time.perf_counter()
        inputs, last = padded(batch)
        labels = torch.tensor([r["label"] for r in batch], device=device)
        hidden = net.transformer(**inputs, use_cache=False).last_hidden_state[torch.arange(len(batch), device=device), last]
        torch.nn.functional.cross_entropy(net.score(hidden), labels).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
        if step >= warm:
            times.append((time.perf_counter() - started) * 1e3)
    tokens = sum(len(r["ids"]) for r in data[warm * rows :]) / steps
    print(f"  bare loop, {rows} rows, {tokens:7.1f} tokens {statistics.median(times):9.2f} ms/step")


def job():
    from transformers import Trainer, TrainingArguments

    def encode(rows):
        def one(r):
            pad = 128 - len(r["ids"])
            return {"input_ids": r["ids"] + [0] * pad, "attention_mask": [1] * len(r["ids"]) + [0] * pad, "labels": r["label"]}
        return [one(r) for r in rows]

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_train_epochs=3, per_device_train_batch_size=4, per_device_eval_batch_size=4, warmup_steps=500, weight_decay=0.01,
            logging_steps=10, eval_strategy="epoch", save_strategy="no", report_to=[], disable_tqdm=True, seed=42,
        )
        trainer = Trainer(model=model(), args=arguments, train_dataset=encode(setup["job"]["train"]), eval_dataset=encode(setup["job"]["evaluation"]))
        started = time.perf_counter()
        result = trainer.train()
        seconds = time.perf_counter() - started
        print(f"  transformers' Trainer, the notebook's job: {result.global_step} steps and 3 evaluations in {seconds:.1f} s ({seconds / result.global_step * 1e3:.1f} ms a step)")


products()
for workload in setup["workloads"]:
    loop(workload["rows"], workload["data"])
if setup["job"]:
    job()
