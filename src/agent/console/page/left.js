// What other clerks left in the tray: who relieves one takes it over.
import { call, newKey } from './calls.js';
import { make } from './elements.js';
import { attempt } from './notices.js';
import { moment, pagesWord, word } from './words.js';

/** A row for each clerk; `taken` is told when what one of them left was taken over. */
export function leftRows(clerks, taken) {
  return clerks.map((clerk) => {
    const since = clerk.away_since === null ? word('left_here') : word('left_since', { time: moment(clerk.away_since) });
    const about = word('left_by', { operator: clerk.operator, pages: pagesWord(clerk.captures) });
    const row = make('li', null, make('p', null, `${about}${word('comma')}${since}`));
    if (clerk.may_take_over) row.append(takeButton(clerk.operator, taken));
    return row;
  });
}

/** Taking over takes two presses: it goes into the record. */
function takeButton(operator, taken) {
  const button = make('button', { type: 'button' }, word('left_take'));
  let isSure = false;
  button.addEventListener('click', async () => {
    if (!isSure) {
      isSure = true;
      button.textContent = word('left_sure');
      return;
    }
    button.disabled = true;
    await attempt(async () => {
      let left = 1;
      while (left > 0) ({ left } = await call('POST', '/v1/captures/take-over', { body: { operator }, key: newKey() }));
    });
    button.blur();
    await taken();
  });
  button.addEventListener('blur', () => {
    isSure = false;
    button.textContent = word('left_take');
  });
  return button;
}
