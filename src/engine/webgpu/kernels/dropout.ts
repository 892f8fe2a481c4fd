/** Dropout (graph/dropout-mask.ts) in WGSL: the same generator, so the same masks as every other engine draws. */
import { dropoutThreshold } from '../../../graph/dropout-mask.js';
import type { DropoutSite, Node } from '../../../graph/graph.js';
import { elementLoop, elementWorkgroups, elementsOf, header, wgslElements, wgslFloat } from '../dispatch.js';
import type { Dispatch } from '../dispatch.js';

/** `dropoutFactor(counter)` of one site; reads the binding `keys`. Without a site every element is kept. */
export function dropoutFunction(site: DropoutSite | undefined): string {
  if (!site) return 'fn dropoutFactor(counter: u32) -> f32 { return 1.0; }\n';
  return `
fn mix32(word: u32) -> u32 {
  var x = (word ^ (word >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  return x ^ (x >> 16u);
}
fn dropoutFactor(counter: u32) -> f32 {
  let key = keys[${site.site}u];
  let draw = mix32(mix32(counter ^ key.x) + key.y);
  return select(${wgslFloat(1 / (1 - site.probability))}, 0.0, draw < ${dropoutThreshold(site.probability)}u);
}
`;
}

export function dropout(node: Node<'dropout'>): Dispatch[] {
  const [x] = node.inputs;
  const [y] = node.outputs;
  return [
    {
      label: 'dropout',
      code:
        header([{ name: 'keys', type: 'array<vec2u>' }, { name: 'x', type: 'array<f32>' }, { name: 'y', type: 'array<f32>', access: 'read_write' }]) +
        dropoutFunction(node.attributes) +
        elementLoop(wgslElements(x.shape), 'y[i] = x[i] * dropoutFactor(i);'),
      bindings: [{ batch: 'dropoutKeys' }, { value: x }, { value: y }],
      workgroups: (size) => elementWorkgroups(elementsOf(x.shape, size)),
    },
  ];
}
