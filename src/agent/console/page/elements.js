// Making elements. Texts become text nodes and nothing else: a name on a card is never markup.

/** What is taken out of the document for a while, and goes on being drawn there. */
const stowed = document.createDocumentFragment();
const STOWED = ['work', 'simulated', 'nocard', 'refile', 'help', 'status', 'pairing', 'viewer'];

/** The element of the page with this id, also where it is stowed away. */
export const $ = (id) => document.getElementById(id) || stowed.querySelector(`#${id}`);

/** Takes everything of the citizen out of the document. */
export function stow() {
  for (const id of STOWED) stowed.append($(id));
}

/** Puts it back. */
export function unstow() {
  document.body.append(stowed);
}

/** Every element that this fits, also where it is stowed away. */
export function all(selector) {
  return [...document.querySelectorAll(selector), ...stowed.querySelectorAll(selector)];
}

/** An element; properties are set as such, children are elements, texts, or nothing. */
export function make(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.includes('-')) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter(isShown));
  return made;
}

/** Puts these children in the place of those that are there. */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter(isShown));
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false && child !== '';
}

/** Terms and what they are; those without a value are left out. */
export function facts(pairs) {
  const list = make('dl', { className: 'facts' });
  for (const [term, value] of pairs) {
    if (value) list.append(make('dt', null, term), make('dd', null, value));
  }
  return list;
}
