import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import { execute } from '#attune/engine/reference/execute.js';
import { attributionGraph, gpt2Graphs } from '#attune/model/gpt2.js';
import { assertClose } from '../../support/numbers.js';
import { randomParameters, tinyConfig } from '../../support/models.js';

describe('attributionGraph', () => {
  it('outputs the gradients of the logit that finite differences of wte confirm', () => {
    const config = tinyConfig();
    const width = config.nEmbd;
    const batch = packRows(
      [
        { ids: Int32Array.of(2, 1, 2, 7), blind: false },
        { ids: Int32Array.of(3), blind: false },
        { ids: Int32Array.of(10), blind: true },
        { ids: Int32Array.of(4, 2, 5), blind: false },
      ],
      [0, 2, 1, 1],
    );
    const parameters = new Map(
      [...randomParameters(config, 3)].map(([name, values]) => [name, Float64Array.from(values)]),
    );
    const { inference } = gpt2Graphs(config);
    const wte = parameters.get('transformer.wte.weight')!;
    const logitSum = (): number => {
      const logits = execute(inference, parameters, batch).get('logits')!;
      return [...batch.labels!].reduce(
        (sum, label, r) => sum + logits[r * config.labelNames.length + label],
        0,
      );
    };
    const outputs = execute(attributionGraph(config), parameters, batch);
    const [embedding, gradient] = [outputs.get('embedding')!, outputs.get('gradient')!];
    for (const id of new Set(batch.inputIds)) {
      for (let c = 0; c < width; c++) {
        // A change of the row changes every token of this id.
        const expected = [...batch.inputIds].reduce(
          (sum, other, t) => (other === id ? sum + gradient[t * width + c] : sum),
          0,
        );
        const at = id * width + c;
        const before = wte[at];
        const step = 1e-4;
        wte[at] = before + step;
        const high = logitSum();
        wte[at] = before - step;
        const low = logitSum();
        wte[at] = before;
        assertClose([(high - low) / (2 * step)], [expected], 1e-6, `token ${id}, column ${c}`);
      }
    }
    batch.inputIds.forEach((id, t) =>
      assert.deepEqual(
        [...embedding.subarray(t * width, (t + 1) * width)],
        [...wte.subarray(id * width, (id + 1) * width)],
      ),
    );
  });
});
