import { DataError, UsageError } from '../errors/attune-error.js';
import type { ClassOrigin } from '../errors/phrases/class-origins.js';
import type { RecordPlace } from '../errors/phrases/places.js';
import { Pace } from '../pace.js';
import type { Row } from './dataset.js';
import type { RawRow, Writable } from './rows.js';
import { rowPlace } from './rows.js';

/** How the labels of the data were written, which decides how those of another split may be written. */
type Notation = 'integers' | 'names' | 'either' | 'given';

/**
 * Class index <-> name, learnt from the training split and shared by all splits.
 *
 * Integer labels must be 0 to K - 1; their names come from the `label_text` column where there is one, else
 * they are `LABEL_i`, as transformers calls them. Labels that are names get indices in sorted order (by code
 * point, as Python sorts).
 */
export class LabelMap {
  readonly #notation: Notation;
  /** Where the data names class i, for messages. Absent for classes that nothing names. */
  readonly #named: ReadonlyMap<number, ClassOrigin>;

  /** Classes that rows have; undefined: nobody looked. */
  readonly #present: ReadonlySet<unknown> | undefined;

  private constructor(
    readonly names: readonly string[],
    notation: Notation,
    named: ReadonlyMap<number, ClassOrigin>,
    present?: ReadonlySet<unknown>,
  ) {
    this.#notation = notation;
    this.#named = named;
    this.#present = present;
  }

  /**
   * A map that the caller knows beforehand. Labels may be indices or names; what the data calls an index is
   * of no account.
   */
  static of(names: readonly string[]): LabelMap {
    return new LabelMap(names, 'given', new Map(names.map((_, i) => [i, 'labelNames'])));
  }

  /**
   * The classes that `place` has: a model, or what the data declares. Labels may be indices or names; where
   * an index has a name in the data as well, the name decides. Classes that nobody named (LABEL_0, LABEL_1,
   * …) are taken by their index.
   */
  static named(names: readonly string[], place: ClassOrigin): LabelMap {
    return new LabelMap(
      names,
      'either',
      new Map(names.every(isPlaceholder) ? [] : names.map((_, i) => [i, place])),
    );
  }

  /** Where the data names class i; undefined where nothing names it. */
  placeOf(index: number): ClassOrigin | undefined {
    return this.#named.get(index);
  }

  /** Whether class i is nothing but a number that no row has, between others. */
  isGap(index: number): boolean {
    return this.#present?.has(index) === false && !this.#named.has(index);
  }

  /** Whether the labels of the data are names, whose indices are of no meaning outside. */
  get areNames(): boolean {
    return this.#notation === 'names';
  }

  /**
   * @param expected classes that there are where the rows may leave some out: there may be gaps, and one
   *   class alone
   * @throws DataError naming file and line: `labels-mixed`, `labels-with-gaps`, `labels-of-one-class`,
   *   `label-out-of-range`, `class-with-two-names`, `class-name-shared`
   */
  static async learn(
    rows: readonly RawRow[],
    file: string,
    signal?: AbortSignal,
    expected?: number,
  ): Promise<LabelMap> {
    const first = new Map<number | string, RawRow>();
    let odd: RawRow | undefined;
    const pace = new Pace(signal);
    for (const row of rows) {
      if (pace.due) await pace.rest();
      if (!first.has(row.label)) first.set(row.label, row);
      if (typeof row.label !== typeof rows[0].label) odd ??= row;
    }
    if (odd) {
      const [usual] = rows;
      throw new DataError('labels-mixed', {
        ...rowPlace(odd, file),
        label: odd.label,
        other: { ...rowPlace(usual, file), label: usual.label },
      });
    }
    if (first.size === 1 && expected === undefined)
      throw new DataError('labels-of-one-class', { source: file, rows: rows.length, label: rows[0].label });
    const labels = [...first.keys()];
    const names = labels.filter((label) => typeof label === 'string').sort(byCodePoint);
    if (names.length > 0)
      return new LabelMap(
        names,
        'names',
        new Map(names.map((name, i) => [i, rowPlace(first.get(name)!, file)])),
      );

    const numbers = labels.filter((label) => typeof label === 'number');
    const highest = numbers.reduce((a, b) => Math.max(a, b));
    if (expected === undefined) refuseGaps(numbers, first, file);
    else if (highest >= expected)
      throw new DataError('label-out-of-range', {
        ...rowPlace(first.get(highest)!, file),
        label: highest,
        classes: expected,
      });
    const { texts, places } = await namesOfIntegers(rows, file, pace);
    return new LabelMap(
      Array.from({ length: highest + 1 }, (_, i) => texts.get(i) ?? `LABEL_${i}`),
      'integers',
      places,
      new Set(numbers),
    );
  }

  /**
   * The rows with class indices.
   *
   * @param declared what the file itself calls its integer labels
   * @throws DataError naming file and line: `label-unknown`, `label-out-of-range`
   */
  async encode(
    rows: readonly RawRow[],
    file: string,
    signal?: AbortSignal,
    declared?: readonly string[],
  ): Promise<Row[]> {
    const encoded: Row[] = [];
    const pace = new Pace(signal);
    const called = new Map<number, { readonly name: string; readonly place: RecordPlace }>();
    for (const row of rows) {
      if (pace.due) await pace.rest();
      const place = rowPlace(row, file);
      const name = typeof row.label === 'number' ? (declared?.[row.label] ?? row.labelText) : undefined;
      if (typeof row.label === 'number' && name !== undefined) {
        const before = called.get(row.label);
        if (before && before.name !== name) throw twoNames(place, row.label, name, before);
        if (!before) called.set(row.label, { name, place });
      }
      const label = this.#index(row.label, name, place);
      const made: Writable<Row> = { text: row.text, label };
      if (this.#named.has(label)) made.labelText = this.names[label];
      if (row.id !== undefined) made.id = row.id;
      encoded.push(made);
    }
    return encoded;
  }

  /** By its name, where it has one and this map knows names; else by its number. */
  #index(label: number | string, name: string | undefined, place: RecordPlace): number {
    const { names } = this;
    const goesByName = this.#named.size > 0 && this.#notation !== 'given';
    const nameOfInteger = goesByName ? name : undefined;
    const text = typeof label === 'string' ? label : nameOfInteger;
    if (text !== undefined) {
      const index = names.indexOf(text);
      if (index >= 0) return index;
    }
    if (typeof label === 'string') throw new DataError('label-unknown', { ...place, label, classes: names });
    const named = this.#named.get(label);
    if (text !== undefined && named !== undefined && label < names.length)
      throw twoNames(place, label, text, { name: names[label], place: named });
    if (this.#notation === 'names') throw new DataError('label-unknown', { ...place, label, classes: names });
    if (label >= names.length)
      throw new DataError('label-out-of-range', { ...place, label, classes: names.length, names });
    return label;
  }
}

interface NamedClasses {
  readonly labelNames: readonly string[];
}

/**
 * A class index means the same in two splits only if both have the same names in the same order.
 *
 * @throws UsageError `classes-differ`
 */
export function requireSameClasses(train: NamedClasses, test: NamedClasses): void {
  const [own, other] = [train.labelNames, test.labelNames];
  if (own.length === other.length && own.every((name, i) => name === other[i])) return;
  throw new UsageError('classes-differ', { train: own, test: other });
}

/** As transformers calls a class that nobody named. */
export const isPlaceholder = (name: string, index: number): boolean => name === `LABEL_${index}`;

function refuseGaps(
  labels: readonly number[],
  first: ReadonlyMap<number | string, RawRow>,
  file: string,
): void {
  const highest = labels.reduce((a, b) => Math.max(a, b));
  if (highest === labels.length - 1) return;
  const missing: number[] = [];
  for (let i = 0; missing.length < 10 && i < highest; i++) if (!first.has(i)) missing.push(i);
  throw new DataError('labels-with-gaps', {
    ...rowPlace(first.get(highest)!, file),
    highest,
    missing,
    missingCount: highest + 1 - labels.length,
  });
}

/** The name of each class by the `label_text` column: one class has one name, and no two share it. */
async function namesOfIntegers(
  rows: readonly RawRow[],
  file: string,
  pace: Pace,
): Promise<{ texts: Map<number, string>; places: Map<number, RecordPlace> }> {
  const texts = new Map<number, string>();
  const places = new Map<number, RecordPlace>();
  const indexOf = new Map<string, number>();
  for (const row of rows) {
    if (pace.due) await pace.rest();
    const { label, labelText } = row;
    if (typeof label !== 'number' || labelText === undefined) continue;
    const known = texts.get(label);
    if (known !== undefined && known !== labelText)
      throw twoNames(rowPlace(row, file), label, labelText, { name: known, place: places.get(label)! });
    const other = indexOf.get(labelText);
    if (other !== undefined && other !== label)
      throw new DataError('class-name-shared', {
        ...rowPlace(row, file),
        label,
        name: labelText,
        other: { label: other, place: places.get(other)! },
      });
    if (known !== undefined) continue;
    texts.set(label, labelText);
    places.set(label, rowPlace(row, file));
    indexOf.set(labelText, label);
  }
  return { texts, places };
}

const twoNames = (
  place: RecordPlace,
  label: number,
  name: string,
  other: { readonly name: string; readonly place: ClassOrigin },
): DataError => new DataError('class-with-two-names', { ...place, label, name, other });

/** JavaScript sorts by UTF-16 unit, which puts U+FFxx after the supplementary planes. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
