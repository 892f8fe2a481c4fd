/**
 * The engine of plain float64 loops behind the interface that the trainer knows. For tests: it says what an
 * engine must answer.
 */
import type { Graph } from '../../graph/graph.js';
import { gradientName } from '../../model/gpt2.js';
import type { ModelGraphs } from '../../model/gpt2.js';
import { elementCount } from '../../model/parameters.js';
import type { ParameterSpec } from '../../model/parameters.js';
import { paced } from '../../pace.js';
import type { Pieces } from '../../pace.js';
import type { PackedBatch } from '../batch.js';
import type {
  Engine,
  EngineSession,
  SessionOptions,
  StepRequest,
  StepResult,
  TensorKind,
} from '../engine.js';
import { adamWStep, clippingCoefficient, globalNorm } from './adamw.js';
import type { ParameterState } from './adamw.js';
import { executing } from './execute.js';

export const referenceEngine: Engine = {
  name: 'reference',
  open: (model, options) => Promise.resolve(new ReferenceSession(model, options)),
};

interface SessionParameter extends ParameterState {
  readonly spec: ParameterSpec;
  written: boolean;
}

class ReferenceSession implements EngineSession {
  readonly description = 'reference: plain float64 loops, one thread';
  readonly #parameters = new Map<string, SessionParameter>();
  #closed = false;
  #queue: Promise<unknown> = Promise.resolve();

  readonly #model: ModelGraphs;
  readonly #options: SessionOptions;

  constructor(model: ModelGraphs, options: SessionOptions) {
    this.#model = model;
    this.#options = options;

    for (const spec of model.parameters) {
      const zeros = (): Float64Array => new Float64Array(elementCount(spec.shape));
      this.#parameters.set(spec.name, {
        spec,
        written: false,
        parameter: zeros(),
        gradient: zeros(),
        moment1: zeros(),
        moment2: zeros(),
      });
    }
  }

  async infer(batch: PackedBatch): Promise<Float32Array> {
    const outputs = await this.#inTurn(() => paced(executing(this.#model.inference, this.#values(), batch)));
    return Float32Array.from(outputs.get('logits')!);
  }

  async evaluate(graph: Graph, batch: PackedBatch): Promise<Map<string, Float32Array>> {
    const outputs = await this.#inTurn(() => paced(executing(graph, this.#values(), batch)));
    return new Map([...outputs].map(([name, values]) => [name, Float32Array.from(values)]));
  }

  step(request: StepRequest): Promise<StepResult> {
    return this.#inTurn(() => paced(this.#stepping(request)));
  }

  /**
   * Requests are answered one after the other, as by any other engine, and the event loop turns meanwhile.
   */
  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  *#stepping({ microBatches, lossWeights, firstPass, update }: StepRequest): Pieces<StepResult> {
    if (microBatches.length === 0 || microBatches.length !== lossWeights.length) {
      const given = `${lossWeights.length} for ${microBatches.length}`;
      throw new RangeError(`a step needs one loss weight for each of its micro-batches; got ${given}`);
    }
    if (!Number.isInteger(update.step) || update.step < 1)
      throw new RangeError(`updates are numbered from 1, not ${update.step}`);
    const values = this.#values();
    const all = [...this.#parameters.values()];
    for (const { gradient } of all) gradient.fill(0);

    const losses: number[] = [];
    for (const [i, batch] of microBatches.entries()) {
      const dropout = { seed: this.#options.seed, pass: firstPass + i };
      const outputs = yield* executing(this.#model.training, values, batch, {
        lossWeight: lossWeights[i],
        dropout,
      });
      for (const { spec, gradient } of all) {
        outputs.get(gradientName(spec.name))!.forEach((value, k) => {
          gradient[k] += value;
        });
        yield;
      }
      losses.push(outputs.get('loss')![0]);
    }

    const gradNorm = globalNorm(all.map(({ gradient }) => gradient));
    const updated = Number.isFinite(gradNorm) && losses.every(Number.isFinite);
    if (updated) {
      const coefficient = clippingCoefficient(gradNorm, update.maxGradNorm);
      for (const state of all) {
        adamWStep(state, update, state.spec.decay, coefficient);
        yield;
      }
    }
    return { losses, gradNorm, updated };
  }

  readTensor(kind: TensorKind, parameter: string): Promise<Float32Array> {
    return this.#inTurn(() => Float32Array.from(this.#state(parameter)[kind]));
  }

  writeTensor(
    kind: 'parameter' | 'moment1' | 'moment2',
    parameter: string,
    values: Float32Array,
    offset?: number,
  ): Promise<void> {
    return this.#inTurn(() => {
      const state = this.#state(parameter);
      const elements = state[kind].length;
      const fits = offset === undefined ? values.length === elements : offset + values.length <= elements;
      if (!fits) {
        const from = offset === undefined ? '' : ` from ${offset} on`;
        throw new RangeError(
          `${kind} of ${parameter} has ${elements} elements, ${values.length} were given${from}`,
        );
      }
      state[kind].set(values, offset);
      if (kind === 'parameter') state.written = true;
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => {
      this.#closed = true;
    });
  }

  #values(): Map<string, Float64Array> {
    this.#expectOpen();
    const values = new Map<string, Float64Array>();
    for (const [name, { parameter, written }] of this.#parameters) {
      if (!written) throw new Error(`parameter ${name} was never written`);
      values.set(name, parameter);
    }
    return values;
  }

  #state(parameter: string): SessionParameter {
    this.#expectOpen();
    const state = this.#parameters.get(parameter);
    if (!state) throw new Error(`the model has no parameter ${parameter}`);
    return state;
  }

  #expectOpen(): void {
    if (this.#closed) throw new Error('the session is closed');
  }
}
