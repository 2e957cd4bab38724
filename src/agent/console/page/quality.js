// How legible a capture is, told at once, with its numbers. The clerk decides; nothing is kept from going on.
import { make } from './elements.js';
import { say } from './notices.js';
import { language, word } from './words.js';

/** Tells of the capture that became page `n`. */
export function tellQuality(where, capture, n) {
  const { quality } = capture;
  const bad = quality.findings.length > 0;
  // That there is no page comes first: what else is wrong follows from it.
  const isWhole = capture.corners === null;
  const lines = quality.findings.map(findingText);
  if (bad) lines.push(word('go_on'));
  if (capture.matches.length > 0) lines.push(`≡ ${word('is_on_file')}`);
  const numbers = word('quality_numbers', {
    sharpness: short(quality.sharpness), brightness: short(quality.brightness), pixels: quality.longer_side_px,
  });
  const legible = word(bad ? 'quality_bad' : 'quality_good', { n });
  const verdict = make('b', null, isWhole ? `⚠ ${word('whole_frame')}` : legible);
  say(where, bad || isWhole ? 'warn' : 'good', make('p', null, verdict, ' ', make('span', { className: 'small' }, numbers)),
    ...lines.map((line) => make('p', { className: 'small' }, line)));
}

function findingText(finding) {
  const text = language() === 'zh' ? finding.zh : finding.en;
  return text + word('finding_number', { value: short(finding.value), threshold: short(finding.threshold) });
}

function short(number) {
  return Number.isInteger(number) ? String(number) : number.toFixed(2);
}
