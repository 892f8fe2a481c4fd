/**
 * Which tokens spoke for a class: gradient times input (Shrikumar et al. 2016; Denil et al. 2014) by the
 * model's own graph. The input is the token's row of wte, so what its position adds is not counted; to first
 * order, a token's score is what the class's logit would lose if that row were zero. Dropout is off.
 */
import { packRows } from '../engine/batch.js';
import type { EncodedRow } from '../engine/batch.js';
import type { EngineSession } from '../engine/engine.js';
import { UsageError } from '../errors/attune-error.js';
import type { Graph } from '../graph/graph.js';
import { planBatches, requireFinite } from './prediction.js';
import type { PredictionOptions } from './prediction.js';

/**
 * The score of each token of each row, [tokens of the row], for the class `labels` names of it.
 *
 * @param graph `attributionGraph` of the session's model, the same object at every call
 * @throws UsageError if the engine cannot evaluate graphs of its caller; the signal's reason if it is
 *   aborted
 */
export async function attributeTokens(
  session: EngineSession,
  graph: Graph,
  rows: readonly EncodedRow[],
  labels: ArrayLike<number>,
  options: PredictionOptions,
): Promise<Float64Array[]> {
  const scores = new Array<Float64Array>(rows.length);
  for (const batch of planBatches(rows, options)) {
    options.signal?.throwIfAborted();
    const packed = packRows(
      batch.map((i) => rows[i]),
      batch.map((i) => labels[i]),
    );
    const outputs = await evaluateGraph(session, graph, packed);
    const [embedding, gradient] = [outputs.get('embedding')!, outputs.get('gradient')!];
    const width = embedding.length / packed.tokens;
    for (const [b, i] of batch.entries()) {
      const first = packed.rowOffsets[b];
      scores[i] = Float64Array.from({ length: packed.rowOffsets[b + 1] - first }, (_, t) => {
        let sum = 0;
        for (let c = (first + t) * width; c < (first + t + 1) * width; c++) sum += embedding[c] * gradient[c];
        return sum;
      });
    }
  }
  return scores;
}

/**
 * @throws UsageError if the engine cannot evaluate graphs of its caller; ModelError if what it finds is
 * not finite
 */
export async function evaluateGraph(
  session: EngineSession,
  ...[graph, batch]: Parameters<NonNullable<EngineSession['evaluate']>>
): ReturnType<NonNullable<EngineSession['evaluate']>> {
  if (!session.evaluate) throw new UsageError('device-without-graphs', { device: session.description });
  const outputs = await session.evaluate(graph, batch);
  for (const [name, values] of outputs) requireFinite(values, name);
  return outputs;
}
