/**
 * Every kernel against the reference engine, on odd shapes: one token, rows of one token, 12 and 25 heads,
 * widths that no tile divides.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import { execute } from '#attune/engine/reference/execute.js';
import { resolveShape } from '#attune/engine/reference/kernel.js';
import { DeviceMemory } from '#attune/engine/webgpu/memory.js';
import { findAdapter } from '#attune/engine/webgpu/node.js';
import { openDevice } from '#attune/engine/webgpu/gpu.js';
import { Program } from '#attune/engine/webgpu/program.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { DropoutSite, Node, Shape, Value } from '#attune/graph/graph.js';
import * as ops from '#attune/graph/operations.js';
import { elementCount } from '#attune/model/parameters.js';
import { assertClose } from '../../support/numbers.js';
import { Random } from '../../support/random.js';
import { needsWebGpu } from '../../support/webgpu.js';

const skip = await needsWebGpu();
const found = skip ? undefined : await findAdapter();
const gpu = found && 'adapter' in found ? await openDevice(found.adapter) : undefined;
const row = (length: number, first = 0, blind = false): { ids: Int32Array; blind: boolean } => ({
  ids: Int32Array.from({ length }, (_, i) => (first + 3 * i) % 11),
  blind,
});
const BATCHES: Readonly<Record<string, PackedBatch>> = {
  'one token': packRows([row(1, 4)], [1]),
  'rows of one token': packRows([row(1), row(1, 5), row(1, 5)], [0, 2, 1]),
  'a fully masked row between others': packRows([row(7, 2), row(1, 10, true), row(12)], [2, 0, 1]),
  'a row longer than the scores held at a time': packRows([row(270), row(3)], [0, 1]),
};

const DROPOUT = { seed: 42, pass: 7 };
const LOSS_WEIGHT = 0.3;
const SITE: DropoutSite = { site: 1, probability: 0.4 };

/** Runs a graph on both engines, with parameters drawn from a seed, and compares every output. */
async function compare(
  build: (g: GraphBuilder) => Record<string, Value>,
  batch: PackedBatch,
  tables: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const { device } = gpu!;
  const g = new GraphBuilder();
  const outputs = build(g);
  const graph = g.finish(outputs);
  const random = new Random(3);
  const values = new Map(
    [...g.parameters].map(([name, { shape }]) => [
      name,
      Float32Array.from(random.normals(elementCount(resolveShape(shape, batch)), 1, 0)),
    ]),
  );
  const specs = [...g.parameters].map(([name, { shape }]) => ({
    name,
    shape: resolveShape(shape, batch),
    decay: false,
  }));
  const memory = new DeviceMemory(device, specs);
  const program = new Program(gpu!, memory, graph, tables);
  for (const [name, numbers] of values) {
    const { bank, offset } = memory.place(name);
    device.queue.writeBuffer(memory.bank('parameter', bank), offset * 4, numbers);
  }
  await program.prepare(batch);
  device.pushErrorScope('validation');
  const encoder = device.createCommandEncoder();
  program.encode(encoder, batch, { lossWeight: LOSS_WEIGHT, ...DROPOUT });
  device.queue.submit([encoder.finish()]);
  await assertSound(device);

  const expected = execute(
    graph,
    new Map([...values].map(([name, numbers]) => [name, Float64Array.from(numbers)])),
    batch,
    { lossWeight: LOSS_WEIGHT, dropout: DROPOUT },
  );
  for (const [name, wanted] of expected) {
    const table = tables.get(name);
    const place = table === undefined ? undefined : memory.place(table);
    const actual = place
      ? await read(device, memory.bank('gradient', place.bank), place.offset * 4, place.floats)
      : await read(device, program.output(name), 0, wanted.length);
    const scale = Math.max(
      1,
      wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    );
    assertClose(actual, wanted, 2e-5 * scale, name);
  }
  program.destroy();
  memory.destroy();
}

async function read(
  device: GPUDevice,
  buffer: GPUBuffer,
  offset: number,
  floats: number,
): Promise<Float32Array> {
  const staging = device.createBuffer({
    size: floats * 4,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, floats * 4);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return new Float32Array(staging.getMappedRange().slice(0));
}

/** Ends the error scope, and fails if it holds an error. */
async function assertSound(device: GPUDevice): Promise<void> {
  const error = await device.popErrorScope();
  assert.equal(error?.message, undefined);
}

const p = (g: GraphBuilder, name: string, ...shape: Shape): Value => g.parameter(name, shape);
const ids = (g: GraphBuilder): Value => g.input('inputIds', ['tokens'], 'int32');
const nodeOf = <Op extends Node['op']>(value: Value): Node<Op> =>
  (value.source as { readonly node: unknown }).node as Node<Op>;

const KERNELS: Readonly<Record<string, (g: GraphBuilder) => Record<string, Value>>> = {
  'sums, also of a value and itself': (g) => {
    const [a, b] = [p(g, 'a', 'tokens', 5), p(g, 'b', 'tokens', 5)];
    return { sum: ops.add(g, a, b), twice: ops.add(g, a, a) };
  },
  'gather by ids and by pooled tokens, and the gradient of the latter': (g) => {
    const x = p(g, 'x', 'tokens', 7);
    const pooled = g.input('pooledTokens', ['rows'], 'int32');
    return {
      table: ops.gather(g, p(g, 'table', 11, 7), ids(g)),
      rows: ops.gather(g, x, pooled),
      scattered: ops.gatherGrad(g, p(g, 'dy', 'rows', 7), pooled, 'tokens'),
    };
  },
  'products in all four forms, and a linear layer': (g) => ({
    linear: ops.linear(g, p(g, 'x', 'tokens', 37), p(g, 'weight', 37, 70), p(g, 'bias', 70)),
    nn: ops.matmul(g, p(g, 'a1', 'tokens', 19), p(g, 'b1', 19, 3)),
    nt: ops.matmul(g, p(g, 'a2', 'rows', 130), p(g, 'b2', 66, 130), false, true),
    tn: ops.matmul(g, p(g, 'a3', 'tokens', 65), p(g, 'b3', 'tokens', 33), true, false),
    tt: ops.matmul(g, p(g, 'a4', 20, 'tokens'), p(g, 'b4', 9, 20), true, true),
  }),
  'a product with K in parts, and its bias': (g) => ({
    linear: ops.linear(g, p(g, 'x', 'rows', 517), p(g, 'weight', 517, 9), p(g, 'bias', 9)),
  }),
  'gelu in the epilogue of a product, and its gradient in that of another': (g) => {
    const before = ops.linear(g, p(g, 'x', 'tokens', 37), p(g, 'weight', 37, 70), p(g, 'bias', 70));
    const y = ops.gelu(g, before);
    return {
      y,
      dx: ops.geluGrad(
        g,
        ops.matmul(g, p(g, 'dy', 'tokens', 9), p(g, 'next', 70, 9), false, true),
        nodeOf<'gelu'>(y),
      ),
    };
  },
  'dropout and the residual in the epilogue of a product with K in parts, at two sites': (g) => {
    let x = p(g, 'x', 'tokens', 9);
    for (const [i, site] of [SITE, { site: 0, probability: 0.1 }].entries()) {
      x = ops.add(
        g,
        x,
        ops.dropout(
          g,
          ops.linear(g, p(g, `context${i}`, 'tokens', 517), p(g, `weight${i}`, 517, 9), p(g, `bias${i}`, 9)),
          site,
        ),
      );
    }
    return { x };
  },
  'a result with two readers, or with one that reads it twice': (g) => {
    const y = ops.linear(g, p(g, 'x', 'tokens', 37), p(g, 'weight', 37, 21), p(g, 'bias', 21));
    const z = ops.dropout(g, ops.add(g, y, y), SITE);
    // sumRows is no step of an epilogue: what it reads must have been written.
    return {
      z,
      sum: ops.sumRows(g, y),
      activated: ops.add(g, ops.gelu(g, z), y),
      product: ops.matmul(g, z, p(g, 'b', 21, 4)),
    };
  },
  'the sum of two products': (g) => {
    const product = (name: string): Value =>
      ops.matmul(g, p(g, `${name} a`, 'rows', 70), p(g, `${name} b`, 70, 33));
    return { sum: ops.add(g, product('left'), product('right')) };
  },
  'a residual branch and dropout in the epilogue of a layer normalization gradient': (g) => {
    const y = ops.layerNorm(g, p(g, 'x', 'tokens', 67), p(g, 'weight', 67), p(g, 'bias', 67), 1e-5);
    const [dx, dweight, dbias] = ops.layerNormGrad(g, p(g, 'dy', 'tokens', 67), nodeOf<'layerNorm'>(y));
    const sum = ops.add(g, p(g, 'branch', 'tokens', 67), dx);
    return { sum, dropped: ops.dropout(g, sum, SITE), dweight, dbias };
  },
  'embeddings that are added and dropped out while they are gathered': (g) => {
    const [tokens, positions] = [
      ops.gather(g, p(g, 'wte', 11, 7), ids(g)),
      ops.gather(g, p(g, 'wpe', 300, 7), g.input('positionIds', ['tokens'], 'int32')),
    ];
    return { tokens, x: ops.dropout(g, ops.add(g, tokens, positions), SITE) };
  },
  'a sum of more operands than a kernel may bind': (g) => {
    let y = ops.linear(g, p(g, 'x', 'tokens', 5), p(g, 'weight', 5, 6), p(g, 'bias', 6));
    for (let i = 0; i < 9; i++) y = ops.add(g, y, p(g, `term${i}`, 'tokens', 6));
    return { y };
  },
  'sums of columns in the kernel of a product': (g) => {
    const [x, dy, wide] = [p(g, 'x', 'tokens', 33), p(g, 'dy', 'tokens', 70), p(g, 'wide', 'tokens', 300)];
    // The K of 300 x 70 is never in parts.
    return {
      dw: ops.matmul(g, x, dy, true, false),
      db: ops.sumRows(g, dy),
      dwWide: ops.matmul(g, wide, dy, true, false),
      dbWide: ops.sumRows(g, dy),
    };
  },
  'sums over rows': (g) => ({ sum: ops.sumRows(g, p(g, 'x', 'tokens', 45)) }),
  'layer normalization and its gradient': (g) => {
    const y = ops.layerNorm(g, p(g, 'x', 'tokens', 67), p(g, 'weight', 67), p(g, 'bias', 67), 1e-5);
    const [dx, dweight, dbias] = ops.layerNormGrad(g, p(g, 'dy', 'tokens', 67), nodeOf<'layerNorm'>(y));
    return { y, dx, dweight, dbias };
  },
  'gelu and its gradient': (g) => {
    const y = ops.gelu(g, p(g, 'x', 'tokens', 9));
    return { y, dx: ops.geluGrad(g, p(g, 'dy', 'tokens', 9), nodeOf<'gelu'>(y)) };
  },
  dropout: (g) => ({ y: ops.dropout(g, p(g, 'x', 'tokens', 13), SITE) }),
  'columns that are split and joined': (g) => {
    const [a, b, c] = ops.splitColumns(g, p(g, 'x', 'tokens', 11), [2, 8, 1]);
    return { a, b, joined: ops.joinColumns(g, [c, a, b]) };
  },
  'cross-entropy and its gradient': (g) => {
    const loss = ops.crossEntropy(
      g,
      p(g, 'logits', 'rows', 3),
      g.input('labels', ['rows'], 'int32'),
      g.input('lossWeight', [], 'float32'),
    );
    return { loss, dlogits: ops.crossEntropyGrad(g, nodeOf<'crossEntropy'>(loss)) };
  },
  ...Object.fromEntries<(g: GraphBuilder) => Record<string, Value>>(
    (
      [
        [1, 5, undefined],
        [12, 64, SITE],
        [25, 3, SITE],
        [2, 96, undefined],
      ] as const
    ).flatMap(([heads, width, dropout]) => {
      const c = heads * width;
      const attributes = { heads, scale: 1 / Math.sqrt(width), dropout };
      return [
        [
          `attention and its gradient, heads: ${heads}, head width: ${width}${dropout ? ', dropout' : ''}`,
          (g: GraphBuilder) => {
            const y = ops.attention(g, p(g, 'qkv', 'tokens', 3 * c), attributes);
            return { y, dqkv: ops.attentionGrad(g, p(g, 'dy', 'tokens', c), nodeOf<'attention'>(y)) };
          },
        ],
        [
          `pooled attention and its gradient, heads: ${heads}, head width: ${width}${dropout ? ', dropout' : ''}`,
          (g: GraphBuilder) => {
            const y = ops.pooledAttention(g, p(g, 'q', 'rows', c), p(g, 'kv', 'tokens', 2 * c), attributes);
            const [dq, dkv] = ops.pooledAttentionGrad(g, p(g, 'dy', 'rows', c), nodeOf<'pooledAttention'>(y));
            return { y, dq, dkv };
          },
        ],
      ];
    }),
  ),
};

describe('Program, against the reference engine', () => {
  after(() => gpu?.device.destroy());

  for (const [name, build] of Object.entries(KERNELS)) {
    it(`computes ${name}`, { skip, timeout: 300_000 }, async () => {
      for (const [what, batch] of Object.entries(BATCHES)) {
        await compare(build, batch).catch((error: unknown) =>
          assert.fail(`${what}: ${error instanceof Error ? error.message : String(error)}`),
        );
      }
    });
  }

  it('computes the gradient of a table, zero in rows that no text uses', { skip }, async () => {
    for (const batch of Object.values(BATCHES)) {
      const build = (g: GraphBuilder): Record<string, Value> => {
        p(g, 'table', 11, 70);
        return { dtable: ops.gatherGrad(g, p(g, 'dy', 'tokens', 70), ids(g), 11) };
      };
      await compare(build, batch, new Map([['dtable', 'table']]));
    }
  });
});
