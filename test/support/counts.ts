/**
 * How much a slow test does: in full by default, a tenth where CI is set, or what an environment variable
 * says. And its seed.
 */
export function casesFrom(variable: string, full: number): number {
  const given = process.env[variable];
  if (given !== undefined && given !== '') return Math.max(1, Math.floor(Number(given)));
  return process.env['CI'] === 'true' ? Math.ceil(full / 10) : full;
}

/** ATTUNE_FUZZ_SEED, or another one each time; to be printed. */
export function seedFrom(): number {
  const given = process.env['ATTUNE_FUZZ_SEED'];
  return given !== undefined && given !== '' ? Math.floor(Number(given)) : Date.now() % 2 ** 31;
}
