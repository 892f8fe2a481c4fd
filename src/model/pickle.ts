/**
 * Reads the part of Python's pickle format in which PyTorch saves tensors, and nothing more. A pickle is a
 * program for a stack machine that may call anything Python can import; here its only calls are the ones
 * listed in `CALLS`, each of which makes data. Any other name, opcode or call is refused, so nothing that a
 * file says is ever executed.
 *
 * Format: Lib/pickletools.py of CPython; protocol 2, which torch.save writes.
 */
import { ModelError } from '../errors/attune-error.js';
import type { PickleFault } from '../errors/codes/weights-errors.js';

/** A tensor as the pickle describes it; its numbers lie in another entry of the archive. */
export interface PickledTensor {
  readonly kind: 'tensor';
  /** Name of the entry. */
  readonly key: string;
  /** PyTorch's name of the storage's class: FloatStorage, HalfStorage, … */
  readonly storage: string;
  /** Numbers in the entry. */
  readonly storageLength: number;
  /** In numbers. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export type Pickled =
  | null
  | boolean
  | number
  | string
  | PickledTensor
  | readonly Pickled[]
  | ReadonlyMap<string | number, Pickled>;

interface Named {
  readonly kind: 'name';
  readonly name: string;
}
interface Storage {
  readonly kind: 'storage';
  readonly key: string;
  readonly storage: string;
  readonly length: number;
}
interface Tuple {
  readonly kind: 'tuple';
  readonly items: readonly Item[];
}
type Item =
  | null
  | boolean
  | number
  | string
  | Named
  | Storage
  | Tuple
  | PickledTensor
  | Item[]
  | Map<Item, Item>
  | typeof MARK;

const MARK = Symbol('mark');
const STORAGES = /^torch (?:Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage$/;
const MAX_DEPTH = 64;

/**
 * @param bytes a whole pickle
 * @param file path for messages
 * @throws ModelError if it is no such pickle
 */
export function readPickle(bytes: Uint8Array, file: string): Pickled {
  try {
    return plain(new Machine(bytes).run(), 0);
  } catch (error) {
    if (error instanceof Refusal) throw error.of(file);
    throw error;
  }
}

/** What stops the reading, before it is known of which file. */
class Refusal extends Error {
  constructor(readonly of: (file: string) => ModelError) {
    super();
  }
}

const unsound = (fault: PickleFault): Refusal =>
  new Refusal((file) => new ModelError('pickle-unsound', { file, fault }));

class Machine {
  #at = 0;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, Item>();
  readonly #view: DataView;

  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;

    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Item {
    for (;;) {
      const opcode = this.#byte();
      switch (opcode) {
        case 0x80: {
          // PROTO
          const protocol = this.#byte();
          if (protocol > 2)
            throw new Refusal((file) => new ModelError('pickle-protocol', { file, protocol }));
          break;
        }
        case 0x2e: // STOP
          if (this.#stack.length !== 1) throw unsound('values-left');
          return this.#pop();
        case 0x28:
          this.#stack.push(MARK);
          break; // MARK
        case 0x4e:
          this.#stack.push(null);
          break; // NONE
        case 0x88:
          this.#stack.push(true);
          break; // NEWTRUE
        case 0x89:
          this.#stack.push(false);
          break; // NEWFALSE
        case 0x4b:
          this.#stack.push(this.#byte());
          break; // BININT1
        case 0x4d:
          this.#stack.push(this.#view.getUint16(this.#take(2), true));
          break; // BININT2
        case 0x4a:
          this.#stack.push(this.#view.getInt32(this.#take(4), true));
          break; // BININT
        case 0x8a:
          this.#stack.push(this.#long(this.#byte()));
          break; // LONG1
        case 0x47:
          this.#stack.push(this.#view.getFloat64(this.#take(8)));
          break; // BINFLOAT, big-endian
        case 0x58:
          this.#stack.push(this.#text(this.#view.getUint32(this.#take(4), true)));
          break; // BINUNICODE
        case 0x7d:
          this.#stack.push(new Map());
          break; // EMPTY_DICT
        case 0x5d:
          this.#stack.push([]);
          break; // EMPTY_LIST
        case 0x29:
          this.#stack.push({ kind: 'tuple', items: [] });
          break; // EMPTY_TUPLE
        case 0x85:
          this.#tuple(1);
          break; // TUPLE1
        case 0x86:
          this.#tuple(2);
          break; // TUPLE2
        case 0x87:
          this.#tuple(3);
          break; // TUPLE3
        case 0x74:
          this.#stack.push({ kind: 'tuple', items: this.#popToMark() });
          break; // TUPLE
        case 0x71:
          this.#memo.set(this.#byte(), this.#top());
          break; // BINPUT
        case 0x72:
          this.#memo.set(this.#view.getUint32(this.#take(4), true), this.#top());
          break; // LONG_BINPUT
        case 0x68:
          this.#recall(this.#byte());
          break; // BINGET
        case 0x6a:
          this.#recall(this.#view.getUint32(this.#take(4), true));
          break; // LONG_BINGET
        case 0x61:
          this.#append([this.#pop()]);
          break; // APPEND
        case 0x65:
          this.#append(this.#popToMark());
          break; // APPENDS
        case 0x73: {
          // SETITEM
          const value = this.#pop();
          this.#setItems([this.#pop(), value]);
          break;
        }
        case 0x75:
          this.#setItems(this.#popToMark());
          break; // SETITEMS
        case 0x63:
          this.#stack.push({ kind: 'name', name: `${this.#line()} ${this.#line()}` });
          break; // GLOBAL
        case 0x51:
          this.#stack.push(storageOf(this.#pop()));
          break; // BINPERSID
        case 0x52: {
          // REDUCE
          const args = this.#pop();
          this.#stack.push(call(this.#pop(), args));
          break;
        }
        default: {
          const byte = this.#at - 1;
          throw new Refusal((file) => new ModelError('pickle-opcode', { file, opcode, byte }));
        }
      }
    }
  }

  /** Position of the next `count` bytes, which are passed over. */
  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw unsound('ends-early');
    this.#at += count;
    return at;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)];
  }

  #text(length: number): string {
    const at = this.#take(length);
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw unsound('ends-early');
    const text = this.#text(end - this.#at);
    this.#at++;
    return text;
  }

  /** A whole number of so many bytes, two's complement, little-endian. */
  #long(length: number): number {
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i]);
    const number = Number(BigInt.asIntN(8 * length, value));
    if (!Number.isSafeInteger(number)) throw unsound('number-too-large');
    return number;
  }

  #pop(): Item {
    const item = this.#stack.pop();
    if (item === undefined || item === MARK) throw unsound('stack-empty');
    return item;
  }

  #top(): Item {
    const item = this.#pop();
    this.#stack.push(item);
    return item;
  }

  #popToMark(): Item[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw unsound('stack-empty');
    const items = this.#stack.splice(mark);
    items.shift();
    return items;
  }

  #tuple(length: number): void {
    const items = Array.from({ length }, () => this.#pop()).reverse();
    this.#stack.push({ kind: 'tuple', items });
  }

  #recall(index: number): void {
    const item = this.#memo.get(index);
    if (item === undefined) throw unsound('not-stored');
    this.#stack.push(item);
  }

  #append(items: readonly Item[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw unsound('not-a-list');
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly Item[]): void {
    const map = this.#top();
    if (!(map instanceof Map) || items.length % 2 !== 0) throw unsound('not-a-dict');
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }
}

/** The calls that are allowed; each makes data from its arguments. */
const CALLS: Readonly<Record<string, (args: readonly Item[]) => Item>> = {
  'collections OrderedDict': (args) => {
    if (args.length > 0) throw unsound('dict-of-something');
    return new Map();
  },
  'torch._utils _rebuild_tensor_v2': ([storage, offset, shape, strides]) => {
    if (!isKind(storage, 'storage') || !isCount(offset)) throw unsound('tensor-without-storage');
    return {
      kind: 'tensor',
      key: storage.key,
      storage: storage.storage,
      storageLength: storage.length,
      offset,
      shape: counts(shape),
      strides: counts(strides),
    };
  },
};

function call(callee: Item, args: Item): Item {
  if (!isKind(callee, 'name') || !isKind(args, 'tuple')) throw unsound('not-a-function');
  if (!Object.hasOwn(CALLS, callee.name)) {
    const name = callee.name.replace(' ', '.');
    throw new Refusal((file) => new ModelError('pickle-call', { file, name }));
  }
  return CALLS[callee.name](args.items);
}

/** ('storage', class, key, device, length) */
function storageOf(item: Item): Storage {
  const [word, type, key, , length] = isKind(item, 'tuple') ? item.items : [];
  if (
    word !== 'storage' ||
    !isKind(type, 'name') ||
    !STORAGES.test(type.name) ||
    typeof key !== 'string' ||
    !isCount(length)
  )
    throw unsound('not-a-storage');
  return { kind: 'storage', key, storage: type.name.slice('torch '.length), length };
}

function counts(item: Item | undefined): number[] {
  const items = isKind(item, 'tuple') ? item.items : [];
  if (!isKind(item, 'tuple') || !items.every(isCount)) throw unsound('tensor-without-shape');
  return [...items];
}

const isCount = (item: Item | undefined): item is number =>
  Number.isSafeInteger(item) && (item as number) >= 0;

function isKind<Kind extends 'name' | 'storage' | 'tuple' | 'tensor'>(
  item: Item | undefined,
  kind: Kind,
): item is Extract<Item, { kind: Kind }> {
  return (
    typeof item === 'object' &&
    item !== null &&
    !Array.isArray(item) &&
    !(item instanceof Map) &&
    item.kind === kind
  );
}

/**
 * The value without the machine's own kinds: tuples become arrays; a name or storage on its own is no data.
 */
function plain(item: Item, depth: number): Pickled {
  if (depth > MAX_DEPTH) throw unsound('too-deep');
  if (item === null || typeof item === 'boolean' || typeof item === 'number' || typeof item === 'string')
    return item;
  if (Array.isArray(item)) return item.map((part) => plain(part, depth + 1));
  if (item instanceof Map) {
    return new Map(
      [...item].map(([key, value]) => {
        if (typeof key !== 'string' && typeof key !== 'number') throw unsound('key-type');
        return [key, plain(value, depth + 1)];
      }),
    );
  }
  if (isKind(item, 'tuple')) return item.items.map((part) => plain(part, depth + 1));
  if (isKind(item, 'tensor')) return item;
  throw unsound('not-data');
}
