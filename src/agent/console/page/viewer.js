// One page, large; the arrow keys go on.
import { picture } from './calls.js';
import { openDialog } from './dialogs.js';
import { $, fill, make } from './elements.js';
import { show } from './pictures.js';
import { tell } from './notices.js';
import { word } from './words.js';

let what = '';
let paths = [];
let at = 0;
let round = 0;

export function beginViewer() {
  $('viewer-back').addEventListener('click', () => turn(-1));
  $('viewer-on').addEventListener('click', () => turn(1));
  $('viewer').addEventListener('keydown', (event) => {
    if (event.key === 'ArrowLeft') turn(-1);
    if (event.key === 'ArrowRight') turn(1);
  });
  // Nobody's paper stays behind the page.
  $('viewer').addEventListener('close', () => fill($('viewer-picture')));
}

/** Opens pages by where their pictures are, from the one that is named. */
export function openViewer(name, pictures, from = 0) {
  what = name;
  paths = pictures;
  at = from;
  fill($('viewer-picture'));
  openDialog('viewer');
  turn(0);
}

async function turn(by) {
  at = Math.min(paths.length - 1, Math.max(0, at + by));
  round += 1;
  const mine = round;
  const name = word('page_of', { what, n: at + 1, all: paths.length });
  $('viewer-heading').textContent = name;
  $('viewer-back').disabled = at === 0;
  $('viewer-on').disabled = at === paths.length - 1;
  try {
    const bytes = await picture(paths[at], 'page');
    if (mine !== round || !$('viewer').open) return;
    const image = make('img', { alt: name });
    show(image, bytes);
    fill($('viewer-picture'), image);
  } catch (failure) {
    $('viewer').close();
    tell(failure);
  }
}
