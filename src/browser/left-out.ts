/**
 * What the browser module does without, said when it is asked for; scripts/build-browser.mjs puts these in
 * place of the modules that have it.
 */
import { DataError, ModelError } from '../errors/attune-error.js';
import { HubError } from '../hub/hub-error.js';

const refuse = (error: Error): Promise<never> => Promise.reject(error);

export class HubRepository {
  static open(): Promise<never> {
    return refuse(new HubError('offline', 'browser-without-hub', {}));
  }
}

/** An optimizer.pt of transformers' Trainer. */
export class TorchArchive {
  static open(path: string): Promise<never> {
    return refuse(new ModelError('browser-without-torch', { file: path }));
  }
}

export async function* readParquet(file: string): AsyncGenerator<never> {
  throw new DataError('browser-without-parquet', { file });
}

export const parquetKeyValue = (): Promise<undefined> => Promise.resolve(undefined);

export const SAMPLE_LABELS: readonly string[] = ['negative', 'positive'];

export const loadSample = (): Promise<never> => refuse(new DataError('browser-without-sample', {}));

/** Cards of the Hub's datasets (README.md) are not read here: a folder's splits are found by name. */
export const readCard = (): Promise<undefined> => Promise.resolve(undefined);
export const classNamesOf = (): undefined => undefined;

/** A classical model that `compare` saved. */
export const openBaseline = (folder: string): Promise<never> =>
  refuse(new ModelError('browser-without-classical-models', { folder }));
