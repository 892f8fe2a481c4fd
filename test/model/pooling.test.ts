/**
 * The config's pad token decides at which token a text is pooled, as in transformers: the tokenizer's pad token,
 * another one, or none (fixtures/make/make_pooling.py).
 */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { TextClassifier } from '#attune/train/classifier.js';
import { readJson } from '../support/cli.js';
import { folder } from '../support/folder.js';
import { assertClose } from '../support/numbers.js';

interface Golden {
  readonly texts: readonly string[];
  readonly pads: readonly {
    readonly padTokenId: number | null;
    readonly logits: readonly (readonly number[])[];
  }[];
}
const tiny = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tiny-gpt2/${name}`, import.meta.url));
const { texts, pads } = JSON.parse(readFileSync(tiny('pooling.json'), 'utf8')) as Golden;

describe('TextClassifier.predict', () => {
  for (const { padTokenId, logits } of pads) {
    it(`gives transformers' logits for texts that end in pad tokens if pad_token_id is ${padTokenId}`, async (t) => {
      const dir = folder(t);
      cpSync(tiny('model'), dir, { recursive: true });
      for (const name of ['vocab.json', 'merges.txt'])
        cpSync(join(embeddedModelFolder(), name), join(dir, name));
      const config = readJson(join(dir, 'config.json'));
      // Without a pad token transformers leaves the field out.
      writeFileSync(
        join(dir, 'config.json'),
        JSON.stringify({ ...config, pad_token_id: padTokenId ?? undefined }),
      );
      const classifier = await TextClassifier.fromPretrained(dir);
      t.after(() => classifier.close());
      const found = await classifier.predict(texts, { logits: true });
      assertClose(
        found.flatMap((each) => each.logits!),
        logits.flat(),
        1e-5,
      );
    });
  }
});

describe('pooling.json', () => {
  it('has different logits for each of its three pad tokens', () => {
    const [own, other, none] = pads.map(({ logits }) => logits.map(([first]) => first.toFixed(3)));
    for (const [a, b] of [
      [own, other],
      [own, none],
      [other, none],
    ])
      assert.ok(a.some((value, i) => value !== b[i]));
  });
});
