// Opens the classifier in the folder given and prints the process's memory before and at its peak, in bytes,
// as JSON. Linux. The baseline is the process with everything loaded but the model.
import { readFileSync } from 'node:fs';
import { TextClassifier } from '#attune/train/classifier.js';

const status = (name) =>
  1024 * Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))[1]);
const baseline = status('VmRSS');
const classifier = await TextClassifier.fromPretrained(process.argv[2]);
console.log(JSON.stringify({ baseline, peak: status('VmHWM') }));
await classifier.close();
