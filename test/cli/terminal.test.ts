import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createTerminal } from '#attune/cli/terminal.js';
import { AttuneError, InterruptedError, UsageError } from '#attune/errors/attune-error.js';
import { Screen } from '../support/screen.js';

describe('createTerminal', () => {
  it('writes styles to a terminal', () => {
    const screen = new Screen();
    createTerminal({ stream: screen, env: {} }).heading('Title');
    assert.equal(screen.raw, '\n\u001b[1mTitle\u001b[22m\n');
  });

  it('writes no styles without a terminal, with NO_COLOR or on a dumb terminal', () => {
    for (const [stream, env] of [
      [new Screen({ isTTY: false }), {}],
      [new Screen(), { NO_COLOR: '1' }],
      [new Screen(), { TERM: 'dumb' }],
    ] as const) {
      const terminal = createTerminal({ stream, env });
      terminal.heading('Title');
      assert.equal(stream.raw, '\nTitle\n');
      assert.equal(terminal.live, false);
    }
  });

  it('ignores an empty NO_COLOR, as no-color.org has it', () => {
    const screen = new Screen();
    createTerminal({ stream: screen, env: { NO_COLOR: '' } }).heading('Title');
    assert.match(screen.raw, /\[1m/);
  });

  it('keeps to the width of the terminal', () => {
    const screen = new Screen({ columns: 30 });
    const terminal = createTerminal({ stream: screen, env: {} });
    terminal.paragraph('one two three four five six seven eight', 2);
    terminal.keyValue([
      ['model', 'models/gpt2-mini'],
      ['why', 'because the value is too long for one line'],
    ]);
    terminal.table(
      [
        { title: 'text', shrink: true },
        { title: 'n', align: 'right' },
      ],
      [['a text that is much too long for it', '3']],
      1,
    );
    terminal.histogram([
      { label: 'a', count: 2 },
      { label: 'b', count: 1 },
    ]);
    assert.deepEqual(screen.lines, [
      '  one two three four five six',
      '  seven eight',
      'model  models/gpt2-mini',
      'why    because the value is',
      '       too long for one line',
      ' text                        n',
      ' a text that is much too l…  3',
      'a  ████████████████████████  2',
      'b  ████████████              1',
    ]);
  });

  it('prints no control character of any text, only its own styles and line feeds', () => {
    const unit = fc.oneof(
      fc.constantFrom(
        'a',
        ' ',
        '\n',
        '\t',
        '\u001b[2J',
        '\u001b]0;title\u0007',
        '\u009b31m',
        '\u202e',
        '\u2066',
        '\r',
        '\u007f',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), fc.boolean(), (text, isTTY) => {
        const screen = new Screen({ isTTY, columns: 30 });
        const terminal = createTerminal({ stream: screen, env: {} });
        terminal.print(text);
        terminal.print(text, 'dim');
        terminal.heading(text);
        terminal.paragraph(text);
        terminal.table([{ title: text, shrink: true }, { title: 'n' }], [[text, text]]);
        terminal.keyValue([[text, text]]);
        terminal.histogram([{ label: text, count: 1 }]);
        terminal.warning(text);
        terminal.error(new UsageError('option-unknown', { option: text, known: [text], within: text }));
        terminal.error(new InterruptedError('evaluation-interrupted', { folder: text, command: text }));
        terminal.error(new TypeError(text));
        // Only line feeds are left, and the codes of bold, dim, yellow and red.
        const styles = /\u001b\[(?:1|2|22|31|33|39)m/g;
        const plain = screen.raw.replace(styles, '').replaceAll('\n', '');
        assert.doesNotMatch(plain, /[\p{Cc}\u2028\u2029\p{Bidi_Control}]/u);
        assert.equal(screen.raw.match(styles)?.length ?? 0, isTTY ? 16 : 0);
      }),
      { numRuns: 30 },
    );
  });

  it('escapes line feeds in table cells and in values', () => {
    const screen = new Screen();
    const terminal = createTerminal({ stream: screen, env: {} });
    terminal.table([{ title: 'class' }, { title: 'rows' }], [['good\nwarning: no', '3']]);
    terminal.keyValue([['label', '1 (good\nerror: no)']]);
    assert.deepEqual(screen.lines, [
      'class              rows',
      'good\\nwarning: no  3',
      'label  1 (good\\nerror: no)',
    ]);
  });

  it('prints an error with its hint, and a warning', () => {
    const screen = new Screen({ isTTY: false });
    const terminal = createTerminal({ stream: screen, env: {} });
    terminal.error(
      new UsageError('option-unknown', { option: '--x', known: ['--seed'], within: 'attune train' }),
    );
    terminal.error(new AttuneError('report-source-unreadable', { file: 'two\nlines', reason: 'why' }));
    terminal.warning('careful');
    assert.deepEqual(screen.lines, [
      'error: unknown option --x',
      '       `attune train --help` lists what it takes.',
      'error: cannot read two',
      '       lines: why',
      '       It must be a regular file that you have permission to read.',
      'warning: careful',
    ]);
  });

  it('prints the stack of a defect', () => {
    const screen = new Screen({ isTTY: false });
    createTerminal({ stream: screen, env: {} }).error(new TypeError('undefined is not a function'));
    assert.match(
      screen.raw,
      /error: this is a defect of attune.*\nTypeError: undefined is not a function\n {4}at /,
    );
  });

  it('prints the command of a hint on one line, however long it is', () => {
    const screen = new Screen({ isTTY: true, columns: 30 });
    const command = "attune compare --finetuned 'two  spaces and more' --margin 0.3 --seeds 3";
    createTerminal({ stream: screen, env: { NO_COLOR: '1' } }).error(
      new InterruptedError('evaluation-interrupted', { folder: 'out', command }),
    );
    assert.deepEqual(screen.lines, [
      'error: interrupted during the',
      '       evaluation of the',
      '       trained model, which is',
      '       saved in out',
      '       Evaluate it with:',
      `       ${command}`,
    ]);
  });

  it('ignores write errors of its stream', () => {
    const screen = new Screen({ isTTY: false });
    createTerminal({ stream: screen, env: {} });
    assert.equal(screen.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })), true);
    assert.equal(screen.emit('error', Object.assign(new Error('no space'), { code: 'ENOSPC' })), true);
  });
});
