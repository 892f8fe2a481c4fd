/**
 * The wording of every error and notice, in each shell, from the examples of its facts. `golden/` holds it, a
 * file for each part of the catalogue: `ATTUNE_WRITE_WORDING=1 npm run test:unit -- wording` writes them anew,
 * to be read in the diff.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Command } from 'commander';
import { createCommand } from '#attune/cli/command.js';
import { COMMANDS } from '#attune/cli/main.js';
import { COMMAND_LINE } from '#attune/cli/shell.js';
import type { ErrorCode } from '#attune/errors/catalogue.js';
import { CATALOGUE } from '#attune/errors/catalogue.js';
import type { NoticeCode } from '#attune/errors/notices.js';
import { noticeSentence, NOTICES } from '#attune/errors/notices.js';
import type { Described, Shell } from '#attune/errors/shell.js';
import { errorHint, LIBRARY, errorSentence } from '#attune/errors/shell.js';
import type { Facts } from '#attune/errors/wording.js';
import { PAGE, pageHint } from '#attune/serve/page-shell.js';
import { EXAMPLES } from './examples/all.js';
import { NOTICE_EXAMPLES } from './examples/notice-examples.js';

const SHELLS: readonly (readonly [name: string, shell: Shell])[] = [
  ['library', LIBRARY],
  ['command line', COMMAND_LINE],
  ['page', PAGE],
];
/** Every example. */
const ERRORS: readonly Described[] = Object.values(EXAMPLES)
  .flatMap((examples) => Object.entries(examples))
  .flatMap(([code, all]) => all.map((facts) => ({ code: code as ErrorCode, facts })));
const GOLDEN = join('test', 'errors', 'golden');
const writes = (process.env['ATTUNE_WRITE_WORDING'] ?? '') !== '';

/** On the page, a hint also says which arguments it has no field for. */
const adviceOf = (error: Described, shell: Shell): string =>
  shell === PAGE ? pageHint((terms) => errorHint(error, terms)) : errorHint(error, shell);

type Worded = (shell: Shell) => readonly string[];

/** What each shell says; one that says what the library says is left out. */
function inEachShell(lines: Worded): string[] {
  const own = lines(LIBRARY);
  return SHELLS.flatMap(([name, shell]) => {
    const said = lines(shell);
    return shell === LIBRARY || said.join('\n') !== own.join('\n')
      ? said.map((line, i) => `  ${i === 0 ? `${name}: ` : '    '}${line}`)
      : [];
  });
}

function assertGolden(name: string, lines: readonly string[]): void {
  const file = join(GOLDEN, `${name}.txt`);
  const text = `${lines.join('\n')}\n`;
  if (writes) {
    mkdirSync(GOLDEN, { recursive: true });
    writeFileSync(file, text);
  }
  assert.ok(existsSync(file), `${file} is missing`);
  assert.equal(text, readFileSync(file, 'utf8'));
}

/** A flag of the command line. */
const FLAG = /(?<![\w-])--[a-z][a-z0-9-]*/g;
/** What no sentence says: an object or a symbol as JavaScript writes it, white space to no purpose. */
const BROKEN = /\[object |^\s|\s$|  |^$|Symbol\(/;

describe('CATALOGUE', () => {
  for (const [name, examples] of Object.entries(EXAMPLES)) {
    it(`words the errors of ${name} in each shell as golden/${name}.txt has them`, () => {
      const blocks = Object.entries(examples).map(([code, all]) => [
        code,
        ...all.flatMap((facts) => {
          const error = { code: code as ErrorCode, facts };
          return inEachShell((shell) => [errorSentence(error, shell), adviceOf(error, shell)]);
        }),
      ]);
      assertGolden(name, blocks.flat());
    });
  }

  it('has an example of each code, and each code once', () => {
    const codes = Object.values(EXAMPLES).flatMap((examples) => Object.keys(examples));
    assert.deepEqual(codes.toSorted(), Object.keys(CATALOGUE).toSorted());
  });

  it('has facts that go through JSON unchanged', () => {
    for (const { code, facts } of ERRORS) {
      const defined = Object.entries(facts).filter(([, fact]) => fact !== undefined);
      assert.deepEqual(JSON.parse(JSON.stringify(facts)), Object.fromEntries(defined), code);
    }
  });

  it('has a sentence and a hint for each code in each shell', () => {
    for (const error of ERRORS)
      for (const [name, shell] of SHELLS) {
        const [says, advice] = [errorSentence(error, shell), adviceOf(error, shell)];
        const where = `${error.code} (${name}): ${says} / ${advice}`;
        if (!Object.values(error.facts).includes(undefined))
          assert.doesNotMatch(says, /\bundefined\b/, where);
        assert.doesNotMatch(says, BROKEN, where);
        assert.doesNotMatch(advice, BROKEN, where);
        assert.match(advice, /[.?:)"]$/, where);
      }
  });

  it('names no option of the command line to a program or on the page', () => {
    const ofOthers = ERRORS.filter(({ code }) => !(code in EXAMPLES['command-line']));
    for (const error of ofOthers)
      for (const shell of [LIBRARY, PAGE]) assert.deepEqual(flagsIn(error, shell), []);
  });

  it('names at the command line only options that a command has', async () => {
    const flags = ERRORS.flatMap((error) => flagsIn(error, COMMAND_LINE));
    const options = await allOptions();
    assert.ok(flags.length > 100, `${flags.length} flags`);
    assert.deepEqual(
      [...new Set(flags)].filter((flag) => !options.has(flag)),
      [],
    );
  });
});

/** The flags that a shell names of its own: those among the facts are what the user typed. */
function flagsIn(error: Described, shell: Shell): readonly string[] {
  const typed = bare(JSON.stringify(error.facts));
  const text = `${errorSentence(error, shell)} ${adviceOf(error, shell)}`;
  return (text.match(FLAG) ?? []).filter((flag) => !typed.includes(bare(flag)));
}

/** Letters and digits: what a user typed may be spelled in any way. */
const bare = (text: string): string => text.replace(/[^a-z0-9]/gi, '').toLowerCase();

/** Of every command and its subcommands, aliases included. */
async function allOptions(): Promise<ReadonlySet<string>> {
  const found = new Set<string>(['--help', '--version']);
  const collect = (command: Command): Command => {
    for (const { long } of command.options) if (typeof long === 'string') found.add(long);
    command.commands.forEach(collect);
    return command;
  };
  for (const { name, complete } of COMMANDS) {
    const command = createCommand(name);
    await complete(command, collect);
    collect(command);
  }
  return found;
}

describe('NOTICES', () => {
  it('are worded in each shell as golden/notices.txt has them', () => {
    const blocks = Object.entries(NOTICE_EXAMPLES).map(([code, all]) => [
      code,
      ...all.flatMap((facts: Facts) =>
        inEachShell((shell) => [noticeSentence({ code: code as NoticeCode, facts }, shell)]),
      ),
    ]);
    assert.deepEqual(Object.keys(NOTICE_EXAMPLES).toSorted(), Object.keys(NOTICES).toSorted());
    assertGolden('notices', blocks.flat());
  });
});
