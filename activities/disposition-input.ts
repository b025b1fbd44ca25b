import type { Disposition } from '../domain/disposition.js';

export interface DispositionInput {
  dispatchId: string;
  /** What a person put in the place of a disposition that could not be carried out. */
  repair: Disposition | null;
  actorId: string | null;
}
