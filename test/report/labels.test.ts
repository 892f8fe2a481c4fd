import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { placeLabels } from '#attune/report/charts/labels.js';

const bounds = { left: 0, right: 300, top: 0, bottom: 260 };
const at = fc.record({
  x: fc.integer({ min: 20, max: 280 }),
  y: fc.integer({ min: 20, max: 240 }),
  text: fc.constantFrom('1', '12'),
});

test('a dot by itself has its number to the right', () => {
  assert.deepEqual(placeLabels([{ x: 100, y: 100, text: '1' }], 5, bounds), [
    { dx: 8, dy: 0, anchor: 'start' },
  ]);
});

/** The share of a text that lies left of its anchor. */
const ANCHORED = { start: 0, middle: 0.5, end: 1 };

test('numbers stay inside the frame', () => {
  fc.assert(
    fc.property(fc.array(at, { maxLength: 24 }), (dots) => {
      placeLabels(dots, 5, bounds).forEach(({ dx, anchor }, i) => {
        const width = 7 * dots[i].text.length;
        const left = dots[i].x + dx - width * ANCHORED[anchor];
        assert.ok(left >= 0 && left + width <= 300);
      });
    }),
  );
});

test('two dots in one place have their numbers apart', () => {
  const [a, b] = placeLabels(
    [
      { x: 100, y: 100, text: '1' },
      { x: 100, y: 100, text: '2' },
    ],
    5,
    bounds,
  );
  assert.notDeepEqual(a, b);
});
