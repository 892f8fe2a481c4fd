// Known vulnerabilities of high severity in what attune installs: exit 1. A registry that does not answer such questions (mirrors often do not) is
// said and tolerated; anything else is not.
import { spawnSync } from 'node:child_process';

const npm = process.env.npm_execpath ? [process.execPath, [process.env.npm_execpath]] : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
const { stdout, stderr, error } = spawnSync(npm[0], [...npm[1], 'audit', '--omit=dev', '--audit-level=high', '--json'], { encoding: 'utf8', timeout: 120_000 });
let report;
try {
  report = JSON.parse(stdout);
} catch {
  report = undefined;
}
const counts = report?.metadata?.vulnerabilities;
if (counts) {
  console.log(`npm audit: ${Object.entries(counts).map(([severity, count]) => `${severity} ${count}`).join(', ')}`);
  const serious = Object.entries(report.vulnerabilities ?? {}).filter(([, { severity }]) => severity === 'high' || severity === 'critical');
  for (const [name, { severity, range }] of serious) console.log(`  ${severity}: ${name} ${range}`);
  process.exit(serious.length > 0 ? 1 : 0);
}
const said = `${report?.message ?? ''} ${report?.error?.summary ?? ''} ${report?.error?.code ?? ''} ${stderr} ${error?.message ?? ''}`;
if (/audit endpoint|ENOAUDIT|ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|\b(400|401|403|404|405|501|502|503)\b/.test(said)) {
  console.log(`npm audit: the registry does not answer (${said.trim().split('\n')[0].slice(0, 160)}); not checked`);
  process.exit(0);
}
console.error(`npm audit failed: ${said.trim()}`);
process.exit(1);
