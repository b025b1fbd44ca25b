/** Whether a template can be rendered at all: its syntax, and that every variable it uses is declared. */

import { Liquid } from 'liquidjs';
import type { TemplateOrigin } from '../domain/template.js';
import type { FieldError } from './problem.js';

/** As strict as the rendering; `templates` keeps it from looking for partials among the files of this machine. */
const engine = new Liquid({ strictFilters: true, parseLimit: 100_000, templates: {} });
const placeholder = /\{\{\s*([A-Za-z0-9_]+)\s*\}\}/g;

type Part = 'subject' | 'header' | 'body' | 'footer';

/** All faults; empty is fine. A registered template has plain placeholders, one of ours is Liquid. */
export function templateFaults(origin: TemplateOrigin, text: Record<Part, string | null> & { variables: { name: string }[] }): FieldError[] {
  const declared = new Set(text.variables.map((one) => one.name));
  return (['subject', 'header', 'body', 'footer'] as const).flatMap((part) => {
    const source = text[part];
    if (source === null) return [];
    const used = origin === 'registered' ? [...source.matchAll(placeholder)].map((match) => match[1]!) : liquidVariables(source);
    if (used === null) return [{ pointer: `/${part}`, detail: 'This is not a Liquid template.' }];
    return [...new Set(used)]
      .filter((name) => !declared.has(name))
      .map((name) => ({ pointer: `/${part}`, detail: `The variable ${name.slice(0, 60)} is not declared.` }));
  });
}

function liquidVariables(source: string): string[] | null {
  try {
    return engine.globalVariablesSync(engine.parse(source));
  } catch {
    return null;
  }
}
