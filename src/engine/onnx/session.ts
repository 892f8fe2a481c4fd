/**
 * The CPU engine: ONNX Runtime in a worker thread, so that progress, signals and files stay alive while it
 * computes.
 */
import './no-telemetry.js';
import { TrainingError } from '../../errors/attune-error.js';
import type { Graph } from '../../graph/graph.js';
import type { ModelGraphs } from '../../model/gpt2.js';
import { elementCount } from '../../model/parameters.js';
import type { PackedBatch } from '../batch.js';
import { usableCores } from '../cores.js';
import type {
  Engine,
  EngineSession,
  SessionOptions,
  StepRequest,
  StepResult,
  TensorKind,
} from '../engine.js';
import type { CoreModel } from './core.js';
import { lowerGraph } from './lowering.js';
import type { Opening } from './protocol.js';
import { Staging } from './staging.js';
import { EngineThread } from './thread.js';
import { threadsFor } from './threads.js';

/** A session on a thread of its own, which it owns: the thread ends with it. */
class OnnxSession implements EngineSession {
  /** Graphs beside the model's own that the worker has, by number. */
  readonly #graphs = new Map<Graph, number>();
  readonly #staging = new Staging();
  readonly #sizes: ReadonlyMap<string, number>;

  readonly note?: string;

  readonly #thread: EngineThread;

  constructor(
    thread: EngineThread,
    opening: Opening,
    readonly description: string,
    note?: string,
  ) {
    this.#thread = thread;

    if (note !== undefined) this.note = note;
    thread.open(opening);
    this.#sizes = new Map(opening.open.parameters.map(({ name, shape }) => [name, elementCount(shape)]));
  }

  infer(batch: PackedBatch): Promise<Float32Array> {
    return this.#thread.ask({ call: 'infer', batch });
  }

  evaluate(graph: Graph, batch: PackedBatch): Promise<ReadonlyMap<string, Float32Array>> {
    const known = this.#graphs.get(graph);
    if (known !== undefined)
      return this.#thread.ask({ call: 'evaluate', graph: known, lowered: undefined, batch });
    const lowered = lowerGraph(graph);
    this.#graphs.set(graph, this.#graphs.size);
    return this.#thread.ask({ call: 'evaluate', graph: this.#graphs.size - 1, lowered, batch });
  }

  step(request: StepRequest): Promise<StepResult> {
    return this.#thread.ask({ call: 'step', request });
  }

  readTensor(kind: TensorKind, name: string): Promise<Float32Array> {
    return this.#thread.ask({ call: 'read', kind, name });
  }

  /** Done when the values may be overwritten; the thread takes them over in the order of all requests. */
  async writeTensor(
    kind: 'parameter' | 'moment1' | 'moment2',
    name: string,
    values: Float32Array,
    offset?: number,
  ): Promise<void> {
    const size = this.#sizes.get(name);
    const fits =
      size !== undefined && (offset === undefined ? values.length === size : offset + values.length <= size);
    if (!fits) {
      const [found, expected] = [values.length, size ?? null];
      throw new TrainingError('cpu-values-misfit', { parameter: name, found, expected });
    }
    await this.#staging.write(values, (piece, at) =>
      // The sizes are right, so only a thread that is gone fails here; and weights half written are none.
      this.#thread
        .ask({ call: 'write', kind, name, values: piece, offset: (offset ?? 0) + at })
        .catch((error: Error) => this.#thread.end(error)),
    );
    this.#thread.throwIfEnded();
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}

/** @param thread takes the thread that the session is to have */
// eslint-disable-next-line @typescript-eslint/require-await -- so that refusals reject
async function openSession(
  model: ModelGraphs,
  options: SessionOptions,
  thread: () => EngineThread,
): Promise<OnnxSession> {
  const { seed, threads: wanted = usableCores(), note, first } = options;
  const training = lowerGraph(model.training, { preallocated: true });
  const threads = threadsFor({ parameters: model.parameters, training }, wanted);
  const core: CoreModel = {
    parameters: model.parameters,
    inference: lowerGraph(model.inference),
    training,
    seed,
    threads,
  };
  const description = `CPU, ${threads} thread${threads === 1 ? '' : 's'} (ONNX Runtime)`;
  return new OnnxSession(thread(), { open: core, first }, description, note);
}

export const onnxEngine: Engine = {
  name: 'cpu',
  warmUp() {
    let waiting: EngineThread | undefined = new EngineThread();
    const take = (): EngineThread | undefined => {
      const taken = waiting;
      waiting = undefined;
      return taken;
    };
    return {
      open: (model, options) =>
        openSession(model, options, () => {
          const taken = take();
          // One that died before it was needed is replaced: whoever asks the other hears what becomes of
          // that.
          return taken && !taken.hasEnded ? taken : new EngineThread();
        }),
      close: async () => take()?.close(),
    };
  },
  open: (model, options) => openSession(model, options, () => new EngineThread()),
};
