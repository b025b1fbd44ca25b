/** HTML in which everything is escaped that is not itself such HTML. */

export interface Html {
  readonly text: string;
}

/** A template tag; values are text unless they come from this tag. */
export function html(parts: TemplateStringsArray, ...values: (string | number | Html)[]): Html {
  const text = parts.reduce((all, part, i) => {
    const value = values[i - 1] ?? '';
    return all + (typeof value === 'object' ? value.text : escape(String(value))) + part;
  });
  return { text };
}

export function join(pieces: Html[]): Html {
  return { text: pieces.map((piece) => piece.text).join('') };
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
