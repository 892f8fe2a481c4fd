/** Facts for every code of a part of the catalogue: one set for each form that its sentence and hint take. */
export type Examples<
  Catalogue extends Readonly<Record<string, { says(facts: never, shell: never): string }>>,
> = {
  readonly [Code in keyof Catalogue]: readonly [
    Parameters<Catalogue[Code]['says']>[0],
    ...Parameters<Catalogue[Code]['says']>[0][],
  ];
};
