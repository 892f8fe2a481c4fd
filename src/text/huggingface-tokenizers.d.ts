// The part of @huggingface/tokenizers 0.2 that attune uses. Its own declarations import one another without
// file endings, which TypeScript's NodeNext resolution does not follow, so that every type would be an error
// type.
declare module '@huggingface/tokenizers' {
  export class Tokenizer {
    /** The BPE; `bpe` gives the tokens of one word, as the vocabulary spells them. */
    readonly model: { bpe(word: string): string[] };
    /**
     * `tokenizer` in the form of tokenizer.json (all five components present, null where unused), `config` of
     * tokenizer_config.json.
     */
    constructor(tokenizer: object, config: object);
    readonly pre_tokenizer: object | null;
    encode(text: string, options?: { add_special_tokens?: boolean }): { ids: number[]; tokens: string[] };
    decode(
      ids: number[],
      options?: { skip_special_tokens?: boolean; clean_up_tokenization_spaces?: boolean },
    ): string;
    id_to_token(id: number): string | undefined;
  }

  export class ByteLevelPreTokenizer {
    /** The words of a text, each byte spelt as a character. */
    pre_tokenize_text: (text: string) => string[];
  }
}
