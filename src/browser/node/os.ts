/** What attune uses of node:os. */

/**
 * Bytes that may be taken, roughly: half of what the browser says the device has (it rounds, and says no more
 * than 8 GiB; some say nothing).
 */
export function freemem(): number {
  const { deviceMemory = 4 } = (globalThis as { navigator?: { deviceMemory?: number } }).navigator ?? {};
  return (deviceMemory * 2 ** 30) / 2;
}
