/**
 * What a user may ask for; engineFor (device.ts) says what each means. Apart from it, so that the command
 * line need not load the engines.
 */
export const DEVICES = ['auto', 'cpu', 'webgpu', 'webgpu-matrix-units'] as const;
export type Device = (typeof DEVICES)[number];
