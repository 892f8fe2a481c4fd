/** Names of classes that look alike, and notes about them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataError } from '#attune/errors/attune-error.js';
import type { Notice } from '#attune/errors/notices.js';
import { notice } from '#attune/errors/notices.js';
import { lookAlikeNotes } from '#attune/data/look-alikes.js';
import { loadSplits } from '#attune/data/splits.js';
import { lookAlikeHint } from '#attune/errors/phrases/look-alikes.js';
import { toJsonl } from '../support/cli.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

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

describe('lookAlikeNotes', () => {
  it('reports names that look alike, with escapes for the characters that differ', () => {
    for (const [one, other, why] of PAIRS) {
      assert.deepEqual(
        lookAlikeNotes(['bad', one, other]),
        [notice('classes-look-alike', { pairs: [[one, other]] })],
        why,
      );
      assert.match(lookAlikeNotes([one, other])[0].message, /: "[ -~]+" and "[ -~]+"$/, why);
    }
  });

  it('reports nothing for names that differ visibly', () => {
    assert.deepEqual(lookAlikeNotes(['good', 'bad', 'gut', 'g\u00f6\u00f6d']), []);
    // Characters of their own, joined emoji, flags, a visible sign of Arabic.
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
  });

  it('reports all pairs in one note', () => {
    const pairs = ['a', 'b', 'c', 'd'].map((name): [string, string] => [name, name.toUpperCase()]);
    assert.deepEqual(lookAlikeNotes(pairs.flat()), [notice('classes-look-alike', { pairs })]);
  });

  it('reports any name beside the same name with a zero-width space, but not a single name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        assert.deepEqual(lookAlikeNotes([name]), []);
        assert.equal(lookAlikeNotes([name, `${name}\u200b`]).length, 1);
      }),
      { seed: 3 },
    );
  });
});

describe('lookAlikeHint', () => {
  it('names the class that an unknown label looks like', () => {
    for (const [one, other, why] of PAIRS)
      assert.match(
        lookAlikeHint(other, ['bad', one]) ?? '',
        /^It looks like the class ".+", but is ".+"\. /,
        why,
      );
  });

  it('returns undefined if the label looks like no class', () => {
    assert.equal(lookAlikeHint('other', ['good', 'bad']), undefined);
  });
});

describe('loadSplits', () => {
  it('notes classes that look alike, and a number with a leading zero', async (t) => {
    const dir = folder(t, {
      'alike.jsonl': toJsonl(['Good', 'good', 'bad'].map((label) => ({ text: 'a', label }))),
      'numbers.csv': 'text,label\na,0\nb,1\nc,01\nd,+1\n',
      'plain.csv': 'text,label\na,0\nb,1\nc, 1\n',
    });
    const notes = async (name: string): Promise<readonly Notice[]> =>
      (await loadSplits({ dataset: `${dir}/${name}`, seed: 1 })).notes;
    assert.deepEqual(await notes('alike.jsonl'), [
      notice('classes-look-alike', { pairs: [['Good', 'good']] }),
    ]);
    assert.deepEqual(await notes('numbers.csv'), [
      notice('digits-are-numbers', {
        spelling: '01',
        place: { file: `${dir}/numbers.csv`, line: 4 },
        label: 1,
      }),
    ]);
    assert.deepEqual(await notes('plain.csv'), []);
  });

  it('refuses a label that looks like a class but is none', async (t) => {
    const dir = folder(t, {
      'train.jsonl': toJsonl(['good', 'bad'].map((label) => ({ text: 'a', label }))),
      'other.jsonl': toJsonl([{ text: 'a', label: 'Good' }]),
    });
    await assert.rejects(
      loadSplits({ dataset: `${dir}/train.jsonl`, evalDataset: `${dir}/other.jsonl`, seed: 1 }),
      refusal(DataError, 'label-unknown', {
        file: `${dir}/other.jsonl`,
        line: 1,
        label: 'Good',
        classes: ['bad', 'good'],
      }),
    );
  });
});
