/**
 * Dropout (graph/dropout-mask.ts) in WGSL: the same generator, so the same masks as every other engine draws.
 */
import { dropoutThreshold } from '../../../graph/dropout-mask.js';
import type { DropoutSite } from '../../../graph/graph.js';
import type { Binding, Declaration } from '../dispatch.js';

/**
 * What a kernel with dropout binds: the keys of all sites, and for each of its own what `dropoutFactor` is
 * given. Sites are constants, so that they share pipelines.
 */
export function dropoutInputs(sites: readonly { readonly name: string; readonly site: DropoutSite }[]): {
  readonly declarations: readonly Declaration[];
  readonly bindings: readonly Binding[];
} {
  if (sites.length === 0) return { declarations: [], bindings: [] };
  return {
    declarations: [
      { name: 'keys', type: 'array<vec2u>' },
      ...sites.map(({ name }) => ({ name, type: 'vec4u', access: 'uniform' as const })),
    ],
    bindings: [{ batch: 'dropoutKeys' }, ...sites.map(({ site }) => ({ constants: siteWords(site) }))],
  };
}

/** Its number, below which draws are dropped, and the bits of the factor of what is kept. */
function siteWords({ site, probability }: DropoutSite): readonly number[] {
  const [factor] = new Uint32Array(Float32Array.of(1 / (1 - probability)).buffer);
  return [site, dropoutThreshold(probability), factor, 0];
}

/** `dropoutFactor(site, counter)`: what an element of a site is multiplied with. */
export const DROPOUT_FUNCTION = `
fn mix32(word: u32) -> u32 {
  var x = (word ^ (word >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  return x ^ (x >> 16u);
}
fn dropoutFactor(site: vec4u, counter: u32) -> f32 {
  let key = keys[site.x];
  let draw = mix32(mix32(counter ^ key.x) + key.y);
  return select(bitcast<f32>(site.z), 0.0, draw < site.y);
}
`;
