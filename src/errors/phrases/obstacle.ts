/** Why rows cannot be held out as planned. */
export type PartObstacle =
  | { readonly kind: 'too-few-rows'; readonly rows: number }
  | { readonly kind: 'class-of-one-row'; readonly name: string }
  | {
      readonly kind: 'part-too-small';
      readonly part: number;
      readonly rows: number;
      readonly classes: number;
    };

export function obstacleText(obstacle: PartObstacle): string {
  switch (obstacle.kind) {
    case 'too-few-rows':
      return `${obstacle.rows} rows are too few`;
    case 'class-of-one-row':
      return `the class ${obstacle.name} has only one row, which cannot be in both splits`;
    case 'part-too-small':
      return `${obstacle.part} of ${obstacle.rows} rows are too few for one of each of ${obstacle.classes} classes`;
  }
}
