/**
 * Which buffers the intermediate results of a program share: a buffer is free again after the last dispatch
 * that uses what lies in it.
 */

export interface Lifetime {
  /** Index of the first and of the last dispatch that uses it. */
  readonly first: number;
  readonly last: number;
  readonly floats: number;
}

export interface SlotPlan {
  /** Floats of each buffer. */
  readonly slots: readonly number[];
  /** Slot of each lifetime, in the order given. */
  readonly of: readonly number[];
}

/**
 * Gives each lifetime a slot that nothing else uses meanwhile: the smallest free one that is large enough,
 * else the largest free one, grown, else a new one. Results of one dispatch never share with its inputs,
 * because a buffer cannot be read and written in one dispatch.
 */
export function planSlots(lifetimes: readonly Lifetime[]): SlotPlan {
  const order = lifetimes
    .map((_, i) => i)
    .sort(
      (a, b) => lifetimes[a].first - lifetimes[b].first || lifetimes[b].floats - lifetimes[a].floats || a - b,
    );
  const slots: { floats: number; until: number }[] = [];
  const of = new Array<number>(lifetimes.length);
  for (const i of order) {
    const { first, last, floats } = lifetimes[i];
    let chosen = -1;
    for (const [s, slot] of slots.entries()) {
      if (slot.until >= first) continue;
      const fits = slot.floats >= floats;
      const best = slots[chosen] as { floats: number } | undefined;
      if (
        !best ||
        (fits
          ? best.floats < floats || slot.floats < best.floats
          : best.floats < floats && slot.floats > best.floats)
      )
        chosen = s;
    }
    if (chosen < 0) chosen = slots.push({ floats: 0, until: -1 }) - 1;
    slots[chosen].floats = Math.max(slots[chosen].floats, floats);
    slots[chosen].until = last;
    of[i] = chosen;
  }
  return { slots: slots.map(({ floats }) => floats), of };
}
