// The live picture, and on it where the page lies. An `<img>` gets it by a ticket that is good once.
import { call, newKey } from './calls.js';
import { $ } from './elements.js';
import { pause } from './events.js';
import { word } from './words.js';

const SIZE = { width_max: 1280, height_max: 960, rate: 12 };
const AGAIN_MIN_MS = 500;
const AGAIN_MAX_MS = 15000;
/** The service gives up on a camera after 8 s. */
const FIRST_FRAME_MS = 12000;

let camera = null;
let running = 0;
let endRound = () => {};
/** What is said over the empty picture, and below it of the desk. */
let empty = () => word('preview_wait');
let state = null;

export function beginPreview() {
  running += 1;
  run(running);
}

export function endPreview() {
  running += 1;
  endRound();
  camera = null;
  forgetOutline();
}

/** Camera or connection lost: browsers say nothing of it and keep the last frame, perhaps a page of the citizen before. */
export function restartPreview(lost) {
  if (!lost || lost.type !== 'camera' || camera === null || lost.device === camera) endRound();
}

async function run(mine) {
  let failures = 0;
  while (mine === running) {
    try {
      await showOne(() => {
        failures = 0;
      });
      empty = () => word('preview_wait');
    } catch (failure) {
      if (failure.status === 401) return;
      // Told where the picture would be, and tried again.
      empty = () => `${failure.title} ${failure.remedy}`;
    }
    $('preview').removeAttribute('src');
    forgetOutline();
    renderPreview();
    await pause(Math.min(AGAIN_MAX_MS, AGAIN_MIN_MS * 2 ** failures));
    failures += 1;
  }
}

/** One ticket, from asking for it to the picture's end. */
async function showOne(showing) {
  const ticket = await call('POST', '/v1/preview-tickets', { body: SIZE, key: newKey() });
  camera = ticket.camera;
  const image = $('preview');
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, FIRST_FRAME_MS);
    endRound = () => {
      clearTimeout(timer);
      resolve();
    };
    image.onerror = endRound;
    image.onload = () => {
      clearTimeout(timer);
      showing();
      empty = () => '';
      renderPreview();
    };
    image.src = ticket.url;
  });
  image.onload = null;
  image.onerror = null;
}

/** Where the page lies now, in the frame's own pixels. */
export function outline(sight) {
  if (camera !== null && sight.camera !== camera) return;
  state = sight.corners ? 'desk_moving' : sight.cut ? 'desk_cut' : 'desk_none';
  draw(sight, false);
}

export function settled(sight) {
  if (camera !== null && sight.camera !== camera) return;
  state = 'desk_settled';
  draw(sight, true);
}

function draw(sight, rests) {
  const svg = $('outline');
  svg.setAttribute('viewBox', `0 0 ${sight.width} ${sight.height}`);
  svg.setAttribute('class', rests ? 'settled' : '');
  svg.firstElementChild.setAttribute('points', (sight.corners || []).map((corner) => corner.join(',')).join(' '));
  renderPreview();
}

function forgetOutline() {
  state = null;
  $('outline').firstElementChild.setAttribute('points', '');
}

export function renderPreview() {
  $('desk-empty').textContent = empty();
  $('desk-state').textContent = state ? word(state) : '';
  $('desk-state').className = `state ${state === 'desk_settled' ? 'good' : state === 'desk_cut' ? 'warn' : ''}`;
}
