// Known vulnerabilities of high severity in what attune installs: exit 1, and so is a question that cannot be
// asked. A registry that does not answer it (mirrors often do not, and any may be out of order) is said and
// tolerated.
import { spawnSync } from 'node:child_process';

const npm = process.env.npm_execpath
  ? [process.execPath, [process.env.npm_execpath]]
  : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
const { stdout, stderr, error } = spawnSync(
  npm[0],
  [...npm[1], 'audit', '--omit=dev', '--audit-level=high', '--json'],
  { encoding: 'utf8', timeout: 120_000 },
);
let report;
try {
  report = JSON.parse(stdout);
} catch {
  report = undefined;
}
const counts = report?.metadata?.vulnerabilities;
if (counts) {
  console.log(
    `npm audit: ${Object.entries(counts)
      .map(([severity, count]) => `${severity} ${count}`)
      .join(', ')}`,
  );
  const serious = Object.entries(report.vulnerabilities ?? {}).filter(
    ([, { severity }]) => severity === 'high' || severity === 'critical',
  );
  for (const [name, { severity, range }] of serious) console.log(`  ${severity}: ${name} ${range}`);
  process.exit(serious.length > 0 ? 1 : 0);
}
const said = [report?.message, report?.error?.summary, report?.error?.code, stderr, error?.message]
  .map((part) => part ?? '')
  .join(' ');
if (!/ENOLOCK|EAUDITNOLOCK|EJSONPARSE|EUSAGE|ENOENT/.test(said)) {
  console.log(
    `npm audit: the registry does not answer (${said.trim().split('\n')[0].slice(0, 160)}); not checked`,
  );
  process.exit(0);
}
console.error(`npm audit failed: ${said.trim()}`);
process.exit(1);
