"""Loads a model folder in transformers and prints what it finds there, as JSON.

  python load_checkpoint.py MODEL_FOLDER REQUEST.json

REQUEST: {"ids": [[...], ...], "texts": [...]}. An empty row of ids is an empty text: only padding, fully masked.
"""
import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder, request_file = sys.argv[1:3]
with open(request_file, encoding="utf-8") as file:
    request = json.load(file)
model, loading = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
model.eval()
answer = {
    "class": type(model).__name__,
    "loading": {key: sorted(map(str, loading[key])) for key in ("missing_keys", "unexpected_keys", "mismatched_keys")},
    "structure": repr(model),
    "id2label": model.config.id2label,
    "pad_token_id": model.config.pad_token_id,
}
rows = request["ids"]
if rows:
    length = max(1, max(map(len, rows)))
    pad = model.config.pad_token_id
    ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    with torch.no_grad():
        answer["logits"] = model(input_ids=ids, attention_mask=mask).logits.tolist()
if request["texts"]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    answer["text_ids"] = tokenizer(request["texts"])["input_ids"]
    answer["pad_token"] = tokenizer.pad_token
json.dump(answer, sys.stdout)
