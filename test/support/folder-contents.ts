/** What attune puts into folders: names that a test lists to the last file, each in order. */

/** An output folder whose run ended and kept no checkpoint. */
export const FINISHED_RUN: readonly string[] = [
  '.attune-files.json',
  'attune.json',
  'attune_model.json',
  'attune_rows.json',
  'config.json',
  'merges.txt',
  'model.safetensors',
  'runs',
  'special_tokens_map.json',
  'tokenizer_config.json',
  'trainer_state.json',
  'training_args.json',
  'vocab.json',
];

/** A checkpoint of the Trainer over a model folder. */
export const CHECKPOINT_FILES: readonly string[] = [
  'attune_state.json',
  'checksums.json',
  'config.json',
  'merges.txt',
  'model.safetensors',
  'optimizer.safetensors',
  'special_tokens_map.json',
  'tokenizer_config.json',
  'trainer_state.json',
  'training_args.json',
  'vocab.json',
];
