/**
 * What the browser module does without, said when it is asked for; scripts/build-browser.mjs puts these in
 * place of the modules that have it.
 */
import { DataError, ModelError } from '../errors/attune-error.js';
import { HubError } from '../hub/hub-error.js';

const refuse = (error: Error): Promise<never> => Promise.reject(error);

export class HubRepository {
  static open(): Promise<never> {
    return refuse(
      new HubError('offline', 'in the browser attune fetches nothing from the Hub', {
        hint: 'Put the files of the model or dataset into `files` first.',
      }),
    );
  }
}

/** An optimizer.pt of transformers' Trainer. */
export class TorchArchive {
  static open(path: string): Promise<never> {
    return refuse(
      new ModelError(`${path}: attune does not read PyTorch's files in the browser`, {
        hint: 'Resume this run in Node.',
      }),
    );
  }
}

export async function* readParquet(file: string): AsyncGenerator<never> {
  throw new DataError(`${file}: attune does not read parquet in the browser`, {
    hint: 'Give CSV or JSON lines.',
  });
}

export const parquetKeyValue = (): Promise<undefined> => Promise.resolve(undefined);

export const SAMPLE_LABELS: readonly string[] = ['negative', 'positive'];

export const loadSample = (): Promise<never> =>
  refuse(
    new DataError('the bundled sample is not in the browser module', {
      hint: 'Put your own rows into `files`, as CSV or JSON lines.',
    }),
  );

/** Cards of the Hub's datasets (README.md) are not read here: a folder's splits are found by name. */
export const readCard = (): Promise<undefined> => Promise.resolve(undefined);
export const classNamesOf = (): undefined => undefined;

/** A classical model that `compare` saved. */
export const openBaseline = (folder: string): Promise<never> =>
  refuse(
    new ModelError(`${folder}: attune opens no classical models in the browser`, { hint: 'Use it in Node.' }),
  );
