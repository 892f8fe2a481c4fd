import type { Engine, EngineSession } from '#attune/engine/engine.js';

/** An engine whose sessions have some members replaced. */
export function altered(engine: Engine, change: (session: EngineSession) => Partial<EngineSession>): Engine {
  return {
    name: 'altered',
    open: async (model, options) => {
      const session = await engine.open(model, options);
      const changed = change(session);
      return new Proxy(session, {
        get: (target, key) => {
          if (key in changed) return changed[key as keyof EngineSession];
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
        },
      });
    },
  };
}
