"""Makes a tiny random classifier with transformers, saves it, and prints what it computes, as JSON.

  python save_checkpoint.py MODEL_FOLDER [--dtype float32|float16|bfloat16] [--max-shard-size 4KB] [--tokenizer FOLDER]
                            [--config '{"n_inner": 7, ...}'] [--texts '["...", ...]']

The logits are those of the saved weights, computed in float32.
"""
import argparse
import json
import sys

import torch
from transformers import AutoTokenizer, GPT2Config, GPT2ForSequenceClassification

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--dtype", default="float32")
parser.add_argument("--max-shard-size")
parser.add_argument("--tokenizer")
parser.add_argument("--config", type=json.loads, default={})
parser.add_argument("--texts", type=json.loads, default=[])
arguments = parser.parse_args()

torch.manual_seed(3)
vocabulary = 37
text_ids = None
if arguments.tokenizer:
    tokenizer = AutoTokenizer.from_pretrained(arguments.tokenizer)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(arguments.folder)
    vocabulary = len(tokenizer)
    text_ids = tokenizer(arguments.texts)["input_ids"]
pad = vocabulary - 1
fields = dict(vocab_size=vocabulary, n_positions=24, n_embd=24, n_head=3, n_layer=3, num_labels=4, pad_token_id=pad, eos_token_id=pad, bos_token_id=pad)
model = GPT2ForSequenceClassification(GPT2Config(**{**fields, **arguments.config}))
for name, parameter in model.named_parameters():  # larger than a new model's, so that every part of it shows in the logits
    torch.nn.init.normal_(parameter, 1.0 if "ln_" in name and name.endswith("weight") else 0.0, 0.3)
model.to(getattr(torch, arguments.dtype)).save_pretrained(
    arguments.folder, **({"max_shard_size": arguments.max_shard_size} if arguments.max_shard_size else {}))

model = GPT2ForSequenceClassification.from_pretrained(arguments.folder, dtype=torch.float32).eval()
lengths = [1, 24, 7, 2, 0]  # the last is an empty text
rows = [torch.randint(0, pad, (length,)).tolist() for length in lengths]
ids = torch.tensor([row + [pad] * (24 - len(row)) for row in rows])
mask = torch.tensor([[1] * len(row) + [0] * (24 - len(row)) for row in rows])
with torch.no_grad():
    logits = model(input_ids=ids, attention_mask=mask).logits
json.dump({"ids": rows, "pad": pad, "logits": logits.tolist(), "structure": repr(model), "text_ids": text_ids}, sys.stdout)
