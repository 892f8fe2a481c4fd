import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeTensors } from '#attune/engine/webgpu/memory.js';
import { TrainingError } from '#attune/errors/attune-error.js';
import { refusal } from '../../support/refusal.js';

const spec = (name: string, rows: number, columns: number, decay = true) => ({
  name,
  shape: [rows, columns],
  decay,
});

describe('placeTensors', () => {
  it('fills banks no larger than a binding, aligned, with the tensors that decay first', () => {
    const specs = [
      spec('a', 10, 10),
      spec('b', 1, 10, false),
      spec('c', 20, 10),
      spec('d', 3, 3, false),
      spec('e', 25, 10),
    ];
    const { banks, places } = placeTensors(specs, 512 * 4);
    assert.equal(banks.length, 2);
    for (const { floats } of banks) assert.ok(floats <= 512);
    for (const { name, shape, decay } of specs) {
      const { bank, offset, floats } = places.get(name)!;
      assert.equal(floats, shape[0] * shape[1]);
      assert.equal(offset % 64, 0);
      assert.equal(offset < banks[bank].decayEnd, decay, name);
    }
    const taken = specs
      .map(({ name }) => places.get(name)!)
      .sort((x, y) => x.bank - y.bank || x.offset - y.offset);
    for (const [i, place] of taken.entries()) {
      const next = taken[i + 1];
      if (next?.bank === place.bank) assert.ok(place.offset + place.floats <= next.offset);
    }
  });

  it('refuses a tensor larger than a binding, with the numbers', () => {
    assert.throws(
      () => placeTensors([spec('transformer.wte.weight', 50257, 768)], 128 * 2 ** 20),
      refusal(TrainingError, 'gpu-tensor-too-large', {
        tensor: 'transformer.wte.weight',
        bytes: Math.ceil((50257 * 768) / 64) * 64 * 4,
        limit: 128 * 2 ** 20,
      }),
    );
  });
});
