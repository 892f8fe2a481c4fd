import tseslint from 'typescript-eslint';

const FORM = [
  {
    selector: 'ExportDefaultDeclaration',
    message: 'No default exports: a thing has one name everywhere.',
  },
  {
    selector: ':matches(ImportSpecifier[importKind="type"], ExportSpecifier[exportKind="type"])',
    message: 'Types are imported and exported by `import type` and `export type`.',
  },
  {
    selector:
      ':matches(PropertyDefinition, MethodDefinition:not([kind="constructor"]), TSParameterProperty)' +
      '[accessibility=/./]',
    message: 'What is private has a name with #.',
  },
  {
    selector: ':not(ExpressionStatement, ForStatement) > AssignmentExpression',
    message: 'An assignment is a statement of its own.',
  },
  {
    selector:
      'ObjectExpression > SpreadElement > ' +
      ':matches(LogicalExpression[operator="&&"], ConditionalExpression[alternate.properties.length=0])',
    message: 'Write the option as `x?: T | undefined` and pass it on.',
  },
];

/** Attune starts no program and makes no code from text (SECURITY.md). */
const NO_PROGRAMS = ['child_process', 'cluster', 'vm'];
/** Only hub/ and serve/ touch the network: what the user asked to fetch, and what the user asked to serve. */
const NETWORK = ['http', 'https', 'http2', 'net', 'tls', 'dgram', 'dns'];
const CLIENTS = ['undici', 'axios', 'node-fetch'];

/** An option as it is typed. (`--name:` and `var(--name)` are of a style sheet.) */
const OPTION = /(^|[^\w(-])--[a-z][a-z0-9-]*(?![a-z0-9:-])/;
const NO_OPTIONS = ['Literal[value', 'TemplateElement[value.raw'].map((text) => ({
  selector: `${text}=${OPTION}]`,
  message: 'Only the command line knows its options: name the argument by `shell.argument` (src/errors).',
}));

/** Neither imported nor loaded later. */
const without = (nodeModules, packages = [], more = NO_OPTIONS) => {
  const names = [...nodeModules.flatMap((name) => [name, `node:${name}`]), ...packages];
  return {
    'no-restricted-imports': ['error', ...names],
    'no-restricted-syntax': [
      'error',
      ...FORM,
      ...more,
      {
        selector: `ImportExpression > Literal[value=/^(${names.join('|')})$/]`,
        message: 'SECURITY.md says that this is not used here.',
      },
    ],
  };
};

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'test-build/',
      'unit-build/',
      'node_modules/',
      '**/*.assembly.ts',
      'attune-demo/',
      'runs/',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.test.json', './tsconfig.page.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'no-restricted-syntax': ['error', ...FORM],
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
      eqeqeq: 'error',
      'max-len': ['error', { code: 120, ignoreUrls: true }],
      'max-lines': ['error', 500],
      'no-nested-ternary': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/cli/terminal.ts', 'src/cli/results.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        ...['stderr', 'stdout'].map((property) => ({
          object: 'process',
          property,
          message:
            'Text for people goes through Terminal, results through ResultWriter: ' +
            'both keep control characters off the terminal.',
        })),
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      ...without([...NO_PROGRAMS, ...NETWORK], CLIENTS),
      'no-eval': 'error',
      'no-new-func': 'error',
      'no-restricted-globals': ['error', 'fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource'],
    },
  },
  {
    files: ['src/{hub,serve}/**/*.ts'],
    rules: { ...without(NO_PROGRAMS), 'no-restricted-globals': 'off' },
  },
  {
    files: ['src/cli/**/*.ts', 'src/errors/codes/command-line-errors.ts', 'src/serve/page/elements.ts'],
    rules: without([...NO_PROGRAMS, ...NETWORK], CLIENTS, []),
  },
  // What stands in for Node's functions fails as they do: by rejecting, never by throwing.
  { files: ['src/browser/**/*.ts'], rules: { '@typescript-eslint/require-await': 'off' } },
  { files: ['eslint.config.js'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['bin/*.js'],
    languageOptions: { sourceType: 'commonjs' },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
