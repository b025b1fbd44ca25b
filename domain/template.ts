/** Templates: their variables, and the filling of a provider's registered template (R60–R66). */

import type { RefusalCode } from './codes.js';

export const templateStatuses = ['approved', 'pending', 'rejected', 'paused'] as const;
export type TemplateStatus = (typeof templateStatuses)[number];

/** `registered`: lives at the provider and needs its approval; `own`: a Liquid template of ours that renders to ordinary text (R52). */
export const templateOrigins = ['registered', 'own'] as const;
export type TemplateOrigin = (typeof templateOrigins)[number];

export const variableTypes = ['text', 'select', 'date'] as const;

export interface TemplateVariable {
  name: string;
  type: (typeof variableTypes)[number];
  /** The allowed values of a `select`. */
  values?: string[];
}

/** One frozen version: the dispatch keeps its number, so that a later edit changes nothing that was accepted (R106). */
export interface TemplateVersion {
  templateId: string;
  version: number;
  origin: TemplateOrigin;
  name: string;
  language: string;
  subject: string | null;
  header: string | null;
  body: string;
  footer: string | null;
  variables: TemplateVariable[];
  textOnly: boolean;
}

export interface VariableRefusal {
  code: Extract<RefusalCode, 'VARIABLE_MISSING' | 'VARIABLE_INVALID'>;
  /** JSON pointer into the content. */
  pointer: string;
}

/** Every variable is mandatory, blank counts as missing; a select must be on its list, a date must be a calendar date `YYYY-MM-DD` (R65, R66). */
export function refuseVariables(variables: readonly TemplateVariable[], given: Readonly<Record<string, string>>): VariableRefusal[] {
  const refusals: VariableRefusal[] = [];
  const names = new Set(variables.map((one) => one.name));
  for (const name of Object.keys(given)) {
    if (!names.has(name)) refusals.push({ code: 'VARIABLE_INVALID', pointer: pointerTo(name) });
  }
  for (const variable of variables) {
    const value = Object.hasOwn(given, variable.name) ? given[variable.name]! : '';
    if (value.trim() === '') refusals.push({ code: 'VARIABLE_MISSING', pointer: pointerTo(variable.name) });
    else if (!isOfType(variable, value)) refusals.push({ code: 'VARIABLE_INVALID', pointer: pointerTo(variable.name) });
  }
  return refusals;
}

/**
 * Fills `{{name}}` placeholders of a registered template in header, body and footer. The parameters that the provider is sent follow
 * the numbers of positional placeholders (`{{1}}`), else the order in which a part first names them. Variables have passed
 * `refuseVariables`.
 */
export function fillRegistered(
  template: Pick<TemplateVersion, 'header' | 'body' | 'footer'>,
  variables: Readonly<Record<string, string>>,
): { text: string; header: string[]; body: string[] } {
  const parts = [template.header, template.body, template.footer].filter((part): part is string => part !== null && part !== '');
  return {
    text: parts.map((part) => fill(part, variables)).join('\n'),
    header: parametersOf(template.header ?? '', variables),
    body: parametersOf(template.body, variables),
  };
}

const placeholder = /\{\{\s*([A-Za-z0-9_]+)\s*\}\}/g;

function fill(part: string, variables: Readonly<Record<string, string>>): string {
  return part.replace(placeholder, (_, name: string) => valueOf(name, variables));
}

function parametersOf(part: string, variables: Readonly<Record<string, string>>): string[] {
  const names = [...new Set([...part.matchAll(placeholder)].map((match) => match[1]!))];
  const positional = names.every((name) => /^\d+$/.test(name));
  const inOrder = positional ? names.toSorted((a, b) => Number(a) - Number(b)) : names;
  return inOrder.map((name) => valueOf(name, variables));
}

/** Own properties only: a placeholder named `constructor` is a name like any other. */
function valueOf(name: string, variables: Readonly<Record<string, string>>): string {
  return Object.hasOwn(variables, name) ? variables[name]! : '';
}

function isOfType(variable: TemplateVariable, value: string): boolean {
  if (variable.type === 'select') return (variable.values ?? []).includes(value);
  if (variable.type === 'date') return isCalendarDate(value);
  return true;
}

function isCalendarDate(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const date = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value);
}

function pointerTo(name: string): string {
  return `/variables/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
