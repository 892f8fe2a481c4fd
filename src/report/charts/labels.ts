/** Where the numbers beside the dots of a scatter plot go, so that none covers another. */

export interface Placed {
  readonly dx: number;
  readonly dy: number;
  readonly anchor: 'start' | 'middle' | 'end';
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const HEIGHT = 10;
const DIGIT = 7;
/** Share of a label's width that is left of its anchor. */
const BEFORE: Readonly<Record<Placed['anchor'], number>> = { start: 0, middle: 0.5, end: 1 };

/**
 * Tries places around each dot, near ones first, and takes the one that covers the least of the dots and the
 * labels placed before.
 *
 * @param dots in pixels
 * @param radius of a dot
 */
export function placeLabels(
  dots: readonly { readonly x: number; readonly y: number; readonly text: string }[],
  radius: number,
  bounds: Box,
): Placed[] {
  const taken: Box[] = dots.map(({ x, y }) => ({
    left: x - radius,
    right: x + radius,
    top: y - radius,
    bottom: y + radius,
  }));
  return dots.map(({ x, y, text }) => {
    const width = DIGIT * text.length;
    const options = [radius + 3, radius + 11, radius + 19].flatMap((far): Placed[] => [
      { dx: far, dy: 0, anchor: 'start' },
      { dx: -far, dy: 0, anchor: 'end' },
      { dx: far * 0.8, dy: -far, anchor: 'start' },
      { dx: far * 0.8, dy: far, anchor: 'start' },
      { dx: -far * 0.8, dy: -far, anchor: 'end' },
      { dx: -far * 0.8, dy: far, anchor: 'end' },
      { dx: 0, dy: -far - 4, anchor: 'middle' },
      { dx: 0, dy: far + 4, anchor: 'middle' },
    ]);
    const boxOf = ({ dx, dy, anchor }: Placed): Box => {
      const left = x + dx - width * BEFORE[anchor];
      return { left, right: left + width, top: y + dy - HEIGHT / 2, bottom: y + dy + HEIGHT / 2 };
    };
    const cost = (box: Box): number =>
      taken.reduce((sum, other) => sum + overlap(box, other), 0) +
      (overlap(box, bounds) < width * HEIGHT - 1e-6 ? 1000 : 0);
    const best = options.reduce((a, b) => (cost(boxOf(b)) < cost(boxOf(a)) - 1e-6 ? b : a));
    taken.push(boxOf(best));
    return best;
  });
}

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
