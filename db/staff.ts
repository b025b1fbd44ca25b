/** Staff, and where threads can be transferred to. */

import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { TransferTargetType } from '../domain/disposition.js';
import type { Queryable } from './connect.js';
import { staff, transferTargets } from './schema/index.js';

export type StaffRole = 'agent' | 'supervisor' | 'admin';

export interface StaffMember {
  id: string;
  name: string;
  role: StaffRole;
  createdAt: Date;
}

const columns = { id: staff.id, name: staff.name, role: staff.role, createdAt: staff.createdAt };

/** Adds a member of staff. */
export async function createStaff(db: Queryable, member: { name: string; role: StaffRole }): Promise<StaffMember> {
  const [row] = await db
    .insert(staff)
    .values({ id: uuidv7(), ...member })
    .returning(columns);
  return row!;
}

/** Who works here, oldest first. */
export async function listStaff(db: Queryable, role?: StaffRole): Promise<StaffMember[]> {
  return await db
    .select(columns)
    .from(staff)
    .where(and(isNull(staff.archivedAt), role === undefined ? undefined : eq(staff.role, role)))
    .orderBy(asc(staff.createdAt), asc(staff.id))
    .limit(1_000);
}

/** Null when unknown or archived. */
export async function findStaff(db: Queryable, id: string): Promise<StaffMember | null> {
  const [row] = await db
    .select(columns)
    .from(staff)
    .where(and(eq(staff.id, id), isNull(staff.archivedAt)));
  return row ?? null;
}

export interface TransferTarget {
  type: TransferTargetType;
  id: string;
  name: string;
}

/** Adds a target or renames it; one that was archived is back. Employees are staff. */
export async function putTransferTarget(db: Queryable, target: TransferTarget): Promise<void> {
  await db
    .insert(transferTargets)
    .values(target)
    .onConflictDoUpdate({ target: [transferTargets.type, transferTargets.id], set: { name: target.name, archivedAt: null } });
}

/** Takes a target out of use; false when there is none. Harmless when repeated. */
export async function archiveTransferTarget(db: Queryable, target: Pick<TransferTarget, 'type' | 'id'>): Promise<boolean> {
  const rows = await db
    .update(transferTargets)
    .set({ archivedAt: sql`coalesce(${transferTargets.archivedAt}, now())` })
    .where(and(eq(transferTargets.type, target.type), eq(transferTargets.id, target.id)))
    .returning({ id: transferTargets.id });
  return rows.length > 0;
}

/** Everything a thread can be transferred to, staff included, by type and name. */
export async function listTransferTargets(db: Queryable, type?: TransferTargetType): Promise<TransferTarget[]> {
  const targets = await db
    .select({ type: transferTargets.type, id: transferTargets.id, name: transferTargets.name })
    .from(transferTargets)
    .where(and(isNull(transferTargets.archivedAt), type === undefined ? undefined : eq(transferTargets.type, type)))
    .orderBy(asc(transferTargets.type), asc(transferTargets.name))
    .limit(1_000);
  const employees = type === undefined || type === 'employee' ? await listStaff(db) : [];
  return [...employees.map(({ id, name }) => ({ type: 'employee' as const, id, name })), ...(targets as TransferTarget[])];
}
