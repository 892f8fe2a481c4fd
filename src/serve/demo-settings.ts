/** demo.json: what the page is told of what lies beside it. */
export interface DemoSettings {
  readonly model: {
    readonly name: string;
    readonly files: readonly string[];
    readonly bytes: number;
    readonly positions: number;
  };
  readonly sample: { readonly train: string; readonly test: string };
}
