// A person who is there without the card: the number is typed, and the dossier opens for filing only.
import { Failure } from './calls.js';
import { openDialog } from './dialogs.js';
import { $, fill, make } from './elements.js';
import { tell } from './notices.js';
import { openWithoutCard } from './person.js';
import { word } from './words.js';

const TYPES = ['resident', 'hmt', 'foreigner', 'passport', 'birth_certificate', 'organisation', 'provisional'];

export function beginNoCard() {
  fill($('nocard-type'), ...TYPES.map((type) => make('option', { value: type, 'data-word': type }, word(type))));
  $('nocard-open').addEventListener('click', openNoCard);
  $('nocard-close').addEventListener('click', () => $('nocard').close());
  $('nocard-form').addEventListener('submit', (event) => {
    event.preventDefault();
    open();
  });
  // The number does not stay behind the page.
  $('nocard').addEventListener('close', () => {
    $('nocard-number').value = '';
    forget();
  });
}

export function openNoCard() {
  openDialog('nocard');
  $('nocard-number').focus();
}

async function open() {
  forget();
  try {
    await openWithoutCard($('nocard-type').value, $('nocard-number').value);
    $('nocard').close();
  } catch (failure) {
    // In a clerk's words: there is one thing in this call that can be malformed.
    tell(failure.code === 'invalid' ? malformed() : failure, $('nocard-wrong'));
  }
}

function malformed() {
  return new Failure(0, { code: 'invalid', title: word('nocard_invalid'), remedy: word('nocard_invalid_remedy') });
}

function forget() {
  fill($('nocard-wrong'));
  $('nocard-wrong').hidden = true;
}
