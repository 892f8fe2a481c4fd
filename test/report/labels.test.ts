import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { placeLabels } from '#attune/report/charts/labels.js';
import type { Placed } from '#attune/report/charts/labels.js';

const bounds = { left: 0, right: 300, top: 0, bottom: 260 };
const dot = fc.record({
  x: fc.integer({ min: 20, max: 280 }),
  y: fc.integer({ min: 20, max: 240 }),
  text: fc.constantFrom('1', '12'),
});

/** The share of a text that lies left of its anchor. */
const ANCHORED = { start: 0, middle: 0.5, end: 1 };

/** Where a label lies: a digit is 7 pixels wide and 10 high. */
function boxOf(
  { dx, dy, anchor }: Placed,
  { x, y, text }: { x: number; y: number; text: string },
): typeof bounds {
  const width = 7 * text.length;
  const left = x + dx - width * ANCHORED[anchor];
  return { left, right: left + width, top: y + dy - 5, bottom: y + dy + 5 };
}

describe('placeLabels', () => {
  it('puts the number of a single dot to its right', () => {
    assert.deepEqual(placeLabels([{ x: 100, y: 100, text: '1' }], 5, bounds), [
      { dx: 8, dy: 0, anchor: 'start' },
    ]);
  });

  it('keeps numbers inside the frame', () => {
    fc.assert(
      fc.property(fc.array(dot, { maxLength: 24 }), (dots) => {
        placeLabels(dots, 5, bounds).forEach((placed, i) => {
          const { left, right, top, bottom } = boxOf(placed, dots[i]);
          assert.ok(left >= 0 && right <= 300);
          assert.ok(top >= 0 && bottom <= 260);
        });
      }),
    );
  });

  it('places the numbers of two dots in one place apart', () => {
    const dots = [
      { x: 100, y: 100, text: '1' },
      { x: 100, y: 100, text: '2' },
    ];
    const [a, b] = placeLabels(dots, 5, bounds).map((placed, i) => boxOf(placed, dots[i]));
    assert.ok(a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top);
  });
});
