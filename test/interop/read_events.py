"""Reads a folder of event files with TensorBoard's own reader and prints what it finds, as JSON.

  python read_events.py LOG_FOLDER

{"scalars": {tag: [[step, value], ...]}, "texts": {tag: [[step, text], ...]}}; or {"missing": reason} if tensorboard is not installed.
"""
import json
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as error:
    json.dump({"missing": str(error)}, sys.stdout)
    sys.exit()

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
events.Reload()
tags = events.Tags()
json.dump(
    {
        "scalars": {tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in tags["scalars"]},
        "texts": {tag: [[event.step, event.tensor_proto.string_val[0].decode()] for event in events.Tensors(tag)] for tag in tags["tensors"]},
    },
    sys.stdout,
)
