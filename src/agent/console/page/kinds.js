// The short list of kinds. The words of the list are what is filed; an office may file others.
import { word } from './words.js';

export const KINDS = [
  'form', 'identity_card', 'household_register', 'certificate', 'licence', 'contract', 'receipt', 'other',
];

/** What a kind is called here; one that is not of the list is called as it was filed. */
export function kindName(kind) {
  return KINDS.includes(kind) ? word(kind) : kind;
}
