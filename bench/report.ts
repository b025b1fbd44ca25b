/** What was measured, as Markdown: printed, and written to a file beside. */

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname } from 'node:path';
import { median } from './measure/figures.js';

export interface Report {
  file: string;
  heading(title: string): void;
  say(text: string): void;
  table(head: readonly string[], rows: readonly (readonly string[])[]): void;
}

export function createReport(file: string): Report {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  const say = (text: string): void => {
    process.stdout.write(`${text}\n\n`);
    appendFileSync(file, `${text}\n\n`);
  };
  return {
    file,
    say,
    heading: (title) => say(`## ${title}`),
    table: (head, rows) => say(layOut([head, head.map((_, column) => (column === 0 ? '---' : '--:')), ...rows])),
  };
}

/** The line that says where the figures come from. */
export function machine(versions: Record<string, string>): string {
  const [cpu] = cpus();
  const parts = [`${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'})`, `${process.platform} ${release()}`, `Node ${process.version}`];
  return [...parts, ...Object.entries(versions).map(([name, version]) => `${name} ${version}`)].join(' · ');
}

/** A figure with so many significant digits that the last one still says something. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2);
}

/** Median (smallest–largest). */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return '–';
  const least = Math.min(...values);
  const most = Math.max(...values);
  return values.length === 1 ? figure(least) : `${figure(median(values))} (${figure(least)}–${figure(most)})`;
}

function layOut(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) => `| ${row.map((cell, column) => (column === 0 || cell === '--:' ? pad(cell, widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`,
    )
    .join('\n');
}

function pad(cell: string, width: number): string {
  if (cell === '---') return '-'.repeat(width);
  return cell === '--:' ? `${'-'.repeat(Math.max(1, width - 1))}:` : cell.padEnd(width);
}
