/** A real browser without a window. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { BrowserContext, BrowserContextOptions } from 'playwright-core';

const PLACES = [
  process.env['ATTUNE_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/**
 * Path of Chromium, or undefined where there is none. ATTUNE_CHROMIUM names another one;
 * ATTUNE_REQUIRE_BROWSER makes its absence a failure.
 */
export const browserPath = PLACES.find(
  (path): path is string => path !== undefined && path !== '' && existsSync(path),
);

export const NO_BROWSER =
  'no Chromium: install the package chromium, or set ATTUNE_CHROMIUM to the path of one';

const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const NO_GPU = ['--disable-gpu'];
/** WebGPU computed by SwiftShader, which Chromium brings. */
export const SOFTWARE_WEBGPU = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
];

/** The longest that anything of a browser may take: what takes longer hangs, on a busy machine too. */
const HANGS_MS = 180_000;

/** Runs a function with a browser of its own, with an empty profile that is removed afterwards. */
export async function withBrowser(
  options: BrowserContextOptions,
  use: (context: BrowserContext) => Promise<void>,
  flags: readonly string[] = NO_GPU,
): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), 'attune-browser-'));
  try {
    const context = await chromium.launchPersistentContext(profile, {
      ...options,
      executablePath: browserPath!,
      headless: true,
      timeout: HANGS_MS,
      args: [...QUIET, ...flags],
    });
    try {
      context.setDefaultTimeout(HANGS_MS);
      await use(context);
    } finally {
      await context.close();
    }
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Waits for what a page shows. It asks from here: Playwright's own waiting evaluates strings in the page,
 * which the policies of our pages forbid.
 */
export async function until(
  what: string,
  check: () => Promise<boolean>,
  milliseconds = HANGS_MS,
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await check())) {
    if (Date.now() > end) assert.fail(`${what} did not come about in ${milliseconds / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
