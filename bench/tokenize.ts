/**
 * Tokenising as many texts as the tweets have, the first time and again: `tsx bench/tokenize.ts
 * [FILE.jsonl]`. Without a file, made-up words, about 25,000 different ones, as many as in the tweets and
 * longer in tokens.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '#attune/text/tokenizer.js';

function madeUp(): string[] {
  let state = 1;
  const draw = (n: number): number => {
    state = (state * 48271) % 2147483647;
    return state % n;
  };
  const words = Array.from({ length: 40_000 }, () =>
    String.fromCharCode(...Array.from({ length: 1 + draw(9) }, () => 97 + draw(26))),
  );
  return Array.from({ length: 27_481 }, () =>
    Array.from({ length: 13 }, () => words[draw(1 + draw(words.length))]).join(' '),
  );
}

const file = process.argv[2];
const texts =
  file === undefined
    ? madeUp()
    : readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { text: string | null }).text ?? '');
const model = 'gpt2-mini';
const tokenizer = await Tokenizer.fromDirectory(join(import.meta.dirname, '..', 'models', model));
for (const round of ['first time', 'again']) {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  let tokens = 0;
  for (const text of texts) tokens += tokenizer.encode(text, { maxLength: 128 }).ids.length;
  const { user, system } = process.cpuUsage(cpu);
  const seconds = ((performance.now() - started) / 1e3).toFixed(2);
  const processor = ((user + system) / 1e6).toFixed(2);
  console.log(
    `${texts.length} texts, ${tokens} tokens, ${model}, ${round}: ` +
      `${seconds} s (${processor} s of processor time)`,
  );
}
