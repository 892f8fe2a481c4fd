/**
 * Operations that go through their elements one by one: as the end of another kernel (fusion.ts), or as a
 * kernel of their own where none computes their inputs that could end with them.
 */
import type { Value } from '../../../graph/graph.js';
import { elementLoop, elementWorkgroups, elementsOf, header, wgslElements } from '../dispatch.js';
import type { Dispatch, Finish } from '../dispatch.js';
import { operandsOf } from '../fusion.js';
import type { ElementwiseNode } from '../fusion.js';
import { DROPOUT_FUNCTION, dropoutInputs } from './dropout.js';

/**
 * tanh through exp, which WGSL promises to a few units in the last place; its own tanh may be far less exact.
 */
const GELU_FUNCTIONS = `
fn tanhExact(x: f32) -> f32 {
  // Beyond 10 it is 1 to float32's last bit, and exp would overflow in the end.
  let e = exp(2.0 * clamp(x, -10.0, 10.0));
  return 1.0 - 2.0 / (e + 1.0);
}
const ROOT: f32 = 0.7978845608028654;
const CUBIC: f32 = 0.044715;
fn gelu(x: f32) -> f32 { return 0.5 * x * (1.0 + tanhExact(ROOT * (x + CUBIC * x * x * x))); }
fn geluDerivative(x: f32) -> f32 {
  let t = tanhExact(ROOT * (x + CUBIC * x * x * x));
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * ROOT * (1.0 + 3.0 * CUBIC * x * x);
}
`;

/** @param site the constants of a dropout */
function expressionOf(op: ElementwiseNode['op'], [a, b]: readonly string[], site: string): string {
  switch (op) {
    case 'add':
      return `${a} + ${b}`;
    case 'gelu':
      return `gelu(${a})`;
    case 'geluGrad':
      return `${a} * geluDerivative(${b})`;
    case 'dropout':
      return `${a} * dropoutFactor(${site}, i)`;
  }
}

/**
 * Passes the elements of `first` through `steps`, and writes what is wanted of them. `first` is the result of
 * the kernel that ends so; absent: the steps begin by themselves, and it is `finish(i)`.
 */
export function finishWith(
  first: Value | undefined,
  steps: readonly ElementwiseNode[],
  written: readonly Value[],
): Finish {
  const operands = operandsOf(steps, first);
  // Names by order alone, so that groups alike have the same source, and one pipeline.
  const names = new Map<Value, string>([
    ...(first ? [[first, 'value'] as const] : []),
    ...operands.map((value, i) => [value, `operand${i}[i]`] as const),
    ...steps.map(({ outputs: [value] }, i) => [value, `step${i}`] as const),
  ]);
  const sites = steps.flatMap((node, i) =>
    node.op === 'dropout' ? [{ name: `site${i}`, site: node.attributes }] : [],
  );
  const dropout = dropoutInputs(sites);
  const body = [
    ...steps.map(
      ({ op, inputs }, i) =>
        `let step${i} = ${expressionOf(
          op,
          inputs.map((input) => names.get(input)!),
          `site${i}`,
        )};`,
    ),
    ...written.map((value, i) => `result${i}[i] = ${names.get(value)!};`),
  ];
  const functions = [
    steps.some(({ op }) => op === 'gelu' || op === 'geluGrad') ? GELU_FUNCTIONS : '',
    sites.length > 0 ? DROPOUT_FUNCTION : '',
  ].join('');
  return {
    label: steps.map(({ op }) => op).join(', '),
    declarations: [
      ...dropout.declarations,
      ...operands.map((_, i) => ({ name: `operand${i}`, type: 'array<f32>' })),
      ...written.map((_, i) => ({ name: `result${i}`, type: 'array<f32>', access: 'read_write' as const })),
    ],
    bindings: [...dropout.bindings, ...[...operands, ...written].map((value) => ({ value }))],
    code: `${functions}
fn finish(i: u32${first ? ', value: f32' : ''}) {
  ${body.join('\n  ')}
}
`,
  };
}

/** Steps that no other kernel ends with. */
export function elementwise(steps: readonly ElementwiseNode[], written: readonly Value[]): Dispatch[] {
  const { shape } = steps[0].outputs[0];
  const { label, declarations, bindings, code } = finishWith(undefined, steps, written);
  return [
    {
      label,
      code: `${header(declarations)}${code}${elementLoop(wgslElements(shape), 'finish(i);')}`,
      bindings,
      workgroups: (size) => elementWorkgroups(elementsOf(shape, size)),
    },
  ];
}
