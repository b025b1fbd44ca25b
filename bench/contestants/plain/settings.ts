/** What the plain process is told. */

/** `bare`: one activity does everything. `five`: one activity for each step. */
export type Shape = 'bare' | 'five';

export interface PlainSettings {
  shape: Shape;
  eager: boolean;
  database: string;
  taskQueue: string;
  temporal: string;
  port: number;
}
