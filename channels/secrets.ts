/** Credentials inside a channel's configuration: which fields are secret, taking them out to be stored encrypted, and putting them back. */

import { z, type ZodType } from 'zod';

export type Config = Record<string, unknown>;

/** The part of JSON schema that is read here. */
interface SchemaNode {
  properties?: Record<string, SchemaNode>;
  secret?: boolean;
  writeOnly?: boolean;
}

/** The configuration as JSON schema for the API; secret fields are `writeOnly`. */
export function describeConfig(schema: ZodType): Record<string, unknown> {
  const described = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      if ((jsonSchema as SchemaNode).secret === true) jsonSchema.writeOnly = true;
    },
  });
  return described as Record<string, unknown>;
}

/** The paths of all fields marked `.meta({ secret: true })`. A mark that this cannot reach (inside a list or a union) is an error: it would leak. */
export function secretPaths(schema: ZodType): string[][] {
  const root = describeConfig(schema) as SchemaNode;
  const paths = pathsIn(root);
  const marks = JSON.stringify(root).split('"secret":true').length - 1;
  if (marks !== paths.length) throw new Error('A secret of a channel configuration must be a field of an object, not part of a list or a union.');
  return paths;
}

function pathsIn(node: SchemaNode): string[][] {
  if (node.secret === true) return [[]];
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => pathsIn(child).map((rest) => [name, ...rest]));
}

/** Splits a configuration into the part that may be shown and the secrets, both of the same shape; neither changes the input. */
export function splitConfig(schema: ZodType, config: Config): { open: Config; secrets: Config } {
  const open = structuredClone(config);
  const secrets: Config = {};
  for (const path of secretPaths(schema)) {
    const value = take(open, path);
    if (value !== undefined) put(secrets, path, value);
  }
  return { open, secrets };
}

/** Puts secrets back; fields of `secrets` win over those of `open`. */
export function mergeConfig(open: Config, secrets: Config): Config {
  const merged = structuredClone(open);
  for (const [name, value] of Object.entries(secrets)) {
    const there = merged[name];
    merged[name] = isObject(there) && isObject(value) ? mergeConfig(there, value) : structuredClone(value);
  }
  return merged;
}

/** All secret texts of a configuration, for redaction. */
export function secretValues(schema: ZodType, config: Config): string[] {
  const texts = (value: unknown): string[] =>
    typeof value === 'string' ? [value] : typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
  return texts(splitConfig(schema, config).secrets);
}

function take(config: Config, path: readonly string[]): unknown {
  const [name, ...rest] = path as [string, ...string[]];
  if (!Object.hasOwn(config, name)) return undefined;
  const value = config[name];
  if (rest.length > 0) return isObject(value) ? take(value, rest) : undefined;
  delete config[name];
  return value;
}

function put(config: Config, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) config[name] = value;
  else put((config[name] ??= {}) as Config, rest, value);
}

function isObject(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
