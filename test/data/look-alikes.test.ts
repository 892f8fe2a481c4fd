import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lookAlikeHint, lookAlikeNotes } from '#attune/data/look-alikes.js';
import { loadSplits } from '#attune/data/splits.js';
import { toJsonl } from '../support/cli.js';
import { folder } from '../support/folder.js';

const PAIRS: readonly (readonly [one: string, other: string, why: string])[] = [
  ['good', 'Good', 'case'],
  ['STRASSE', 'strasse', 'case'],
  ['caf\u00e9', 'cafe\u0301', 'composed and decomposed'],
  ['good', 'go\u200bod', 'a zero-width space'],
  ['good', '\ufeffgood', 'a byte order mark'],
  ['good', 'good\u00ad', 'a soft hyphen'],
  ['very good', 'very\u00a0good', 'a no-break space'],
  ['very good', 'very  good', 'two spaces'],
  ['a b', 'a\tb', 'a tab'],
  ['a b', 'a\nb', 'a line feed'],
  ['\u03c9', '\u2126', 'the ohm sign'],
];

test('names that look alike are said, with their codes', () => {
  for (const [one, other, why] of PAIRS) {
    const [note] = lookAlikeNotes(['bad', one, other]);
    assert.match(note, /^classes that look alike are different ones: "[ -~]+" and "[ -~]+"$/, why);
    const [first, second] = [...note.matchAll(/"(?:[^"\\]|\\.)*"/g)].map(
      ([name]) => JSON.parse(name) as string,
    );
    assert.deepEqual([first, second], [one, other], why);
    assert.match(lookAlikeHint(other, ['bad', one]) ?? '', /^It looks like the class ".+", but is ".+"\. /);
  }
  assert.deepEqual(lookAlikeNotes(['good', 'bad', 'gut', 'g\u00f6\u00f6d']), []);
  // What looks different: signs of their own, joined emoji, flags, a visible sign of Arabic.
  for (const [one, other] of [
    ['m\u00b2', 'm2'],
    ['H\u2082O', 'H2O'],
    ['Foo\u2122', 'FooTM'],
    ['\u00bd', '1\u20442'],
    ['👨‍👩‍👧', '👨👩👧'],
    ['👍🏽‍🔥', '👍🏽🔥'],
    ['🏴󠁧󠁢󠁥󠁮󠁧󠁿', '🏴󠁧󠁢󠁳󠁣󠁴󠁿'],
    ['\u0600 x', 'x'],
    ['newline', 'new\nline'],
    ['ab', 'a\tb'],
  ]) {
    assert.deepEqual(lookAlikeNotes([one, other]), [], `${one} and ${other}`);
  }
  assert.equal(lookAlikeHint('other', ['good', 'bad']), undefined);
  assert.match(
    lookAlikeNotes(['a', 'A', 'b', 'B', 'c', 'C', 'd', 'D'])[0],
    /"a" and "A", "b" and "B", "c" and "C", … \(4 pairs\)$/,
  );
});

test('one name alone never looks like another, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      assert.deepEqual(lookAlikeNotes([name]), []);
      assert.equal(lookAlikeNotes([name, `${name}\u200b`]).length, 1);
    }),
  );
});

test('loading notes look-alikes and odd numbers, and an unknown label says which class it looks like', async (t) => {
  const dir = folder(t, {
    'alike.jsonl': toJsonl(['Good', 'good', 'bad'].map((label) => ({ text: 'a', label }))),
    'numbers.csv': 'text,label\na,0\nb,1\nc,01\nd,+1\n',
    'plain.csv': 'text,label\na,0\nb,1\nc, 1\n',
    'train.jsonl': toJsonl(['good', 'bad'].map((label) => ({ text: 'a', label }))),
    'other.jsonl': toJsonl([{ text: 'a', label: 'Good' }]),
  });
  const notes = async (name: string): Promise<readonly string[]> =>
    (await loadSplits({ dataset: `${dir}/${name}`, seed: 1 })).notes;
  assert.deepEqual(await notes('alike.jsonl'), [
    'classes that look alike are different ones: "Good" and "good"',
  ]);
  assert.deepEqual(await notes('numbers.csv'), [
    `labels of digits are numbers: "01" (${dir}/numbers.csv:4) is class 1`,
  ]);
  assert.deepEqual(await notes('plain.csv'), []);
  await assert.rejects(
    loadSplits({ dataset: `${dir}/train.jsonl`, evalDataset: `${dir}/other.jsonl`, seed: 1 }),
    { name: 'DataError', hint: /^It looks like the class "good", but is "Good"\./ },
  );
});
