/** The globals of Node that attune and its libraries use; the bundle refers to these in place of them. */
export { Buffer } from 'buffer';

export const process = {
  env: {} as Readonly<Record<string, string | undefined>>,
  pid: 1,
  platform: 'browser',
  arch: 'webgpu',
  browser: true,
  version: '',
  versions: { node: 'none' },
  cwd: (): string => '/',
  emitWarning: (): void => undefined,
  // Not by a timer, which browsers slow down: streams wait for it every few records.
  nextTick: (call: (...values: unknown[]) => void, ...values: unknown[]): void =>
    queueMicrotask(() => call(...values)),
} as const;
