/** Templates and their versions. Versions are only ever added: an accepted dispatch keeps the one it named (R106). */

import { and, eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { TemplateOrigin, TemplateStatus, TemplateVariable } from '../domain/template.js';
import { constraintOf, type Database, type Queryable } from './connect.js';
import { behind, cursorOf, newestFirst, type Page, pageOf, type PageRequest } from './paging.js';
import { templates, templateVersions } from './schema/index.js';

export interface TemplateText {
  subject: string | null;
  header: string | null;
  body: string;
  footer: string | null;
  variables: TemplateVariable[];
  textOnly: boolean;
}

/** A template with its newest version. */
export interface StoredTemplate extends TemplateText {
  id: string;
  channelId: string | null;
  origin: TemplateOrigin;
  name: string;
  language: string;
  status: TemplateStatus;
  version: number;
  createdAt: Date;
}

const columns = {
  id: templates.id,
  channelId: templates.channelId,
  origin: templates.origin,
  name: templates.name,
  language: templates.language,
  status: templates.status,
  version: templateVersions.version,
  subject: templateVersions.subject,
  header: templateVersions.header,
  body: templateVersions.body,
  footer: templateVersions.footer,
  variables: templateVersions.variables,
  textOnly: templateVersions.textOnly,
  createdAt: templates.createdAt,
};

const current = and(eq(templateVersions.templateId, templates.id), eq(templateVersions.version, templates.currentVersion));

/** Adds a template with version 1; `taken`: its channel has one of that name and language. */
export async function createTemplate(
  db: Database,
  template: Pick<StoredTemplate, 'channelId' | 'origin' | 'name' | 'language' | 'status'>,
  text: TemplateText,
): Promise<{ kind: 'created'; id: string } | { kind: 'taken' | 'unknown_channel' }> {
  const id = uuidv7();
  try {
    return await db.transaction(async (tx) => {
      const made = await tx
        .insert(templates)
        .values({ id, ...template })
        .onConflictDoNothing()
        .returning({ id: templates.id });
      if (made.length === 0) return { kind: 'taken' };
      await tx.insert(templateVersions).values({ templateId: id, version: 1, ...text });
      return { kind: 'created', id };
    });
  } catch (error) {
    if (constraintOf(error)?.startsWith('templates_channel_id')) return { kind: 'unknown_channel' };
    throw error;
  }
}

/** Adds a version, which is used from now on; null when there is no such template. */
export async function addTemplateVersion(db: Database, id: string, text: TemplateText): Promise<number | null> {
  return await db.transaction(async (tx) => {
    const [row] = await tx
      .update(templates)
      .set({ currentVersion: sql`${templates.currentVersion} + 1` })
      .where(eq(templates.id, id))
      .returning({ version: templates.currentVersion });
    if (!row) return null;
    await tx.insert(templateVersions).values({ templateId: id, version: row.version, ...text });
    return row.version;
  });
}

/** False when there is no such template. */
export async function setTemplateStatus(db: Queryable, id: string, status: TemplateStatus): Promise<boolean> {
  const rows = await db.update(templates).set({ status }).where(eq(templates.id, id)).returning({ id: templates.id });
  return rows.length > 0;
}

/** The template with its newest version, or null. */
export async function findTemplate(db: Queryable, id: string): Promise<StoredTemplate | null> {
  const [row] = await db.select(columns).from(templates).innerJoin(templateVersions, current).where(eq(templates.id, id));
  return row ?? null;
}

/** Newest first. */
export async function listTemplates(
  db: Queryable,
  filter: { channelId?: string | undefined; origin?: TemplateOrigin | undefined; status?: TemplateStatus | undefined },
  page: PageRequest,
): Promise<Page<StoredTemplate>> {
  const rows = await db
    .select({ ...columns, cursor: cursorOf(templates) })
    .from(templates)
    .innerJoin(templateVersions, current)
    .where(
      and(
        behind(templates, page.after),
        filter.channelId === undefined ? undefined : eq(templates.channelId, filter.channelId),
        filter.origin === undefined ? undefined : eq(templates.origin, filter.origin),
        filter.status === undefined ? undefined : eq(templates.status, filter.status),
      ),
    )
    .orderBy(newestFirst(templates))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}
