// The little of Markdown that the document's descriptions use: paragraphs, lists, `code`.
import { make } from './elements.js';

/** Text with `code` in it. */
export function inline(text) {
  return text.split('`').map((piece, at) => (at % 2 === 1 ? make('code', {}, piece) : piece));
}

/** A description as paragraphs and lists. */
export function prose(text = '') {
  return text.split(/\n\n+/).filter(Boolean).map((block) => {
    const lines = block.split('\n');
    if (!lines[0].startsWith('- ')) return make('p', {}, inline(lines.join(' ')));
    const items = block.split(/^- /m).filter(Boolean);
    return make('ul', {}, items.map((item) => make('li', {}, inline(item.trim().replaceAll('\n', ' ')))));
  });
}
