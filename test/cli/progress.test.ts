import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { displayWidth } from '#attune/cli/layout.js';
import { Progress, taskLine, trainingLine } from '#attune/cli/progress.js';
import { createTerminal } from '#attune/cli/terminal.js';
import { Screen } from '../support/screen.js';

describe('trainingLine', () => {
  const state = { step: 310, totalSteps: 750, epoch: 1.24, epochs: 3, loss: 0.6119, perSecond: 8.1 };

  it('shows epoch, bar, step, loss, speed and time left', () => {
    assert.equal(
      trainingLine(state, 100),
      `epoch 1.24/3 ▕${'█'.repeat(12)}▍${' '.repeat(17)}▏ 310/750  loss 0.612  8.1 steps/s  0:54 left`,
    );
    assert.equal(
      trainingLine(state, 66),
      'epoch 1.24/3 ▕██▉    ▏ 310/750  loss 0.612  8.1 steps/s  0:54 left',
    );
  });

  it('leaves parts out if the terminal is narrow', () => {
    assert.equal(trainingLine(state, 56), 'epoch 1.24/3 ▕███▎    ▏ 310/750  loss 0.612  8.1 steps/s');
    assert.equal(trainingLine(state, 34), 'epoch 1.24/3 ▕████▌      ▏ 310/750');
    assert.equal(trainingLine(state, 25), 'epoch 1.24/3 310/750');
  });

  it('shows seconds per step for a slow run, and no speed if it is not known', () => {
    assert.ok(
      trainingLine({ ...state, perSecond: 0.25 }, 200).endsWith(
        ' 310/750  loss 0.612  4.0 s/step  29:20 left',
      ),
    );
    assert.ok(trainingLine({ ...state, perSecond: undefined }, 200).endsWith(' 310/750  loss 0.612'));
  });

  it('is never wider than the given width', () => {
    const states = fc.record({
      step: fc.nat(100_000),
      epoch: fc.double({ min: 0, max: 99, noNaN: true }),
      loss: fc.double({ min: 0, max: 100, noNaN: true }),
      perSecond: fc.option(fc.double({ min: 1e-3, max: 1e4, noNaN: true }), { nil: undefined }),
    });
    fc.assert(
      fc.property(states, fc.integer({ min: 1, max: 200 }), (given, width) => {
        const line = trainingLine({ ...given, totalSteps: 100_000, epochs: 99.5 }, width);
        assert.ok(displayWidth(line) <= width, `${displayWidth(line)} > ${width}: ${line}`);
      }),
    );
  });
});

describe('taskLine', () => {
  it('shows label, bar and count', () => {
    assert.equal(
      taskLine({ label: 'evaluating', done: 5, total: 200, perSecond: undefined }, 60),
      `evaluating ▕▊${' '.repeat(29)}▏   5/200`,
    );
  });

  it('shows a full bar if there is nothing to do', () => {
    assert.match(taskLine({ label: 'nothing', done: 0, total: 0, perSecond: undefined }, 60), /█{30}/);
  });
});

describe('Progress', () => {
  it('escapes control characters in a label', (t) => {
    const screen = new Screen({ columns: 70 });
    const progress = new Progress(createTerminal({ stream: screen, env: {} }), () => 0);
    t.after(() => progress.stop());
    progress.download('a\u001b[2J\u009b1A\u202e', 100, 0).update(50);
    assert.match(screen.lines[0], /^a\\u001b\[2J\\u009b1A\\u202e ▕/);
  });

  it('prints log entries above the line, and removes the line at the end', (t) => {
    const screen = new Screen({ columns: 70 });
    const terminal = createTerminal({ stream: screen, env: {} });
    let ms = 0;
    const progress = new Progress(terminal, () => ms);
    t.after(() => progress.stop()); // a line left on the screen keeps the process alive
    terminal.print('before');
    const training = progress.training(20, 2);
    for (let step = 1; step <= 10; step++) {
      ms += 100;
      training.update({ step, epoch: step / 10, loss: 1 / step });
      if (step % 5 === 0) terminal.print(`record ${step}`);
    }
    assert.deepEqual(screen.lines.slice(0, 3), ['before', 'record 5', 'record 10']);
    assert.equal(screen.lines.length, 4);
    assert.match(
      screen.lines[3],
      /^epoch 1\.00\/2 ▕[█-▏]+ *▏ 10\/20 {2}loss 0\.100 {2}10 steps\/s {2}0:01 left$/,
    );

    const evaluation = progress.task('evaluating', 8);
    ms += 60_000; // an hour-long evaluation must not slow the training down
    evaluation.update(4);
    terminal.print('a warning');
    assert.deepEqual(screen.lines.slice(0, 4), ['before', 'record 5', 'record 10', 'a warning']);
    assert.match(screen.lines[4], /^evaluating ▕[█-▏]+ *▏ 4\/8/);
    evaluation.stop();
    assert.match(screen.lines[4], /^epoch 1\.00\/2/, 'the training line is back');
    ms += 100;
    training.update({ step: 11, epoch: 1.1 });
    terminal.print('record 11');
    assert.match(screen.lines[5], /11\/20 {2}loss 0\.100 {2}10 steps\/s/);
    training.stop();
    terminal.print('after');
    assert.deepEqual(screen.lines, ['before', 'record 5', 'record 10', 'a warning', 'record 11', 'after']);
    training.stop();
    assert.equal(screen.lines.length, 6);
  });

  it('clears the screen when everything is stopped', (t) => {
    const screen = new Screen();
    const progress = new Progress(createTerminal({ stream: screen, env: {} }));
    t.after(() => progress.stop());
    progress.training(5, 1);
    progress.task('evaluating', 3);
    progress.stop();
    assert.deepEqual(screen.lines, []);
  });

  it('keeps showing an inner task if the outer one is stopped first', (t) => {
    const screen = new Screen();
    const progress = new Progress(createTerminal({ stream: screen, env: {} }));
    t.after(() => progress.stop());
    const outer = progress.task('outer', 3);
    const inner = progress.task('inner', 3);
    outer.stop();
    assert.match(screen.lines[0], /^inner/);
    inner.stop();
    assert.deepEqual(screen.lines, []);
  });

  it('draws no line without a terminal or with NO_COLOR', () => {
    for (const [screen, env] of [
      [new Screen({ isTTY: false }), {}],
      [new Screen(), { NO_COLOR: '1' }],
    ] as const) {
      const terminal = createTerminal({ stream: screen, env });
      const progress = new Progress(terminal);
      const training = progress.training(2, 1);
      training.update({ step: 1, epoch: 0.5, loss: 1 });
      terminal.print('record');
      const task = progress.task('evaluating', 1);
      task.update(1);
      task.stop();
      training.stop();
      assert.equal(screen.raw, 'record\n');
    }
  });
});
