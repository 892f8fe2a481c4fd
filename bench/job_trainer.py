"""transformers' side of bench/job.ts: the notebook's training with the Trainer, its three evaluations, and a checkpoint every epoch. Prints one JSON object."""
import argparse
import json
import os
import time

started = time.perf_counter()
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset
from transformers import GPT2ForSequenceClassification, GPT2TokenizerFast, Trainer, TrainingArguments, set_seed

parser = argparse.ArgumentParser()
for name in ("model", "train", "test", "out"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--max-steps", type=int, default=-1)
args = parser.parse_args()
torch.set_num_threads(args.threads)


class Rows(Dataset):
    def __init__(self, file, limit, tokenizer):
        with open(file, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()][:limit]
        self.labels = [row["label"] for row in rows]
        self.encoded = tokenizer([row["text"] or "" for row in rows], padding="max_length", truncation=True, max_length=128)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return {"input_ids": self.encoded["input_ids"][i], "attention_mask": self.encoded["attention_mask"][i], "labels": self.labels[i]}


def accuracy(prediction):
    return {"accuracy": float((F.softmax(torch.tensor(prediction[0]), dim=-1).argmax(-1).numpy() == prediction[1]).mean())}


set_seed(42)
tokenizer = GPT2TokenizerFast.from_pretrained(args.model)
tokenizer.pad_token = tokenizer.eos_token
model = GPT2ForSequenceClassification.from_pretrained(args.model, num_labels=3, dtype=torch.float32)
model.config.pad_token_id = tokenizer.pad_token_id
train, test = Rows(args.train, 1000, tokenizer), Rows(args.test, 200, tokenizer)
settings = TrainingArguments(
    output_dir=args.out, num_train_epochs=3, max_steps=args.max_steps, per_device_train_batch_size=4, per_device_eval_batch_size=4, warmup_steps=500, weight_decay=0.01, learning_rate=5e-5,
    logging_steps=10, eval_strategy="epoch", save_strategy="epoch", seed=42, report_to=[], use_cpu=True, dataloader_pin_memory=False, disable_tqdm=True,
)
trainer = Trainer(model=model, args=settings, train_dataset=train, eval_dataset=test, compute_metrics=accuracy)
training = time.perf_counter()
trainer.train()
ended = time.perf_counter()
evaluations = [record for record in trainer.state.log_history if "eval_loss" in record]
print("RESULT " + json.dumps({
    "steps": trainer.state.global_step, "training": ended - training, "whole": ended - started,
    "evalLoss": evaluations[-1]["eval_loss"] if evaluations else None, "accuracy": evaluations[-1]["eval_accuracy"] if evaluations else None,
}))
